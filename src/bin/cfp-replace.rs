//! cfp-replace: replaces a word in local files and in files on the server. It parses its arguments; `tools::change`
//! writes the results, and `text` defines what an occurrence is.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

use cfp::cli::{
    self, Arguments, Completion, ExitStatus, HELP, IF_TARGET_MATCHES, Program, ProgramOption, SETTINGS,
    options, refuse_empty,
};
use cfp::client::ops::filter;
use cfp::client::{Operand, Output, Precondition, Settings};
use cfp::error::{Error, Result};
use cfp::text::{FilterQuery, REPLACE, SEARCH};
use cfp::tools::change::{Change, ResultTarget, precondition};
use cfp::tools::local;
use cfp::tools::prepared_filter::{PreparedFilter, take_flags};

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-replace",
    usage: &["[-i] [--substring] [-n] [--in-place] [--local] [option ...] [-o OUT] [--] OLD NEW [FILE ...]"],
    about: &["Replaces each occurrence of OLD by NEW. `:name` is a file on the server."],
    options: &[OPTIONS, IF_TARGET_MATCHES, SETTINGS, HELP],
    operands: Completion::Operand,
    examples: &[
        "cfp-replace colour color draft.txt -o american.txt",
        "cfp-replace --in-place colour color :draft.txt",
    ],
};

const OPTIONS: &[ProgramOption] = options! {
    /// Ignore the difference between upper and lower case.
    "-i", "--ignore-case";
    /// Replace occurrences inside longer words too.
    "", "--substring";
    /// Print how many occurrences would be replaced, and replace nothing.
    ///
    /// The exit status is 1 if there are none.
    "-n", "--count";
    /// Store each result under the name of its source, and print the number of replacements; exit 1 if there are none.
    ///
    /// A line is printed for each file, as `name: N replaced`. A file without an occurrence is not written. A local file that
    /// is not a regular file is refused.
    "", "--in-place" excludes ["--output"];
    /// Replace in this process, without a server.
    ///
    /// The result is the same, byte for byte.
    "", "--local";
    /// Store the result as OUT, local or `:name`.
    ///
    /// A result on the server is made of one FILE; missing directories are made.
    "-o", "--output" = "OUT" Operand;
};

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    filter: FilterQuery,
    /// Returns the search that counts the occurrences of OLD.
    search: FilterQuery,
    count: bool,
    local: bool,
    target: ResultTarget,
    precondition: Precondition,
    files: Vec<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let output = arguments.name("--output")?;
    let tag = arguments.if_match()?;
    let settings = arguments.settings()?;
    let flags = take_flags(&mut arguments, &REPLACE);
    let count = arguments.flag("--count");
    let in_place = arguments.flag("--in-place");
    let local = arguments.flag("--local");
    let mut operands = arguments.operands()?.into_iter();
    let (Some(old), Some(new)) = (operands.next(), operands.next()) else {
        return Err(Error::usage("OLD and NEW needed"));
    };
    let search = FilterQuery::new(&SEARCH, vec![old.clone().into_vec()], &flags)?;
    let filter = FilterQuery::new(&REPLACE, vec![old.into_vec(), new.into_vec()], &flags)?;
    let files: Vec<_> = operands.collect();
    refuse_empty(&files, "FILE")?;
    let target = ResultTarget::new(output, in_place, &files)?;
    let precondition = precondition(tag, &target, &files)?;
    Ok(Args { settings, filter, search, count, local, target, precondition, files })
}

fn run(args: Args) -> Result<ExitStatus> {
    let search = PreparedFilter::new(&args.search)?;
    if args.count {
        return count(&args, &search);
    }
    let filter = PreparedFilter::new(&args.filter)?;
    let change = Change { filter, local: args.local, precondition: args.precondition, count: Some(search) };
    change.run(PROGRAM.name, &args.settings, args.files, args.target)
}

/// Prints the number of occurrences in all files together.
fn count(args: &Args, search: &PreparedFilter) -> Result<ExitStatus> {
    let mut client = local::server(&args.settings, args.local)?;
    let standard = [OsString::from("-")];
    let files = if args.files.is_empty() { &standard[..] } else { &args.files };
    let (mut total, mut counted) = (0, false);
    let mut output = Output::stdout()?;
    let ending = cli::for_each_operand(PROGRAM.name, files, |file| {
        let source = Operand::read(file.clone());
        output.refuse_itself(&source)?;
        total = filter::add(total, search.count(&mut client, &source)?)?;
        counted = true;
        Ok(ExitStatus::DONE)
    })?;
    // If no file could be searched, no total is printed, not even 0.
    if !counted {
        return Ok(ending);
    }
    let line = format!("{total}\n");
    output.write_all(line.as_bytes()).map_err(|error| Error::io("standard output", error))?;
    Ok(ending.max(ExitStatus::of(total > 0)))
}

fn main() -> ExitCode {
    cli::main(&PROGRAM, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let args = parse(Arguments::new(
            &PROGRAM,
            ["-i", "a", "b", "f", "-o", ":g", "--substring", "-n", "--local"],
        ))
        .unwrap();
        let flags = ["ignore-case", "substring"];
        let expected = Args {
            settings: Settings::default(),
            filter: FilterQuery::new(&REPLACE, vec![b"a".into(), b"b".into()], &flags).unwrap(),
            search: FilterQuery::new(&SEARCH, vec![b"a".into()], &flags).unwrap(),
            count: true,
            local: true,
            target: ResultTarget::One(Some(":g".into())),
            precondition: Precondition::default(),
            files: vec!["f".into()],
        };
        assert_eq!(args, expected);
        assert_eq!(
            parse(Arguments::new(&PROGRAM, ["a", "", ":f", "--in-place"])).unwrap().target,
            ResultTarget::InPlace
        );
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 6] = [
            &[],
            &["a"],
            &["", "b"],
            &["a", "b", "--in-place"],
            &["a", "b", "f", "--in-place", "-o", "o"],
            &["-x", "a", "b"],
        ];
        for argv in rows {
            assert_eq!(
                parse(Arguments::new(&PROGRAM, argv.iter().copied())).unwrap_err().kind(),
                cfp::error::ErrorKind::Usage,
                "{argv:?}"
            );
        }
    }
}

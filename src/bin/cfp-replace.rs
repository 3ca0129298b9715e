//! cfp-replace: replaces a word in local files and in files on the server. `tools::change` parses
//! what it shares with cfp-reverse and writes the results; `text` defines what an occurrence is.

use std::process::ExitCode;

use cfp::cli::{
    self, Arguments, Completion, ExitStatus, FILES_FROM, HELP, IF_TARGET_MATCHES, NULL, Program,
    ProgramOption, SETTINGS, options,
};
use cfp::error::{Error, Result};
use cfp::text::{IGNORE_CASE, REPLACE, REPLACE_SUBSTRING};
use cfp::tools::change::Change;
use cfp::tools::glob_arguments::{GLOBS, GlobArguments};
use cfp::tools::prepared_filter::option;

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-replace",
    usage: &[
        "[-i] [--substring] [-n] [-r] [--include GLOB] [--exclude GLOB] [--in-place] [--local] [option ...] [-o OUT] [--] OLD NEW [FILE ...]",
    ],
    about: &["Replaces each occurrence of OLD by NEW. `:name` is a file on the server."],
    options: &[OPTIONS, GLOBS, FILES_FROM, NULL, IF_TARGET_MATCHES, SETTINGS, HELP],
    operands: Completion::Operand,
    examples: &[
        "cfp-replace colour color draft.txt -o american.txt",
        "cfp-replace --in-place colour color :draft.txt",
    ],
};

const OPTIONS: &[ProgramOption] = options! {
    option(&IGNORE_CASE);
    option(&REPLACE_SUBSTRING);
    /// Print how many occurrences would be replaced, and replace nothing.
    ///
    /// Several files have a line each, as `name:N`. The exit status is 1 if there are none.
    "-n", "--count";
    /// Replace in directories and everything in them.
    ///
    /// A symbolic link to a file is read like the file, but never changed in place.
    "-r", "--recursive";
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
    change: Change,
    /// Whether the occurrences of OLD are only counted.
    count: bool,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let count = arguments.flag("--count");
    let recursive = arguments.flag("--recursive");
    let globs = GlobArguments::take(&mut arguments)?;
    let change = Change::parse(arguments, &REPLACE)?;
    if recursive && change.precondition.tag.is_some() {
        return Err(Error::usage("--if-match takes one FILE"));
    }
    let change = Change { beneath: recursive.then_some(globs), offers_recursion: true, ..change };
    Ok(Args { change, count })
}

fn run(args: Args) -> Result<ExitStatus> {
    match args.count {
        true => args.change.count(PROGRAM.name),
        false => args.change.run(PROGRAM.name, true),
    }
}

fn main() -> ExitCode {
    cli::main(&PROGRAM, parse, run)
}

#[cfg(test)]
mod tests {
    use cfp::client::{Precondition, Settings};
    use cfp::text::FilterQuery;
    use cfp::tools::change::ResultTarget;

    use super::*;

    #[test]
    fn arguments_are_read() {
        let args = parse(Arguments::new(
            &PROGRAM,
            ["-i", "a", "b", "f", "-o", ":g", "--substring", "-nr", "--local"],
        ))
        .unwrap();
        let flags = ["ignore-case", "substring"];
        let change = Change {
            settings: Settings::default(),
            filter: FilterQuery::new(&REPLACE, vec![b"a".into(), b"b".into()], &flags).unwrap(),
            local: true,
            target: ResultTarget::One(Some(":g".into())),
            precondition: Precondition::default(),
            files: vec!["f".into()],
            beneath: Some(GlobArguments::default()),
            offers_recursion: true,
        };
        let expected = Args { change, count: true };
        assert_eq!(args, expected);
        assert_eq!(
            parse(Arguments::new(&PROGRAM, ["a", "", ":f", "--in-place"])).unwrap().change.target,
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

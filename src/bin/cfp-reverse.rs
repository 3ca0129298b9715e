//! cfp-reverse: reverses the order of words. It parses its arguments; `tools::change` writes the results.

use std::ffi::OsString;
use std::process::ExitCode;

use cfp::cli::{
    self, Arguments, Completion, ExitStatus, HELP, IF_TARGET_MATCHES, Program, ProgramOption, SETTINGS,
    options,
};
use cfp::client::{Precondition, Settings};
use cfp::error::{Error, Result};
use cfp::text::{FilterQuery, REVERSE};
use cfp::tools::change::{Change, ResultTarget, precondition};
use cfp::tools::prepared_filter::{PreparedFilter, take_flags};

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-reverse",
    usage: &["[--per-line] [--in-place] [--local] [option ...] [-o OUT] [FILE]"],
    about: &["Writes the words of FILE last first; the white space stays where it is."],
    options: &[OPTIONS, IF_TARGET_MATCHES, SETTINGS, HELP],
    operands: Completion::Operand,
    examples: &["cfp-reverse notes.txt -o seton.txt", "cfp-reverse --in-place :notes.txt"],
};

const OPTIONS: &[ProgramOption] = options! {
    /// Reverse each line by itself.
    "", "--per-line";
    /// Store the result under the name of its source.
    ///
    /// A file that would stay the same is not written. A local file that is not a regular file is refused.
    "", "--in-place" excludes ["--output"];
    /// Reverse in this process, without a server.
    ///
    /// The result is the same, byte for byte.
    "", "--local";
    /// Store the result as OUT, local or `:name`.
    ///
    /// Directories that are missing on the server are made.
    "-o", "--output" = "OUT" Operand;
};

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    filter: FilterQuery,
    local: bool,
    target: ResultTarget,
    precondition: Precondition,
    files: Vec<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let output = arguments.name("--output")?;
    let tag = arguments.if_match()?;
    let settings = arguments.settings()?;
    let filter = FilterQuery::new(&REVERSE, Vec::new(), &take_flags(&mut arguments, &REVERSE))?;
    let in_place = arguments.flag("--in-place");
    let local = arguments.flag("--local");
    let files = arguments.names("FILE")?;
    if files.len() > 1 {
        return Err(Error::usage("one FILE at a time"));
    }
    let target = ResultTarget::new(output, in_place, &files)?;
    let precondition = precondition(tag, &target, &files)?;
    Ok(Args { settings, filter, local, target, precondition, files })
}

fn run(args: Args) -> Result<ExitStatus> {
    let filter = PreparedFilter::new(&args.filter)?;
    let change = Change { filter, local: args.local, precondition: args.precondition, count: None };
    change.run(PROGRAM.name, &args.settings, args.files, args.target)
}

fn main() -> ExitCode {
    cli::main(&PROGRAM, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let args = parse(Arguments::new(&PROGRAM, ["--per-line", ":f", "--output", "-", "--local"])).unwrap();
        let expected = Args {
            settings: Settings::default(),
            filter: FilterQuery::new(&REVERSE, Vec::new(), &["lines"]).unwrap(),
            local: true,
            target: ResultTarget::One(Some("-".into())),
            precondition: Precondition::default(),
            files: vec![":f".into()],
        };
        assert_eq!(args, expected);
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 4] = [&["a", "b"], &["--in-place"], &["a", "-o"], &["-n", "a"]];
        for argv in rows {
            assert_eq!(
                parse(Arguments::new(&PROGRAM, argv.iter().copied())).unwrap_err().kind(),
                cfp::error::ErrorKind::Usage,
                "{argv:?}"
            );
        }
    }
}

//! cfp-reverse: reverses the order of words. `tools::change` parses its arguments and writes the result.

use std::process::ExitCode;

use cfp::cli::{
    self, Arguments, Completion, ExitStatus, FILES_FROM, HELP, IF_TARGET_MATCHES, NULL, Program,
    ProgramOption, SETTINGS, options,
};
use cfp::error::{Error, Result};
use cfp::text::{PER_LINE, REVERSE};
use cfp::tools::change::Change;
use cfp::tools::prepared_filter::option;

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-reverse",
    usage: &["[--per-line] [--in-place] [--local] [option ...] [-o OUT] [FILE]"],
    about: &["Prints the words of FILE in reverse order; the white space between them stays where it is."],
    options: &[OPTIONS, FILES_FROM, NULL, IF_TARGET_MATCHES, SETTINGS, HELP],
    operands: Completion::Operand,
    examples: &["cfp-reverse notes.txt -o seton.txt", "cfp-reverse --in-place :notes.txt"],
};

const OPTIONS: &[ProgramOption] = options! {
    option(&PER_LINE);
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

fn parse(arguments: Arguments) -> Result<Change> {
    let change = Change::parse(arguments, &REVERSE)?;
    match change.files.len() > 1 {
        true => Err(Error::usage("one FILE at a time")),
        false => Ok(change),
    }
}

fn run(change: Change) -> Result<ExitStatus> {
    change.run(PROGRAM.name, false)
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
        let args = parse(Arguments::new(&PROGRAM, ["--per-line", ":f", "--output", "-", "--local"])).unwrap();
        let expected = Change {
            settings: Settings::default(),
            filter: FilterQuery::new(&REVERSE, Vec::new(), &["lines"]).unwrap(),
            local: true,
            target: ResultTarget::One(Some("-".into())),
            precondition: Precondition::default(),
            files: vec![":f".into()],
            beneath: None,
            offers_recursion: false,
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

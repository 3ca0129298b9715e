//! cfp-search: counts a word in local files and in files on the server. It parses its arguments; `tools::search`
//! searches and prints.

use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

use cfp::cli::{
    self, Arguments, Completion, ExitStatus, HELP, Program, ProgramOption, SETTINGS, options, refuse_empty,
};
use cfp::error::{Error, Result};
use cfp::text::{COUNT_SUBSTRING, DECOMPRESS, FilterQuery, IGNORE_CASE, LINES, SEARCH};
use cfp::tools::prepared_filter::{option, take_flags};
use cfp::tools::search::FileSearch;

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-search",
    usage: &[
        "[-i] [--substring] [--per-file | --lines] [-r] [--decompress] [--json] [--local] [option ...] [--] WORD [FILE ...]",
    ],
    about: &["Prints how often WORD occurs in the files. `:name` is on the server."],
    options: &[OPTIONS, SETTINGS, HELP],
    operands: Completion::Operand,
    examples: &["cfp-search lantern book.txt :notes.txt", "cfp-search -r --per-file -i chapter :books/"],
};

const OPTIONS: &[ProgramOption] = options! {
    option(&IGNORE_CASE);
    option(&COUNT_SUBSTRING);
    /// Print `name:count` for each file instead of the total.
    "", "--per-file";
    option(&LINES) excludes ["--per-file", "--json"];
    /// Search directories and everything in them.
    ///
    /// A directory on the server takes one request, which uses all cores. With --lines the files come in the order in which
    /// they are done.
    "-r", "--recursive";
    option(&DECOMPRESS);
    /// Print one JSON object a line.
    "", "--json";
    /// Search in this process, without a server.
    ///
    /// The result is the same, byte for byte.
    "", "--local";
};

type Args = FileSearch;

fn parse(mut arguments: Arguments) -> Result<Args> {
    let settings = arguments.settings()?;
    let flags = take_flags(&mut arguments, &SEARCH);
    let per_file = arguments.flag("--per-file");
    let recursive = arguments.flag("--recursive");
    let json = arguments.flag("--json");
    let local = arguments.flag("--local");
    let mut operands = arguments.operands()?.into_iter();
    let word = operands.next().ok_or_else(|| Error::usage("no WORD given"))?;
    let filter = FilterQuery::new(&SEARCH, vec![word.into_vec()], &flags)?;
    let files: Vec<_> = operands.collect();
    refuse_empty(&files, "FILE")?;
    Ok(Args { settings, filter, per_file, recursive, json, local, files })
}

fn run(args: Args) -> Result<ExitStatus> {
    args.run(PROGRAM.name)
}

fn main() -> ExitCode {
    cli::main(&PROGRAM, parse, run)
}

#[cfg(test)]
mod tests {
    use cfp::client::Settings;

    use super::*;

    #[test]
    fn arguments_are_read() {
        let args =
            parse(Arguments::new(&PROGRAM, ["-i", "w", "--per-file", "a", "--json", ":b", "-r", "--local"]))
                .unwrap();
        let expected = Args {
            settings: Settings::default(),
            filter: FilterQuery::new(&SEARCH, vec![b"w".into()], &["ignore-case"]).unwrap(),
            per_file: true,
            json: true,
            recursive: true,
            local: true,
            files: vec!["a".into(), ":b".into()],
        };
        assert_eq!(args, expected);
        let args =
            parse(Arguments::new(&PROGRAM, ["--substring", "--lines", "--decompress", "--", "-w"])).unwrap();
        let flags = ["substring", "lines", "decompress"];
        let expected = Args {
            settings: Settings::default(),
            filter: FilterQuery::new(&SEARCH, vec![b"-w".into()], &flags).unwrap(),
            per_file: false,
            json: false,
            recursive: false,
            local: false,
            files: Vec::new(),
        };
        assert_eq!(args, expected);
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 5] =
            [&[], &[""], &["--lines", "--per-file", "w"], &["--lines", "--json", "w"], &["-x", "w"]];
        for argv in rows {
            assert_eq!(
                parse(Arguments::new(&PROGRAM, argv.iter().copied())).unwrap_err().kind(),
                cfp::error::ErrorKind::Usage,
                "{argv:?}"
            );
        }
    }
}

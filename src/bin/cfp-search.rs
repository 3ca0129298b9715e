//! cfp-search: counts a word in local files and in files on the server. It parses its arguments; `tools::search`
//! searches and prints.

use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

use cfp::cli::{
    self, Arguments, Completion, ExitStatus, FILES_FROM, HELP, NameList, Program, ProgramOption, SETTINGS,
    options,
};
use cfp::error::{Error, Result};
use cfp::text::{COUNT_SUBSTRING, DECOMPRESS, FilterQuery, IGNORE_CASE, LINE_NUMBER, LINES, SEARCH};
use cfp::tools::glob_arguments::{GLOBS, GlobArguments};
use cfp::tools::prepared_filter::{option, take_flags};
use cfp::tools::search::FileSearch;

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-search",
    usage: &[
        "[-i] [--substring] [--per-file | --lines [-n]] [-r] [--include GLOB] [--exclude GLOB] [--decompress] [--json] [-0] [--local] [option ...] [--] WORD [FILE ...]",
    ],
    about: &["Prints how often WORD occurs in the files. `:name` is on the server."],
    options: &[OPTIONS, GLOBS, FILES_FROM, SETTINGS, HELP],
    operands: Completion::Operand,
    examples: &["cfp-search lantern book.txt :notes.txt", "cfp-search -r --per-file -i chapter :books/"],
};

const OPTIONS: &[ProgramOption] = options! {
    option(&IGNORE_CASE);
    option(&COUNT_SUBSTRING);
    /// Print `name:count` for each file instead of the total.
    "", "--per-file";
    option(&LINES) excludes ["--per-file"];
    option(&LINE_NUMBER);
    /// Search directories and everything in them.
    ///
    /// A directory on the server takes one request, which uses all cores. With --lines the files come in the order in which
    /// they are done.
    "-r", "--recursive";
    option(&DECOMPRESS);
    /// Print one JSON object a line.
    ///
    /// It has `count`, with --per-file also `name`; with --lines one for each line has `name`, `line_number` and `line`. Where
    /// a name or a line is not UTF-8, `name_bytes` or `line_bytes` has its exact bytes, percent-encoded.
    "", "--json";
    /// Print a NUL byte after each name instead of a colon; with --files-from, names end in one too.
    "-0", "--null";
    /// Search in this process, without a server.
    ///
    /// The result is the same, byte for byte.
    "", "--local";
};

type Args = FileSearch;

fn parse(mut arguments: Arguments) -> Result<Args> {
    let settings = arguments.settings()?;
    let mut flags = take_flags(&mut arguments, &SEARCH);
    let per_file = arguments.flag("--per-file");
    let recursive = arguments.flag("--recursive");
    let json = arguments.flag("--json");
    let null = arguments.flag("--null");
    let local = arguments.flag("--local");
    let globs = GlobArguments::take(&mut arguments)?;
    let listed = arguments.listed_names(null)?;
    let mut operands = arguments.operands()?.into_iter();
    let word = operands.next().ok_or_else(|| Error::usage("no WORD given"))?;
    if json && flags.contains(&LINES.name) {
        flags.push(LINE_NUMBER.name);
    }
    let filter = FilterQuery::new(&SEARCH, vec![word.into_vec()], &flags)?;
    let files = NameList::new(operands.collect(), listed, "FILE")?.or("-");
    Ok(Args { settings, filter, per_file, recursive, globs, json, null, local, files })
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
            parse(Arguments::new(&PROGRAM, ["-i", "w", "--per-file", "a", "--json", ":b", "-r0", "--local"]))
                .unwrap();
        let expected = Args {
            settings: Settings::default(),
            filter: FilterQuery::new(&SEARCH, vec![b"w".into()], &["ignore-case"]).unwrap(),
            per_file: true,
            json: true,
            null: true,
            recursive: true,
            globs: GlobArguments::default(),
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
            null: false,
            recursive: false,
            globs: GlobArguments::default(),
            local: false,
            files: vec!["-".into()],
        };
        assert_eq!(args, expected);
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 5] =
            [&[], &[""], &["--lines", "--per-file", "w"], &["--include", "[a", "w"], &["-x", "w"]];
        for argv in rows {
            assert_eq!(
                parse(Arguments::new(&PROGRAM, argv.iter().copied())).unwrap_err().kind(),
                cfp::error::ErrorKind::Usage,
                "{argv:?}"
            );
        }
    }
}

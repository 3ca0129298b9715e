//! cfp-ls: lists files on the server. It formats entries: unchanged for programs, with control characters escaped on
//! a terminal.

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use cfp::cli::{
    self, Arguments, Completion, ExitStatus, FILES_FROM, LONG_HELP, NameList, Program, ProgramOption,
    SETTINGS, options,
};
use cfp::client::ops::list::{ListEntry, object};
use cfp::client::progress::display::{self, Sum};
use cfp::client::standard_streams::STDOUT;
use cfp::client::{Client, Output, RemoteName, Settings};
use cfp::error::{Error, Result, shown};
use cfp::http::Query;
use cfp::tools::glob_arguments::{GLOBS, GlobArguments};
use cfp::tools::{listing, terminal};

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-ls",
    usage: &[
        "[-l] [-h] [-R] [-0] [--json | --names] [--include GLOB] [--exclude GLOB] [option ...] [NAME ...]",
    ],
    about: &["Prints one name a line, sorted; directories end in a slash."],
    options: &[OPTIONS, GLOBS, FILES_FROM, SETTINGS, LONG_HELP],
    operands: Completion::Stored,
    examples: &["cfp-ls -lh pub", "cfp-ls -R --names --include '*.txt'"],
};

const OPTIONS: &[ProgramOption] = options! {
    /// Print the size and the modification time too.
    "-l", "--long";
    /// With -l: print sizes with a unit, as 1.1K or 23M.
    ///
    /// Without -l and without a NAME, it prints the summary as `--help` does.
    "-h", "--human-readable";
    /// List directories and everything in them.
    "-R", "--recursive";
    /// End each name with a NUL byte instead of a newline, for xargs -0; with --files-from, names end in one too.
    "-0", "--null";
    /// Print one JSON object a line.
    ///
    /// Its members are `name`, `type`, `size`, `mtime` and `etag`; a name that is not UTF-8 also has `name_bytes`,
    /// percent-encoded.
    "", "--json";
    /// Print names from the root with a colon before them, as every other tool takes them.
    "", "--names" excludes ["--json"];
};

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    long: bool,
    human: bool,
    recursive: bool,
    null: bool,
    json: bool,
    operands: bool,
    globs: GlobArguments,
    /// Whether only the help text is printed.
    help: bool,
    names: Vec<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let null = arguments.flag("--null");
    let json = arguments.flag("--json");
    let listed = arguments.listed_names(null)?;
    if null && json && listed.is_none() {
        return Err(Error::usage("--json and --null exclude each other"));
    }
    let (long, human) = (arguments.flag("--long"), arguments.flag("--human-readable"));
    let settings = arguments.settings()?;
    let recursive = arguments.flag("--recursive");
    let operands = arguments.flag("--names");
    let globs = GlobArguments::take(&mut arguments)?;
    let names = NameList::new(arguments.operands()?, listed, "NAME")?;
    let help = human && !long && names.names.is_empty();
    let names = names.or(":");
    Ok(Args { settings, long, human, recursive, null, json, operands, globs, help, names })
}

fn run(args: Args) -> Result<ExitStatus> {
    if args.help {
        return cli::print(&PROGRAM.help());
    }
    let mut client = Client::new(&args.settings)?;
    display::begin(args.settings.quiet, Sum::IfShown);
    let mut output = BufWriter::new(Output::stdout()?);
    let mut globs = Query::default();
    args.globs.add_to(&mut globs);
    let ending = cli::for_each_operand(PROGRAM.name, &args.names, |operand| {
        let name = RemoteName::read(operand);
        if let Some(file) = client.find_file(&name)? {
            return print(&mut output, &args, &file);
        }
        for mut entry in client.list_chosen(&name, args.recursive, globs.clone())? {
            // If several directories are listed, each entry is printed with the name of its directory.
            if args.names.len() > 1 || args.operands {
                entry.name = name.join(&entry.name);
            }
            print(&mut output, &args, &entry)?;
        }
        Ok(ExitStatus::DONE)
    })?;
    output.flush().map_err(|error| Error::io(STDOUT, error))?;
    Ok(ending)
}

fn print(output: &mut impl Write, args: &Args, entry: &ListEntry) -> Result<ExitStatus> {
    write_entry(output, args, entry, terminal::is_stdout()).map_err(|error| Error::io(STDOUT, error))?;
    Ok(ExitStatus::DONE)
}

fn write_entry(output: &mut impl Write, args: &Args, entry: &ListEntry, on_terminal: bool) -> io::Result<()> {
    let name = entry.name.bare();
    let is_directory = entry.name.directory;
    if args.json {
        let rest = [
            ("type", if is_directory { "directory" } else { "file" }.into()),
            ("size", entry.size.into()),
            ("mtime", entry.modified.clone().into()),
            ("etag", entry.etag.clone().into()),
        ];
        let line = object(name.strip_suffix(b"/").unwrap_or(&name), &rest);
        return output.write_all(terminal::json(line).as_bytes());
    }
    if args.long {
        output.write_all(listing::columns(entry, args.human).as_bytes())?;
    }
    if args.operands {
        output.write_all(b":")?;
    }
    match on_terminal && !args.null {
        true => output.write_all(shown(&name).as_bytes())?,
        false => output.write_all(&name)?,
    }
    output.write_all(if args.null { b"\0" } else { b"\n" })
}

fn main() -> ExitCode {
    cli::main(&PROGRAM, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(argv: &[&str]) -> Args {
        parse(Arguments::new(&PROGRAM, argv.iter().copied())).unwrap()
    }

    #[test]
    fn arguments_are_read() {
        let names = vec!["a".into(), ":b/".into()];
        let settings = Settings::default();
        let globs = GlobArguments::default();
        let expected = Args {
            settings,
            long: true,
            human: true,
            recursive: true,
            null: true,
            json: false,
            operands: true,
            globs,
            help: false,
            names,
        };
        assert_eq!(args(&["-lh", "a", "-R", "--null", "--names", ":b/"]), expected);
        assert!(args(&["--json"]).json);
        assert_eq!(
            parse(Arguments::new(&PROGRAM, ["-0", "--json"])).unwrap_err().kind(),
            cfp::error::ErrorKind::Usage
        );
    }

    #[test]
    fn a_name_is_raw_for_programs_and_harmless_for_a_terminal() {
        let entry = ListEntry {
            name: RemoteName::parse(b"a\x1b\n\xff"),
            is_link: false,
            size: 7,
            modified: "2026-01-02T03:04:05Z".into(),
            etag: Some("\"x\"".into()),
        };
        let hostile = ListEntry { modified: "\x1b[2J".into(), ..entry.clone() };
        let mut out = Vec::new();
        write_entry(&mut out, &args(&["-l", "-0"]), &hostile, false).unwrap();
        assert!(out.starts_with(b"           7 \\x1b[2J "), "{out:?}");
        let json = br#"{"name":"a\u001b\n\ufffd","name_bytes":"a%1B%0A%FF","type":"file","size":7,"mtime":"2026-01-02T03:04:05Z","etag":"\"x\""}"#;
        let rows: [(&[&str], bool, &[u8]); 4] = [
            (&[], false, b"a\x1b\n\xff\n"),
            (&[], true, b"a\\x1b\\x0a\\xff\n"),
            (&["-0"], true, b"a\x1b\n\xff\0"),
            (&["-l"], true, b"           7 2026-01-02T03:04:05Z a\\x1b\\x0a\\xff\n"),
        ];
        for (argv, on_terminal, line) in rows {
            let mut out = Vec::new();
            write_entry(&mut out, &args(argv), &entry, on_terminal).unwrap();
            assert_eq!(out, line, "{argv:?}");
        }
        let mut out = Vec::new();
        write_entry(&mut out, &args(&["--json"]), &entry, true).unwrap();
        let read = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
        assert_eq!(read(&out), read(json));
    }
}

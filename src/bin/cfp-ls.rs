//! cfp-ls: lists files on the server. It owns how an entry is printed: raw for programs, harmless for a terminal.

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use cfp::cli::{self, Arguments, Ending};
use cfp::client::ops::list::{Entry, object};
use cfp::client::{Client, Name, Output, Settings};
use cfp::error::{Error, Result, shown};
use cfp::tools::terminal;

const NAME: &str = "cfp-ls";
const USAGE: &str = "\
usage: cfp-ls [-l] [-R] [-0] [--json] [option ...] [NAME ...]

Prints one name a line, sorted; directories end in a slash.

  -l, --long          print size and time of the last change too
  -R, --recursive     list all that is beneath a directory
  -0, --null          end each name with a NUL byte instead of a newline
  --json              print JSON, one object a line
  -s, --server URL    http://HOST[:PORT], https://HOST[:PORT] or unix:PATH,
                      else $CFP_SERVER
  -u, --user NAME     who you are; the password is read from the file
                      $CFP_PASSWORD_FILE or ~/.netrc, or asked for
  --cacert FILE       trust the certificates of FILE instead of the system's
  --connect-timeout SECONDS
                      how long a connection may take (10)
  --timeout SECONDS   how long the server may say nothing (60)
  -z, --compress HOW  compress the transfer: auto (default), always or never
  -q, --quiet         no progress, no remarks
  -v, --verbose       tell what is asked and answered
  -h, --help          print this and exit
  -V, --version       print the version and exit

  cfp-ls -l pub
  cfp-ls -R --json
";

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    long: bool,
    recursive: bool,
    null: bool,
    json: bool,
    names: Vec<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let args = Args {
        settings: arguments.settings()?,
        long: arguments.flag("-l", "--long"),
        recursive: arguments.flag("-R", "--recursive"),
        null: arguments.flag("-0", "--null"),
        json: arguments.flag("", "--json"),
        names: arguments.names("NAME")?,
    };
    match args {
        Args { json: true, null: true, .. } => Err(Error::usage("--json and --null exclude each other")),
        args => Ok(args),
    }
}

fn run(mut args: Args) -> Result<Ending> {
    if args.names.is_empty() {
        args.names.push(":".into());
    }
    let mut client = Client::new(&args.settings)?;
    let mut output = BufWriter::new(Output::stdout()?);
    let ending = cli::each(NAME, &args.names, |operand| {
        let name = Name::read(operand);
        let found = if name.directory { None } else { Some(client.stat(&name)?) };
        if let Some(file) = found.filter(|entry| !entry.name.directory) {
            return print(&mut output, &args, &file);
        }
        for mut entry in client.list(&name, args.recursive)? {
            // Of several directories, each entry says which one it is in.
            if args.names.len() > 1 {
                entry.name = name.join(&entry.name);
            }
            print(&mut output, &args, &entry)?;
        }
        Ok(Ending::DONE)
    })?;
    output.flush().map_err(|wrong| Error::io("standard output", wrong))?;
    Ok(ending)
}

fn print(output: &mut impl Write, args: &Args, entry: &Entry) -> Result<Ending> {
    write_entry(output, args, entry, terminal::is_stdout())
        .map_err(|wrong| Error::io("standard output", wrong))?;
    Ok(Ending::DONE)
}

fn write_entry(output: &mut impl Write, args: &Args, entry: &Entry, on_terminal: bool) -> io::Result<()> {
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
        let size = if is_directory { "-".to_owned() } else { entry.size.to_string() };
        write!(output, "{size:>12} {:20} ", shown(entry.modified.as_bytes()))?;
    }
    match on_terminal && !args.null {
        true => output.write_all(shown(&name).as_bytes())?,
        false => output.write_all(&name)?,
    }
    output.write_all(if args.null { b"\0" } else { b"\n" })
}

fn main() -> ExitCode {
    cli::main(NAME, USAGE, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(argv: &[&str]) -> Args {
        parse(Arguments::new(argv.iter().copied())).unwrap()
    }

    #[test]
    fn arguments_are_read() {
        let names = vec!["a".into(), ":b/".into()];
        let settings = Settings::default();
        let expected = Args { settings, long: true, recursive: true, null: true, json: false, names };
        assert_eq!(args(&["-l", "a", "-R", "--null", ":b/"]), expected);
        assert!(args(&["--json"]).json);
        assert!(matches!(parse(Arguments::new(["-0", "--json"])), Err(Error::Usage(_))));
    }

    #[test]
    fn a_name_is_raw_for_programs_and_harmless_for_a_terminal() {
        let entry = Entry {
            name: Name::parse(b"a\x1b\n\xff"),
            size: 7,
            modified: "2026-01-02T03:04:05Z".into(),
            etag: Some("\"x\"".into()),
        };
        let hostile = Entry { modified: "\x1b[2J".into(), ..entry.clone() };
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

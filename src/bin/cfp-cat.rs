//! cfp-cat: shows files. A local one is read here and no server is asked; on a terminal, control characters are
//! shown, not sent.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use cfp::cli::{self, Arguments, Ending};
use cfp::client::{Client, Operand, Output, Settings};
use cfp::error::{Error, Result};
use cfp::http::Query;
use cfp::tools::local;
use cfp::tools::terminal::{self, Visible};

const NAME: &str = "cfp-cat";
const USAGE: &str = "\
usage: cfp-cat [-n] [option ...] [FILE ...]

Writes the files one after the other. `:name` streams from the server.

  -n, --number        number the lines
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

  cfp-cat -n notes.txt
  cfp-cat draft.txt :notes.txt
";

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    number: bool,
    files: Vec<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    Ok(Args {
        settings: arguments.settings()?,
        number: arguments.flag("-n", "--number"),
        files: arguments.names("FILE")?,
    })
}

fn run(mut args: Args) -> Result<Ending> {
    if args.files.is_empty() {
        args.files.push("-".into());
    }
    let output = Output::stdout()?;
    if !terminal::is_stdout() {
        return show_all(args, output).map(|(ending, _)| ending);
    }
    let (ending, visible) = show_all(args, Visible::new(output))?;
    visible.finish().map_err(|wrong| Error::io("standard output", wrong))?;
    Ok(ending)
}

fn show_all<W: Write>(args: Args, sink: W) -> Result<(Ending, W)> {
    let mut client = None;
    let output = Output::stdout()?;
    let mut numbered = Numbered { sink, number: args.number.then_some(0), begins: true };
    let ending = cli::each(NAME, args.files, |file| {
        match Operand::read(file) {
            Operand::Stored(name) => {
                let client = match &mut client {
                    Some(client) => client,
                    none => none.insert(Client::new(&args.settings)?),
                };
                client.get(&name, &Query::default())?.copy_to(&mut numbered, "standard output")?;
            }
            source => {
                output.refuse_itself(&source)?;
                local::copy(&source, &mut numbered, "standard output")?;
            }
        }
        Ok(Ending::DONE)
    })?;
    Ok((ending, numbered.sink))
}

/// A sink that puts its number before each line, when numbers are wanted.
struct Numbered<W> {
    sink: W,
    number: Option<u64>,
    begins: bool,
}

impl<W: Write> Write for Numbered<W> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let Some(number) = &mut self.number else {
            return self.sink.write(block);
        };
        let mut out = Vec::with_capacity(block.len());
        for piece in block.split_inclusive(|&byte| byte == b'\n') {
            if self.begins {
                *number += 1;
                out.extend_from_slice(format!("{number:6}\t").as_bytes());
            }
            out.extend_from_slice(piece);
            self.begins = piece.ends_with(b"\n");
        }
        self.sink.write_all(&out)?;
        Ok(block.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

fn main() -> ExitCode {
    cli::main(NAME, USAGE, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let args = parse(Arguments::new(["a", "--number", ":b", "-"])).unwrap();
        let files = vec!["a".into(), ":b".into(), "-".into()];
        assert_eq!(args, Args { settings: Settings::default(), number: true, files });
        assert!(matches!(parse(Arguments::new(["-x"])), Err(Error::Usage(_))));
    }

    #[test]
    fn lines_are_numbered_wherever_the_bytes_are_cut() {
        let text = b"a\n\nb";
        for at in 0..text.len() {
            let mut numbered = Numbered { sink: Vec::new(), number: Some(0), begins: true };
            numbered.write_all(&text[..at]).unwrap();
            numbered.write_all(&text[at..]).unwrap();
            assert_eq!(numbered.sink, b"     1\ta\n     2\t\n     3\tb");
        }
    }
}

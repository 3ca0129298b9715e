//! cfp-cat: prints files. A local file is read directly, without a server; on a terminal, control characters are
//! escaped.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use cfp::cli::{
    self, Arguments, Completion, ExitStatus, FILES_FROM, HELP, NULL, Program, ProgramOption, SETTINGS,
    options,
};
use cfp::client::progress::display::{self, Sum};
use cfp::client::standard_streams::STDOUT;
use cfp::client::{Client, Operand, Output, Settings};
use cfp::error::{Error, Result};
use cfp::tools::local;
use cfp::tools::terminal::{self, Visible};

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-cat",
    usage: &["[-n] [option ...] [FILE ...]"],
    about: &["Writes the files one after the other. `:name` is a file on the server."],
    options: &[OPTIONS, FILES_FROM, NULL, SETTINGS, HELP],
    operands: Completion::Operand,
    examples: &["cfp-cat -n notes.txt", "cfp-cat draft.txt :notes.txt"],
};

const OPTIONS: &[ProgramOption] = options! {
    /// Number the lines.
    "-n", "--number";
};

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    number: bool,
    files: Vec<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    Ok(Args {
        settings: arguments.settings()?,
        number: arguments.flag("--number"),
        files: arguments.name_list("FILE")?.or("-"),
    })
}

fn run(args: Args) -> Result<ExitStatus> {
    display::begin(args.settings.quiet, Sum::IfShown);
    let output = Output::stdout()?;
    if !terminal::is_stdout() {
        return show_all(args, output).map(|(ending, _)| ending);
    }
    let (ending, visible) = show_all(args, Visible::new(output))?;
    visible.finish().map_err(|error| Error::io(STDOUT, error))?;
    Ok(ending)
}

fn show_all<W: Write>(args: Args, sink: W) -> Result<(ExitStatus, W)> {
    let mut client = None;
    let output = Output::stdout()?;
    let mut numbered = Numbered { sink, number: args.number.then_some(0), begins: true };
    let ending = cli::for_each_operand(PROGRAM.name, args.files, |file| {
        match Operand::read(file) {
            Operand::Stored(name) => {
                let client = match &mut client {
                    Some(client) => client,
                    none => none.insert(Client::new(&args.settings)?),
                };
                client.copy_file(&name, &mut numbered, STDOUT)?;
            }
            source => {
                output.refuse_itself(&source)?;
                local::copy(&source, &mut numbered, STDOUT)?;
            }
        }
        Ok(ExitStatus::DONE)
    })?;
    Ok((ending, numbered.sink))
}

/// A sink that writes the line number before each line if `number` is set.
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
    cli::main(&PROGRAM, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let args = parse(Arguments::new(&PROGRAM, ["a", "--number", ":b", "-"])).unwrap();
        let files = vec!["a".into(), ":b".into(), "-".into()];
        assert_eq!(args, Args { settings: Settings::default(), number: true, files });
        assert_eq!(parse(Arguments::new(&PROGRAM, ["-x"])).unwrap_err().kind(), cfp::error::ErrorKind::Usage);
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

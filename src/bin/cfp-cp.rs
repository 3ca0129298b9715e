//! cfp-cp: copies a file or a directory on the server. The bytes never leave it.

use std::ffi::OsString;
use std::process::ExitCode;

use cfp::cli::{
    self, Arguments, Completion, ExitStatus, HELP, IF_MATCH, Program, ProgramOption, SETTINGS, exactly,
    options,
};
use cfp::client::{Client, Precondition, RemoteName, Settings};
use cfp::error::Result;

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-cp",
    usage: &["[-n] [option ...] OLD NEW"],
    about: &["Copies OLD on the server to NEW, or into NEW if that is a directory."],
    options: &[OPTIONS, IF_MATCH, SETTINGS, HELP],
    operands: Completion::Stored,
    examples: &["cfp-cp notes.txt pub/notes.txt"],
};

const OPTIONS: &[ProgramOption] = options! {
    /// Never replace a file at NEW; exit 1 instead.
    "-n", "--no-clobber";
};

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    precondition: Precondition,
    old: OsString,
    new: OsString,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let tag = arguments.if_match()?;
    let settings = arguments.settings()?;
    let precondition = Precondition { tag, keep: arguments.flag("--no-clobber") };
    let [old, new] = exactly(arguments.names("name")?, "OLD and NEW")?;
    Ok(Args { settings, precondition, old, new })
}

fn run(args: Args) -> Result<ExitStatus> {
    let mut client = Client::new(&args.settings)?;
    let (old, new) = (RemoteName::read(&args.old), RemoteName::read(&args.new));
    client.relocate("COPY", &old, new, &args.precondition).map(|name| ExitStatus::of(name.is_some()))
}

fn main() -> ExitCode {
    cli::main(&PROGRAM, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let args = parse(Arguments::new(&PROGRAM, ["a", "-n", ":b"])).unwrap();
        let settings = Settings::default();
        assert_eq!(
            args,
            Args {
                settings,
                precondition: Precondition { keep: true, tag: None },
                old: "a".into(),
                new: ":b".into()
            }
        );
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 4] = [&[], &["a"], &["a", "b", "c"], &["-x", "a", "b"]];
        for argv in rows {
            assert_eq!(
                parse(Arguments::new(&PROGRAM, argv.iter().copied())).unwrap_err().kind(),
                cfp::error::ErrorKind::Usage,
                "{argv:?}"
            );
        }
    }
}

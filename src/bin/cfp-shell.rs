//! cfp-shell: a session with the server. It parses its arguments; `tools::shell` runs the session.

use std::ffi::OsString;
use std::process::ExitCode;

use cfp::cli::{self, Arguments, Completion, ExitStatus, HELP, Program, ProgramOption, SETTINGS, options};
use cfp::client::Settings;
use cfp::error::{Error, Result};
use cfp::tools::shell;

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-shell",
    usage: &["[-c COMMAND] ... [option ...] [FILE]"],
    about: &[
        "Holds one connection to the server and runs commands: those of -c and of FILE, else those on standard input; at a terminal it prompts, and asks for what is missing.",
    ],
    options: &[OPTIONS, SETTINGS, HELP],
    operands: Completion::File,
    examples: &[
        "cfp-shell -c 'search lantern :notes.txt'",
        "printf '%s\\n' 'upload notes.txt' list logout | cfp-shell",
    ],
};

const OPTIONS: &[ProgramOption] = options! {
    /// Run this command, and exit after the last one (repeatable).
    "-c", "--command" = "COMMAND";
};

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    commands: Vec<OsString>,
    file: Option<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let commands = arguments.values("--command")?;
    let settings = arguments.settings()?;
    let mut files = arguments.names("FILE")?;
    let file = files.pop();
    match files.is_empty() {
        true => Ok(Args { settings, commands, file }),
        false => Err(Error::usage("one FILE at a time")),
    }
}

fn run(args: Args) -> Result<ExitStatus> {
    shell::run(PROGRAM.name, &args.settings, &args.commands, args.file.as_ref())
}

fn main() -> ExitCode {
    cli::main(&PROGRAM, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let args =
            parse(Arguments::new(&PROGRAM, ["-q", "--command", "list", "-clogout", "script"])).unwrap();
        let settings = Settings { quiet: true, ..Settings::default() };
        let commands = vec!["list".into(), "logout".into()];
        assert_eq!(args, Args { settings, commands, file: Some("script".into()) });
        for argv in [&["a", "b"][..], &[""], &["-x"]] {
            let error = parse(Arguments::new(&PROGRAM, argv.iter().copied())).unwrap_err();
            assert_eq!(error.kind(), cfp::error::ErrorKind::Usage, "{argv:?}");
        }
    }
}

//! cfp-shell: a session with the server. It parses its arguments; `tools::shell` runs the session.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use cfp::cli::{
    self, Arguments, Completion, ExitStatus, HELP, Program, ProgramOption, SETTINGS, exactly, options,
};
use cfp::client::Settings;
use cfp::error::Result;
use cfp::tools::shell;

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-shell",
    usage: &["[-c COMMAND] [option ...]"],
    about: &[
        "Holds one connection to the server and runs commands: at a terminal it prompts and asks for what is missing, else it reads them from standard input.",
    ],
    options: &[OPTIONS, SETTINGS, HELP],
    operands: Completion::Nothing,
    examples: &[
        "cfp-shell -c 'search lantern :notes.txt'",
        "printf '%s\\n' 'upload notes.txt' list logout | cfp-shell",
    ],
};

const OPTIONS: &[ProgramOption] = options! {
    /// Run this one command and exit.
    "-c", "--command" = "COMMAND";
};

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    command: Option<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let command = arguments.value("--command")?;
    let settings = arguments.settings()?;
    let [] = exactly(arguments.operands()?, "no operand")?;
    Ok(Args { settings, command })
}

fn run(args: Args) -> Result<ExitStatus> {
    match args.command {
        Some(command) => shell::run_one(&args.settings, command.as_bytes()),
        None => shell::run(PROGRAM.name, &args.settings),
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
        let args = parse(Arguments::new(&PROGRAM, ["-q", "--command", "list"])).unwrap();
        let settings = Settings { quiet: true, ..Settings::default() };
        assert_eq!(args, Args { settings, command: Some("list".into()) });
        assert_eq!(
            parse(Arguments::new(&PROGRAM, ["list"])).unwrap_err().kind(),
            cfp::error::ErrorKind::Usage
        );
    }
}

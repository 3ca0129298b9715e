//! The shell: reads commands from a terminal, a pipe, or one argument. This file has the loop; `command.rs` has the
//! table of commands, and `session.rs` executes them.

use std::io::{self, BufRead, BufReader, IsTerminal};

use self::command::CommandArgument;
use self::editor::{Prompt, Typed};
use self::session::Session;
use crate::cli::{ExitStatus, report};
use crate::client::Settings;
use crate::client::output::standard_streams::{self, STDIN};
use crate::error::{Error, Result};

mod command;
mod editor;
mod line;
pub(crate) mod location;
mod session;

/// Executes one command.
pub fn run_one(settings: &Settings, command: &[u8]) -> Result<ExitStatus> {
    Session::new(settings)?.execute(command, &mut nobody)
}

/// Executes the commands on standard input: interactively on a terminal, else as a script.
pub fn run(name: &str, settings: &Settings) -> Result<ExitStatus> {
    standard_streams::input()?;
    let mut session = Session::new(settings)?;
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        session.greet()?;
        return run_interactive(name, &mut session);
    }
    match session.greet().and_then(|()| run_script(&mut session)) {
        // Ends without a message, but not with status 0: the remaining commands were not executed.
        Err(error) if error.is_closed_pipe() => Ok(ExitStatus::code(3)),
        ended => ended,
    }
}

/// Runs an interactive session: prompts, asks for missing arguments, and continues after an error.
fn run_interactive(name: &str, session: &mut Session) -> Result<ExitStatus> {
    let mut prompt = Prompt::new(session.client.clone())?;
    while !session.ended {
        session.end_line()?;
        let typed = match prompt.command() {
            Err(error @ Error::Usage(_)) => {
                report(name, &error);
                continue;
            }
            typed => typed?,
        };
        match typed {
            Typed::Nothing => {}
            Typed::End => return session.logout(),
            Typed::Line(line) => {
                match session.execute(line.as_bytes(), &mut |need| prompt.argument(need)) {
                    Err(error) if error.is_closed_pipe() => return Err(error),
                    Err(error) => drop(report(name, &error)),
                    Ok(_) => {}
                };
            }
        }
    }
    Ok(ExitStatus::DONE)
}

/// Runs a script: one command a line, up to the first one that fails.
fn run_script(session: &mut Session) -> Result<ExitStatus> {
    for line in BufReader::new(standard_streams::input()?).split(b'\n') {
        let line = line.map_err(|error| Error::io(STDIN, error))?;
        // Only the line end is stripped: a space before it may belong to the last word.
        session.execute(line.strip_suffix(b"\r").unwrap_or(&line), &mut nobody)?;
        if session.ended {
            return Ok(ExitStatus::DONE);
        }
    }
    session.logout()
}

/// Asks nobody: a missing argument stays missing.
fn nobody(_: &CommandArgument) -> Result<Option<std::ffi::OsString>> {
    Ok(None)
}

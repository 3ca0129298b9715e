//! The shell: a session whose commands come from a person, from a pipe, or from one argument. This file owns the
//! loop; the commands are a table in `command.rs`, and what they do stands in `session.rs`.

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

/// Carries out one command.
pub fn run_one(settings: &Settings, command: &[u8]) -> Result<ExitStatus> {
    Session::new(settings)?.obey(command, &mut nobody)
}

/// Carries out the commands of standard input: of a person at a terminal, or of a program.
pub fn run(name: &str, settings: &Settings) -> Result<ExitStatus> {
    standard_streams::input()?;
    let mut session = Session::new(settings)?;
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        session.greet()?;
        return converse(name, &mut session);
    }
    match session.greet().and_then(|()| follow(&mut session)) {
        // Quietly, but not as if the commands that are left had been carried out.
        Err(error) if error.is_closed_pipe() => Ok(ExitStatus::code(3)),
        ended => ended,
    }
}

/// A person: prompts, asks for what is missing, and goes on after an error.
fn converse(name: &str, session: &mut Session) -> Result<ExitStatus> {
    let mut prompt = Prompt::new(session.client.clone())?;
    while !session.over {
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
                match session.obey(line.as_bytes(), &mut |need| prompt.argument(need)) {
                    Err(error) if error.is_closed_pipe() => return Err(error),
                    Err(error) => drop(report(name, &error)),
                    Ok(_) => {}
                };
            }
        }
    }
    Ok(ExitStatus::DONE)
}

/// A program: one command a line, and the first one that fails is the last.
fn follow(session: &mut Session) -> Result<ExitStatus> {
    for line in BufReader::new(standard_streams::input()?).split(b'\n') {
        let line = line.map_err(|error| Error::io(STDIN, error))?;
        // A blank at the end may be a part of the last word; of a line's end it cannot.
        session.obey(line.strip_suffix(b"\r").unwrap_or(&line), &mut nobody)?;
        if session.over {
            return Ok(ExitStatus::DONE);
        }
    }
    session.logout()
}

/// Nobody is there to ask.
fn nobody(_: &CommandArgument) -> Result<Option<std::ffi::OsString>> {
    Ok(None)
}

//! Runs commands without a person: in order, up to the first one that fails. A `-` before a command lets it fail.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;

use crate::cli::{ExitStatus, report};
use crate::error::{Error, Result};
use crate::tools::shell::escape;
use crate::tools::shell::execution::execute;
use crate::tools::shell::session::Session;

/// Runs the commands of `-c`.
pub fn run_commands(session: &mut Session, commands: &[OsString]) -> Result<ExitStatus> {
    for command in commands {
        match run_line(session, command.as_bytes()) {
            // What is left of the commands is not executed or not told, which is no success.
            Err(error) if error.is_closed_pipe() => return Ok(ExitStatus::code(3)),
            Ok(ExitStatus::DONE) if !session.ended => {}
            ended => return ended,
        }
    }
    Ok(ExitStatus::DONE)
}

/// Greets, and runs a script: one command a line. `name` is that of the script in error messages.
pub fn run(session: &mut Session, script: File, name: &[u8]) -> Result<ExitStatus> {
    match session.greet().and_then(|()| run_lines(session, script, name)) {
        // Ends without a message, but not with status 0: the remaining commands were not executed.
        Err(error) if error.is_closed_pipe() => Ok(ExitStatus::code(3)),
        ended => ended,
    }
}

fn run_lines(session: &mut Session, script: File, name: &[u8]) -> Result<ExitStatus> {
    for line in BufReader::new(script).split(b'\n') {
        let line = line.map_err(|error| Error::io(name, error))?;
        // Only the line end is stripped: a space before it may belong to the last word.
        let status = run_line(session, line.strip_suffix(b"\r").unwrap_or(&line))?;
        if status != ExitStatus::DONE || session.ended {
            return Ok(status);
        }
    }
    session.logout()
}

fn run_line(session: &mut Session, line: &[u8]) -> Result<ExitStatus> {
    let (may_fail, line) = may_fail(line);
    let ended = match escape::command(line) {
        Some(command) => {
            session.printer.end_line()?;
            escape::run(command, None, session.input_is_free).map(ExitStatus::code)
        }
        None => execute(session, line, None),
    };
    match ended {
        Err(error) if error.is_closed_pipe() => Err(error),
        Err(error) if may_fail => {
            report(session.name, &error);
            Ok(ExitStatus::DONE)
        }
        Ok(_) if may_fail => Ok(ExitStatus::DONE),
        ended => ended,
    }
}

/// Splits off the `-` that lets a command fail.
pub fn may_fail(line: &[u8]) -> (bool, &[u8]) {
    match line.trim_ascii_start().strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, line),
    }
}

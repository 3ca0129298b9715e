//! What all programs do in the same way: `--help`, `--version`, one line for an error, the exit status. It does not
//! know what operands mean. Options are declared with [`options`] and read with [`Arguments`].

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU8, Ordering};

pub use self::arguments::{Arguments, exactly, refuse_empty};
pub use self::name_list::{FILES_FROM, NULL, NameList};
pub use self::option::{Completion, ProgramOption, options};
pub use self::program::Program;
pub use self::settings::{HELP, IF_MATCH, IF_TARGET_MATCHES, LIMIT_RATE, LONG_HELP, SETTINGS, parse_size};
use crate::client::progress::display;
use crate::client::{STDOUT, standard_streams};
use crate::error::{Error, ErrorKind, Result};

mod arguments;
mod name_list;
mod option;
mod program;
mod settings;

/// The exit status of a program. Of two, the greater one is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExitStatus(u8);

impl ExitStatus {
    /// Everything was done.
    pub const DONE: ExitStatus = ExitStatus(0);
    /// The answer is no: nothing was found, or an existing target was left alone.
    pub const NO: ExitStatus = ExitStatus(1);
    /// Somebody else has changed a file meanwhile.
    pub const CHANGED: ExitStatus = ExitStatus(4);

    /// Makes an exit status of a number: the exit code of another program, or one without a name here.
    pub fn code(code: u8) -> ExitStatus {
        ExitStatus(code)
    }

    /// Returns `DONE` or `NO`.
    pub fn of(done: bool) -> ExitStatus {
        if done { ExitStatus::DONE } else { ExitStatus::NO }
    }
}

/// Runs a program: parses its arguments, prints what `--help` or `--version` ask for, or does its work.
///
/// A closed pipe ends it quietly, since nobody reads its output; any other error with one line and its exit code.
pub fn main<A>(
    program: &Program,
    parse: impl FnOnce(Arguments) -> Result<A>,
    run: impl FnOnce(A) -> Result<ExitStatus>,
) -> ExitCode {
    let name = program.name;
    let mut arguments = Arguments::new(program, std::env::args_os().skip(1));
    let outcome = if arguments.flag("--help") {
        print(&program.help())
    } else if arguments.flag("--version") {
        print(&format!("{name} {}\n", env!("CARGO_PKG_VERSION")))
    } else {
        match parse(arguments) {
            Ok(args) => run(args),
            Err(Error::Usage(what)) => Err(Error::Usage(format!("{what}, see {name} --help"))),
            Err(error) => Err(error),
        }
    };
    display::end(outcome.is_ok());
    let status = match outcome {
        Ok(status) => status,
        // What failed before has been reported.
        Err(error) if error.is_closed_pipe() => ExitStatus(REPORTED.load(Ordering::Relaxed)),
        Err(error) => report(name, &error),
    };
    ExitCode::from(status.0)
}

/// The exit status for the worst error that was reported so far.
static REPORTED: AtomicU8 = AtomicU8::new(0);

/// Prints an error on standard error in one line, and returns the exit status for it.
pub fn report(name: &str, error: &Error) -> ExitStatus {
    remark(name, error);
    let code = exit_code(error);
    REPORTED.fetch_max(code, Ordering::Relaxed);
    ExitStatus(code)
}

/// Maps an error to an exit code: 2 for a permanent one, 3 for a transient one, 4 for a failed precondition.
fn exit_code(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::PreconditionFailed => ExitStatus::CHANGED.0,
        ErrorKind::BadResponse
        | ErrorKind::Busy
        | ErrorKind::Internal
        | ErrorKind::Interrupted
        | ErrorKind::NoResponse
        | ErrorKind::NoSpace
        | ErrorKind::NotImplemented
        | ErrorKind::Overloaded
        | ErrorKind::TimedOut
        | ErrorKind::Unavailable
        | ErrorKind::VersionNotSupported => 3,
        _ => 2,
    }
}

/// Prints a line on standard error; if that is closed, the line is lost.
pub fn remark(name: &str, what: impl Display) {
    display::aside(|| drop(writeln!(io::stderr(), "{name}: {what}")));
}

/// Runs `act` for each operand. An error is printed, and the next operand follows; returns the worst exit status.
/// Only an error of standard output is returned at once.
pub fn for_each_operand<T>(
    name: &str,
    operands: impl IntoIterator<Item = T>,
    mut act: impl FnMut(T) -> Result<ExitStatus>,
) -> Result<ExitStatus> {
    let mut worst = ExitStatus::DONE;
    for operand in operands {
        let status = match act(operand) {
            Err(error) if error.is_closed_pipe() || error.is_of(STDOUT) => return Err(error),
            Err(error) => report(name, &error),
            Ok(status) => status,
        };
        worst = worst.max(status);
    }
    Ok(worst)
}

/// Prints a text on standard output.
pub fn print(text: &str) -> Result<ExitStatus> {
    let mut output = standard_streams::output()?;
    output.write_all(text.as_bytes()).map_err(|error| Error::io(STDOUT, error))?;
    Ok(ExitStatus::DONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_exit_code_of_its_kind() {
        let system = [(2, 2), (13, 2), (21, 2), (28, 3), (24, 3), (27, 2), (6, 2), (9, 2), (16, 2)];
        for (errno, code) in system {
            assert_eq!(exit_code(&Error::io("f", io::Error::from_raw_os_error(errno))), code, "{errno}");
        }
        let kinds = [
            (ErrorKind::NotFound, 2),
            (ErrorKind::TimedOut, 3),
            (ErrorKind::PreconditionFailed, 4),
            (ErrorKind::Interrupted, 3),
        ];
        for (kind, code) in kinds {
            assert_eq!(exit_code(&Error::new(kind, "f", "is wrong")), code, "{kind:?}");
        }
        assert_eq!(exit_code(&Error::usage("no WORD given")), 2);
    }

    #[test]
    fn the_worst_ending_counts() {
        let rows: [(&[u8], u8); 4] = [(&[0, 1, 0], 1), (&[], 0), (&[2, 3, 0], 3), (&[3, 2], 3)];
        for (endings, worst) in rows {
            let status = for_each_operand("t", endings, |code| Ok(ExitStatus(*code))).unwrap();
            assert_eq!(status, ExitStatus(worst));
        }
    }
}

//! The shell: executes commands from a terminal, a script or its arguments. This file chooses between them; `command.rs`
//! has the table of commands, and `session.rs` executes them.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;

use crate::cli::ExitStatus;
use crate::client::call::retry::RETRIES;
use crate::client::output::standard_streams::{self, STDIN};
use crate::client::{Client, Settings};
use crate::error::{Error, Result};

mod command;
mod completion;
mod directories;
mod editor;
mod escape;
mod execution;
mod expansion;
mod filters;
mod help;
mod interactive;
mod interrupts;
mod job;
mod line;
mod location;
mod parsing;
mod printer;
mod script;
mod session;
mod transfers;

use self::session::Session;

/// Executes these commands, then those of the script `file`; without either, those on standard input: interactively on a
/// terminal, else as a script.
pub fn run(
    name: &'static str,
    settings: &Settings,
    commands: &[OsString],
    file: Option<&OsString>,
) -> Result<ExitStatus> {
    // A broken transfer is resumed.
    let mut client = Client::new(&Settings { retries: Some(RETRIES), ..settings.clone() })?;
    client.remember_uploads("cfp-put -c");
    let file = file.filter(|file| *file != "-");
    if commands.is_empty() && file.is_none() {
        let input = standard_streams::input()?;
        if io::stdin().is_terminal() && io::stdout().is_terminal() {
            return interactive::run(name, client);
        }
        return script::run(&mut Session::new(name, client, false)?, input, STDIN.as_bytes());
    }
    let mut session = Session::new(name, client, true)?;
    let ending = script::run_commands(&mut session, commands)?;
    match file {
        Some(file) if ending == ExitStatus::DONE && !session.ended => {
            let script = File::open(file).map_err(|error| Error::io(file.as_bytes(), error))?;
            script::run(&mut session, script, file.as_bytes())
        }
        _ => Ok(ending),
    }
}

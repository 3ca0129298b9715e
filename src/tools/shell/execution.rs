//! Executes command lines: parses each, and calls the file that does what its action says. It does not know where a line
//! comes from.

use crate::cli::ExitStatus;
use crate::client::progress::display::{self, Sum};
use crate::error::Result;
use crate::tools::shell::command::Action;
use crate::tools::shell::parsing::{ParsedCommand, parse};
use crate::tools::shell::session::{Ask, Session};
use crate::tools::shell::{directories, filters, help, transfers};

/// Executes one line; asks for missing operands. Shows its progress, if it takes long.
pub fn execute(session: &mut Session, line: &[u8], mut ask: Ask<'_>) -> Result<ExitStatus> {
    let Some(parsed) = parse(line, &mut ask)? else { return Ok(ExitStatus::DONE) };
    display::begin(session.quiet, Sum::IfShown);
    let executed = act(session, &parsed, ask);
    // A cancelled command that is still running must not end the progress of the next one.
    if !session.cancellation.is_cancelled() {
        display::end(executed.is_ok());
    }
    let status = executed?;
    session.printer.check().map(|()| status)
}

fn act(session: &mut Session, parsed: &ParsedCommand, mut ask: Ask<'_>) -> Result<ExitStatus> {
    match parsed.command.action {
        Action::Help => help::help(session, parsed),
        Action::List => directories::list(session, parsed),
        Action::Upload => transfers::upload(session, parsed),
        Action::Download => transfers::download(session, parsed),
        Action::Rename => directories::relocate(session, parsed, "MOVE", "is now"),
        Action::Copy => directories::relocate(session, parsed, "COPY", "is copied to"),
        Action::Delete => directories::delete(session, parsed, &mut ask),
        Action::MakeDirectory => directories::make(session, parsed),
        Action::Filter(spec) => filters::filter(session, spec, parsed),
        Action::Display => filters::display(session, parsed),
        Action::ChangeDirectory => directories::change(session, parsed),
        Action::PrintDirectory => {
            let shown = session.directory.shown();
            session.done(&shown)
        }
        Action::ChangeLocalDirectory => directories::change_local(parsed),
        Action::PrintLocalDirectory => directories::print_local(session),
        Action::Logout => session.logout(),
    }
}

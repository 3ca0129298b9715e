//! `help`: what can be done, on lines of at most 80 columns.

use crate::cli::ExitStatus;
use crate::error::Result;
use crate::tools::shell::command::{COMMANDS, Command};
use crate::tools::shell::parsing::ParsedCommand;
use crate::tools::shell::session::Session;

/// The columns of a terminal, and the one at which the table says what a command does.
const WIDTH: usize = 80;
const COLUMN: usize = 27;

/// What the help says below the table.
const NOTES: &str = "
`:name` is a file on the server, `:/name` one from its root; anything else is
local. Where only one side is possible the colon may be left out. * ? [ ] { }
match names on both sides. Quote what holds a space: 'two words'. What is
missing is asked for; an empty answer takes the command back, as ^C does.
`help COMMAND` tells the other names and the options of a command.";

/// `help [COMMAND]`.
pub fn help(session: &mut Session, parsed: &ParsedCommand) -> Result<ExitStatus> {
    let (escape, runs) = ("!COMMAND", "run a command of this machine");
    match parsed.operands.first().map(|name| name.literal()) {
        Some(name) if name.starts_with(b"!") => return session.done(&format!("{escape}\n{runs}.")),
        Some(name) => return session.done(&one(Command::find(&name)?)),
        None => {}
    }
    let escape = row(escape, runs);
    let table: String = COMMANDS.iter().map(|command| row(&command.usage(), command.does)).collect();
    session.done(&format!("The commands, in upper or lower case:\n{table}{escape}{NOTES}"))
}

/// Returns the lines of a command or an option. A long usage has a line of its own; a long text is folded.
fn row(usage: &str, does: &str) -> String {
    let usage = format!("  {usage}");
    let mut line = match usage.len() + 2 > COLUMN {
        true => format!("{usage}\n{:COLUMN$}", ""),
        false => format!("{usage:COLUMN$}"),
    };
    let mut width = COLUMN;
    for word in does.split(' ') {
        if width > COLUMN && width + word.chars().count() > WIDTH {
            line = format!("{}\n{:COLUMN$}", line.trim_end(), "");
            width = COLUMN;
        }
        line += &format!("{word} ");
        width += word.chars().count() + 1;
    }
    format!("{}\n", line.trim_end())
}

/// Returns what there is to say of one command.
fn one(command: &Command) -> String {
    let mut text = format!("{}\n{}.\n", command.usage(), command.does);
    for option in command.options.iter().copied().flatten() {
        text +=
            &row(&option.spelling(), option.paragraphs().next().unwrap_or_default().trim_end_matches('.'));
    }
    let mut line = "Other names:".to_owned();
    for name in command.names.iter().skip(1) {
        if line.len() + name.len() + 1 > WIDTH {
            text += &format!("{line}\n");
            line = " ".to_owned();
        }
        line += &format!(" {name}");
    }
    if command.names.len() > 1 {
        text += &line;
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_help_text_fits_a_terminal() {
        let all = COMMANDS.iter().map(|command| row(&command.usage(), command.does) + &one(command) + "\n");
        for line in all.chain([NOTES.to_owned()]).collect::<String>().lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }
}

//! Parses a command line into a command of the table with its options and operands, and asks for those that are missing.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::cli::Arguments;
use crate::error::{Error, Result};
use crate::tools::shell::command::{Command, OperandKind};
use crate::tools::shell::line::{Line, ShellWord};
use crate::tools::shell::session::{Ask, Question};

/// A command with its options and operands.
pub struct ParsedCommand {
    /// Its row in the table.
    pub command: &'static Command,
    /// The long forms of its options.
    pub flags: Vec<&'static str>,
    /// Its operands.
    pub operands: Vec<ShellWord>,
}

impl ParsedCommand {
    /// Returns whether an option was given.
    pub fn has(&self, long: &str) -> bool {
        self.flags.contains(&long)
    }

    /// Returns the operand at an index; an empty one if there is none.
    pub fn operand(&self, index: usize) -> ShellWord {
        self.operands.get(index).cloned().unwrap_or_default()
    }
}

/// Parses a line, and asks for the operands that are missing. `None` for a line without a command.
pub fn parse(line: &[u8], ask: &mut Ask<'_>) -> Result<Option<ParsedCommand>> {
    let mut words = Line::parse(line)?.into_iter();
    let Some(name) = words.next() else { return Ok(None) };
    let command = Command::find(&name.literal())?;
    let words = words.map(|word| OsString::from_vec(word.0));
    let mut arguments = Arguments::new(&command.program(), words);
    let longs = command.options.iter().copied().flatten().map(|option| option.long);
    let flags = longs.filter(|long| arguments.flag(long)).collect();
    let operands = arguments.operands()?.into_iter();
    let mut operands: Vec<_> = operands.map(|operand| ShellWord(operand.into_vec())).collect();
    command.refuse_more(operands.len())?;
    for missing in command.required().skip(operands.len()) {
        let question = Question { text: missing.question.to_owned(), kind: missing.kind };
        let answer = ask.as_mut().map(|ask| ask(question)).transpose()?.flatten();
        let needed = || Error::usage(format!("{} is missing: {}", missing.name, command.usage()));
        operands.push(answer.and_then(|answer| answered(&answer, missing.kind)).ok_or_else(needed)?);
    }
    refuse_empty(command, &operands)?;
    Ok(Some(ParsedCommand { command, flags, operands }))
}

/// Returns the operand that an answer is: the whole line. An empty one takes the command back; an empty word is quoted.
fn answered(answer: &[u8], kind: OperandKind) -> Option<ShellWord> {
    match (answer, kind) {
        (b"", _) => None,
        (b"''" | b"\"\"", OperandKind::Word) => Some(ShellWord::default()),
        _ => Some(ShellWord::of_answer(answer)),
    }
}

/// Refuses an empty name: it would be the root. A word may be empty.
fn refuse_empty(command: &Command, operands: &[ShellWord]) -> Result<()> {
    for (index, _) in operands.iter().enumerate().filter(|(_, operand)| operand.0.is_empty()) {
        if let Some(empty) = command.operand(index).filter(|operand| operand.kind != OperandKind::Word) {
            return Err(Error::usage(format!("{} is empty: {}", empty.name, command.usage())));
        }
    }
    Ok(())
}

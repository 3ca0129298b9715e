//! The commands of the shell: a table of their names, the arguments that each takes, and what help says of it. The
//! filters among them come from the table of filters. `session.rs` executes them.

use std::ffi::OsString;
use std::sync::LazyLock;

use crate::error::{Error, Result, shown};
use crate::text::{FILTERS, FilterSpec, OutputKind, WordParameter};

/// An argument of a command.
#[derive(Clone, Copy, Debug)]
pub struct CommandArgument {
    /// Its placeholder in the help.
    pub name: &'static str,
    /// How the shell asks for it.
    pub question: &'static str,
    /// What it names, and so where its completions come from.
    pub kind: ArgumentKind,
}

/// What an argument names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentKind {
    /// Nothing: it is a word.
    Word,
    /// A file on this machine.
    LocalFile,
    /// A file on the server.
    StoredFile,
}

/// What a command does.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// Lists the commands.
    Help,
    /// Lists a directory.
    List,
    /// Stores a local file.
    Upload,
    /// Fetches a file.
    Download,
    /// Renames a file.
    Rename,
    /// Copies a file.
    Copy,
    /// Deletes a file.
    Delete,
    /// Runs a filter.
    Filter(&'static FilterSpec),
    /// Prints a file.
    Display,
    /// Ends the session.
    Logout,
}

/// A command.
pub struct Command {
    /// What it does.
    pub action: Action,
    /// Its name, and its names in other systems.
    pub names: Vec<&'static str>,
    /// What it does, for the help.
    pub does: &'static str,
    /// The arguments it requires.
    pub required: Vec<CommandArgument>,
    /// The arguments that may follow.
    pub optional: Vec<CommandArgument>,
}

const fn argument(name: &'static str, question: &'static str, kind: ArgumentKind) -> CommandArgument {
    CommandArgument { name, question, kind }
}

const DIR: CommandArgument = argument("DIR", "Directory on the server", ArgumentKind::StoredFile);
const FILE: CommandArgument = argument("FILE", "Local file", ArgumentKind::LocalFile);
const NAME: CommandArgument = argument("NAME", "File on the server", ArgumentKind::StoredFile);
const OLD: CommandArgument = argument("OLD", "File on the server", ArgumentKind::StoredFile);
const NEW: CommandArgument = argument("NEW", "New name on the server", ArgumentKind::StoredFile);
const IN: CommandArgument = argument("IN", "File to read", ArgumentKind::StoredFile);
const OUT: CommandArgument = argument("OUT", "Name for the result", ArgumentKind::StoredFile);

/// All commands, in the order of the help.
pub static COMMANDS: LazyLock<Vec<Command>> = LazyLock::new(|| {
    use Action::{Copy, Delete, Display, Download, Help, List, Logout, Rename, Upload};
    let mut commands = vec![
        command(Help, &["help", "?", "commands"], "say what can be done", &[], &[]),
        command(List, &["list", "ls", "dir"], "list the files on the server", &[], &[DIR]),
        command(Upload, &["upload", "put", "send", "stor"], "store a local file", &[FILE], &[NAME]),
        command(Download, &["download", "get", "fetch", "retr"], "fetch a file", &[NAME], &[FILE]),
        command(Rename, &["rename", "mv", "move", "ren"], "rename a file on the server", &[OLD, NEW], &[]),
        command(Copy, &["copy", "cp"], "copy a file on the server", &[OLD, NEW], &[]),
        command(Delete, &DELETE_NAMES, "delete a file on the server", &[NAME], &[]),
    ];
    commands.extend(FILTERS.map(of_filter));
    commands.push(command(Display, &DISPLAY_NAMES, "show a local file, or :name", &[FILE], &[]));
    commands.push(command(Logout, &LOGOUT_NAMES, "close the connection and end", &[], &[]));
    commands
});

const DELETE_NAMES: [&str; 6] = ["delete", "rm", "del", "dele", "erase", "remove"];
const DISPLAY_NAMES: [&str; 5] = ["display", "cat", "type", "show", "more"];
const LOGOUT_NAMES: [&str; 6] = ["logout", "exit", "quit", "bye", "close", "q"];

fn command(
    action: Action,
    names: &[&'static str],
    does: &'static str,
    required: &[CommandArgument],
    optional: &[CommandArgument],
) -> Command {
    let (required, optional) = (required.to_vec(), optional.to_vec());
    Command { action, names: names.to_vec(), does, required, optional }
}

/// Returns the command that runs a filter: its words, the file to read, and a name for the result if that is a text.
fn of_filter(spec: &'static FilterSpec) -> Command {
    let word = |word: &WordParameter| argument(word.placeholder, word.question, ArgumentKind::Word);
    let output = (spec.default_output() == OutputKind::Text).then_some(OUT);
    Command {
        action: Action::Filter(spec),
        names: [spec.name].iter().chain(spec.aliases).copied().collect(),
        does: spec.does,
        required: spec.words.iter().map(word).chain([IN]).chain(output).collect(),
        optional: Vec::new(),
    }
}

impl Command {
    /// Returns the command with this name, in upper or lower case.
    pub fn find(name: &[u8]) -> Result<&'static Command> {
        let is = |known: &&str| known.as_bytes().eq_ignore_ascii_case(name);
        COMMANDS
            .iter()
            .find(|command| command.names.iter().any(is))
            .ok_or_else(|| Error::usage(format!("{}: no such command, `help` lists them", shown(name))))
    }

    /// Its first name.
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    /// Returns all its arguments, in order.
    pub fn arguments(&self) -> impl Iterator<Item = &CommandArgument> {
        self.required.iter().chain(&self.optional)
    }

    /// Returns its usage: its name and its arguments.
    pub fn usage(&self) -> String {
        let required = self.required.iter().map(|argument| format!(" {}", argument.name));
        let optional = self.optional.iter().map(|argument| format!(" [{}]", argument.name));
        self.name().to_owned() + &required.chain(optional).collect::<String>()
    }

    /// Refuses an empty name: it would be the root. A word may be empty.
    pub fn refuse_empty(&self, given: &[OsString]) -> Result<()> {
        let is_empty = |(argument, given): &(&CommandArgument, &OsString)| {
            argument.kind != ArgumentKind::Word && given.is_empty()
        };
        match self.arguments().zip(given).find(is_empty) {
            Some((argument, _)) => Err(Error::usage(format!("{} is empty: {}", argument.name, self.usage()))),
            None => Ok(()),
        }
    }

    /// Refuses more arguments than it takes.
    pub fn refuse_more(&self, given: usize) -> Result<()> {
        match given > self.arguments().count() {
            true => {
                Err(Error::usage(format!("more than `{}` was given: quote what holds a space", self.usage())))
            }
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_in_any_case_and_under_other_names() {
        for (typed, name) in
            [("HELP", "help"), ("Dir", "list"), ("del", "delete"), ("EXIT", "logout"), ("?", "help")]
        {
            assert_eq!(Command::find(typed.as_bytes()).unwrap().name(), name);
        }
        assert!(Command::find(b"format").is_err());
    }

    #[test]
    fn no_name_means_two_commands() {
        let mut names: Vec<_> = COMMANDS.iter().flat_map(|command| &command.names).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
        assert_eq!(Command::find(b"replace").unwrap().usage(), "replace OLD NEW IN OUT");
        assert_eq!(Command::find(b"list").unwrap().usage(), "list [DIR]");
    }
}

//! The commands of the shell: one table of what each is called, here and under other systems' names, and what it
//! needs. What a command does stands in `session.rs`.

use std::ffi::OsString;

use crate::cli::Ending;
use crate::error::{Error, Result, shown};
use crate::tools::shell::session::Session;

/// Something a command needs.
#[derive(Debug)]
pub struct Need {
    /// How the help calls it.
    pub name: &'static str,
    /// How a person is asked for it.
    pub question: &'static str,
    /// Where its completions come from.
    pub place: Place,
}

/// Where what an argument names is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: it is a word.
    Nowhere,
    /// On this machine.
    Here,
    /// On the server.
    There,
}

/// A command.
pub struct Command {
    /// What it is called, and what it is called elsewhere.
    pub names: &'static [&'static str],
    /// What it needs.
    pub needs: &'static [Need],
    /// What it takes beyond that.
    pub takes: &'static [Need],
    /// What it does, for the help.
    pub does: &'static str,
    /// Does it; the arguments are as many as it needs, or some that it takes more.
    pub act: fn(&mut Session, &[OsString]) -> Result<Ending>,
}

const fn need(name: &'static str, question: &'static str, place: Place) -> Need {
    Need { name, question, place }
}

const DIR: Need = need("DIR", "Directory on the server", Place::There);
const FILE: Need = need("FILE", "Local file", Place::Here);
const STORED: Need = need("NAME", "File on the server", Place::There);
const OLD_NAME: Need = need("OLD", "File on the server", Place::There);
const NEW_NAME: Need = need("NEW", "New name on the server", Place::There);
const WORD: Need = need("WORD", "Word to search for", Place::Nowhere);
const OLD_WORD: Need = need("OLD", "Word to replace", Place::Nowhere);
const NEW_WORD: Need = need("NEW", "Word to put in its place", Place::Nowhere);
const IN: Need = need("IN", "File to read", Place::There);
const OUT: Need = need("OUT", "Name for the result", Place::There);

/// All commands, in the order of the help.
pub static COMMANDS: [Command; 12] = [
    Command {
        names: &["help", "?", "commands"],
        needs: &[],
        takes: &[],
        does: "say what can be done",
        act: Session::help,
    },
    Command {
        names: &["list", "ls", "dir"],
        needs: &[],
        takes: &[DIR],
        does: "list the files on the server",
        act: Session::list,
    },
    Command {
        names: &["upload", "put", "send", "stor"],
        needs: &[FILE],
        takes: &[STORED],
        does: "store a local file",
        act: Session::upload,
    },
    Command {
        names: &["download", "get", "fetch", "retr"],
        needs: &[STORED],
        takes: &[FILE],
        does: "fetch a file",
        act: Session::download,
    },
    Command {
        names: &["rename", "mv", "move", "ren"],
        needs: &[OLD_NAME, NEW_NAME],
        takes: &[],
        does: "rename a file on the server",
        act: Session::rename,
    },
    Command {
        names: &["copy", "cp"],
        needs: &[OLD_NAME, NEW_NAME],
        takes: &[],
        does: "copy a file on the server",
        act: Session::copy,
    },
    Command {
        names: &["delete", "rm", "del", "dele", "erase", "remove"],
        needs: &[STORED],
        takes: &[],
        does: "delete a file on the server",
        act: Session::delete,
    },
    Command {
        names: &["search", "find", "grep", "count"],
        needs: &[WORD, IN],
        takes: &[],
        does: "count a word",
        act: Session::search,
    },
    Command {
        names: &["replace", "sub"],
        needs: &[OLD_WORD, NEW_WORD, IN, OUT],
        takes: &[],
        does: "replace a word",
        act: Session::replace,
    },
    Command {
        names: &["reverse", "rev"],
        needs: &[IN, OUT],
        takes: &[],
        does: "reverse the order of words",
        act: Session::reverse,
    },
    Command {
        names: &["display", "cat", "type", "show", "more"],
        needs: &[FILE],
        takes: &[],
        does: "show a local file, or :name",
        act: Session::display,
    },
    Command {
        names: &["logout", "exit", "quit", "bye", "close", "q"],
        needs: &[],
        takes: &[],
        does: "close the connection and end",
        act: Session::logout,
    },
];

impl Command {
    /// The command of a name, in any case.
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

    /// The argument at this place.
    pub fn argument(&self, at: usize) -> Option<&'static Need> {
        self.needs.iter().chain(self.takes).nth(at)
    }

    /// How it is typed.
    pub fn usage(&self) -> String {
        let needs = self.needs.iter().map(|need| format!(" {}", need.name));
        let takes = self.takes.iter().map(|need| format!(" [{}]", need.name));
        self.name().to_owned() + &needs.chain(takes).collect::<String>()
    }

    /// Refuses an empty name: it would be the root. A word may be empty.
    pub fn refuse_empty(&self, arguments: &[OsString]) -> Result<()> {
        let needs = self.needs.iter().chain(self.takes).zip(arguments);
        match needs.into_iter().find(|(need, given)| need.place != Place::Nowhere && given.is_empty()) {
            Some((need, _)) => Err(Error::usage(format!("{} is empty: {}", need.name, self.usage()))),
            None => Ok(()),
        }
    }

    /// Refuses more arguments than it takes.
    pub fn refuse_more(&self, given: usize) -> Result<()> {
        match given > self.needs.len() + self.takes.len() {
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
        let mut names: Vec<_> = COMMANDS.iter().flat_map(|command| command.names).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
        assert_eq!(Command::find(b"replace").unwrap().usage(), "replace OLD NEW IN OUT");
        assert_eq!(Command::find(b"list").unwrap().usage(), "list [DIR]");
    }
}

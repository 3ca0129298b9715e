//! The commands of the shell: a table of their names, the options and operands that each takes, and what help says of it.
//! The filters among them come from the table of filters. `session.rs` executes them.

use std::sync::LazyLock;

use crate::cli::{Completion, Program, ProgramOption, options};
use crate::error::{Error, Result, shown};
use crate::text::{FILTERS, FilterSpec, OutputKind, WordParameter};
use crate::tools::prepared_filter::option;

/// An operand of a command.
#[derive(Clone, Copy, Debug)]
pub struct CommandOperand {
    /// Its placeholder in the help.
    pub name: &'static str,
    /// How the shell asks for it.
    pub question: &'static str,
    /// What it names, and so where its completions come from.
    pub kind: OperandKind,
    /// How often it is given.
    pub arity: Arity,
}

/// What an operand names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperandKind {
    /// Nothing: it is a word.
    Word,
    /// A file on this machine.
    LocalFile,
    /// A file on the server.
    StoredFile,
    /// A file on the server if it begins with a colon, else one on this machine.
    EitherFile,
}

/// How often an operand is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// Once.
    One,
    /// Once or more often.
    Many,
    /// Once or not at all.
    Optional,
}

/// What a command does.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// Lists the commands.
    Help,
    /// Lists a directory.
    List,
    /// Stores local files.
    Upload,
    /// Fetches files.
    Download,
    /// Renames a file.
    Rename,
    /// Copies a file.
    Copy,
    /// Deletes files.
    Delete,
    /// Makes a directory.
    MakeDirectory,
    /// Runs a filter.
    Filter(&'static FilterSpec),
    /// Prints files.
    Display,
    /// Changes the directory on the server.
    ChangeDirectory,
    /// Prints the directory on the server.
    PrintDirectory,
    /// Changes the local directory.
    ChangeLocalDirectory,
    /// Prints the local directory.
    PrintLocalDirectory,
    /// Ends the session.
    Logout,
}

/// A command.
#[derive(Debug)]
pub struct Command {
    /// What it does.
    pub action: Action,
    /// Its name, and its names in other systems.
    pub names: Vec<&'static str>,
    /// What it does, for the help.
    pub does: &'static str,
    /// Its options.
    pub options: Vec<&'static [ProgramOption]>,
    /// Its operands: those that may be missing come last.
    pub operands: Vec<CommandOperand>,
}

const LONG: &[ProgramOption] = options! {
    /// Print sizes and modification times too.
    "-l", "--long";
};
const CONTINUE: &[ProgramOption] = options! {
    /// Resume an interrupted download of the same content.
    "-c", "--continue";
};
const RECURSIVE: &[ProgramOption] = options! {
    /// Directories and everything in them too.
    "-r", "--recursive";
};

const fn operand(name: &'static str, question: &'static str, kind: OperandKind) -> CommandOperand {
    CommandOperand { name, question, kind, arity: Arity::One }
}

const fn many(operand: CommandOperand) -> CommandOperand {
    CommandOperand { arity: Arity::Many, ..operand }
}

const fn optional(operand: CommandOperand) -> CommandOperand {
    CommandOperand { arity: Arity::Optional, ..operand }
}

const DIR: CommandOperand = operand("DIR", "Directory on the server", OperandKind::StoredFile);
const LOCAL_DIR: CommandOperand = operand("DIR", "Local directory", OperandKind::LocalFile);
const COMMAND: CommandOperand = operand("COMMAND", "Command", OperandKind::Word);
const FILE: CommandOperand = operand("FILE", "Local file", OperandKind::LocalFile);
const SHOWN: CommandOperand = operand("FILE", "Local file, or :name", OperandKind::EitherFile);
const NAME: CommandOperand = operand("NAME", "File on the server", OperandKind::StoredFile);
const OLD: CommandOperand = operand("OLD", "File on the server", OperandKind::StoredFile);
const NEW: CommandOperand = operand("NEW", "New name on the server", OperandKind::StoredFile);
const IN: CommandOperand = operand("IN", "File to read", OperandKind::EitherFile);
const OUT: CommandOperand = operand("OUT", "Name for the result", OperandKind::EitherFile);

/// All commands, in the order of the help.
pub static COMMANDS: LazyLock<Vec<Command>> = LazyLock::new(|| {
    let mut commands = vec![
        command(Action::Help, &["help", "?", "commands"], "say what can be done", &[optional(COMMAND)]),
        command(
            Action::List,
            &["list", "ls", "dir", "nlist"],
            "list the files on the server",
            &[optional(DIR)],
        )
        .with(LONG),
        command(Action::Upload, &UPLOAD_NAMES, "store local files", &[many(FILE), optional(DIR)]),
        command(Action::Download, &DOWNLOAD_NAMES, "fetch files", &[many(NAME), optional(LOCAL_DIR)])
            .with(CONTINUE),
        command(Action::Rename, &["rename", "mv", "move", "ren"], "rename a file on the server", &[OLD, NEW]),
        command(Action::Copy, &["copy", "cp"], "copy a file on the server", &[OLD, NEW]),
        command(Action::Delete, &DELETE_NAMES, "delete files on the server", &[many(NAME)]).with(RECURSIVE),
        command(Action::MakeDirectory, &["mkdir", "md", "mkd"], "make a directory on the server", &[DIR]),
    ];
    commands.extend(FILTERS.map(of_filter));
    commands.extend([
        command(Action::Display, &DISPLAY_NAMES, "show local files, or :name", &[many(SHOWN)]),
        command(
            Action::ChangeDirectory,
            &["cd", "chdir", "cwd"],
            "change the directory on the server",
            &[optional(DIR)],
        ),
        command(Action::PrintDirectory, &["pwd"], "tell the directory on the server", &[]),
        command(Action::ChangeLocalDirectory, &["lcd"], "change the local directory", &[optional(LOCAL_DIR)]),
        command(Action::PrintLocalDirectory, &["lpwd"], "tell the local directory", &[]),
        command(Action::Logout, &LOGOUT_NAMES, "close the connection and end", &[]),
    ]);
    commands
});

const UPLOAD_NAMES: [&str; 5] = ["upload", "put", "mput", "send", "stor"];
const DOWNLOAD_NAMES: [&str; 5] = ["download", "get", "mget", "fetch", "retr"];
const DELETE_NAMES: [&str; 8] = ["delete", "rm", "del", "mdelete", "dele", "erase", "remove", "rmdir"];
const DISPLAY_NAMES: [&str; 5] = ["display", "cat", "type", "show", "more"];
const LOGOUT_NAMES: [&str; 6] = ["logout", "exit", "quit", "bye", "close", "q"];

fn command(
    action: Action,
    names: &[&'static str],
    does: &'static str,
    operands: &[CommandOperand],
) -> Command {
    let (names, operands) = (names.to_vec(), operands.to_vec());
    Command { action, names, does, options: Vec::new(), operands }
}

/// Returns the command that runs a filter: its words, the file to read, and a name for the result if that is a text.
fn of_filter(spec: &'static FilterSpec) -> Command {
    let word = |word: &WordParameter| operand(word.placeholder, word.question, OperandKind::Word);
    let is_text = spec.default_output() == OutputKind::Text;
    let files = if is_text { vec![IN, OUT] } else { vec![CommandOperand { arity: Arity::Many, ..IN }] };
    let flags: Vec<_> = spec.flags.iter().map(option).collect();
    let mut options: Vec<&'static [ProgramOption]> = vec![Box::leak(flags.into())];
    options.extend((!is_text).then_some(RECURSIVE));
    Command {
        action: Action::Filter(spec),
        names: [spec.name].iter().chain(spec.aliases).copied().collect(),
        does: spec.does,
        options,
        operands: spec.words.iter().map(word).chain(files).collect(),
    }
}

impl Command {
    fn with(mut self, options: &'static [ProgramOption]) -> Self {
        self.options.push(options);
        self
    }

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

    /// Returns the program as which its options are parsed.
    pub fn program(&'static self) -> Program {
        Program {
            name: self.name(),
            usage: &[],
            about: &[],
            options: &self.options,
            operands: Completion::Nothing,
            examples: &[],
        }
    }

    /// Returns the operands that must be given.
    pub fn required(&self) -> impl Iterator<Item = &CommandOperand> {
        self.operands.iter().filter(|operand| operand.arity != Arity::Optional)
    }

    /// Returns the operand at this place on a command line; all after one that may be repeated are that one.
    pub fn operand(&self, index: usize) -> Option<&CommandOperand> {
        let repeated = self.operands.iter().position(|operand| operand.arity == Arity::Many);
        self.operands.get(repeated.map_or(index, |repeated| index.min(repeated)))
    }

    /// Returns its usage: its name, its options and its operands.
    pub fn usage(&self) -> String {
        let options = self.options.iter().copied().flatten();
        let option = |option: &ProgramOption| match option.short {
            "" => format!(" [{}]", option.long),
            short => format!(" [{short}]"),
        };
        let operand = |operand: &CommandOperand| match operand.arity {
            // A search of several files is seldom wanted, and would be a longer line than it is worth.
            Arity::Many if operand.kind != OperandKind::EitherFile => format!(" {}...", operand.name),
            Arity::Optional => format!(" [{}]", operand.name),
            Arity::One | Arity::Many => format!(" {}", operand.name),
        };
        let options: String = options.map(option).collect();
        self.name().to_owned() + &options + &self.operands.iter().map(operand).collect::<String>()
    }

    /// Refuses more operands than it takes.
    pub fn refuse_more(&self, given: usize) -> Result<()> {
        let is_limited = self.operands.iter().all(|operand| operand.arity != Arity::Many);
        match is_limited && given > self.operands.len() {
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
        let rows = [
            ("HELP", "help"),
            ("Dir", "list"),
            ("del", "delete"),
            ("EXIT", "logout"),
            ("?", "help"),
            ("mget", "download"),
            ("MPut", "upload"),
            ("md", "mkdir"),
            ("bye", "logout"),
        ];
        for (typed, name) in rows {
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
    }

    #[test]
    fn a_usage_has_the_options_and_operands() {
        let rows = [
            ("list", "list [-l] [DIR]"),
            ("upload", "upload FILE... [DIR]"),
            ("delete", "delete [-r] NAME..."),
            ("search", "search [-i] [--substring] [--lines] [-n] [--decompress] [-r] WORD IN"),
            ("reverse", "reverse [--per-line] IN OUT"),
        ];
        for (name, usage) in rows {
            assert_eq!(Command::find(name.as_bytes()).unwrap().usage(), usage);
        }
    }
}

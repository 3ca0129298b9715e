//! Reads lines from the terminal, with history, editing, and completion of commands, local files and names on the
//! server. It executes nothing.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::Path;
use std::rc::Rc;
use std::{fs, io};

use nix::sys::termios::{FlushArg, tcflush};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use crate::client::{Client, RemoteName};
use crate::error::{Error, Result, is_control};
use crate::tools::shell::command::{ArgumentKind, COMMANDS, Command, CommandArgument};
use crate::tools::shell::line::{Line, quoted};

/// The input at a prompt.
pub enum Typed {
    /// A line.
    Line(String),
    /// The line was cancelled with ^C.
    Nothing,
    /// The input ended, with ^D.
    End,
}

/// The editor of a session.
pub struct Prompt {
    editor: Editor<Completions, DefaultHistory>,
}

impl Prompt {
    /// Makes an editor on the terminal, whose completions come from this server.
    pub fn new(client: Rc<RefCell<Client>>) -> Result<Self> {
        let config = Config::builder().completion_type(CompletionType::List).auto_add_history(false).build();
        let mut editor = Editor::with_config(config).map_err(map_readline_error)?;
        editor.set_helper(Some(Completions { client, asked: RefCell::new(None) }));
        Ok(Prompt { editor })
    }

    /// Reads a command. A line that is not UTF-8 is a usage error, and is discarded.
    pub fn command(&mut self) -> Result<Typed> {
        let typed = self.read("cfp> ", None)?;
        if let Typed::Line(line) = &typed {
            // No error: a full history drops its oldest line, and keeps a repeated line once.
            let _ = self.editor.add_history_entry(line.as_str());
        }
        Ok(typed)
    }

    /// Asks for an argument, which is the whole line, spaces included. `None` if it was cancelled.
    pub fn argument(&mut self, wanted: &CommandArgument) -> Result<Option<OsString>> {
        match self.read(&format!("{}: ", wanted.question), Some(wanted.kind))? {
            Typed::Line(line) => Ok(Some(line.into())),
            _ => Ok(None),
        }
    }

    fn read(&mut self, prompt: &str, asked: Option<ArgumentKind>) -> Result<Typed> {
        if let Some(helper) = self.editor.helper() {
            *helper.asked.borrow_mut() = asked;
        }
        match self.editor.readline(prompt) {
            Ok(line) => Ok(Typed::Line(line)),
            Err(ReadlineError::Interrupted) => Ok(Typed::Nothing),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                // The rest of the line is discarded, so that it is not read as a command.
                let _ = tcflush(io::stdin(), FlushArg::TCIFLUSH);
                Err(Error::usage("what was typed is not UTF-8"))
            }
            Err(error) => Err(map_readline_error(error)),
        }
    }
}

fn map_readline_error(error: ReadlineError) -> Error {
    match error {
        ReadlineError::Io(error) => Error::io("terminal", error),
        error => Error::interrupted("terminal", error.to_string()),
    }
}

/// The completions of a line.
struct Completions {
    client: Rc<RefCell<Client>>,
    /// The kind of the argument that is asked for; `None` for a command.
    asked: RefCell<Option<ArgumentKind>>,
}

impl Completer for Completions {
    type Candidate = Pair;

    fn complete(&self, text: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = text.get(..at).unwrap_or(text);
        if let Some(kind) = *self.asked.borrow() {
            return Ok((0, self.names(kind, before, str::to_owned)));
        }
        let line = Line::part(before.as_bytes());
        let index = line.words.len() - usize::from(line.grows);
        let word =
            line.words.last().filter(|_| line.grows).map(|word| String::from_utf8_lossy(word).into_owned());
        let word = word.unwrap_or_default();
        if index == 0 {
            let names =
                COMMANDS.iter().map(Command::name).filter(|name| name.starts_with(&word.to_lowercase()));
            let pair = |name: &str| Pair { display: name.to_owned(), replacement: format!("{name} ") };
            return Ok((line.last, names.map(pair).collect()));
        }
        let command = line.words.first().and_then(|name| Command::find(name).ok());
        match command.and_then(|command| command.arguments().nth(index - 1)) {
            Some(argument) => Ok((line.last, self.names(argument.kind, &word, quoted))),
            None => Ok((at, Vec::new())),
        }
    }
}

impl Completions {
    /// Returns the names that begin with `word`. Names with control characters are left out: they cannot be typed,
    /// and would change the terminal.
    fn names(&self, kind: ArgumentKind, word: &str, write: impl Fn(&str) -> String) -> Vec<Pair> {
        let is_here = kind == ArgumentKind::LocalFile && !word.starts_with(':');
        let slash = word.rfind('/').map(|at| at + 1);
        let start = slash.unwrap_or(usize::from(!is_here && word.starts_with(':')));
        let (directory, _) = word.split_at(start);
        let names = match kind {
            ArgumentKind::Word => Vec::new(),
            _ if is_here => local(directory),
            _ => self.stored(directory),
        };
        names
            .into_iter()
            .filter(|name| !name.contains(is_control))
            .map(|name| match directory.is_empty() && !is_here && name.starts_with(':') {
                // A name that begins with a colon needs another one before it.
                true => (format!(":{name}"), name),
                false => (format!("{directory}{name}"), name),
            })
            .filter(|(whole, _)| whole.starts_with(word))
            .map(|(whole, display)| Pair { display, replacement: write(&whole) })
            .collect()
    }

    /// Returns the names in a directory on the server; none if the request fails.
    fn stored(&self, directory: &str) -> Vec<String> {
        let name = RemoteName::read(directory.as_ref()).as_directory();
        let entries = self.client.borrow_mut().list(&name, false).unwrap_or_default();
        entries.iter().filter_map(|entry| String::from_utf8(entry.name.bare()).ok()).collect()
    }
}

/// Returns the names in a local directory, sorted.
fn local(directory: &str) -> Vec<String> {
    let place = if directory.is_empty() { "." } else { directory };
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let is_directory = |name: &String| Path::new(place).join(name).is_dir();
    names.into_iter().map(|name| if is_directory(&name) { name + "/" } else { name }).collect()
}

impl Hinter for Completions {
    type Hint = String;
}

impl Highlighter for Completions {}
impl Validator for Completions {}
impl Helper for Completions {}

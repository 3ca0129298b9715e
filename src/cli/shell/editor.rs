//! The line a person types: prompt, history, editing, and completion of commands, local files and names on the
//! server. It carries out nothing.

use std::cell::RefCell;
use std::ffi::OsString;
use std::rc::Rc;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::command::{COMMANDS, Command, Need, Place};
use super::line::{Line, quoted};
use crate::client::{Client, Name};
use crate::error::{Error, Result};

/// What a person did at a prompt.
pub enum Typed {
    /// A line.
    Line(String),
    /// Took it back, with ^C.
    Nothing,
    /// Ended the input, with ^D.
    End,
}

/// The editor of a session.
pub struct Prompt {
    editor: Editor<Completions, DefaultHistory>,
}

impl Prompt {
    /// An editor on the terminal, whose completions ask this server.
    pub fn new(client: Rc<RefCell<Client>>) -> Result<Self> {
        let config = Config::builder().completion_type(CompletionType::List).auto_add_history(false).build();
        let mut editor = Editor::with_config(config).map_err(told)?;
        editor.set_helper(Some(Completions {
            client,
            files: FilenameCompleter::new(),
            asked: RefCell::new(None),
        }));
        Ok(Prompt { editor })
    }

    /// Reads a command.
    pub fn command(&mut self) -> Result<Typed> {
        let typed = self.read("cfp> ", None)?;
        if let Typed::Line(line) = &typed {
            // A history that is full forgets, and a line twice is kept once.
            let _ = self.editor.add_history_entry(line.as_str());
        }
        Ok(typed)
    }

    /// Asks for an argument: all of the line is it, spaces too. `None` when it was taken back.
    pub fn argument(&mut self, need: &Need) -> Result<Option<OsString>> {
        match self.read(&format!("{}: ", need.question), Some(need.place))? {
            Typed::Line(line) => Ok(Some(line.into())),
            _ => Ok(None),
        }
    }

    fn read(&mut self, prompt: &str, asked: Option<Place>) -> Result<Typed> {
        if let Some(helper) = self.editor.helper() {
            *helper.asked.borrow_mut() = asked;
        }
        match self.editor.readline(prompt) {
            Ok(line) => Ok(Typed::Line(line)),
            Err(ReadlineError::Interrupted) => Ok(Typed::Nothing),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(wrong) => Err(told(wrong)),
        }
    }
}

fn told(wrong: ReadlineError) -> Error {
    match wrong {
        ReadlineError::Io(wrong) => Error::io("terminal", wrong),
        wrong => Error::cut("terminal", wrong.to_string()),
    }
}

/// What could come next.
struct Completions {
    client: Rc<RefCell<Client>>,
    files: FilenameCompleter,
    /// What is asked for, where it is no command.
    asked: RefCell<Option<Place>>,
}

impl Completer for Completions {
    type Candidate = Pair;

    fn complete(&self, text: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = text.get(..at).unwrap_or(text);
        if let Some(place) = *self.asked.borrow() {
            return self.complete_name(place, before, 0, before, str::to_owned);
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
        match command.and_then(|command| command.argument(index - 1)) {
            Some(need) => self.complete_name(need.place, before, line.last, &word, quoted),
            None => Ok((at, Vec::new())),
        }
    }
}

impl Completions {
    /// The names that go on from `word`, which begins at `start` of the line.
    fn complete_name(
        &self,
        place: Place,
        line: &str,
        start: usize,
        word: &str,
        write: impl Fn(&str) -> String,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        match place {
            Place::Nowhere => Ok((line.len(), Vec::new())),
            Place::Here if !word.starts_with(':') => self.files.complete_path(line, line.len()),
            _ => Ok((start, self.stored(word, write))),
        }
    }

    /// The names on the server that go on from a word; none where it cannot be asked.
    fn stored(&self, word: &str, write: impl Fn(&str) -> String) -> Vec<Pair> {
        let (directory, _) =
            word.split_at(word.rfind('/').map_or(usize::from(word.starts_with(':')), |at| at + 1));
        let name = Name::read(directory.as_ref()).as_directory();
        let entries = self.client.borrow_mut().list(&name, false).unwrap_or_default();
        let whole = entries.iter().filter_map(|entry| String::from_utf8(entry.name.bare()).ok());
        whole
            .map(|name| (format!("{directory}{name}"), name))
            .filter(|(whole, _)| whole.starts_with(word))
            .map(|(whole, display)| Pair { display, replacement: write(&whole) })
            .collect()
    }
}

impl Hinter for Completions {
    type Hint = String;
}

impl Highlighter for Completions {}
impl Validator for Completions {}
impl Helper for Completions {}

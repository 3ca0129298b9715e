//! Reads lines from the terminal, with history and editing. Keys that come before they are asked for are kept: of a paste,
//! each line is one. It executes nothing; `completion.rs` completes.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, fs};

use nix::sys::termios::{FlushArg, tcflush};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{
    Cmd, CompletionType, ConditionalEventHandler, Config, Editor, Event, EventContext, EventHandler, KeyCode,
    KeyEvent, Modifiers, RepeatCount,
};

use crate::error::{Error, Result};
use crate::tools::shell::completion::Completions;
use crate::tools::shell::location::home;
use crate::tools::shell::session::{Question, Session};

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
    /// Where the commands of all sessions are kept.
    history: Option<PathBuf>,
    is_interrupted: Arc<AtomicBool>,
}

impl Prompt {
    /// Makes an editor on the terminal, with the history of earlier sessions.
    pub fn new(session: &Session) -> Result<Self> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .auto_add_history(false)
            .history_ignore_space(true)
            .build();
        let mut editor = Editor::with_config(config).map_err(map_readline_error)?;
        editor.set_helper(Some(Completions::new(session)));
        let history = history_file();
        // A file that cannot be read or written is no reason to refuse a session.
        history.iter().for_each(|history| drop(editor.load_history(history)));
        let is_interrupted = Arc::new(AtomicBool::new(false));
        let is_pasting = Arc::new(AtomicBool::new(false));
        let mut bind = |key, handler: Box<dyn ConditionalEventHandler>| {
            editor.bind_sequence(KeyEvent(key, Modifiers::NONE), EventHandler::Conditional(handler));
        };
        bind(
            KeyCode::BracketedPasteStart,
            Box::new(Pasting { is_pasting: is_pasting.clone(), begins: true }),
        );
        bind(KeyCode::BracketedPasteEnd, Box::new(Pasting { is_pasting: is_pasting.clone(), begins: false }));
        bind(KeyCode::Tab, Box::new(Tab { is_pasting }));
        let interrupt = Box::new(Interrupt(is_interrupted.clone()));
        editor.bind_sequence(KeyEvent::ctrl('C'), EventHandler::Conditional(interrupt));
        // A ^D that was typed ahead, while the terminal was not raw, arrives as NUL.
        editor.bind_sequence(KeyEvent::ctrl('@'), Cmd::EndOfFile);
        Ok(Prompt { editor, history, is_interrupted })
    }

    /// Completes names as this session means them.
    pub fn serve(&mut self, session: &Session) {
        if let Some(completions) = self.editor.helper_mut() {
            completions.serve(session);
        }
    }

    /// Reads a command. A line that is not UTF-8 is a usage error, and is discarded.
    pub fn command(&mut self) -> Result<Typed> {
        self.complete(None);
        let typed = self.read("cfp> ")?;
        if let (Typed::Line(line), Some(history)) = (&typed, &self.history) {
            // No error: a full history drops its oldest line, and keeps a repeated line once.
            let _ = self.editor.add_history_entry(line.as_str());
            let _ = self.editor.append_history(history);
        }
        Ok(typed)
    }

    /// Asks a question. The answer is the whole line, spaces included; `None` if there is none. It is not kept.
    pub fn answer(&mut self, question: &Question) -> Result<Option<Vec<u8>>> {
        self.complete(Some(question));
        let mark = if question.text.ends_with('?') { "" } else { ":" };
        match self.read(&format!("{}{mark} ", question.text))? {
            Typed::Line(line) => Ok(Some(line.into_bytes())),
            _ => Ok(None),
        }
    }

    fn complete(&mut self, question: Option<&Question>) {
        if let Some(completions) = self.editor.helper_mut() {
            completions.asked = question.map(|question| question.kind);
        }
    }

    fn read(&mut self, prompt: &str) -> Result<Typed> {
        let read = self.editor.readline(prompt);
        if self.is_interrupted.swap(false, Ordering::Relaxed) {
            return Ok(Typed::Nothing);
        }
        match read {
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

/// Returns the file of the history, whose directory is made (XDG Base Directory Specification).
fn history_file() -> Option<PathBuf> {
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|state| state.is_absolute());
    let directory = state.or_else(|| Some(home()?.join(".local/state")))?.join("cfp");
    fs::create_dir_all(&directory).ok()?;
    Some(directory.join("history"))
}

/// ^C: ends the line like the return key, and notes that it is not wanted. So no key that follows is lost.
struct Interrupt(Arc<AtomicBool>);

impl ConditionalEventHandler for Interrupt {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.0.store(true, Ordering::Relaxed);
        Some(Cmd::AcceptLine)
    }
}

/// The beginning and the end of a paste, which is read as if it was typed.
struct Pasting {
    is_pasting: Arc<AtomicBool>,
    begins: bool,
}

impl ConditionalEventHandler for Pasting {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.is_pasting.store(self.begins, Ordering::Relaxed);
        Some(Cmd::Noop)
    }
}

/// The tab key: in a paste it completes nothing.
struct Tab {
    is_pasting: Arc<AtomicBool>,
}

impl ConditionalEventHandler for Tab {
    fn handle(&self, _: &Event, n: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.is_pasting.load(Ordering::Relaxed).then(|| Cmd::Insert(n, "\t".to_owned()))
    }
}

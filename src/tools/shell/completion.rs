//! Completes commands, local files and names on the server. What it offers can be typed, and a terminal only shows it:
//! control characters are escaped.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use crate::client::{Cancellation, Client};
use crate::error::shown;
use crate::tools::shell::command::{COMMANDS, Command, OperandKind};
use crate::tools::shell::line::{Line, ShellWord, answered, quoted};
use crate::tools::shell::location::{WorkingDirectory, local};
use crate::tools::shell::session::Session;

/// How long a list on the server may take. Without one nothing is offered.
const LIST_TIMEOUT: Duration = Duration::from_secs(2);

/// The completions of a line.
pub struct Completions {
    client: Arc<Mutex<Client>>,
    directory: WorkingDirectory,
    /// The kind of the operand that is asked for; `None` for a command.
    pub asked: Option<OperandKind>,
}

impl Completions {
    /// Completes names as a session means them.
    pub fn new(session: &Session) -> Self {
        Completions { client: session.client.clone(), directory: session.directory.clone(), asked: None }
    }

    /// Completes names as another session means them.
    pub fn serve(&mut self, session: &Session) {
        *self = Completions { asked: self.asked, ..Completions::new(session) };
    }

    /// Returns the names that begin with `word`, each written by `write`.
    fn names(&self, kind: OperandKind, word: &[u8], write: impl Fn(&[u8]) -> String) -> Vec<Pair> {
        let has_colon = word.starts_with(b":");
        let is_path = [&b"./"[..], b"../", b"~/"].iter().any(|start| word.starts_with(start));
        let is_stored = has_colon || (kind == OperandKind::StoredFile && !is_path);
        let start = word.iter().rposition(|&byte| byte == b'/').map(|at| at + 1);
        let (directory, _) = word.split_at(start.unwrap_or(usize::from(has_colon)));
        let names = match kind {
            OperandKind::Word => Vec::new(),
            _ if is_stored => self.stored(directory.strip_prefix(b":").unwrap_or(directory)),
            _ => local_names(directory),
        };
        let whole = |name: &Vec<u8>| match directory.is_empty() && is_stored && name.starts_with(b":") {
            // A name that begins with a colon needs another one before it.
            true => [b":", name.as_slice()].concat(),
            false => [directory, name].concat(),
        };
        let names = names.iter().map(|name| (whole(name), name)).filter(|(whole, _)| whole.starts_with(word));
        names.map(|(whole, name)| Pair { display: shown(name), replacement: write(&whole) }).collect()
    }

    /// Returns the names in a directory on the server; none if the request fails or takes too long.
    fn stored(&self, directory: &[u8]) -> Vec<Vec<u8>> {
        let (client, name) = (self.client.clone(), self.directory.resolve(directory).as_directory());
        let (told, listed) = mpsc::channel();
        let cancellation = Cancellation::default();
        let own = cancellation.clone();
        let list = move || {
            let mut client = client.lock();
            let before = client.cancel_with(own);
            let listed = client.list(&name, false);
            client.cancel_with(before);
            let _ = told.send(listed.unwrap_or_default());
        };
        if thread::Builder::new().spawn(list).is_err() {
            return Vec::new();
        }
        let entries = listed.recv_timeout(LIST_TIMEOUT).unwrap_or_else(|_| {
            cancellation.cancel();
            Vec::new()
        });
        entries.iter().map(|entry| entry.name.bare()).collect()
    }
}

impl Completer for Completions {
    type Candidate = Pair;

    fn complete(&self, text: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = text.get(..at).unwrap_or(text);
        if let Some(kind) = self.asked {
            let word = ShellWord::of_answer(before.as_bytes()).literal();
            return Ok((0, self.names(kind, &word, answered)));
        }
        let line = Line::part(before.as_bytes());
        let index = line.words.len() - usize::from(line.grows);
        let word = line.words.last().filter(|_| line.grows).map(ShellWord::literal).unwrap_or_default();
        if index == 0 {
            let word = String::from_utf8_lossy(&word).to_lowercase();
            let names = COMMANDS.iter().map(Command::name).filter(|name| name.starts_with(&word));
            let pair = |name: &str| Pair { display: name.to_owned(), replacement: format!("{name} ") };
            return Ok((line.last, names.map(pair).collect()));
        }
        let is_option = |word: &&ShellWord| word.0.starts_with(b"-");
        let options = line.words.iter().skip(1).take_while(is_option).count();
        let command = line.words.first().and_then(|name| Command::find(&name.literal()).ok());
        match command.and_then(|command| command.operand(index.checked_sub(options + 1)?)) {
            Some(operand) => Ok((line.last, self.names(operand.kind, &word, quoted))),
            None => Ok((at, Vec::new())),
        }
    }
}

/// Returns the names in a local directory, sorted.
fn local_names(directory: &[u8]) -> Vec<Vec<u8>> {
    let path = local(directory).value;
    let place = if path.as_os_str().is_empty() { Path::new(".") } else { &path };
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let slash = |entry: &fs::DirEntry| if entry.path().is_dir() { &b"/"[..] } else { b"" };
    let mut names: Vec<_> =
        entries.map(|entry| [entry.file_name().as_bytes(), slash(&entry)].concat()).collect();
    names.sort();
    names
}

impl Hinter for Completions {
    type Hint = String;
}

impl Highlighter for Completions {}
impl Validator for Completions {}
impl Helper for Completions {}

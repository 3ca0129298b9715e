//! A session: the client, the directories, the output, and what its commands need of them. It does not know the commands.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::cli::{ExitStatus, report};
use crate::client::output::standard_streams::STDOUT;
use crate::client::{Call, Cancellation, Client, Operand, RemoteName};
use crate::error::{Error, Result, shown};
use crate::tools::shell::command::OperandKind;
use crate::tools::shell::expansion::expand;
use crate::tools::shell::line::ShellWord;
use crate::tools::shell::location::{Resolved, WorkingDirectory, bytes_of, local, only_local};
use crate::tools::shell::printer::Printer;

/// The most bytes of the response to `OPTIONS *`, of which the greeting is the first line.
const GREETING_MAX: u64 = 64 * 1024;

/// A question to the person at the terminal.
#[derive(Debug)]
pub struct Question {
    /// The text, without what follows it.
    pub text: String,
    /// What the answer names, and so where its completions come from.
    pub kind: OperandKind,
}

/// Asks a person; the answer is `None` if there was none. There is no person without a terminal.
pub type Ask<'a> = Option<&'a mut dyn FnMut(Question) -> Result<Option<Vec<u8>>>>;

/// One session.
pub struct Session {
    /// The name of the program, for messages.
    pub name: &'static str,
    /// The client; completion uses it too, between commands.
    pub client: Arc<Mutex<Client>>,
    /// The directory on the server.
    pub directory: WorkingDirectory,
    /// Whether the session was ended by `logout`.
    pub ended: bool,
    /// Whether the commands come from elsewhere than standard input, which a command may then read.
    pub input_is_free: bool,
    /// Whether no progress is shown.
    pub quiet: bool,
    /// Where results are printed.
    pub printer: Printer,
    /// The way in which the running command is cancelled.
    pub cancellation: Cancellation,
}

impl Session {
    /// Makes a session with the server of a client.
    pub fn new(name: &'static str, mut client: Client, input_is_free: bool) -> Result<Self> {
        let quiet = client.is_quiet();
        let cancellation = Cancellation::default();
        client.cancel_with(cancellation.clone());
        Ok(Session {
            name,
            client: Arc::new(Mutex::new(client)),
            directory: WorkingDirectory::default(),
            ended: false,
            input_is_free,
            quiet,
            printer: Printer::new(cancellation.clone())?,
            cancellation,
        })
    }

    /// Makes another session in the same place, for when this one does not come to an end.
    pub fn another(&self) -> Result<Self> {
        let client = self.client().another();
        Ok(Session {
            directory: self.directory.clone(),
            ..Session::new(self.name, client, self.input_is_free)?
        })
    }

    /// Has the password checked, prints the first line of the response to `OPTIONS *`, and how to get help.
    pub fn greet(&mut self) -> Result<()> {
        self.client().check_login()?;
        let text = self.client().send(&Call::new("OPTIONS", b"*".into()))?.check()?.text(GREETING_MAX)?;
        let first = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        self.say(&format!("{}\nType `help` to see what can be done, `logout` to end.", shown(first)))?;
        self.printer.check()
    }

    /// Prepares for the next command, and returns the way to cancel it.
    pub fn cancellation(&mut self) -> Cancellation {
        self.cancellation = Cancellation::default();
        self.client().cancel_with(self.cancellation.clone());
        self.printer.cancellation = self.cancellation.clone();
        self.cancellation.clone()
    }

    /// `logout`.
    pub fn logout(&mut self) -> Result<ExitStatus> {
        self.ended = true;
        let call = Call::new("OPTIONS", b"*".into()).with("Connection", "close");
        // A server that was stopped meanwhile has closed the connection already: the error is ignored.
        let _ = self.client().send(&call).and_then(|answer| answer.finish());
        self.done("Goodbye.")
    }

    /// Returns the client.
    pub fn client(&self) -> MutexGuard<'_, Client> {
        self.client.lock()
    }

    /// Prints a sentence.
    pub fn say(&mut self, sentence: &str) -> Result<()> {
        self.printer.say(sentence)
    }

    /// Prints the sentence of a command that is done.
    pub fn done(&mut self, sentence: &str) -> Result<ExitStatus> {
        self.say(sentence).map(|()| ExitStatus::DONE)
    }

    /// Does something for each of several operands. An error is printed, and the next operand follows, unless the command
    /// was cancelled; the error of a single operand is returned.
    pub fn for_each<T>(
        &mut self,
        operands: Vec<T>,
        mut act: impl FnMut(&mut Session, T) -> Result<ExitStatus>,
    ) -> Result<ExitStatus> {
        let (is_one, mut worst) = (operands.len() == 1, ExitStatus::DONE);
        for operand in operands {
            let outcome = self.cancellation.refuse_cancelled().and_then(|()| act(self, operand));
            let status = match outcome {
                Err(error) if is_one || self.ends(&error) => return Err(error),
                Err(error) => report(self.name, &error),
                Ok(status) => status,
            };
            worst = worst.max(status);
        }
        Ok(worst)
    }

    /// Returns whether an error ends the command, not only what is done for one operand: nobody reads the output, or the command
    /// was cancelled.
    pub fn ends(&self, error: &Error) -> bool {
        error.is_closed_pipe() || error.is_of(STDOUT) || self.cancellation.is_cancelled()
    }

    /// Returns the files on the server that an operand means, whose colon may be left out.
    pub fn stored(&self, word: &ShellWord) -> Result<Vec<Resolved<RemoteName>>> {
        let colon = if word.0.starts_with(b":") { 1 } else { 0 };
        let name = ShellWord(word.0.get(colon..).unwrap_or_default().to_vec());
        let names = expand(&name, &mut |directory| {
            let entries = self.client().list(&self.directory.resolve(directory).as_directory(), false)?;
            let entry = |entry: crate::client::ops::list::ListEntry| {
                (entry.name.base().unwrap_or_default().as_bytes().to_vec(), entry.name.directory)
            };
            Ok(entries.into_iter().map(entry).collect())
        })?;
        Ok(names.iter().map(|name| self.directory.stored(&[b":", name.as_slice()].concat())).collect())
    }

    /// Returns the one file on the server that an operand means.
    pub fn one_stored(&self, word: &ShellWord) -> Result<Resolved<RemoteName>> {
        one(word, self.stored(word)?)
    }

    /// Returns the files that an operand means, on the server if it begins with a colon.
    pub fn either(&self, word: &ShellWord) -> Result<Vec<Resolved<Operand>>> {
        if word.0.starts_with(b":") {
            let resolved = self.stored(word)?.into_iter();
            return Ok(resolved.map(|name| name.map(Operand::Stored)).collect());
        }
        let found = local_names(word)?;
        let found: Vec<_> = found.iter().map(|name| self.directory.either(name)).collect();
        if found.iter().any(|found| found.value == Operand::Standard) {
            self.require_free_input()?;
        }
        Ok(found)
    }

    /// Requires that no command comes from standard input.
    pub fn require_free_input(&self) -> Result<()> {
        match self.input_is_free {
            true => Ok(()),
            false => Err(Error::usage("-: standard input is where the commands come from")),
        }
    }

    /// Returns the one file that an operand means.
    pub fn one_either(&self, word: &ShellWord) -> Result<Resolved<Operand>> {
        one(word, self.either(word)?)
    }
}

/// Returns the local files that an operand means.
pub fn locals(word: &ShellWord) -> Result<Vec<Resolved<PathBuf>>> {
    local_names(word)?.iter().map(|name| only_local(name)).collect()
}

/// Expands a word on this machine. A name that a glob has found is a local one also if it looks like another operand.
fn local_names(word: &ShellWord) -> Result<Vec<Vec<u8>>> {
    let names = expand(word, &mut |directory| {
        let path = local(directory).value;
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { &path };
        // A directory that cannot be read has no names that match.
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        Ok(entries.map(|entry| (bytes_of(entry.file_name().into()), entry.path().is_dir())).collect())
    })?;
    let as_path = |name: Vec<u8>| match name.starts_with(b":") || name == b"-" {
        true => [b"./", name.as_slice()].concat(),
        false => name,
    };
    Ok(if word.is_glob() { names.into_iter().map(as_path).collect() } else { names })
}

fn one<T>(word: &ShellWord, mut found: Vec<Resolved<T>>) -> Result<Resolved<T>> {
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => {
            let word = shown(&word.literal());
            Err(Error::usage(format!("{word}: matches {} files, where one is needed", found.len() + 1)))
        }
    }
}

//! A session: executes commands over one connection, and prints the results as sentences on standard output. It does
//! not know where a line comes from.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::rc::Rc;

use crate::cli::ExitStatus;
use crate::client::{BodySource, Call, Client, Operand, Output, Precondition, RemoteName, Settings};
use crate::error::{Error, Result, shown};
use crate::http::Query;
use crate::text::{FilterQuery, FilterSpec, OutputKind};
use crate::tools::change::store;
use crate::tools::prepared_filter::PreparedFilter;
use crate::tools::shell::command::{Action, COMMANDS, Command, CommandArgument};
use crate::tools::shell::line::Line;
use crate::tools::shell::location::{local, shown_operand, shown_os, source, stored, target};
use crate::tools::terminal::{self, Visible};

/// What the help says below the table.
const NOTES: &str = "
`:name` is a file on the server. Where FILE is asked for, anything else is local; where NAME, OLD or NEW of a
file is asked for, anything is on the server. IN is a local file if there is one of that name, else on the
server. OUT is on the server unless it begins with ./, ../, / or ~/. Quote what holds a space: 'two words'.
";
/// The most bytes of the response to `OPTIONS *`, of which the greeting is the first line.
const GREETING_MAX: u64 = 64 * 1024;

/// Asks for a missing argument; `None` if there is nobody to ask, or the question was cancelled.
pub type Ask<'a> = &'a mut dyn FnMut(&CommandArgument) -> Result<Option<OsString>>;

/// One session.
pub struct Session {
    /// The client; completion uses it too, between commands.
    pub client: Rc<RefCell<Client>>,
    /// Whether the session was ended by `logout`.
    pub ended: bool,
    output: Output,
    /// Whether the output ends within a line: a displayed file need not end in a newline.
    midline: bool,
}

impl Session {
    /// Makes a session with the server of the settings.
    pub fn new(settings: &Settings) -> Result<Self> {
        let client = Rc::new(RefCell::new(Client::new(settings)?));
        Ok(Session { client, ended: false, output: Output::stdout()?, midline: false })
    }

    /// Prints the first line of the response to `OPTIONS *`, and how to get help.
    pub fn greet(&mut self) -> Result<()> {
        let text =
            self.client.borrow_mut().send(&Call::new("OPTIONS", b"*".into()))?.check()?.text(GREETING_MAX)?;
        let first = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        self.say(&format!("{}\nType `help` to see what can be done, `logout` to end.", shown(first)))
    }

    /// Executes one line; asks for missing arguments.
    pub fn execute(&mut self, line: &[u8], ask: Ask<'_>) -> Result<ExitStatus> {
        let mut words = Line::parse(line)?.into_iter().map(OsString::from_vec);
        let Some(name) = words.next() else { return Ok(ExitStatus::DONE) };
        let command = Command::find(name.as_bytes())?;
        let mut arguments: Vec<_> = words.collect();
        command.refuse_more(arguments.len())?;
        for missing in command.required.iter().skip(arguments.len()) {
            match ask(missing)? {
                Some(argument) => arguments.push(argument),
                None => {
                    return Err(Error::usage(format!("{} is missing: {}", missing.name, command.usage())));
                }
            }
        }
        command.refuse_empty(&arguments)?;
        match command.action {
            Action::Help => self.help(),
            Action::List => self.list(&arguments),
            Action::Upload => self.upload(&arguments),
            Action::Download => self.download(&arguments),
            Action::Rename => self.relocate("MOVE", &arguments, "is now"),
            Action::Copy => self.relocate("COPY", &arguments, "is copied to"),
            Action::Delete => self.delete(&arguments),
            Action::Filter(spec) => self.filter(spec, &arguments),
            Action::Display => self.display(&arguments),
            Action::Logout => self.logout(),
        }
    }

    /// `help`.
    fn help(&mut self) -> Result<ExitStatus> {
        let row = |command: &Command| {
            let also = command.names.get(1..).unwrap_or_default().join(", ");
            format!("  {:<24} {} ({also})\n", command.usage(), command.does)
        };
        let table: String = COMMANDS.iter().map(row).collect();
        self.say(&format!("The commands, in upper or lower case:\n{table}{}", NOTES.trim_end()))
            .map(|()| ExitStatus::DONE)
    }

    /// `list [DIR]`.
    fn list(&mut self, arguments: &[OsString]) -> Result<ExitStatus> {
        let name = stored(arguments.first()).as_directory();
        let entries = self.client.borrow_mut().list(&name, false)?;
        for entry in &entries {
            self.say(&shown(&entry.name.bare()))?;
        }
        if entries.is_empty() {
            self.say("There are no files.")?;
        }
        Ok(ExitStatus::DONE)
    }

    /// `upload FILE [NAME]`.
    fn upload(&mut self, arguments: &[OsString]) -> Result<ExitStatus> {
        let path = local(arguments.first());
        let base = RemoteName {
            components: vec![path.file_name().unwrap_or_default().as_bytes().to_vec()],
            directory: false,
        };
        let name = match arguments.get(1) {
            Some(name) => stored(Some(name)),
            None => base.clone(),
        };
        let name = if name.directory { name.join(&base) } else { name };
        self.client.borrow_mut().put(
            BodySource::open(&path)?,
            &name,
            &Query::default(),
            &Precondition::default(),
        )?;
        self.say(&format!("{} is stored as {}.", shown_os(&path), shown(&name.bare())))
            .map(|()| ExitStatus::DONE)
    }

    /// `download NAME [FILE]`.
    fn download(&mut self, arguments: &[OsString]) -> Result<ExitStatus> {
        let name = stored(arguments.first());
        name.refuse_none()?;
        let base = Path::new(name.base().unwrap_or(OsStr::new(".")));
        let path = match arguments.get(1) {
            Some(_) => local(arguments.get(1)),
            None => base.to_owned(),
        };
        let path = if path.is_dir() { path.join(base) } else { path };
        let mut output = Output::create(&path)?;
        self.client.borrow_mut().fetch(&name, &mut output, &|_| Ok(()))?;
        output.commit()?;
        self.say(&format!("{} is stored here as {}.", shown(&name.bare()), shown_os(&path)))
            .map(|()| ExitStatus::DONE)
    }

    /// `rename OLD NEW` and `copy OLD NEW`.
    fn relocate(&mut self, method: &'static str, arguments: &[OsString], verb: &str) -> Result<ExitStatus> {
        let (old, new) = (stored(arguments.first()), stored(arguments.get(1)));
        let new = self
            .client
            .borrow_mut()
            .relocate(method, &old, new, &Precondition::default())?
            .unwrap_or_default();
        self.say(&format!("{} {verb} {}.", shown(&old.bare()), shown(&new.bare()))).map(|()| ExitStatus::DONE)
    }

    /// `delete NAME`.
    fn delete(&mut self, arguments: &[OsString]) -> Result<ExitStatus> {
        let name = stored(arguments.first());
        if name.is_root() {
            return Err(Error::usage("the root cannot be deleted"));
        }
        self.client.borrow_mut().delete(&name, &Precondition::default())?;
        self.say(&format!("{} is deleted.", shown(&name.bare()))).map(|()| ExitStatus::DONE)
    }

    /// `search WORD IN`, `replace OLD NEW IN OUT`, `reverse IN OUT`, and so for every filter of the table.
    fn filter(&mut self, spec: &'static FilterSpec, arguments: &[OsString]) -> Result<ExitStatus> {
        let (words, files) = arguments.split_at(spec.words.len().min(arguments.len()));
        let words = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let filter = FilterQuery::new(spec, words, &[])?;
        let source = source(files.first());
        match filter.output {
            OutputKind::Text => self.change(&filter, &source, &target(files.get(1))),
            _ => self.count(&filter, &source),
        }
    }

    /// Counts the occurrences, and prints their number.
    fn count(&mut self, filter: &FilterQuery, source: &Operand) -> Result<ExitStatus> {
        let count = self.client.borrow_mut().count(source, &filter.pairs().collect())?;
        let times = match count {
            0 => "does not occur".to_owned(),
            1 => "occurs once".to_owned(),
            2 => "occurs twice".to_owned(),
            count => format!("occurs {count} times"),
        };
        self.say(&format!("{} {times} in {}.", filter.report(), shown_operand(source)))?;
        Ok(ExitStatus::of(count > 0))
    }

    /// Stores the result of a filter on a file, and prints where.
    fn change(&mut self, filter: &FilterQuery, source: &Operand, target: &Operand) -> Result<ExitStatus> {
        let prepared = PreparedFilter::new(filter)?;
        let (mut client, sources) = (self.client.borrow_mut(), std::slice::from_ref(source));
        store(&prepared, Some(&mut client), sources, target, &Precondition::default())?;
        drop(client);
        let place = if matches!(target, Operand::Stored(_)) { "on the server" } else { "here" };
        self.say(&format!("{}; the result is {} {place}.", filter.report(), shown_operand(target)))?;
        Ok(ExitStatus::DONE)
    }

    /// `display FILE`.
    fn display(&mut self, arguments: &[OsString]) -> Result<ExitStatus> {
        let source = match Operand::read(arguments.first().cloned().unwrap_or_default()) {
            Operand::Stored(name) => Operand::Stored(name),
            _ => Operand::Local(local(arguments.first())),
        };
        self.output.refuse_itself(&source)?;
        let mut sink = LineTracker { output: &mut self.output, midline: &mut self.midline };
        if !terminal::is_stdout() {
            return show(&mut self.client.borrow_mut(), &source, &mut sink).map(|()| ExitStatus::DONE);
        }
        let mut visible = Visible::new(sink);
        show(&mut self.client.borrow_mut(), &source, &mut visible)?;
        visible.finish().map_err(|error| Error::io("standard output", error))?;
        Ok(ExitStatus::DONE)
    }

    /// `logout`.
    pub fn logout(&mut self) -> Result<ExitStatus> {
        self.ended = true;
        let call = Call::new("OPTIONS", b"*".into()).with("Connection", "close");
        // A server that was stopped meanwhile has closed the connection already: the error is ignored.
        let _ = self.client.borrow_mut().send(&call).and_then(|answer| answer.finish());
        self.say("Goodbye.").map(|()| ExitStatus::DONE)
    }

    /// Prints a line.
    pub fn say(&mut self, line: &str) -> Result<()> {
        self.end_line()?;
        self.write(&format!("{line}\n"))
    }

    /// Ends the unterminated line of a displayed file: the prompt, written from the start of the line, would
    /// overwrite it.
    pub fn end_line(&mut self) -> Result<()> {
        match std::mem::take(&mut self.midline) {
            true => self.write("\n"),
            false => Ok(()),
        }
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.output.write_all(text.as_bytes()).map_err(|error| Error::io("standard output", error))
    }
}

/// The output, with a note of whether it ends within a line.
struct LineTracker<'a> {
    output: &'a mut Output,
    midline: &'a mut bool,
}

impl Write for LineTracker<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let written = self.output.write(block)?;
        if let Some(last) = block.get(..written).and_then(<[u8]>::last) {
            *self.midline = *last != b'\n';
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

fn show(client: &mut Client, source: &Operand, sink: &mut dyn Write) -> Result<()> {
    match source {
        Operand::Stored(name) => client.get(name, &Query::default())?.copy_to(sink, "standard output"),
        local => crate::tools::local::copy(local, sink, "standard output"),
    }
}

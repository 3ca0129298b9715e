//! Searches for a word in operands and prints the counts or the lines, as cfp-search does. `text` defines what an
//! occurrence is, on the server and in this process.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use crate::cli::{ExitStatus, for_each_operand, remark};
use crate::client::ops::filter::{self, Counts};
use crate::client::ops::list;
use crate::client::progress::display::{self, Sum};
use crate::client::{Client, Operand, Output, RemoteName, STDOUT, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Query;
use crate::text::{FilterQuery, LINE_NUMBER, LINES, OutputKind, PrefixedLines};
use crate::tools::glob_arguments::GlobArguments;
use crate::tools::json_lines::JsonLines;
use crate::tools::local;
use crate::tools::named_lines::NamedLines;
use crate::tools::prepared_filter::PreparedFilter;
use crate::tools::sources::{LinkHandling, advise_recursion, files_beneath, stored_beneath};
use crate::tools::terminal::{self, Visible};
use crate::tools::utf16;

/// What to search, and how the result is printed.
#[derive(Debug, PartialEq)]
pub struct FileSearch {
    /// How the server is reached.
    pub settings: Settings,
    /// The search.
    pub filter: FilterQuery,
    /// Whether the count of each file is printed, and not the total.
    pub per_file: bool,
    /// Whether directories are searched.
    pub recursive: bool,
    /// Which files beneath a directory are searched.
    pub globs: GlobArguments,
    /// Whether counts or lines are printed as JSON.
    pub json: bool,
    /// Whether a NUL byte follows each name.
    pub null: bool,
    /// Whether it runs in this process (`--local`).
    pub local: bool,
    /// The files.
    pub files: Vec<OsString>,
}

impl FileSearch {
    /// Searches the files, and prints what is found.
    pub fn run(self, program: &str) -> Result<ExitStatus> {
        display::begin(self.settings.quiet, Sum::IfShown);
        let search = PreparedFilter::new(&self.filter);
        let client = local::server(&self.settings, self.local)?;
        let mut output = Output::stdout()?;
        let lines = self.filter.output == OutputKind::Lines;
        let task = &self;
        let mut printer = Searcher { task, program, search, client, output: &mut output, lines, total: 0 };
        let mut searched = task.files.is_empty();
        let ending = for_each_operand(program, &task.files, |file| {
            let ending = printer.operand(&Operand::read(file.clone()))?;
            searched = true;
            Ok(ending)
        })?;
        let total = printer.total;
        // If no file could be searched, no total is printed, not even 0.
        if !self.per_file && !lines && searched {
            let line = if self.json { format!("{{\"count\":{total}}}\n") } else { format!("{total}\n") };
            output.write_all(line.as_bytes()).map_err(|error| Error::io(STDOUT, error))?;
        }
        Ok(ending.max(ExitStatus::of(total > 0)))
    }
}

/// A search that goes from operand to operand.
struct Searcher<'a> {
    task: &'a FileSearch,
    program: &'a str,
    search: PreparedFilter,
    /// The client; `None` with `--local`.
    client: Option<Client>,
    output: &'a mut Output,
    /// Whether lines are printed, and not counts.
    lines: bool,
    /// The number of occurrences so far; with `--lines`, of files with any.
    total: u64,
}

impl Searcher<'_> {
    /// Searches one operand: a file, or everything beneath a directory.
    fn operand(&mut self, operand: &Operand) -> Result<ExitStatus> {
        match operand {
            Operand::Local(path) if self.task.recursive && path.is_dir() => {
                let globs = self.task.globs.globs()?;
                for_each_operand(self.program, files_beneath(path, &globs), |path| {
                    let file = Operand::Local(path?);
                    // The output file is skipped; the shell mostly created it for this command: `-r . > out`.
                    match self.output.is_also(&file) {
                        true => Ok(ExitStatus::DONE),
                        false => self.file(&file),
                    }
                })
            }
            Operand::Stored(name) => {
                let recursive = self.task.recursive;
                let client = self.client.as_mut().ok_or_else(|| local::out_of_reach(name))?;
                match name.directory || (recursive && client.is_directory(name)?) {
                    true if recursive => self.directory(name.clone().as_directory()),
                    true => Err(Error::is_directory(name.shown(), "is a directory")),
                    false => self.file(operand),
                }
            }
            _ => {
                self.output.refuse_itself(operand)?;
                self.file(operand)
            }
        }
        .map_err(|error| advise_recursion(operand, error))
    }

    fn file(&mut self, source: &Operand) -> Result<ExitStatus> {
        let (before, remarks) = (self.total, !self.task.filter.decompresses && !self.task.settings.quiet);
        if remarks {
            utf16::remark_local(self.program, source);
        }
        match self.lines {
            true => match (self.print_lines(source), &mut self.client) {
                (Err(error), Some(client)) => return Err(reason(client, &self.task.filter, source, error)),
                (printed, _) => printed?,
            },
            false => {
                let count = self.search.count(self.client.as_mut(), source)?;
                self.tell(&source.shown(), count)?;
            }
        }
        // The server is asked how a file begins where nothing was found in it.
        if let (Operand::Stored(name), Some(client)) = (source, &mut self.client)
            && remarks
            && self.total == before
        {
            utf16::remark_stored(self.program, name, client);
        }
        Ok(ExitStatus::DONE)
    }

    /// Searches all files beneath a directory of the server: with one request, but for decompressed lines, which a server
    /// sends only up to the first file that it cannot decompress.
    fn directory(&mut self, name: RemoteName) -> Result<ExitStatus> {
        if let (true, Some(client)) = (self.lines && self.task.filter.decompresses, &mut self.client) {
            let files = stored_beneath(client, &name, &self.task.globs, LinkHandling::Followed)?;
            return for_each_operand(self.program, files, |file| self.file(&file?));
        }
        let Some(client) = self.client.as_mut().filter(|_| !self.lines) else {
            return self.print_lines_beneath(&name).map(|()| ExitStatus::DONE);
        };
        let mut query = self.search.query.clone();
        self.task.globs.add_to(&mut query);
        let Counts { counts, utf16, unreadable } = client.count_beneath(&name, &query)?;
        if !self.task.settings.quiet {
            utf16::remark_each(self.program, &name, &utf16);
        }
        for (file, count) in counts {
            self.tell(&Operand::Stored(name.join(&file)).shown(), count)?;
        }
        Ok(remark_unreadable(self.program, &unreadable))
    }

    fn print_lines(&mut self, source: &Operand) -> Result<()> {
        let name = source.shown();
        let is_named = self.task.recursive || self.task.files.len() > 1;
        let prefix = match is_named && !self.task.json {
            true => before_line(self.task.null, name.as_bytes()),
            false => Vec::new(),
        };
        let mut visible = Visible::new(&mut *self.output);
        let mut json = JsonLines::new(raw(&mut visible, self.task.json), name.as_bytes().to_vec(), false);
        let sink: &mut dyn Write = if self.task.json { &mut json } else { json.raw() };
        let mut lines = PrefixedLines::new(sink, &prefix);
        self.search.run(self.client.as_mut(), source, &mut lines, STDOUT)?;
        self.total += u64::from(!lines.is_empty());
        visible.finish().map(drop).map_err(|error| Error::io(STDOUT, error))
    }

    /// Prints the lines of all files beneath a directory of the server.
    fn print_lines_beneath(&mut self, directory: &RemoteName) -> Result<()> {
        let name = Operand::Stored(directory.clone()).shown();
        let mut query = self.search.query.clone();
        self.task.globs.add_to(&mut query);
        query.push("null", None);
        let null = self.task.null;
        let before = |below: &[u8]| before_line(null, &[name.as_bytes(), below].concat());
        let mut visible = Visible::new(&mut *self.output);
        let mut json = JsonLines::new(raw(&mut visible, self.task.json), name.as_bytes().to_vec(), true);
        let client = self.client.as_mut().ok_or_else(|| local::out_of_reach(directory))?;
        let is_empty = if self.task.json {
            let mut lines = PrefixedLines::new(&mut json, b"");
            client.lines_beneath(directory, &query, &mut lines, STDOUT)?;
            lines.is_empty()
        } else {
            let mut lines = NamedLines::new(json.raw(), &before);
            client.lines_beneath(directory, &query, &mut lines, STDOUT)?;
            lines.is_empty()
        };
        visible.finish().map(drop).map_err(|error| Error::io(STDOUT, error))?;
        self.total += u64::from(!is_empty);
        if is_empty && !self.task.settings.quiet {
            let mut query = count_of(&self.task.filter);
            self.task.globs.add_to(&mut query);
            utf16::remark_beneath(self.program, directory, client, &query);
        }
        Ok(())
    }

    /// Adds the count of a file, and prints it if each is printed.
    fn tell(&mut self, name: &OsStr, count: u64) -> Result<()> {
        self.total = filter::add(self.total, count)?;
        let name = name.as_bytes();
        let line = match (self.task.per_file, self.task.json) {
            (false, _) => return Ok(()),
            (true, false) => [&before_line(self.task.null, name), format!("{count}\n").as_bytes()].concat(),
            (true, true) => terminal::json(list::object(name, &[("count", count.into())])).into_bytes(),
        };
        self.output.write_all(&line).map_err(|error| Error::io(STDOUT, error))
    }
}

/// Returns the query of the count of what a filter prints the lines of.
pub(super) fn count_of(filter: &FilterQuery) -> Query {
    let of_lines = [LINES.name, LINE_NUMBER.name];
    filter.pairs().filter(|(name, _)| !of_lines.contains(name)).collect()
}

/// Returns why the lines of a source were cut, which an answer that has begun cannot tell: that of a count does.
pub(super) fn reason(client: &mut Client, filter: &FilterQuery, source: &Operand, error: Error) -> Error {
    if !filter.decompresses || error.is_of(STDOUT) || *source == Operand::Standard {
        return error;
    }
    match client.count(source, &count_of(filter)) {
        Err(reason) if matches!(reason.kind(), ErrorKind::Unprocessable | ErrorKind::TooLarge) => reason,
        _ => error,
    }
}

/// Returns what is printed of a name before a line or a count.
fn before_line(null: bool, name: &[u8]) -> Vec<u8> {
    match null {
        true => [name, b"\0"].concat(),
        false => [&terminal::name(name), &b":"[..]].concat(),
    }
}

/// Returns the sink that makes control characters visible on a terminal, or the one beneath it for JSON, which has none.
fn raw<W: Write>(visible: &mut Visible<W>, json: bool) -> &mut dyn Write {
    if json || !terminal::is_stdout() { visible.raw() } else { visible }
}

/// Prints the server's errors for files that it could not search, and returns the exit status for them.
pub(super) fn remark_unreadable(program: &str, unreadable: &[String]) -> ExitStatus {
    unreadable.iter().for_each(|said| remark(program, said));
    if unreadable.is_empty() { ExitStatus::DONE } else { ExitStatus::code(2) }
}

//! The filters of the table as commands, and `display`: counts are told in sentences, results are stored under a name.

use std::io;
use std::path::Path;

use crate::cli::{ExitStatus, report};
use crate::client::ops::filter::{self, Counts};
use crate::client::output::standard_streams::STDOUT;
use crate::client::{Client, Operand, Precondition, RemoteName};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::text::{FilterQuery, FilterSpec, Globs, OutputKind, PrefixedLines};
use crate::tools::change::store;
use crate::tools::local;
use crate::tools::named_lines::NamedLines;
use crate::tools::prepared_filter::PreparedFilter;
use crate::tools::search::{count_of, reason, remark_unreadable};
use crate::tools::shell::location::Resolved;
use crate::tools::shell::parsing::ParsedCommand;
use crate::tools::shell::session::Session;
use crate::tools::sources::files_beneath;
use crate::tools::utf16;

/// `search WORD IN`, `replace OLD NEW IN OUT`, `reverse IN OUT`, and so for every filter of the table.
pub fn filter(
    session: &mut Session,
    spec: &'static FilterSpec,
    parsed: &ParsedCommand,
) -> Result<ExitStatus> {
    let (words, files) = parsed.operands.split_at(spec.words.len().min(parsed.operands.len()));
    let words = words.iter().map(|word| word.literal()).collect();
    let flags: Vec<_> =
        spec.flags.iter().filter(|flag| parsed.has(flag.long)).map(|flag| flag.name).collect();
    let filter = FilterQuery::new(spec, words, &flags)?;
    if filter.output == OutputKind::Text {
        let source = session.one_either(&parsed.operand(spec.words.len()))?;
        let target = session.directory.either(&parsed.operand(spec.words.len() + 1).literal());
        return change(session, &filter, &source, &target);
    }
    let mut sources = Vec::new();
    for word in files {
        sources.extend(session.either(word)?);
    }
    let is_recursive = parsed.has("--recursive");
    let search = WordSearch { prepared: PreparedFilter::new(&filter), filter, is_recursive };
    let several = is_recursive || sources.len() > 1;
    let mut is_found = false;
    let status = session.for_each(sources, |session, source| {
        let found = search.operand(session, &source, several).map_err(|error| search_hint(&source, error))?;
        is_found |= found.any;
        Ok(found.status)
    })?;
    Ok(status.max(ExitStatus::of(is_found)))
}

/// What was found in one operand.
struct OperandFinding {
    /// Whether the word occurs in it.
    any: bool,
    /// The worst status of the files that could not be searched.
    status: ExitStatus,
}

impl OperandFinding {
    fn of(any: bool) -> Self {
        OperandFinding { any, status: ExitStatus::DONE }
    }
}

/// A search that counts or shows lines.
struct WordSearch {
    filter: FilterQuery,
    prepared: PreparedFilter,
    is_recursive: bool,
}

impl WordSearch {
    /// Searches one operand.
    fn operand(
        &self,
        session: &mut Session,
        source: &Resolved<Operand>,
        several: bool,
    ) -> Result<OperandFinding> {
        match &source.value {
            Operand::Stored(name)
                if self.is_recursive && (name.directory || session.client().is_directory(name)?) =>
            {
                self.beneath(session, source, &name.clone().as_directory())
            }
            Operand::Local(path) if self.is_recursive && path.is_dir() => {
                self.beneath_local(session, source, path)
            }
            _ => self.file(session, source, several).map(OperandFinding::of),
        }
    }

    fn file(&self, session: &mut Session, source: &Resolved<Operand>, several: bool) -> Result<bool> {
        if self.filter.output == OutputKind::Count {
            let count = self.count(session, &source.value)?;
            return self.tell(session, count, &source.typed);
        }
        self.remark_before(session, &source.value);
        session.printer.refuse_itself(&source.value)?;
        let prefix = if several { format!("{}:", source.typed) } else { String::new() };
        let mut client = session.client.lock();
        let mut is_empty = true;
        let shown = session.printer.show(|sink| {
            let mut lines = PrefixedLines::new(sink, prefix.as_bytes());
            let run = self.prepared.run(Some(&mut client), &source.value, &mut lines, STDOUT);
            is_empty = lines.is_empty();
            run
        });
        shown.map_err(|error| match session.cancellation.is_cancelled() {
            true => error,
            false => reason(&mut client, &self.filter, &source.value, error),
        })?;
        drop(client);
        self.remark_after(session, &source.value, is_empty);
        if is_empty && !several {
            self.tell(session, 0, &source.typed)?;
        }
        Ok(!is_empty)
    }

    fn count(&self, session: &mut Session, source: &Operand) -> Result<u64> {
        self.remark_before(session, source);
        let count = self.prepared.count(Some(&mut session.client()), source)?;
        self.remark_after(session, source, count == 0);
        Ok(count)
    }

    /// Remarks on a local source in UTF-16, before it is searched.
    fn remark_before(&self, session: &Session, source: &Operand) {
        if !self.filter.decompresses && !session.quiet {
            utf16::remark_local(session.name, source);
        }
    }

    /// Remarks on a stored source in UTF-16, after a search that has found nothing.
    fn remark_after(&self, session: &Session, source: &Operand, is_nothing_found: bool) {
        let remarks = is_nothing_found && !self.filter.decompresses && !session.quiet;
        if let (Operand::Stored(name), true) = (source, remarks) {
            utf16::remark_stored(session.name, name, &mut session.client());
        }
    }

    /// Searches everything beneath a directory on the server, with one request.
    fn beneath(
        &self,
        session: &mut Session,
        source: &Resolved<Operand>,
        name: &RemoteName,
    ) -> Result<OperandFinding> {
        let prefix = match source.typed.as_str() {
            ":" => ":".to_owned(),
            typed => format!("{}/", typed.trim_end_matches('/')),
        };
        if self.filter.output != OutputKind::Count && self.filter.decompresses {
            // In its lines, a server cannot tell of a file that it cannot decompress.
            let listed = session.client().list(name, true)?;
            let files = listed.into_iter().filter(|entry| !entry.name.directory).map(|entry| {
                let typed = format!("{prefix}{}", shown(&entry.name.bare()));
                Ok(Resolved { value: Operand::Stored(name.join(&entry.name)), typed })
            });
            return self.each(session, source, files);
        }
        if self.filter.output != OutputKind::Count {
            let mut client = session.client.lock();
            let mut is_empty = true;
            let mut query = self.prepared.query.clone();
            query.push("null", None);
            let before = |below: &[u8]| format!("{prefix}{}:", shown(below)).into_bytes();
            session.printer.show(|sink| {
                let mut lines = NamedLines::new(sink, &before);
                let found = client.lines_beneath(name, &query, &mut lines, STDOUT);
                is_empty = lines.is_empty();
                found
            })?;
            if is_empty && !session.quiet {
                utf16::remark_beneath(session.name, name, &mut client, &count_of(&self.filter));
            }
            return Ok(OperandFinding::of(!is_empty));
        }
        let found = session.client().count_beneath(name, &self.prepared.query)?;
        let Counts { counts, utf16, unreadable } = found;
        if !session.quiet {
            utf16::remark_each(session.name, name, &utf16);
        }
        let named = |(file, count): (RemoteName, u64)| (format!("{prefix}{}", shown(&file.bare())), count);
        let status = remark_unreadable(session.name, &unreadable);
        let any = self.tell_all(session, counts.into_iter().map(named), &prefix)?;
        Ok(OperandFinding { any, status })
    }

    /// Searches everything beneath a local directory.
    fn beneath_local(
        &self,
        session: &mut Session,
        source: &Resolved<Operand>,
        root: &Path,
    ) -> Result<OperandFinding> {
        let globs = Globs::default();
        let files = files_beneath(root, &globs).map(|path| {
            let path = path?;
            let typed = shown(path.as_os_str().as_encoded_bytes());
            Ok(Resolved { value: Operand::Local(path), typed })
        });
        self.each(session, source, files)
    }

    /// Searches each of the files beneath a directory. One that cannot be searched is reported, and the next follows.
    fn each(
        &self,
        session: &mut Session,
        source: &Resolved<Operand>,
        files: impl Iterator<Item = Result<Resolved<Operand>>>,
    ) -> Result<OperandFinding> {
        let (mut counts, mut status) = (Vec::new(), ExitStatus::DONE);
        for file in files {
            session.cancellation.refuse_cancelled()?;
            let file = file?;
            let counted = match self.filter.output {
                OutputKind::Count => self.count(session, &file.value),
                _ => self.file(session, &file, true).map(u64::from),
            };
            match counted {
                Err(error) if session.ends(&error) => return Err(error),
                Err(error) => status = status.max(report(session.name, &error)),
                Ok(count) => counts.push((file.typed, count)),
            }
        }
        let any = match self.filter.output {
            OutputKind::Count => self.tell_all(session, counts.into_iter(), &source.typed)?,
            _ => counts.iter().any(|(_, found)| *found > 0),
        };
        Ok(OperandFinding { any, status })
    }

    /// Tells the count of each file that holds the word, and their sum.
    fn tell_all(
        &self,
        session: &mut Session,
        counts: impl Iterator<Item = (String, u64)>,
        directory: &str,
    ) -> Result<bool> {
        let mut total = 0;
        for (name, count) in counts.filter(|(_, count)| *count > 0) {
            total = filter::add(total, count)?;
            self.tell(session, count, &name)?;
        }
        self.tell(session, total, directory)
    }

    /// Tells a count in a sentence, and returns whether it is not 0.
    fn tell(&self, session: &mut Session, count: u64, name: &str) -> Result<bool> {
        let times = if count == 1 { "time" } else { "times" };
        session.say(&format!("{} occurs {count} {times} in {name}.", self.filter.report()))?;
        Ok(count > 0)
    }
}

/// Says what to do next about an operand that cannot be searched.
fn search_hint(source: &Resolved<Operand>, error: Error) -> Error {
    match hint(source, error) {
        Error::Failed { kind: ErrorKind::IsDirectory, name, .. } => {
            Error::is_directory(name, "is a directory: use -r")
        }
        error => error,
    }
}

/// Says what to do next about an operand that cannot be read.
fn hint(source: &Resolved<Operand>, error: Error) -> Error {
    match (&source.value, source.blame(error)) {
        (Operand::Local(_), Error::System { name, source })
            if source.kind() == io::ErrorKind::NotFound && !name.contains('/') =>
        {
            let what = format!("no such file or directory here: `:{name}` would be on the server");
            Error::not_found(name, what)
        }
        (_, error) => error,
    }
}

/// Stores the result of a filter on a file, and tells where.
fn change(
    session: &mut Session,
    filter: &FilterQuery,
    source: &Resolved<Operand>,
    target: &Resolved<Operand>,
) -> Result<ExitStatus> {
    let prepared = PreparedFilter::new(filter);
    let blame = |error| target.blame(hint(source, error));
    if target.value == Operand::Standard {
        let mut client = session.client.lock();
        session.printer.refuse_itself(&source.value)?;
        let shown = session
            .printer
            .show(|sink| prepared.run(Some(&mut client), &source.value, sink, STDOUT).map_err(blame));
        return shown.map(|()| ExitStatus::DONE);
    }
    let sources = std::slice::from_ref(&source.value);
    store(&prepared, Some(&mut session.client()), sources, &target.value, &Precondition::default(), None)
        .map_err(blame)?;
    let place = if matches!(target.value, Operand::Stored(_)) { "on the server" } else { "here" };
    session.done(&format!("{}; the result is {} {place}.", filter.report(), target.typed))
}

/// `display FILE...`.
pub fn display(session: &mut Session, parsed: &ParsedCommand) -> Result<ExitStatus> {
    let mut sources = Vec::new();
    for word in &parsed.operands {
        sources.extend(session.either(word)?);
    }
    print(session, sources)
}

/// Prints the content of each source.
pub(super) fn print(session: &mut Session, sources: Vec<Resolved<Operand>>) -> Result<ExitStatus> {
    session.for_each(sources, |session, source| {
        session.printer.refuse_itself(&source.value)?;
        let mut client = session.client.lock();
        let shown = session.printer.show(|sink| show(&mut client, &source.value, sink));
        shown.map_err(|error| hint(&source, error)).map(|()| ExitStatus::DONE)
    })
}

fn show(client: &mut Client, source: &Operand, sink: &mut dyn io::Write) -> Result<()> {
    match source {
        Operand::Stored(name) => client.copy_file(name, sink, STDOUT),
        here => local::copy(here, sink, STDOUT),
    }
}

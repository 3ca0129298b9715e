//! Filters files in place: each result replaces its source, and where nothing changes nothing is written.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::cli::{ExitStatus, for_each_operand};
use crate::client::{Client, Operand, Output, Precondition, STDOUT, filter};
use crate::error::{Error, Result};
use crate::text::{FilterQuery, SEARCH};
use crate::tools::prepared_filter::PreparedFilter;
use crate::tools::{local, terminal, utf16};

/// A filter that replaces files by its results.
pub(super) struct InPlace<'a> {
    /// The server; without one the filter runs in this process.
    pub client: Option<Client>,
    /// The filter.
    pub filter: PreparedFilter,
    /// The filter that replaces a word, whose number of replacements is printed; `None` for another filter.
    pub counted: Option<&'a FilterQuery>,
    /// Whether a remark tells of a text in UTF-16.
    pub remarks: bool,
    /// What must hold of a file on the server.
    pub precondition: &'a Precondition,
    /// Says what to do next about a source that cannot be changed.
    pub advise: &'a dyn Fn(&Operand, Error) -> Error,
}

impl InPlace<'_> {
    /// Changes each file, and prints the number of changes where that is counted.
    pub fn run(mut self, name: &str, sources: Vec<Result<Operand>>) -> Result<ExitStatus> {
        let (mut printed, mut total) = (self.counted.map(|_| Output::stdout()).transpose()?, 0);
        let mut unprinted = None;
        let status = for_each_operand(name, sources, |source| {
            let source = source?;
            if self.remarks {
                utf16::remark_local(name, &source);
            }
            let changed = self.change(&source).map_err(|error| (self.advise)(&source, error))?;
            if let (Operand::Stored(stored), Some(client), true) =
                (&source, &mut self.client, self.remarks && changed == 0)
            {
                utf16::remark_stored(name, stored, client);
            }
            total = filter::add(total, changed)?;
            if let Some(output) = &mut printed {
                let name = terminal::name(source.shown().as_bytes());
                let line = [&name, format!(": {changed} replaced\n").as_bytes()].concat();
                // The files are changed all the same where nobody reads the numbers, or they cannot be printed.
                if let Err(error) = output.write_all(&line) {
                    unprinted = (error.kind() != ErrorKind::BrokenPipe).then(|| Error::io(STDOUT, error));
                    printed = None;
                }
            }
            Ok(ExitStatus::DONE)
        })?;
        match unprinted {
            Some(error) => Err(error),
            None => Ok(status.max(ExitStatus::of(total > 0 || self.counted.is_none()))),
        }
    }

    /// Changes one file, and returns the number of changes.
    fn change(&mut self, source: &Operand) -> Result<u64> {
        match (source, &mut self.client) {
            (Operand::Stored(name), None) => Err(local::out_of_reach(name)),
            // A server that does not tell has written something.
            (Operand::Stored(name), Some(client)) => {
                Ok(client.filter_into(source, &self.filter.query, name, self.precondition)?.unwrap_or(1))
            }
            (Operand::Local(path), _) => self.change_local(path, source),
            (Operand::Standard, _) => Err(Error::usage("--in-place needs a FILE")),
        }
    }

    fn change_local(&mut self, path: &Path, source: &Operand) -> Result<u64> {
        refuse_irregular(path)?;
        let mut output = Output::create(path)?;
        let name = output.name.clone();
        let changed = match (&mut self.client, self.counted) {
            (None, _) => local::change(&*self.filter.filter, source, &mut output, &name)?,
            (Some(client), Some(filter)) => {
                let search = PreparedFilter::new(&filter.with_spec(&SEARCH)?);
                let changed = search.count(Some(client), source)?;
                if changed > 0 {
                    self.filter.run(Some(client), source, &mut output, &name)?;
                }
                changed
            }
            (Some(client), None) => local::compare(source, &mut output, |sink| {
                self.filter.run(Some(client), source, sink, &name)
            })?,
        };
        if changed > 0 {
            output.commit()?;
        }
        Ok(changed)
    }
}

/// Refuses a device or a pipe, which would be read and written at the same time. A missing file and a directory are
/// reported when they are opened.
fn refuse_irregular(path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(meta) if !meta.is_file() && !meta.is_dir() => {
            Err(Error::conflict(path.as_os_str().as_bytes(), "is not a regular file"))
        }
        _ => Ok(()),
    }
}

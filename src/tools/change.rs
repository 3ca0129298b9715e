//! Applies a filter that changes a text, from any operands to any operand or in place: what cfp-replace and
//! cfp-reverse have in common. They choose the filter.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::cli::{ExitStatus, for_each_operand};
use crate::client::ops::filter;
use crate::client::output::standard_streams::STDOUT;
use crate::client::{Client, Operand, Output, Precondition, Settings, Tag};
use crate::error::{Error, Result};
use crate::tools::prepared_filter::PreparedFilter;
use crate::tools::{local, terminal};

/// Where the results of a change are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResultTarget {
    /// All results, in order, to one operand; to standard output if there is none.
    One(Option<OsString>),
    /// Each result to its source file.
    InPlace,
}

impl ResultTarget {
    /// Returns the target for `-o`, `--in-place` and these files.
    pub fn new(output: Option<OsString>, in_place: bool, files: &[OsString]) -> Result<Self> {
        match (output, in_place) {
            (_, true) if files.is_empty() || files.iter().any(|file| file == "-") => {
                Err(Error::usage("--in-place needs a FILE"))
            }
            (_, true) => Ok(ResultTarget::InPlace),
            (output, false) => Ok(ResultTarget::One(output)),
        }
    }
}

/// Returns the precondition for `--if-match`: the one file of the server that is replaced has this version. It is
/// refused where the result of one stored file is stored under the name of another: the server would not check it.
pub fn precondition(tag: Option<Tag>, target: &ResultTarget, files: &[OsString]) -> Result<Precondition> {
    let stored = |name: &OsString| match Operand::read(name.clone()) {
        Operand::Stored(name) => Some(name),
        _ => None,
    };
    let fits = match (target, files) {
        (ResultTarget::InPlace, [file]) => stored(file).is_some(),
        (ResultTarget::One(Some(output)), []) => stored(output).is_some(),
        (ResultTarget::One(Some(output)), [file]) => {
            stored(output).is_some_and(|to| stored(file).is_none_or(|from| from == to))
        }
        _ => false,
    };
    match fits || tag.is_none() {
        true => Ok(Precondition::on(tag)),
        false => Err(Error::usage(
            "--if-match needs one file of the server that is replaced by what is made of it or of a local one",
        )),
    }
}

/// A filter to apply to files.
pub struct Change {
    /// The filter.
    pub filter: PreparedFilter,
    /// Whether it runs in this process (`--local`).
    pub local: bool,
    /// The precondition for a result that is stored on the server.
    pub precondition: Precondition,
    /// The search that counts what the filter changes; `None` if no count is printed.
    pub count: Option<PreparedFilter>,
}

impl Change {
    /// Changes files, or standard input if there are none.
    pub fn run(
        &self,
        name: &str,
        settings: &Settings,
        mut files: Vec<OsString>,
        target: ResultTarget,
    ) -> Result<ExitStatus> {
        let client = &mut local::server(settings, self.local)?;
        if files.is_empty() {
            files.push("-".into());
        }
        let mut sources = files.into_iter().map(Operand::read);
        match target {
            ResultTarget::InPlace => self.run_in_place(name, client, sources),
            ResultTarget::One(output) => match output.map_or(Operand::Standard, Operand::read) {
                Operand::Standard => {
                    let mut output = Output::stdout()?;
                    for_each_operand(name, sources, |source| self.write(client, &source, &mut output))
                }
                Operand::Local(path) => {
                    let mut output = Output::create(&path)?;
                    sources.try_for_each(|source| self.write(client, &source, &mut output).map(drop))?;
                    output.commit().map(|()| ExitStatus::DONE)
                }
                stored => match (sources.next(), sources.next()) {
                    (Some(source), None) => self.store(client, &source, stored),
                    _ => Err(Error::usage("a file on the server is made of one FILE")),
                },
            },
        }
    }

    /// Changes each file in place, and prints the number of changes if they are counted.
    fn run_in_place(
        &self,
        name: &str,
        client: &mut Option<Client>,
        sources: impl Iterator<Item = Operand>,
    ) -> Result<ExitStatus> {
        let (mut output, mut total) = (self.count.as_ref().map(|_| Output::stdout()).transpose()?, 0);
        let ending = for_each_operand(name, sources, |source| {
            let changed = self.change_in_place(client, &source)?;
            total = filter::add(total, changed)?;
            if let Some(output) = &mut output {
                let name = terminal::name(source.shown().as_bytes());
                let line = [&name, format!(": {changed} replaced\n").as_bytes()].concat();
                output.write_all(&line).map_err(|error| Error::io(STDOUT, error))?;
            }
            Ok(ExitStatus::DONE)
        })?;
        Ok(ending.max(ExitStatus::of(total > 0 || self.count.is_none())))
    }

    /// Changes one file in place, and returns the number of changes; an unchanged file is not written.
    fn change_in_place(&self, client: &mut Option<Client>, source: &Operand) -> Result<u64> {
        match (source, client) {
            (Operand::Stored(name), None) => Err(local::out_of_reach(name)),
            // A server that sends no count has written the file.
            (Operand::Stored(name), Some(client)) => {
                Ok(client.filter_into(source, &self.filter.query, name, &self.precondition)?.unwrap_or(1))
            }
            (Operand::Local(path), client) => {
                refuse_irregular(path)?;
                let mut output = Output::create(path)?;
                let name = output.name.clone();
                let changed = match &self.count {
                    _ if client.is_none() => local::change(&*self.filter.filter, source, &mut output, &name)?,
                    Some(search) => match search.count(client, source)? {
                        0 => 0,
                        changed => {
                            self.filter.run(client, source, &mut output, &name)?;
                            changed
                        }
                    },
                    None => local::compare(source, &mut output, |sink| {
                        self.filter.run(client, source, sink, &name)
                    })?,
                };
                if changed > 0 {
                    output.commit()?;
                }
                Ok(changed)
            }
            (Operand::Standard, _) => Err(Error::usage("--in-place needs a FILE")),
        }
    }

    fn store(&self, client: &mut Option<Client>, source: &Operand, target: Operand) -> Result<ExitStatus> {
        match target {
            Operand::Local(path) => {
                refuse_irregular(&path)?;
                let mut output = Output::create(&path)?;
                self.write(client, source, &mut output)?;
                output.commit()?;
            }
            Operand::Stored(name) => match client {
                None => return Err(local::out_of_reach(&name)),
                Some(client) => {
                    client.filter_into(source, &self.filter.query, &name, &self.precondition)?;
                }
            },
            Operand::Standard => drop(self.write(client, source, &mut Output::stdout()?)?),
        }
        Ok(ExitStatus::DONE)
    }

    fn write(
        &self,
        client: &mut Option<Client>,
        source: &Operand,
        output: &mut Output,
    ) -> Result<ExitStatus> {
        output.refuse_itself(source)?;
        let name = output.name.clone();
        self.filter.run(client, source, output, &name)?;
        Ok(ExitStatus::DONE)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_one_thing_or_each_file_itself() {
        let file = [OsString::from("f")];
        assert_eq!(ResultTarget::new(None, true, &file).unwrap(), ResultTarget::InPlace);
        assert_eq!(
            ResultTarget::new(Some("o".into()), false, &[]).unwrap(),
            ResultTarget::One(Some("o".into()))
        );
        let rows: [(Option<&str>, bool, &[OsString]); 2] = [(None, true, &[]), (None, true, &["-".into()])];
        for (output, in_place, files) in rows {
            assert!(ResultTarget::new(output.map(OsString::from), in_place, files).is_err());
        }
    }
}

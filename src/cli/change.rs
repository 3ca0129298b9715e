//! Changes: a filter that makes a new text of an old one, from any operand to any operand. It is what cfp-replace
//! and cfp-reverse have in common; which filter it is they say.

use std::ffi::OsString;

use super::{Ending, each, local};
use crate::client::{Client, Guard, Operand, Output, Settings, Tag};
use crate::error::{Error, Result};
use crate::http::Query;
use crate::text::Filter;

/// Where a change's results go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// All one after the other into one operand; standard output where none is given.
    One(Option<OsString>),
    /// Each into the file it came from.
    InPlace,
}

impl Target {
    /// The target that `-o` and `--in-place` ask for, for these files.
    pub fn new(output: Option<OsString>, in_place: bool, files: &[OsString]) -> Result<Self> {
        match (output, in_place) {
            (Some(_), true) => Err(Error::usage("--in-place and --output exclude each other")),
            (None, true) if files.is_empty() || files.iter().any(|file| file == "-") => {
                Err(Error::usage("--in-place needs a FILE"))
            }
            (None, true) => Ok(Target::InPlace),
            (Some(output), false) if output.is_empty() => Err(Error::usage("--output needs a name")),
            (output, false) => Ok(Target::One(output)),
        }
    }
}

/// The guard that `--if-match` asks for: the one file of the server that is replaced is of this version. What a
/// filter makes of one stored file is put under the name of another without such a condition, so none is pretended.
pub fn guard(tag: Option<Tag>, target: &Target, files: &[OsString]) -> Result<Guard> {
    let stored = |name: &OsString| match Operand::read(name.clone()) {
        Operand::Stored(name) => Some(name),
        _ => None,
    };
    let fits = match (target, files) {
        (Target::InPlace, [file]) => stored(file).is_some(),
        (Target::One(Some(output)), []) => stored(output).is_some(),
        (Target::One(Some(output)), [file]) => {
            stored(output).is_some_and(|to| stored(file).is_none_or(|from| from == to))
        }
        _ => false,
    };
    match fits || tag.is_none() {
        true => Ok(Guard::on(tag)),
        false => Err(Error::usage(
            "--if-match needs one file of the server that is replaced by what is made of it or of a local one",
        )),
    }
}

/// A filter, in both its forms.
pub struct Change<'a> {
    /// As the server is asked for it.
    pub query: Query,
    /// As it runs here.
    pub filter: &'a dyn Filter,
    /// Whether it is to run here.
    pub local: bool,
    /// What must hold where the result is stored on the server.
    pub guard: Guard,
}

impl Change<'_> {
    /// Changes files, or standard input where there are none.
    pub fn run(
        &self,
        name: &str,
        settings: &Settings,
        mut files: Vec<OsString>,
        target: Target,
    ) -> Result<Ending> {
        let mut client = Client::new(settings)?;
        if files.is_empty() {
            files.push("-".into());
        }
        let mut sources = files.into_iter().map(Operand::read);
        match target {
            Target::InPlace => each(name, sources, |source| {
                let target = source.clone();
                self.store(&mut client, &source, target)
            }),
            Target::One(output) => match output.map_or(Operand::Standard, Operand::read) {
                Operand::Standard => {
                    let mut output = Output::stdout()?;
                    each(name, sources, |source| self.write(&mut client, &source, &mut output))
                }
                Operand::Local(path) => {
                    let mut output = Output::create(&path)?;
                    sources.try_for_each(|source| self.write(&mut client, &source, &mut output).map(drop))?;
                    output.commit().map(|()| Ending::DONE)
                }
                stored => match (sources.next(), sources.next()) {
                    (Some(source), None) => self.store(&mut client, &source, stored),
                    _ => Err(Error::usage("a file on the server is made of one FILE")),
                },
            },
        }
    }

    fn store(&self, client: &mut Client, source: &Operand, target: Operand) -> Result<Ending> {
        match target {
            Operand::Local(path) => {
                let mut output = Output::create(&path)?;
                self.write(client, source, &mut output)?;
                output.commit()?;
            }
            Operand::Stored(name) => {
                self.refuse_server(&Operand::Stored(name.clone()))?;
                client.filter_into(source, &self.query, &name, &self.guard)?;
            }
            Operand::Standard => drop(self.write(client, source, &mut Output::stdout()?)?),
        }
        Ok(Ending::DONE)
    }

    fn write(&self, client: &mut Client, source: &Operand, output: &mut Output) -> Result<Ending> {
        self.refuse_server(source)?;
        let name = output.name.clone();
        match self.local {
            true => local::run(self.filter, source, false, output, &name)?,
            false => client.filter_to(source, &self.query, output, &name)?,
        }
        Ok(Ending::DONE)
    }

    fn refuse_server(&self, operand: &Operand) -> Result<()> {
        match operand {
            Operand::Stored(name) if self.local => {
                Err(Error::status(404, name.shown(), "is on the server, where --local does not look"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_one_thing_or_each_file_itself() {
        let file = [OsString::from("f")];
        assert_eq!(Target::new(None, true, &file).unwrap(), Target::InPlace);
        assert_eq!(Target::new(Some("o".into()), false, &[]).unwrap(), Target::One(Some("o".into())));
        let rows: [(Option<&str>, bool, &[OsString]); 4] = [
            (Some("o"), true, &file),
            (None, true, &[]),
            (None, true, &["-".into()]),
            (Some(""), false, &file),
        ];
        for (output, in_place, files) in rows {
            assert!(Target::new(output.map(OsString::from), in_place, files).is_err());
        }
    }
}

//! Applies a filter that changes a text, from any operands to any operand or in place: what cfp-replace and
//! cfp-reverse have in common, their arguments too. They choose the filter.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::cli::{Arguments, ExitStatus, NameList, for_each_operand};
use crate::client::progress::display::{self, Sum};
use crate::client::{Client, Operand, Output, Precondition, Settings, Tag};
use crate::error::{Error, Result};
use crate::text::{FilterQuery, FilterSpec, SEARCH};
use crate::tools::glob_arguments::GlobArguments;
use crate::tools::in_place::InPlace;
use crate::tools::local;
use crate::tools::prepared_filter::{PreparedFilter, take_flags};
use crate::tools::search::FileSearch;
use crate::tools::sources::{LinkHandling, advise_recursion, sources};
use crate::tools::utf16;

/// A filter to apply to files.
#[derive(Debug, PartialEq)]
pub struct Change {
    /// How the server is reached.
    pub settings: Settings,
    /// The filter.
    pub filter: FilterQuery,
    /// Whether it runs in this process (`--local`).
    pub local: bool,
    /// Where the results are written.
    pub target: ResultTarget,
    /// The precondition for a result that is stored on the server.
    pub precondition: Precondition,
    /// The sources.
    pub files: Vec<OsString>,
    /// With `-r`: which files beneath a directory are sources too.
    pub beneath: Option<GlobArguments>,
    /// Whether the program has `-r`.
    pub offers_recursion: bool,
}

impl Change {
    /// Reads the arguments of a program that runs this filter: the filter's words, then files.
    pub fn parse(mut arguments: Arguments, spec: &'static FilterSpec) -> Result<Self> {
        let output = arguments.name("--output")?;
        let tag = arguments.if_match()?;
        let settings = arguments.settings()?;
        let flags = take_flags(&mut arguments, spec);
        let in_place = arguments.flag("--in-place");
        let local = arguments.flag("--local");
        let null = arguments.flag("--null");
        let listed = arguments.listed_names(null)?;
        let mut words = arguments.operands()?;
        if words.len() < spec.words.len() {
            let needed: Vec<_> = spec.words.iter().map(|word| word.placeholder).collect();
            return Err(Error::usage(format!("{} needed", needed.join(" and "))));
        }
        let files = words.split_off(spec.words.len());
        let filter = FilterQuery::new(spec, words.into_iter().map(OsString::into_vec).collect(), &flags)?;
        let files = NameList::new(files, listed, "FILE")?.or("-");
        let target = ResultTarget::new(output, in_place, &files)?;
        let precondition = precondition(tag, &target, &files)?;
        Ok(Change {
            settings,
            filter,
            local,
            target,
            precondition,
            files,
            beneath: None,
            offers_recursion: false,
        })
    }

    /// Applies the filter. In place, the number of replacements is printed where the filter `replaces` a word.
    pub fn run(&self, name: &str, replaces: bool) -> Result<ExitStatus> {
        display::begin(self.settings.quiet, Sum::IfShown);
        let filter = PreparedFilter::new(&self.filter);
        let mut client = local::server(&self.settings, self.local)?;
        let links = match self.target {
            ResultTarget::InPlace => LinkHandling::LeftOut,
            ResultTarget::One(_) => LinkHandling::Followed,
        };
        let sources = sources(&self.files, self.beneath.as_ref(), links, &mut client);
        let remarks = replaces && !self.settings.quiet;
        let output = match &self.target {
            ResultTarget::InPlace => {
                let counted = replaces.then_some(&self.filter);
                let advise = &|source: &Operand, error| self.advise(source, error);
                let precondition = &self.precondition;
                return InPlace { client, filter, counted, remarks, precondition, advise }.run(name, sources);
            }
            ResultTarget::One(output) => output.clone().map_or(Operand::Standard, Operand::read),
        };
        if output != Operand::Standard {
            let sources = sources.into_iter().collect::<Result<Vec<_>>>()?;
            let program = remarks.then_some(name);
            let stored = store(&filter, client.as_mut(), &sources, &output, &self.precondition, program);
            let advised = |error| sources.iter().fold(error, |error, source| self.advise(source, error));
            return stored.map(|()| ExitStatus::DONE).map_err(advised);
        }
        let mut output = Output::stdout()?;
        for_each_operand(name, sources, |source| {
            let source = source?;
            if self.is_left_out(&output, &source) {
                return Ok(ExitStatus::DONE);
            }
            write(&filter, client.as_mut(), &source, &mut output, remarks.then_some(name))
                .map(|()| ExitStatus::DONE)
                .map_err(|error| self.advise(&source, error))
        })
    }

    /// Prints how many occurrences of the filter's word there are: for each file if there are several, else one number.
    pub fn count(self, name: &str) -> Result<ExitStatus> {
        let count = FileSearch {
            per_file: self.files.len() > 1 || self.beneath.is_some(),
            recursive: self.beneath.is_some(),
            globs: self.beneath.unwrap_or_default(),
            settings: self.settings,
            filter: self.filter.with_spec(&SEARCH)?,
            json: false,
            null: false,
            local: self.local,
            files: self.files,
        };
        count.run(name)
    }

    /// Says what to do next about a source that is a directory.
    fn advise(&self, source: &Operand, error: Error) -> Error {
        match self.offers_recursion {
            true => advise_recursion(source, error),
            false => error,
        }
    }

    /// Returns whether a source that was found beneath a directory is left out: the shell mostly created the output file for this
    /// command: `-r . > out`.
    fn is_left_out(&self, output: &Output, source: &Operand) -> bool {
        let is_named = || self.files.iter().any(|file| Operand::read(file.clone()) == *source);
        self.beneath.is_some() && output.is_also(source) && !is_named()
    }
}

/// Stores the results of a filter on sources, in order, as one file, local or on the server. Without a client the filter
/// runs in this process. `remarks` is the program that remarks on texts in UTF-16.
pub(super) fn store(
    filter: &PreparedFilter,
    mut client: Option<&mut Client>,
    sources: &[Operand],
    target: &Operand,
    precondition: &Precondition,
    remarks: Option<&str>,
) -> Result<()> {
    let mut output = match (target, sources, client.as_deref_mut()) {
        (Operand::Stored(name), [source], Some(client)) => {
            remarks.into_iter().for_each(|program| utf16::remark_local(program, source));
            return client.filter_into(source, &filter.query, name, precondition).map(drop);
        }
        (Operand::Stored(name), [_], None) => return Err(local::out_of_reach(name)),
        (Operand::Stored(_), ..) => return Err(Error::usage("a file on the server is made of one FILE")),
        (Operand::Local(path), ..) => Output::create(path)?,
        (Operand::Standard, ..) => Output::stdout()?,
    };
    for source in sources {
        write(filter, client.as_deref_mut(), source, &mut output, remarks)?;
    }
    output.commit()
}

fn write(
    filter: &PreparedFilter,
    client: Option<&mut Client>,
    source: &Operand,
    output: &mut Output,
    remarks: Option<&str>,
) -> Result<()> {
    output.refuse_itself(source)?;
    // Only now: this waits for the first bytes of standard input.
    remarks.into_iter().for_each(|program| utf16::remark_local(program, source));
    let name = output.name.clone();
    filter.run(client, source, output, &name)
}

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
    fn new(output: Option<OsString>, in_place: bool, files: &[OsString]) -> Result<Self> {
        match (output, in_place) {
            (_, true) if files.iter().any(|file| file == "-") => Err(Error::usage("--in-place needs a FILE")),
            (_, true) => Ok(ResultTarget::InPlace),
            (output, false) => Ok(ResultTarget::One(output)),
        }
    }
}

/// Returns the precondition for `--if-match`: the one file of the server that is replaced has this version. It is
/// refused where the result of one stored file is stored under the name of another: the server would not check it.
fn precondition(tag: Option<Tag>, target: &ResultTarget, files: &[OsString]) -> Result<Precondition> {
    let stored = |name: &OsString| match Operand::read(name.clone()) {
        Operand::Stored(name) => Some(name),
        _ => None,
    };
    let fits = match (target, files) {
        (ResultTarget::InPlace, [file]) => stored(file).is_some(),
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
        assert!(ResultTarget::new(None, true, &["-".into()]).is_err());
    }
}

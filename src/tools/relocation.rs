//! Renaming and copying on the server: the options, arguments and action that cfp-mv and cfp-cp share. They differ in the
//! method and in their texts.

use std::ffi::OsString;

use crate::cli::{
    Arguments, ExitStatus, FILES_FROM, HELP, IF_MATCH, NULL, ProgramOption, SETTINGS, exactly,
    for_each_operand, options, refuse_empty, remark,
};
use crate::client::progress::display::{self, Sum};
use crate::client::{Client, Precondition, RemoteName, Settings};
use crate::error::{Error, Result, shown};
use crate::tools::targets::{TargetKind, collisions};

/// The options of both programs.
pub const OPTIONS: &[&[ProgramOption]] = &[OWN, FILES_FROM, NULL, IF_MATCH, SETTINGS, HELP];

const OWN: &[ProgramOption] = options! {
    /// Never replace a file at NEW; exit 1 instead.
    "-n", "--no-clobber";
};

/// The arguments of both programs.
#[derive(Debug, PartialEq)]
pub struct Relocation {
    settings: Settings,
    precondition: Precondition,
    olds: Vec<OsString>,
    new: OsString,
    /// Whether `olds` are the names of a list, and `new` is the directory that they go into.
    is_listed: bool,
}

impl Relocation {
    /// Reads the arguments.
    pub fn parse(mut arguments: Arguments) -> Result<Self> {
        let tag = arguments.if_match()?;
        let settings = arguments.settings()?;
        let precondition = Precondition { tag, keep: arguments.flag("--no-clobber") };
        let null = arguments.flag("--null");
        let listed = arguments.listed_names(null)?;
        let operands = arguments.names("name")?;
        let is_listed = listed.is_some();
        let (olds, new) = match listed {
            None => exactly(operands, "OLD and NEW").map(|[old, new]| (vec![old], new))?,
            Some(olds) => exactly(operands, "with --files-from only NEW").map(|[new]| (olds, new))?,
        };
        refuse_empty(&olds, "name")?;
        match is_listed && precondition.tag.is_some() {
            true => Err(Error::usage("--if-match takes one OLD")),
            false => Ok(Relocation { settings, precondition, olds, new, is_listed }),
        }
    }

    /// Sends the requests of the program, whose method is `COPY` or `MOVE`.
    pub fn run(self, program: &str, method: &'static str) -> Result<ExitStatus> {
        display::begin(self.settings.quiet, Sum::IfShown);
        let mut client = Client::new(&self.settings)?;
        let mut new = RemoteName::read(&self.new);
        if self.is_listed && !self.olds.is_empty() {
            let refused = self.refused(&new);
            if !refused.is_empty() {
                return for_each_operand(program, refused, Err);
            }
            new.directory = true;
            if !new.is_root() {
                client.make_directory(&new)?;
            }
        }
        for_each_operand(program, &self.olds, |old| {
            let old = RemoteName::read(old);
            let (target, is_done) = client.relocate(method, &old, new.clone(), &self.precondition)?;
            if !is_done && !self.settings.quiet {
                remark(program, format!("{}: exists, and is kept (-n)", shown(&target.shown())));
            }
            Ok(ExitStatus::of(is_done))
        })
    }

    /// Returns an error for each name of the list that would replace an earlier one.
    fn refused(&self, new: &RemoteName) -> Vec<Error> {
        let path = |old: &OsString| name_in(new, &RemoteName::read(old)).path();
        let sources: Vec<_> = self.olds.iter().enumerate().map(|(at, old)| ((at, old), path(old))).collect();
        let mut refused = collisions(&sources, |(_, old), _, targets| {
            let old = RemoteName::read(old);
            targets.take(&name_in(new, &old).shown(), TargetKind::File, &old.shown())
        });
        sources.iter().filter_map(|(source, _)| refused.remove(source)).collect()
    }
}

/// Returns the name of a file in a directory that it goes into.
fn name_in(directory: &RemoteName, file: &RemoteName) -> RemoteName {
    directory.join(&RemoteName {
        components: file.components.last().cloned().into_iter().collect(),
        directory: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Completion, Program};

    const PROGRAM: Program = Program {
        name: "x",
        usage: &[],
        about: &[],
        options: OPTIONS,
        operands: Completion::Stored,
        examples: &[],
    };

    #[test]
    fn arguments_are_read() {
        let args = Relocation::parse(Arguments::new(&PROGRAM, ["a", "-n", ":b"])).unwrap();
        let settings = Settings::default();
        assert_eq!(
            args,
            Relocation {
                settings,
                precondition: Precondition { keep: true, tag: None },
                olds: vec!["a".into()],
                new: ":b".into(),
                is_listed: false,
            }
        );
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 4] = [&[], &["a"], &["a", "b", "c"], &["-x", "a", "b"]];
        for argv in rows {
            assert_eq!(
                Relocation::parse(Arguments::new(&PROGRAM, argv.iter().copied())).unwrap_err().kind(),
                crate::error::ErrorKind::Usage,
                "{argv:?}"
            );
        }
    }
}

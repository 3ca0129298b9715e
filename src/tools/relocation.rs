//! Renaming and copying on the server: the options, arguments and action that cfp-mv and cfp-cp share. They differ in the
//! method and in their texts.

use std::ffi::OsString;

use crate::cli::{Arguments, ExitStatus, HELP, IF_MATCH, ProgramOption, SETTINGS, exactly, options, remark};
use crate::client::progress::display::{self, Sum};
use crate::client::{Client, Precondition, RemoteName, Settings};
use crate::error::{Result, shown};

/// The options of both programs.
pub const OPTIONS: &[&[ProgramOption]] = &[OWN, IF_MATCH, SETTINGS, HELP];

const OWN: &[ProgramOption] = options! {
    /// Never replace a file at NEW; exit 1 instead.
    "-n", "--no-clobber";
};

/// The arguments of both programs.
#[derive(Debug, PartialEq)]
pub struct Relocation {
    settings: Settings,
    precondition: Precondition,
    old: OsString,
    new: OsString,
}

impl Relocation {
    /// Reads the arguments.
    pub fn parse(mut arguments: Arguments) -> Result<Self> {
        let tag = arguments.if_match()?;
        let settings = arguments.settings()?;
        let precondition = Precondition { tag, keep: arguments.flag("--no-clobber") };
        let [old, new] = exactly(arguments.names("name")?, "OLD and NEW")?;
        Ok(Relocation { settings, precondition, old, new })
    }

    /// Sends the request, whose method is `COPY` or `MOVE`.
    pub fn run(self, program: &str, method: &'static str) -> Result<ExitStatus> {
        let (old, new) = (RemoteName::read(&self.old), RemoteName::read(&self.new));
        display::begin(self.settings.quiet, Sum::IfShown);
        let client = &mut Client::new(&self.settings)?;
        let moved = client.relocate(method, &old, new.clone(), &self.precondition)?;
        if moved.is_none() && !self.settings.quiet {
            remark(program, format!("{}: exists, and is kept (-n)", shown(&new.shown())));
        }
        Ok(ExitStatus::of(moved.is_some()))
    }
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
                old: "a".into(),
                new: ":b".into()
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

//! cfp-rm: deletes files on the server. A directory is deleted only with `-r`.

use std::ffi::OsString;
use std::process::ExitCode;

use cfp::cli::{
    self, Arguments, Completion, ExitStatus, FILES_FROM, HELP, IF_MATCH, NULL, Program, ProgramOption,
    SETTINGS, options,
};
use cfp::client::progress::display::{self, Sum};
use cfp::client::{Client, Precondition, RemoteName, Settings};
use cfp::error::{Error, ErrorKind, Result};
use cfp::tools::removal::remove;

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-rm",
    usage: &["[-r] [-f] [option ...] NAME ..."],
    about: &["Deletes each file NAME of the server."],
    options: &[OPTIONS, FILES_FROM, NULL, IF_MATCH, SETTINGS, HELP],
    operands: Completion::Stored,
    examples: &["cfp-rm notes.txt", "cfp-rm -r backup/"],
};

const OPTIONS: &[ProgramOption] = options! {
    /// Delete directories and everything in them.
    "-r", "--recursive";
    /// Ignore names that do not exist.
    "-f", "--force";
};

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    recursive: bool,
    force: bool,
    precondition: Precondition,
    names: Vec<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let precondition = Precondition::on(arguments.if_match()?);
    let settings = arguments.settings()?;
    let (recursive, force) = (arguments.flag("--recursive"), arguments.flag("--force"));
    let names = arguments.name_list("NAME")?;
    let names = if force { names.names } else { names.required("NAME")? };
    match (Args { settings, recursive, force, precondition, names }) {
        args if args.precondition.tag.is_some() && args.names.len() > 1 => {
            Err(Error::usage("--if-match takes one NAME"))
        }
        // An empty variable in a script must not delete everything.
        args if args.names.iter().any(|name| RemoteName::read(name).is_root()) => {
            Err(Error::usage("the root cannot be deleted"))
        }
        args => Ok(args),
    }
}

fn run(args: Args) -> Result<ExitStatus> {
    let mut client = Client::new(&args.settings)?;
    display::begin(args.settings.quiet, Sum::IfShown);
    if !args.recursive {
        display::add_total(args.names.len() as u64, 0);
    }
    cli::for_each_operand(PROGRAM.name, &args.names, |operand| {
        let name = RemoteName::read(operand);
        match remove(&mut client, &name, args.recursive, &args.precondition, &mut |_| Ok(true)) {
            Err(Error::Failed { kind: ErrorKind::NotFound, .. }) if args.force => Ok(ExitStatus::DONE),
            outcome => outcome.map(|_| ExitStatus::DONE),
        }
    })
}

fn main() -> ExitCode {
    cli::main(&PROGRAM, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let args = parse(Arguments::new(&PROGRAM, ["-r", "a", "--force", ":b/"])).unwrap();
        let names = vec!["a".into(), ":b/".into()];
        let precondition = Precondition::default();
        assert_eq!(
            args,
            Args { settings: Settings::default(), recursive: true, force: true, precondition, names }
        );
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 6] =
            [&["a", "b", "--if-match", "x"], &[], &["-r", ""], &["-r", ":"], &["a", "/"], &["-rx", "a"]];
        for argv in rows {
            assert_eq!(
                parse(Arguments::new(&PROGRAM, argv.iter().copied())).unwrap_err().kind(),
                ErrorKind::Usage,
                "{argv:?}"
            );
        }
    }
}

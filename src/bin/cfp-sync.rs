//! cfp-sync: makes one directory tree like another, of which one is on the server. `tools::sync` compares and transfers.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use cfp::cli::{
    self, Arguments, Completion, ExitStatus, HELP, LIMIT_RATE, Program, ProgramOption, SETTINGS, exactly,
    options,
};
use cfp::client::Settings;
use cfp::error::{Error, Result, shown};
use cfp::tools::glob_arguments::{GLOBS, GlobArguments};
use cfp::tools::sync::{self, JOBS_MAX, Rules, Synchronization, Tree};

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-sync",
    usage: &["[-n] [--delete] [--include GLOB] [--exclude GLOB] [--checksum] [option ...] FROM TO"],
    about: &[
        "Makes the directory TO like the directory FROM, of which one is on the server, as :DIR/. What differs in size or time is sent.",
    ],
    options: &[OPTIONS, GLOBS, LIMIT_RATE, SETTINGS, HELP],
    operands: Completion::Operand,
    examples: &["cfp-sync --delete site :www/", "cfp-sync -n :photos/ Pictures"],
};

const OPTIONS: &[ProgramOption] = options! {
    /// List what would be done, and change nothing.
    "-n", "--dry-run";
    /// Delete what FROM does not have.
    ///
    /// It comes last, and only if all of FROM could be read and sent: after any error but exit status 4 nothing is deleted.
    /// What is not included, or excluded, is not deleted either.
    "", "--delete";
    /// Compare files of the same size by their SHA-256, and not by their time.
    ///
    /// A file with the same content is left alone, whatever its time is.
    "", "--checksum";
    /// Transfer up to N files at once, each on a connection of its own (default: 8, at most 64).
    "-j", "--jobs" = "N";
    /// Retry up to N times without progress when the connection breaks (default: 8).
    ///
    /// Pauses grow from 0.2 to 5 seconds. A server that does not accept the first connection is tried again only if this
    /// option is given.
    "", "--retry" = "N";
};

/// How many files are transferred at once.
const JOBS: usize = 8;

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    dry_run: bool,
    delete: bool,
    globs: GlobArguments,
    checksum: bool,
    jobs: usize,
    from: Tree,
    to: Tree,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let globs = GlobArguments::take(&mut arguments)?;
    let jobs = arguments.value("--jobs")?.map_or(Ok(JOBS), count)?;
    let settings = arguments.transfer_settings()?;
    let [dry_run, delete, checksum] =
        ["--dry-run", "--delete", "--checksum"].map(|flag| arguments.flag(flag));
    let [from, to] = exactly(arguments.names("directory")?, "FROM and TO")?;
    let (from, to) = Tree::pair(from, to)?;
    Ok(Args { settings, dry_run, delete, globs, checksum, jobs, from, to })
}

/// Reads the number of files that are transferred at once.
fn count(given: OsString) -> Result<usize> {
    let number = given.to_str().and_then(|digits| digits.parse().ok());
    number.filter(|number| (1..=JOBS_MAX).contains(number)).ok_or_else(|| {
        Error::usage(format!("--jobs {} is not a number from 1 to {JOBS_MAX}", shown(given.as_bytes())))
    })
}

fn run(args: Args) -> Result<ExitStatus> {
    let rules = Rules::new(&args.globs, args.delete, args.checksum)?;
    let Args { settings, dry_run, jobs, from, to, .. } = args;
    sync::run(&Synchronization { settings, from, to, rules, is_dry: dry_run, jobs }, PROGRAM.name)
}

fn main() -> ExitCode {
    cli::main(&PROGRAM, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cfp::client::RemoteName;

    #[test]
    fn arguments_are_read() {
        let argv = ["-n", "d", ":e/", "--delete", "--exclude", "*.o", "--exclude=.git", "-j2"];
        let args = parse(Arguments::new(&PROGRAM, argv)).unwrap();
        let expected = Args {
            settings: Settings { retries: Some(8), ..Settings::default() },
            dry_run: true,
            delete: true,
            globs: GlobArguments { include: vec![], exclude: vec!["*.o".into(), ".git".into()] },
            checksum: false,
            jobs: 2,
            from: Tree::Local("d".into()),
            to: Tree::Stored(RemoteName::parse(b"e/")),
        };
        assert_eq!(args, expected);
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 9] = [
            &["--include", "[a", "d", ":e"],
            &[],
            &["d"],
            &["d", ":e", "f"],
            &["d", "e"],
            &[":d", ":e"],
            &["", ":e"],
            &["-j0", "d", ":e"],
            &["--jobs=65", "d", ":e"],
        ];
        for argv in rows {
            assert_eq!(
                parse(Arguments::new(&PROGRAM, argv.iter().copied())).unwrap_err().kind(),
                cfp::error::ErrorKind::Usage,
                "{argv:?}"
            );
        }
    }
}

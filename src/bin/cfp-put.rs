//! cfp-put: stores local files on the server. It decides the name of each file on the server; `client` transfers the
//! bytes.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use cfp::cli::{
    self, Arguments, Completion, ExitStatus, FILES_FROM, HELP, IF_TARGET_MATCHES, LIMIT_RATE, NULL, NameList,
    Program, ProgramOption, SETTINGS, options,
};
use cfp::client::ops::filter;
use cfp::client::progress::display::{self, Sum};
use cfp::client::{Client, Operand, Precondition, RemoteName, Settings};
use cfp::error::{Error, ErrorKind, Result, shown};
use cfp::http::Query;
use cfp::tools::targets::{TargetKind, Targets, collisions};
use cfp::tools::walk::{Step, walk};

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-put",
    usage: &[
        "[-r] [-n] [-c] [-t DIR] [option ...] FILE ... [:NAME | :DIR/]",
        "[-n] [-c] [option ...] FILE --as NAME",
    ],
    about: &[
        "Stores each FILE on the server under its base name. A last operand that begins with a colon is the name to store it as, or the directory to store it in.",
    ],
    options: &[OPTIONS, LIMIT_RATE, FILES_FROM, NULL, IF_TARGET_MATCHES, SETTINGS, HELP],
    operands: Completion::File,
    examples: &[
        "cfp-put notes.txt draft.txt",
        "cfp-put -r pictures :backup/",
        "date | cfp-put - --as log/today",
    ],
};

const OPTIONS: &[ProgramOption] = options! {
    /// Store directories and everything in them.
    ///
    /// A symbolic link to a file is stored as that file. Other symbolic links, and anything that is neither a file nor a
    /// directory, are skipped with a remark.
    "-r", "--recursive";
    /// Never replace a file on the server; exit 1 instead.
    "-n", "--no-clobber" excludes ["--if-match"];
    /// Resume an upload of the same file that an earlier cfp-put began and that was interrupted.
    ///
    /// What cfp-put needs for that it keeps while it stores a file of 8 MiB or more, in `$XDG_STATE_HOME/cfp/uploads`, or in
    /// `~/.local/state/cfp/uploads`. A file that was changed since, or whose beginning the server no longer has, is sent
    /// from the start, and so is a smaller one.
    "-c", "--continue";
    /// Store into this directory of the server.
    "-t", "--target" = "DIR" Stored;
    /// Store the one FILE under this name; `-` is standard input.
    ///
    /// A pipe may pause: no connection is held open meanwhile, and the server keeps what it has received for the time that
    /// --partial-ttl of cfpd(8) sets, a day by default. If the server does not support resumable uploads, a pause longer than
    /// its --idle-timeout (60 seconds by default) ends with exit status 3.
    "", "--as" = "NAME" Stored excludes ["--target"];
    /// Retry up to N times without progress when the connection breaks (default: 8).
    ///
    /// A body that arrived damaged is sent again, too. Pauses grow from 0.2 to 5 seconds. An upload of 8 MiB or more
    /// resumes where it broke off, even if the server was restarted meanwhile; its digest, -n and --if-match apply to the
    /// whole file. Such an upload is not compressed, except with `-z always`, and is sent again from the start to a server
    /// that does not support resumable uploads.
    ///
    /// A smaller file is sent again from the start, unless it can be read only once, or -n or --if-match is given, since the
    /// first attempt may have succeeded. A server that does not accept the first connection is tried again only if this
    /// option is given.
    "", "--retry" = "N";
};

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    recursive: bool,
    resume: bool,
    precondition: Precondition,
    target: Option<OsString>,
    name: Option<OsString>,
    /// Whether `name` may be a directory that the file goes into.
    may_be_directory: bool,
    files: Vec<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let mut target = arguments.name("--target")?;
    let mut name = arguments.name("--as")?;
    let tag = arguments.if_match()?;
    let settings = arguments.transfer_settings()?;
    let recursive = arguments.flag("--recursive");
    let resume = arguments.flag("--continue");
    let precondition = Precondition { tag, keep: arguments.flag("--no-clobber") };
    let null = arguments.flag("--null");
    let listed = arguments.listed_names(null)?;
    let mut operands = arguments.operands()?;
    let last =
        operands.pop_if(|last| target.is_none() && name.is_none() && last.as_bytes().starts_with(b":"));
    let files = NameList::new(operands, listed, "FILE")?.required("FILE")?;
    let may_be_directory = last.is_some();
    match last {
        Some(last) if files.len() == 1 && !RemoteName::read(&last).directory => name = Some(last),
        last => target = last.or(target),
    }
    let args = Args { settings, recursive, resume, precondition, target, name, may_be_directory, files };
    match &args {
        Args { name: Some(_), files, .. } if files.len() > 1 => Err(Error::usage("--as takes one FILE")),
        Args { precondition: Precondition { tag: Some(_), .. }, files, recursive, .. }
            if *recursive || files.len() > 1 =>
        {
            Err(Error::usage("--if-match takes one FILE"))
        }
        Args { name, files, .. } if files.iter().any(|file| file == "-") && !names_a_file(name) => {
            Err(Error::usage("standard input has no name: give it one with --as"))
        }
        _ => Ok(args),
    }
}

/// Returns whether `--as` names a file, not only a directory.
fn names_a_file(name: &Option<OsString>) -> bool {
    name.as_deref().is_some_and(|name| !RemoteName::read(name).directory)
}

fn run(mut args: Args) -> Result<ExitStatus> {
    let mut client = Client::new(&args.settings)?;
    client.remember_uploads("cfp-put -c");
    if args.may_be_directory && is_directory(&mut client, &args)? {
        args.target = args.name.take();
    }
    display::begin(args.settings.quiet, Sum::Always);
    if display::is_shown() {
        args.files.iter().for_each(|file| add_to_total(&args, Path::new(file)));
    }
    let sources = args.files.iter().enumerate();
    let targets: Vec<_> = sources.clone().map(|source| (source, name_of(&args, source.1).path())).collect();
    let mut refused = collisions(&targets, |(_, file), _, targets| {
        take(&args, Path::new(file), &name_of(&args, file), targets)
    });
    cli::for_each_operand(PROGRAM.name, sources, |source| {
        let (file, name) = (Path::new(source.1), name_of(&args, source.1));
        match refused.remove(&source) {
            Some(error) => Err(error),
            None if args.recursive && file.is_dir() => put_directory(&mut client, &args, file, &name),
            None => put(&mut client, &args, file.into(), &name).map_err(|error| advise(&args, source, error)),
        }
    })
}

/// Says how to store the first of two operands under the name of the second, which is no local file.
fn advise(args: &Args, (at, file): (usize, &OsString), error: Error) -> Error {
    match (error.kind(), args.files.as_slice()) {
        (ErrorKind::NotFound, [first, _])
            if at == 1 && args.target.is_none() && error.is_of(&typed(file)) =>
        {
            let advice = format!("to store {0} as :{1}, write :{1}", typed(first), typed(file));
            Error::not_found(file.as_bytes(), format!("no such file or directory: {advice}"))
        }
        _ => error,
    }
}

/// Returns a local name in messages.
fn typed(file: &OsStr) -> String {
    shown(file.as_bytes())
}

/// Returns whether the last operand names a directory on the server. Standard input cannot go into one, and a user who may
/// not see it may be allowed to store there.
fn is_directory(client: &mut Client, args: &Args) -> Result<bool> {
    let Some(name) = args.name.as_ref().filter(|_| args.files.iter().all(|file| file != "-")) else {
        return Ok(false);
    };
    match client.is_directory(&RemoteName::read(name)) {
        Err(Error::Failed { kind: ErrorKind::Forbidden | ErrorKind::Unauthenticated, .. }) => Ok(false),
        found => found,
    }
}

/// Returns the name of a file on the server: that of `--as`, or its base name in the directory of `--as` or
/// `--target`.
fn name_of(args: &Args, file: &OsStr) -> RemoteName {
    let name = match &args.name {
        Some(name) => RemoteName::read(name),
        None => RemoteName::read(args.target.as_deref().unwrap_or_default()).as_directory(),
    };
    match Path::new(file).file_name().filter(|_| name.directory) {
        Some(base) => name.join(&RemoteName { components: vec![base.as_bytes().to_vec()], directory: false }),
        None => name,
    }
}

/// Announces the files of an operand. What cannot be examined is reported when it is stored.
fn add_to_total(args: &Args, file: &Path) {
    let size = |path: &Path| path.metadata().map_or(0, |meta| meta.len());
    if !(args.recursive && file.is_dir()) {
        return display::add_total(1, size(file));
    }
    for step in walk(file).flatten() {
        if let Step::File(path) = step {
            display::add_total(1, size(&path));
        }
    }
}

/// Adds the name of a source to the targets, and those of everything beneath it.
fn take(args: &Args, file: &Path, name: &RemoteName, targets: &mut Targets) -> Result<()> {
    if !(args.recursive && file.is_dir()) {
        return targets.take(&name.shown(), TargetKind::File, file.as_os_str().as_bytes());
    }
    // A directory that cannot be read is reported when it is stored.
    for step in walk(file).flatten() {
        let (path, kind) = match &step {
            Step::Directory(path) => (path, TargetKind::Directory),
            Step::File(path) => (path, TargetKind::File),
            Step::Link(_) | Step::Other(_) => continue,
        };
        targets.take(&below(file, path, name, false).shown(), kind, path.as_os_str().as_bytes())?;
    }
    Ok(())
}

fn put(client: &mut Client, args: &Args, file: OsString, name: &RemoteName) -> Result<ExitStatus> {
    let source = match file.as_bytes() {
        b"-" => Operand::Standard,
        // A name with a colon is local too: only local files can be stored.
        _ => Operand::Local(file.into()),
    };
    let advised = |error: Error| match error.kind() {
        ErrorKind::IsDirectory => {
            Error::is_directory(name.shown(), "is a directory: to store into it, name it with -t")
        }
        _ => error,
    };
    let body = filter::open(&source).map_err(|error| match error.kind() {
        ErrorKind::IsDirectory => Error::is_directory(source.shown().as_bytes(), "is a directory: use -r"),
        _ => error,
    })?;
    let resumed = if args.resume { client.resume_put(&body, name, &args.precondition)? } else { None };
    let is_stored = match resumed {
        Some(is_stored) => is_stored,
        None => client.put(body, name, &Query::default(), &args.precondition).map_err(advised)?,
    };
    if !is_stored && !args.settings.quiet {
        cli::remark(PROGRAM.name, format!("{}: exists, and is kept (-n)", shown(&name.shown())));
    }
    Ok(ExitStatus::of(is_stored))
}

/// Returns the name on the server of a path beneath `root`, which is stored as `name`.
fn below(root: &Path, path: &Path, name: &RemoteName, directory: bool) -> RemoteName {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let components = relative.iter().map(|part| part.as_bytes().to_vec()).collect();
    name.join(&RemoteName { components, directory })
}

fn put_directory(client: &mut Client, args: &Args, root: &Path, name: &RemoteName) -> Result<ExitStatus> {
    cli::for_each_operand(PROGRAM.name, walk(root), |step| match step? {
        Step::Directory(path) => {
            let directory = below(root, &path, name, true);
            if !directory.is_root() {
                client.make_directory(&directory)?;
            }
            Ok(ExitStatus::DONE)
        }
        Step::File(path) => {
            let name = below(root, &path, name, false);
            put(client, args, path.into(), &name)
        }
        Step::Link(path) => skip(args, &path, "is a symbolic link to no file"),
        Step::Other(path) => skip(args, &path, "is neither a file nor a directory"),
    })
}

fn skip(args: &Args, path: &Path, why: &str) -> Result<ExitStatus> {
    if !args.settings.quiet {
        cli::remark(PROGRAM.name, format!("{}: {why}, left out", shown(path.as_os_str().as_bytes())));
    }
    Ok(ExitStatus::DONE)
}

fn main() -> ExitCode {
    cli::main(&PROGRAM, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let args = parse(Arguments::new(&PROGRAM, ["-nc", "a", "--target", "d", "-r", "b"])).unwrap();
        let expected = Args {
            settings: Settings { retries: Some(8), ..Settings::default() },
            recursive: true,
            resume: true,
            precondition: Precondition { keep: true, tag: None },
            target: Some("d".into()),
            name: None,
            may_be_directory: false,
            files: vec!["a".into(), "b".into()],
        };
        assert_eq!(args, expected);
        assert_eq!(parse(Arguments::new(&PROGRAM, ["-", "--as", "x"])).unwrap().name, Some("x".into()));
    }

    #[test]
    fn a_last_operand_with_a_colon_is_the_target() {
        let rows = [
            ("a :b", None, Some(":b"), "a"),
            ("a :b/", Some(":b/"), None, "a"),
            ("a b :c", Some(":c"), None, "a b"),
            ("a :", Some(":"), None, "a"),
            ("a :b -t d", Some("d"), None, "a :b"),
            ("- :b", None, Some(":b"), "-"),
        ];
        for (line, target, name, files) in rows {
            let args = parse(Arguments::new(&PROGRAM, line.split(' '))).unwrap();
            assert_eq!(args.target.as_deref(), target.map(OsStr::new), "{line}");
            assert_eq!(args.name.as_deref(), name.map(OsStr::new), "{line}");
            assert_eq!(args.files, files.split(' ').collect::<Vec<_>>(), "{line}");
        }
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 9] = [
            &[],
            &["-"],
            &[":b"],
            &["-", ":b/"],
            &["-", "--as", "d/"],
            &["-", "--as", ":"],
            &["a", "b", "--as", "x"],
            &["a", "-t", "d", "--as", "x"],
            &["-x", "a"],
        ];
        let tags: [&[&str]; 4] = [
            &["a", "-n", "--if-match", "x"],
            &["a", "b", "--if-match", "x"],
            &["a", "--if-match", "W/\"x\""],
            &["a", "--retry", "-1"],
        ];
        for argv in rows.into_iter().chain(tags) {
            assert_eq!(
                parse(Arguments::new(&PROGRAM, argv.iter().copied())).unwrap_err().kind(),
                ErrorKind::Usage,
                "{argv:?}"
            );
        }
    }
}

//! cfp-put: stores local files on the server. It owns what a file is called there; how bytes travel is the
//! client room's business.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use cfp::cli::{self, Arguments, Ending};
use cfp::client::ops::filter;
use cfp::client::{Client, Name, Operand, Precondition, Settings};
use cfp::error::{Error, Result, shown};
use cfp::http::Query;
use cfp::tools::targets::{TargetKind, Targets, overlapping};
use cfp::tools::walk::{Step, walk};

const NAME: &str = "cfp-put";
const USAGE: &str = "\
usage: cfp-put [-r] [-n] [-t DIR] [option ...] FILE ...
       cfp-put [-n] [option ...] FILE --as NAME

Stores each FILE on the server under its base name.

  -r, --recursive     store directories with all that is in them
  -n, --no-clobber    leave a file that exists on the server alone; exit 1 then
  -t, --target DIR    store into this directory of the server
  --as NAME           store the one FILE under this name; `-` is standard input
  --if-match ETAG     only if the file it replaces has this tag
  --retry N           try again N times when the connection breaks (8)
  -s, --server URL    http://HOST[:PORT], https://HOST[:PORT] or unix:PATH,
                      else $CFP_SERVER
  -u, --user NAME     who you are; the password is read from the file
                      $CFP_PASSWORD_FILE or ~/.netrc, or asked for
  --cacert FILE       trust the certificates of FILE instead of the system's
  --connect-timeout SECONDS
                      how long a connection may take (10)
  --timeout SECONDS   how long the server may say nothing (60)
  -z, --compress HOW  compress the transfer: auto (default), always or never
  -q, --quiet         no progress, no remarks
  -v, --verbose       tell what is asked and answered
  -h, --help          print this and exit
  -V, --version       print the version and exit

  cfp-put notes.txt draft.txt
  date | cfp-put - --as log/today
";

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    recursive: bool,
    precondition: Precondition,
    target: Option<OsString>,
    name: Option<OsString>,
    files: Vec<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let target = arguments.name("-t", "--target")?;
    let name = arguments.name("", "--as")?;
    let tag = arguments.if_match()?;
    let retries = arguments.retries()?;
    let args = Args {
        settings: Settings { retries, ..arguments.settings()? },
        recursive: arguments.flag("-r", "--recursive"),
        precondition: Precondition { tag, keep: arguments.flag("-n", "--no-clobber") },
        target,
        name,
        files: arguments.names("FILE")?,
    };
    match &args {
        Args { files, .. } if files.is_empty() => Err(Error::usage("no FILE given")),
        Args { name: Some(_), target: Some(_), .. } => {
            Err(Error::usage("--as and --target exclude each other"))
        }
        Args { name: Some(_), files, .. } if files.len() > 1 => Err(Error::usage("--as takes one FILE")),
        Args { precondition: Precondition { keep: true, tag: Some(_) }, .. } => {
            Err(Error::usage("--no-clobber and --if-match exclude each other"))
        }
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

/// Whether a name for the one file says more than in which directory it is to be.
fn names_a_file(name: &Option<OsString>) -> bool {
    name.as_deref().is_some_and(|name| !Name::read(name).directory)
}

fn run(args: Args) -> Result<Ending> {
    let mut client = Client::new(&args.settings)?;
    let sources: Vec<_> = args.files.iter().map(|file| (Path::new(file), name_of(&args, file))).collect();
    let mut refused = refuse_one_name_for_two(&args, &sources);
    cli::each(NAME, sources.into_iter().enumerate(), |(at, (file, name))| match refused.remove(&at) {
        Some(wrong) => Err(wrong),
        None if args.recursive && file.is_dir() => put_directory(&mut client, &args, file, &name),
        None => put(&mut client, &args, file.into(), &name),
    })
}

/// What a file is called on the server. A name that is a directory, the target too, takes it under its base name.
fn name_of(args: &Args, file: &OsStr) -> Name {
    let name = match &args.name {
        Some(name) => Name::read(name),
        None => Name::read(args.target.as_deref().unwrap_or_default()).as_directory(),
    };
    match Path::new(file).file_name().filter(|_| name.directory) {
        Some(base) => name.join(&Name { components: vec![base.as_bytes().to_vec()], directory: false }),
        None => name,
    }
}

/// Which sources would be stored under a name that one before them has: nothing of them is sent. Only where trees overlap
/// are they looked through for that.
fn refuse_one_name_for_two(args: &Args, sources: &[(&Path, Name)]) -> HashMap<usize, Error> {
    let names: Vec<_> = sources.iter().map(|(_, name)| name.path()).collect();
    let mut targets = Targets::default();
    let places = overlapping(&names).filter_map(|at| Some((at, sources.get(at)?)));
    let wrong =
        places.filter_map(|(at, (file, name))| Some((at, take(args, file, name, &mut targets).err()?)));
    wrong.collect()
}

/// Takes the name of a source, and those of all that is in it.
fn take(args: &Args, file: &Path, name: &Name, targets: &mut Targets) -> Result<()> {
    if !(args.recursive && file.is_dir()) {
        return targets.take(&name.bare(), TargetKind::File, file.as_os_str().as_bytes());
    }
    // What cannot be read is told of when it is its turn.
    for step in walk(file).flatten() {
        let (path, kind) = match &step {
            Step::Directory(path) => (path, TargetKind::Directory),
            Step::File(path) => (path, TargetKind::File),
            Step::Link(_) | Step::Other(_) => continue,
        };
        targets.take(&below(file, path, name, false).bare(), kind, path.as_os_str().as_bytes())?;
    }
    Ok(())
}

fn put(client: &mut Client, args: &Args, file: OsString, name: &Name) -> Result<Ending> {
    let source = match file.as_bytes() {
        b"-" => Operand::Standard,
        // Here even a name with a colon is local: nothing else can be stored.
        _ => Operand::Local(file.into()),
    };
    client.put(filter::open(&source)?, name, &Query::default(), &args.precondition).map(Ending::of)
}

/// What a path beneath `root`, which is stored as `name`, is called on the server.
fn below(root: &Path, path: &Path, name: &Name, directory: bool) -> Name {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let components = relative.iter().map(|part| part.as_bytes().to_vec()).collect();
    name.join(&Name { components, directory })
}

fn put_directory(client: &mut Client, args: &Args, root: &Path, name: &Name) -> Result<Ending> {
    cli::each(NAME, walk(root), |step| match step? {
        Step::Directory(path) => {
            let directory = below(root, &path, name, true);
            if !directory.is_root() {
                client.make_directory(&directory)?;
            }
            Ok(Ending::DONE)
        }
        Step::File(path) => {
            let name = below(root, &path, name, false);
            put(client, args, path.into(), &name)
        }
        Step::Link(path) => leave_out(args, &path, "is a symbolic link to no file"),
        Step::Other(path) => leave_out(args, &path, "is neither a file nor a directory"),
    })
}

fn leave_out(args: &Args, path: &Path, why: &str) -> Result<Ending> {
    if !args.settings.quiet {
        cli::remark(NAME, format!("{}: {why}, left out", shown(path.as_os_str().as_bytes())));
    }
    Ok(Ending::DONE)
}

fn main() -> ExitCode {
    cli::main(NAME, USAGE, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let args = parse(Arguments::new(["-n", "a", "--target", "d", "-r", "b"])).unwrap();
        let expected = Args {
            settings: Settings { retries: Some(8), ..Settings::default() },
            recursive: true,
            precondition: Precondition { keep: true, tag: None },
            target: Some("d".into()),
            name: None,
            files: vec!["a".into(), "b".into()],
        };
        assert_eq!(args, expected);
        assert_eq!(parse(Arguments::new(["-", "--as", "x"])).unwrap().name, Some("x".into()));
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 7] = [
            &[],
            &["-"],
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
            assert!(matches!(parse(Arguments::new(argv.iter().copied())), Err(Error::Usage(_))), "{argv:?}");
        }
    }
}

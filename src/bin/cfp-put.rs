//! cfp-put: stores local files on the server. It owns what a file is called there; how bytes travel is the
//! client room's business.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use cfp::cli::{self, Arguments, Ending};
use cfp::client::walk::{Step, walk};
use cfp::client::{Client, Guard, Name, Operand, Settings, filter};
use cfp::error::{Error, Result, shown};
use cfp::http::Query;

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
    guard: Guard,
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
        guard: Guard { tag, keep: arguments.flag("-n", "--no-clobber") },
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
        Args { guard: Guard { keep: true, tag: Some(_) }, .. } => {
            Err(Error::usage("--no-clobber and --if-match exclude each other"))
        }
        Args { guard: Guard { tag: Some(_), .. }, files, recursive, .. } if *recursive || files.len() > 1 => {
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
    let target = Name::read(args.target.as_deref().unwrap_or_default()).as_directory();
    cli::each(NAME, &args.files, |file| {
        let name = match &args.name {
            Some(name) => Name::read(name),
            None => target.clone(),
        };
        // A name that is a directory, the target too, takes the file under its base name.
        let name = match Path::new(file).file_name().filter(|_| name.directory) {
            Some(base) => name.join(&Name { components: vec![base.as_bytes().to_vec()], directory: false }),
            None => name,
        };
        match Path::new(file).is_dir() {
            true if args.recursive => put_directory(&mut client, &args, Path::new(file), &name),
            _ => put(&mut client, &args, file.clone(), &name),
        }
    })
}

fn put(client: &mut Client, args: &Args, file: OsString, name: &Name) -> Result<Ending> {
    let source = match file.as_bytes() {
        b"-" => Operand::Standard,
        // Here even a name with a colon is local: nothing else can be stored.
        _ => Operand::Local(file.into()),
    };
    client.put(filter::open(&source)?, name, &Query::default(), &args.guard).map(Ending::of)
}

fn put_directory(client: &mut Client, args: &Args, root: &Path, name: &Name) -> Result<Ending> {
    let below = |path: &Path, directory| {
        let relative = path.strip_prefix(root).unwrap_or(path);
        let components = relative.iter().map(|part| part.as_bytes().to_vec()).collect();
        name.join(&Name { components, directory })
    };
    cli::each(NAME, walk(root), |step| match step? {
        Step::Directory(path) => {
            let directory = below(&path, true);
            if !directory.is_root() {
                client.make_directory(&directory)?;
            }
            Ok(Ending::DONE)
        }
        Step::File(path) => {
            let name = below(&path, false);
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
            settings: Settings { retries: 8, ..Settings::default() },
            recursive: true,
            guard: Guard { keep: true, tag: None },
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
            assert_eq!(parse(Arguments::new(argv.iter().copied())).unwrap_err().exit_code(), 2, "{argv:?}");
        }
    }
}

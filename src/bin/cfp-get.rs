//! cfp-get: fetches files from a server. It decides the local name of each stored file. A URL may name any HTTP
//! server.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cfp::cli::{self, Arguments, Completion, ExitStatus, HELP, Program, ProgramOption, SETTINGS, options};
use cfp::client::conn::url::{Url, base, is_web};
use cfp::client::login::credentials::Given;
use cfp::client::ops::fetch::{copy_checked, modified};
use cfp::client::ops::list::ListEntry;
use cfp::client::{Call, Client, Output, RemoteName, Settings, Sink, resolve, standard_streams};
use cfp::error::{Error, Result, shown};
use cfp::http::Response;
use cfp::tools::targets::{TargetKind, Targets, overlapping};
use cfp::tools::terminal::{self, Visible};

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-get",
    usage: &["[-r] [-c] [-i] [-o FILE] [option ...] NAME ... | URL"],
    about: &[
        "Stores each file NAME of the server as a local file of its base name. A URL of any HTTP server is printed.",
    ],
    options: &[OPTIONS, SETTINGS, HELP],
    operands: Completion::Stored,
    examples: &["cfp-get notes.txt -o copy.txt", "cfp-get -i http://127.0.0.1:8398/notes.txt"],
};

const OPTIONS: &[ProgramOption] = options! {
    /// Fetch directories and everything in them.
    "-r", "--recursive";
    /// Resume an interrupted download of the same content.
    ///
    /// An interrupted `cfp-get -c` leaves what it has received beside FILE, in a file whose name begins with a full stop and
    /// ends in `.part`. The digest is checked over the whole content. If another program is writing to that file, the exit
    /// status is 3. A FILE that is not a regular file is fetched from the start.
    "-c", "--continue";
    /// Print the response head too, before the content.
    "-i", "--include";
    /// Store as FILE, or in FILE if that is a directory; `-` is standard output.
    "-o", "--output" = "FILE" File;
    /// Resume up to N times for each file when the connection breaks (default: 8).
    ///
    /// Pauses grow from 0.2 to 5 seconds. If the file was replaced meanwhile, the download starts over; to standard output
    /// it cannot, and that is an error. A server that does not accept the first connection is not tried again.
    "", "--retry" = "N";
};

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    recursive: bool,
    resume: bool,
    include: bool,
    output: Option<OsString>,
    names: Vec<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let output = arguments.name("--output")?;
    let retries = arguments.retries()?;
    let args = Args {
        settings: Settings { retries, ..arguments.settings()? },
        recursive: arguments.flag("--recursive"),
        resume: arguments.flag("--continue"),
        include: arguments.flag("--include"),
        output,
        names: arguments.names("NAME")?,
    };
    match args.names.len() {
        0 => Err(Error::usage("no NAME given")),
        _ if args.resume && args.output.as_deref().is_some_and(|output| output == "-") => {
            Err(Error::usage("--continue needs a file, not standard output"))
        }
        _ => Ok(args),
    }
}

fn run(args: Args) -> Result<ExitStatus> {
    let mut client = None;
    let output = args.output.as_deref().map(Path::new);
    let into_directory = output.is_some_and(Path::is_dir);
    refuse_ambiguous_user(&args)?;
    if args.names.len() > 1 && output.is_some_and(|output| output != "-") && !into_directory {
        return Err(Error::usage("several NAMEs need a directory after -o"));
    }
    let mut refused = refuse_one_file_for_two(&args, output, into_directory, &mut client)?;
    cli::for_each_operand(PROGRAM.name, args.names.iter().enumerate(), |(at, operand)| {
        if let Some(error) = refused.remove(&at) {
            return Err(error);
        }
        if is_web(operand.as_bytes()) {
            return match get_url(&args, operand.as_bytes(), output.filter(|_| into_directory)) {
                // Later operands may be stored in files.
                Err(error) if error.is_closed_pipe() => Ok(ExitStatus::DONE),
                ended => ended,
            };
        }
        let client = connected(&mut client, &args)?;
        let name = RemoteName::read(operand);
        name.refuse_none()?;
        if output == Some(Path::new("-")) {
            return match name.directory {
                true => Err(Error::is_directory(name.shown(), "is a directory")),
                false => get_to(client, &args, &name, Output::stdout()?),
            };
        }
        let path = path_of(&name, output, into_directory);
        if args.recursive && client.is_directory(&name)? {
            return get_directory(client, &args, &name, &path);
        }
        get(client, &args, &name, &path)
    })
}

/// Returns the local path that a file of the server is stored as.
fn path_of(name: &RemoteName, output: Option<&Path>, into_directory: bool) -> PathBuf {
    let base = Path::new(name.base().unwrap_or_default());
    match output {
        Some(output) if into_directory => output.join(base),
        Some(output) => output.to_owned(),
        None => base.to_owned(),
    }
}

/// Returns an error for each source that would replace the local file of an earlier source; such a source is not
/// fetched. The server is asked for the entries of a directory only if its local path overlaps another one.
fn refuse_one_file_for_two(
    args: &Args,
    output: Option<&Path>,
    into_directory: bool,
    client: &mut Option<Client>,
) -> Result<HashMap<usize, Error>> {
    let mut refused = HashMap::new();
    if output == Some(Path::new("-")) || args.names.len() < 2 {
        return Ok(refused);
    }
    let path = |operand: &OsString| match is_web(operand.as_bytes()) {
        true => Some(output?.join(base(&Url::split(operand.as_bytes()).ok()?.1)?)),
        false => Some(path_of(&RemoteName::read(operand), output, into_directory)),
    };
    // Resolved paths are compared: one may be a symbolic link to the other.
    let real = |path: PathBuf| resolve(&path).unwrap_or(path);
    let sources: Vec<_> = args
        .names
        .iter()
        .enumerate()
        .filter_map(|(at, operand)| Some((at, operand, real(path(operand)?))))
        .collect();
    let paths: Vec<_> = sources.iter().map(|(_, _, path)| path).collect();
    let mut targets = Targets::default();
    for (at, operand, path) in overlapping(&paths).filter_map(|at| sources.get(at)) {
        let name = RemoteName::read(operand);
        // A source that cannot be examined reports its error when it is fetched.
        let is_tree = args.recursive && !is_web(operand.as_bytes());
        let entries = match is_tree && connected(client, args)?.is_directory(&name).unwrap_or(false) {
            true => Some(connected(client, args)?.list(&name, true).unwrap_or_default()),
            false => None,
        };
        if let Err(error) = take(operand, path, &name, entries, &mut targets) {
            refused.insert(*at, error);
        }
    }
    Ok(refused)
}

/// Adds the path of a source to the targets, and those of its entries if it is a directory.
fn take(
    operand: &OsStr,
    path: &Path,
    name: &RemoteName,
    entries: Option<Vec<ListEntry>>,
    targets: &mut Targets,
) -> Result<()> {
    let kind_of = |is_directory| if is_directory { TargetKind::Directory } else { TargetKind::File };
    targets.take(path.as_os_str().as_bytes(), kind_of(entries.is_some()), operand.as_bytes())?;
    entries.unwrap_or_default().iter().try_for_each(|entry| {
        let below = path.join(entry.name.path());
        let source = name.join(&entry.name).bare();
        targets.take(below.as_os_str().as_bytes(), kind_of(entry.name.directory), &source)
    })
}

/// Returns the client of the server, which the first call makes.
fn connected<'a>(client: &'a mut Option<Client>, args: &Args) -> Result<&'a mut Client> {
    match client {
        Some(client) => Ok(client),
        none => Ok(none.insert(Client::new(&args.settings)?)),
    }
}

/// Refuses `-u` with URLs of several servers: it is unclear which one the user name is for.
fn refuse_ambiguous_user(args: &Args) -> Result<()> {
    if args.settings.user.is_none() || args.settings.server.is_some() {
        return Ok(());
    }
    let url = |name: &OsString| is_web(name.as_bytes()).then(|| Url::split(name.as_bytes()).ok()).flatten();
    let Some(urls) = args.names.iter().map(url).collect::<Option<Vec<_>>>() else { return Ok(()) };
    match urls.iter().zip(urls.iter().skip(1)).all(|((one, _), (two, _))| one.is_same_server(two)) {
        true => Ok(()),
        false => Err(Error::usage("--user is for one server: write http://NAME@HOST for each of several")),
    }
}

/// Fetches one file to a path.
fn get(client: &mut Client, args: &Args, name: &RemoteName, path: &Path) -> Result<ExitStatus> {
    if name.directory {
        return Err(Error::is_directory(name.shown(), "is a directory: use -r"));
    }
    match args.resume {
        true => client.resume(name, path, &|head| include(args, head)).map(|()| ExitStatus::DONE),
        false => get_to(client, args, name, Output::create(path)?),
    }
}

fn get_to(client: &mut Client, args: &Args, name: &RemoteName, mut output: Output) -> Result<ExitStatus> {
    client.fetch(name, &mut output, &|head| include(args, head))?;
    output.commit()?;
    Ok(ExitStatus::DONE)
}

/// Fetches everything beneath a directory into a local directory.
fn get_directory(client: &mut Client, args: &Args, name: &RemoteName, path: &Path) -> Result<ExitStatus> {
    let make = |path: &Path| {
        let made = resolve(path).and_then(fs::create_dir_all);
        made.map_err(|error| Error::io(shown(path.as_os_str().as_bytes()), error))
    };
    let entries = client.list(name, true)?;
    if !path.as_os_str().is_empty() {
        make(path)?;
    }
    cli::for_each_operand(PROGRAM.name, entries, |entry| {
        let local = path.join(
            entry.name.components.iter().map(|part| Path::new(OsStr::from_bytes(part))).collect::<PathBuf>(),
        );
        match entry.name.directory {
            true => make(&local).map(|()| ExitStatus::DONE),
            false => get(client, args, &name.join(&entry.name), &local),
        }
    })
}

/// Fetches a URL of any HTTP server to standard output or a file; in a directory, the file is named after the last
/// component of the URL's path. The content of an error response is printed too, but never replaces a file.
fn get_url(args: &Args, url: &[u8], directory: Option<&Path>) -> Result<ExitStatus> {
    let (server, target) = Url::split(url)?;
    let only = args.names.iter().all(|name| is_web(name.as_bytes()));
    let given = Given::for_url(&server, args.settings.server.as_deref(), only);
    let mut client = Client::at(server, &args.settings, given);
    let mut output = match (directory, args.output.as_deref().map(Path::new)) {
        (Some(directory), _) => {
            let base = base(&target).ok_or_else(|| Error::conflict(url, "names no file in its path"))?;
            Output::create(&directory.join(base))?
        }
        (None, Some(path)) if path != "-" => Output::create(path)?,
        (None, _) => Output::stdout()?,
    };
    let answer = client.send(&Call::new("GET", target).with("Accept", "*/*"))?.as_received();
    let status = answer.status();
    include(args, answer.head())?;
    let (name, time) = (output.name.clone(), modified(answer.fields()));
    copy_checked(answer, &mut output, &name, url)?;
    match status {
        400.. => Err(Error::new(
            cfp::client::kind_of(status),
            url,
            format!("{status} {}", cfp::http::head::reason(status)),
        )),
        _ => {
            if let Some(time) = time {
                output.set_modified(time).map_err(|error| Error::io(&output.name, error))?;
            }
            output.commit().map(|()| ExitStatus::DONE)
        }
    }
}

fn include(args: &Args, head: &Response) -> Result<()> {
    if !args.include {
        return Ok(());
    }
    match write_head(&head.raw) {
        // A reader that closes the pipe after the head does not stop a download to a file.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe && !is_content_to_stdout(args) => Ok(()),
        shown => shown.map_err(|error| Error::io("standard output", error)),
    }
}

/// Writes a response head as received; on a terminal, control characters are escaped.
fn write_head(raw: &[u8]) -> io::Result<()> {
    let output = standard_streams::output()?;
    match terminal::is_stdout() {
        true => {
            let mut visible = Visible::new(output);
            raw.split(|&byte| byte == b'\r').try_for_each(|part| visible.write_all(part))?;
            visible.finish().map(drop)
        }
        false => (&output).write_all(raw),
    }
}

/// Returns whether the content goes to standard output, as the head does.
fn is_content_to_stdout(args: &Args) -> bool {
    match &args.output {
        Some(output) => output == "-",
        None => args.names.iter().any(|name| is_web(name.as_bytes())),
    }
}

fn main() -> ExitCode {
    cli::main(&PROGRAM, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let args = parse(Arguments::new(
            &PROGRAM,
            ["-c", "a", "-o", "d", "-i", ":b", "--recursive", "--retry", "7"],
        ))
        .unwrap();
        let expected = Args {
            settings: Settings { retries: Some(7), ..Settings::default() },
            recursive: true,
            resume: true,
            include: true,
            output: Some("d".into()),
            names: vec!["a".into(), ":b".into()],
        };
        assert_eq!(args, expected);
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 5] =
            [&["--retry=x", "a"], &[], &["-c", "-o", "-", "a"], &["-o", "", "a"], &["-x", "a"]];
        for argv in rows {
            assert_eq!(
                parse(Arguments::new(&PROGRAM, argv.iter().copied())).unwrap_err().kind(),
                cfp::error::ErrorKind::Usage,
                "{argv:?}"
            );
        }
    }
}

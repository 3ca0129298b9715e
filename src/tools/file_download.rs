//! Fetches files of a server, and URLs of any, into local files or to standard output, as cfp-get does. It decides the
//! local name of each; the client transfers the bytes.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::cli::{self, ExitStatus, for_each_operand};
use crate::client::conn::url::{base, is_web};
use crate::client::ops::list::ListEntry;
use crate::client::progress::display::{self, Sum};
use crate::client::{Client, Output, RemoteName, Settings, Url, resolve};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::http::Response;
use crate::tools::targets::{TargetKind, Targets, collisions};
use crate::tools::{response_head, url_download};

/// What to fetch, and where it is stored.
#[derive(Debug, PartialEq)]
pub struct FileDownload {
    /// How the server is reached.
    pub settings: Settings,
    /// Whether directories are fetched.
    pub recursive: bool,
    /// Whether an interrupted download is resumed.
    pub resume: bool,
    /// Whether the head of each response is printed.
    pub include: bool,
    /// The local file or directory; `-` is standard output.
    pub output: Option<OsString>,
    /// The names and URLs.
    pub names: Vec<OsString>,
}

impl FileDownload {
    /// Fetches each name.
    pub fn run(&self, program: &str) -> Result<ExitStatus> {
        display::begin(self.settings.quiet, Sum::Always);
        if !self.recursive {
            display::add_total(self.names.len() as u64, 0);
        }
        let output = self.output.as_deref().map(Path::new);
        let directory = output.filter(|output| output.is_dir());
        url_download::refuse_ambiguous_user(&self.settings, &self.names)?;
        if self.names.len() > 1 && directory.is_none() && output.is_some_and(|output| output != "-") {
            return Err(Error::usage("several NAMEs need a directory after -o"));
        }
        let mut downloader = Downloader { task: self, program, output, directory, client: None };
        let mut refused = downloader.collisions();
        for_each_operand(program, self.names.iter().enumerate(), |(at, operand)| {
            let done = match refused.remove(&at) {
                Some(error) => Err(error),
                None if is_web(operand.as_bytes()) => downloader.url(operand.as_bytes()),
                None => {
                    let name = RemoteName::read(operand);
                    return downloader.operand(&name).map_err(|error| self.advise(at, &name, error));
                }
            };
            done.map(|()| ExitStatus::DONE)
        })
    }

    /// Says what to do next about a name that cannot be fetched.
    fn advise(&self, at: usize, name: &RemoteName, error: Error) -> Error {
        let is_of_it = matches!(&error, Error::Failed { name: of, .. } if *of == shown(&name.shown()));
        match (error.kind(), self.names.as_slice()) {
            (ErrorKind::NotFound, [first, _]) if is_of_it && at == 1 && self.output.is_none() => {
                let (first, local) = (RemoteName::read(first).shown(), name.bare());
                let advice = format!("is not there: to store {} as {}, use -o", shown(&first), shown(&local));
                Error::not_found(name.shown(), advice)
            }
            _ => error,
        }
    }

    /// Prints the head of a response, if that is wanted, on standard output, where any content may follow.
    fn show(&self, head: &Response) -> Result<()> {
        let before_content = match &self.output {
            Some(output) => output == "-",
            None => self.names.iter().any(|name| is_web(name.as_bytes())),
        };
        response_head::print(head, self.include, before_content)
    }
}

/// A download that goes from operand to operand.
struct Downloader<'a> {
    task: &'a FileDownload,
    program: &'a str,
    output: Option<&'a Path>,
    /// The output, if it is a directory.
    directory: Option<&'a Path>,
    /// The client of the server, once it was needed.
    client: Option<Client>,
}

impl Downloader<'_> {
    /// Returns an error for each source that would replace the local file of an earlier source; such a source is not
    /// fetched. The server is asked for the entries of a directory only if its local path overlaps another one.
    fn collisions(&mut self) -> HashMap<usize, Error> {
        if self.output == Some(Path::new("-")) || self.task.names.len() < 2 {
            return HashMap::new();
        }
        let path = |operand: &OsString| match is_web(operand.as_bytes()) {
            true => Some(self.output?.join(base(&Url::split(operand.as_bytes()).ok()?.1)?)),
            false => Some(self.path_of(&RemoteName::read(operand))),
        };
        // Resolved paths are compared: one may be a symbolic link to the other.
        let real = |path: PathBuf| resolve(&path).unwrap_or(path);
        let sources = self.task.names.iter().enumerate();
        let sources: Vec<_> = sources.filter_map(|source| Some((source, real(path(source.1)?)))).collect();
        let refused = collisions(&sources, |(_, operand), path, targets| {
            let name = RemoteName::read(operand);
            let entries = if is_web(operand.as_bytes()) { None } else { self.entries(&name) };
            take(operand, path, &name, entries, targets)
        });
        refused.into_iter().map(|((at, _), error)| (at, error)).collect()
    }

    /// Returns everything beneath a directory that is to be fetched; `None` for a file. A source that cannot be examined
    /// reports its error when it is fetched.
    fn entries(&mut self, name: &RemoteName) -> Option<Vec<ListEntry>> {
        let client = if self.task.recursive { self.client().ok()? } else { return None };
        let mut entries =
            client.is_directory(name).ok()?.then(|| client.list(name, true).unwrap_or_default())?;
        entries.retain(|entry| !is_left_out(entry));
        Some(entries)
    }

    /// Returns the client of the server, which the first call makes.
    fn client(&mut self) -> Result<&mut Client> {
        match &mut self.client {
            Some(client) => Ok(client),
            none => Ok(none.insert(Client::new(&self.task.settings)?)),
        }
    }

    /// Returns the local path that a file of the server is stored as.
    fn path_of(&self, name: &RemoteName) -> PathBuf {
        let base = Path::new(name.base().unwrap_or_default());
        match (self.directory, self.output) {
            (Some(directory), _) => directory.join(base),
            (None, output) => output.unwrap_or(base).to_owned(),
        }
    }

    fn url(&self, url: &[u8]) -> Result<()> {
        let task = self.task;
        let only = task.names.iter().all(|name| is_web(name.as_bytes()));
        let output = self.output.filter(|output| *output != "-");
        let fetched =
            url_download::fetch(&task.settings, url, only, output, self.directory, &|head| task.show(head));
        // Later operands may be stored in files.
        fetched.or_else(|error| if error.is_closed_pipe() { Ok(()) } else { Err(error) })
    }

    /// Fetches a file, or everything beneath a directory.
    fn operand(&mut self, name: &RemoteName) -> Result<ExitStatus> {
        self.client()?;
        name.refuse_none()?;
        if self.output == Some(Path::new("-")) {
            return match name.directory {
                true => Err(Error::is_directory(name.shown(), "is a directory")),
                false => self.get_to(name, Output::stdout()?).map(|()| ExitStatus::DONE),
            };
        }
        let path = self.path_of(name);
        match self.task.recursive && self.client()?.is_directory(name)? {
            true => self.directory(name, &path),
            false => self.get(name, &path).map(|()| ExitStatus::DONE),
        }
    }

    /// Fetches everything beneath a directory into a local directory.
    fn directory(&mut self, name: &RemoteName, path: &Path) -> Result<ExitStatus> {
        let make = |path: &Path| {
            let made = resolve(path).and_then(fs::create_dir_all);
            made.map_err(|error| Error::io(shown(path.as_os_str().as_bytes()), error))
        };
        let entries = self.client()?.list(name, true)?;
        let files = entries.iter().filter(|entry| !entry.name.directory);
        let (count, bytes) = files.fold((0, 0), |(count, bytes), entry| (count + 1, bytes + entry.size));
        display::add_total(count, bytes);
        if !path.as_os_str().is_empty() {
            make(path)?;
        }
        let seem_empty = seem_empty(&entries);
        for_each_operand(self.program, entries.into_iter().zip(seem_empty), |(entry, seems_empty)| {
            let (local, stored) = (path.join(entry.name.path()), name.join(&entry.name));
            let done = match entry.name.directory {
                _ if is_left_out(&entry) => {
                    let name = shown(&RemoteName { directory: false, ..stored }.shown());
                    if !self.task.settings.quiet {
                        cli::remark(
                            self.program,
                            format!("{name}: is a symbolic link to a directory, left out"),
                        );
                    }
                    Ok(())
                }
                // A recursive list leaves out what the server may not read; a list of its own says so.
                true if seems_empty => {
                    make(&local).and_then(|()| self.client()?.list(&stored, false).map(drop))
                }
                true => make(&local),
                false => self.get(&stored, &local),
            };
            done.map(|()| ExitStatus::DONE)
        })
    }

    /// Fetches one file to a path.
    fn get(&mut self, name: &RemoteName, path: &Path) -> Result<()> {
        let task = self.task;
        let fetched = match (name.directory, task.resume) {
            (true, _) => Err(Error::is_directory(name.shown(), "is a directory")),
            (false, true) => self.client()?.resume(name, path, &|head| task.show(head)),
            (false, false) => Output::create(path).and_then(|output| self.get_to(name, output)),
        };
        // The local path may be the directory, because a former `-r` made it.
        match fetched {
            Err(error) if error.kind() == ErrorKind::IsDirectory && self.client()?.is_directory(name)? => {
                Err(Error::is_directory(name.shown(), "is a directory: use -r"))
            }
            fetched => fetched,
        }
    }

    fn get_to(&mut self, name: &RemoteName, mut output: Output) -> Result<()> {
        let task = self.task;
        self.client()?.fetch(name, &mut output, &|head| task.show(head))?;
        output.commit()
    }
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
    let source = if is_web(operand.as_bytes()) { operand.as_bytes().to_vec() } else { name.shown() };
    targets.take(path.as_os_str().as_bytes(), kind_of(entries.is_some()), &source)?;
    entries.unwrap_or_default().iter().try_for_each(|entry| {
        let below = path.join(entry.name.path());
        let source = name.join(&entry.name).shown();
        targets.take(below.as_os_str().as_bytes(), kind_of(entry.name.directory), &source)
    })
}

/// Returns whether an entry is a symbolic link to a directory, which may form a loop.
fn is_left_out(entry: &ListEntry) -> bool {
    entry.is_link && entry.name.directory
}

/// Returns of each entry of a recursive list, parents first, whether it is a directory without entries.
fn seem_empty(entries: &[ListEntry]) -> Vec<bool> {
    let next = entries.iter().skip(1).map(Some).chain([None]);
    let is_beneath =
        |next: &ListEntry, above: &ListEntry| next.name.components.starts_with(&above.name.components);
    let seems_empty = |(entry, next): (&ListEntry, Option<&ListEntry>)| {
        entry.name.directory && next.is_none_or(|next| !is_beneath(next, entry))
    };
    entries.iter().zip(next).map(seems_empty).collect()
}

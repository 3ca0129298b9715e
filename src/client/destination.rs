//! Destinations: what a local path means to who writes there, something that is written as it is or a name that takes
//! a new content, and what of an old content's owner and mode stays. What is written is not this file's business.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::standard_streams;
use crate::error::{Error, Result};

/// As many symbolic links are followed as Linux follows.
const LINKS_MAX: usize = 40;

/// Where bytes go.
#[derive(Debug)]
pub enum Destination {
    /// Into what is open already, a device or a pipe: it is written as it is.
    Stream(File),
    /// Under the name of a regular file, of which this is known, or of nothing yet.
    Name(PathBuf, Option<Metadata>),
}

impl Destination {
    /// What a path means. A directory is an error.
    pub fn find(path: &Path) -> Result<Self> {
        Destination::look(path).map_err(|wrong| Error::io(path.as_os_str().as_bytes(), wrong))
    }

    fn look(path: &Path) -> io::Result<Self> {
        if let Some(number) = descriptor(path) {
            return open_again(number, path).map(Destination::Stream);
        }
        let path = followed(path);
        match fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(meta) if !meta.is_file() => {
                OpenOptions::new().write(true).open(&path).map(Destination::Stream)
            }
            Ok(meta) => Ok(Destination::Name(path, Some(meta))),
            Err(wrong) if wrong.kind() == io::ErrorKind::NotFound => Ok(Destination::Name(path, None)),
            Err(wrong) => Err(wrong),
        }
    }
}

/// Gives a file owner and mode of the one whose place it takes. Where the owner cannot be given, which mostly takes
/// root, the file runs as nobody else either.
pub fn take_after(file: &File, standing: &Metadata) -> io::Result<()> {
    let is_given = fchown(file, Some(standing.uid()), Some(standing.gid())).is_ok();
    let mask = if is_given { 0o7777 } else { 0o777 };
    file.set_permissions(Permissions::from_mode(standing.mode() & mask))
}

/// The number of the open descriptor that a path is a spelling of, or a symbolic link to one. Its file is not to be
/// replaced: whoever opened it goes on writing to it.
pub(super) fn descriptor(path: &Path) -> Option<u32> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        if let Some(number) = spelled(&path) {
            return Some(number);
        }
        let link = fs::read_link(&path).ok()?;
        path = path.parent().unwrap_or(Path::new("")).join(link);
    }
    None
}

fn spelled(path: &Path) -> Option<u32> {
    match path.to_str()? {
        "/dev/stdin" => Some(0),
        "/dev/stdout" => Some(1),
        "/dev/stderr" => Some(2),
        path => path.strip_prefix("/dev/fd/").or(path.strip_prefix("/proc/self/fd/"))?.parse().ok(),
    }
}

/// Another descriptor for the same open file. That of a number which has no name in `std` cannot be had without
/// `unsafe`: its file is opened anew, to be added to.
fn open_again(number: u32, path: &Path) -> io::Result<File> {
    match number {
        1 => Ok(standard_streams::output()?),
        2 => io::stderr().as_fd().try_clone_to_owned().map(File::from),
        _ => OpenOptions::new().append(true).open(path),
    }
}

/// Where a path leads through symbolic links, also to what is not there yet: not the link is replaced, but what it
/// leads to.
fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match (fs::canonicalize(&path), fs::read_link(&path)) {
            (Ok(whole), _) => return whole,
            (Err(_), Ok(link)) => path = path.parent().unwrap_or(Path::new("")).join(link),
            (Err(_), Err(_)) => break,
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn name(path: &Path) -> PathBuf {
        match Destination::find(path).unwrap() {
            Destination::Name(path, None) => path,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_link_is_followed_to_what_is_not_there_yet() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path("d")).unwrap();
        symlink("d/one", path("two")).unwrap();
        symlink("two", path("three")).unwrap();
        symlink("round", path("round")).unwrap();
        assert_eq!(name(&path("three")), path("d/one"));
        assert_eq!(name(&path("none")), path("none"));
        for name in ["d", "round"] {
            assert_eq!(Destination::find(&path(name)).unwrap_err().exit_code(), 2);
        }
    }

    #[test]
    fn a_descriptor_is_told_by_its_spellings() {
        let rows = [
            ("/dev/stdout", Some(1)),
            ("/dev/stderr", Some(2)),
            ("/dev/fd/63", Some(63)),
            ("/proc/self/fd/1", Some(1)),
            ("/dev/fd/", None),
            ("/dev/fd/1/x", None),
            ("/dev/null", None),
            ("1", None),
        ];
        for (path, number) in rows {
            assert_eq!(descriptor(Path::new(path)), number, "{path}");
        }
    }
}

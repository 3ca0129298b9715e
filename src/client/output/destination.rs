//! Destinations: decides whether a local path is written in place (a device or a pipe) or replaced by a new file, and
//! which owner, mode and ACL the new file gets. It does not know what is written.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::libc::{O_NOFOLLOW, O_PATH, O_TMPFILE};
use nix::unistd::geteuid;

use crate::attributes::{Attributes, umask};
use crate::client::standard_streams;
use crate::error::{Error, Result};

/// The most symbolic links that are followed, as in Linux.
const LINKS_MAX: usize = 40;

/// The mode requested for a new file, before the umask.
const MODE_NEW: u32 = 0o666;
/// The umask where /proc does not tell it: only the owner may use the file.
const UMASK_UNKNOWN: u32 = 0o077;
/// The mode bits of a directory like /tmp: all users may write, and each may remove only their own files.
const STICKY_AND_OPEN: u32 = 0o1002;

/// Where bytes are written.
#[derive(Debug)]
pub enum Destination {
    /// To an open device or pipe, which is written in place.
    Stream(File),
    /// Under the name of a regular file, or of a new one.
    File(PathBuf),
}

impl Destination {
    /// Resolves a path. A directory is an error.
    pub fn find(path: &Path) -> Result<Self> {
        Destination::stat(path).map_err(|error| Error::io(path.as_os_str().as_bytes(), error))
    }

    fn stat(path: &Path) -> io::Result<Self> {
        if let Some(number) = descriptor(path) {
            return open_again(number, path).map(Destination::Stream);
        }
        let is_directory = path.as_os_str().as_bytes().ends_with(b"/");
        let path = resolve(path)?;
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            _ if is_directory => Err(io::ErrorKind::NotADirectory.into()),
            Ok(meta) if meta.file_type().is_fifo() => {
                refuse_other_users_link(directory_of(&path), &meta, &path, "a pipe")?;
                OpenOptions::new().write(true).open(&path).map(Destination::Stream)
            }
            Ok(meta) if !meta.is_file() => {
                OpenOptions::new().write(true).open(&path).map(Destination::Stream)
            }
            Ok(_) => Ok(Destination::File(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Destination::File(path)),
            Err(error) => Err(error),
        }
    }
}

/// Sets the metadata of a file that will replace `target`: owner, mode, ACL and user attributes of the old file, or the
/// mode of a new one. Until then only its owner may open it.
pub fn copy_attributes(file: &File, target: &Path) -> io::Result<()> {
    match fs::symlink_metadata(target) {
        Ok(existing) if existing.is_file() => {
            let existing = OpenOptions::new().read(true).custom_flags(O_PATH | O_NOFOLLOW).open(target)?;
            Attributes::of(&existing)?.apply_to(file).map(drop)
        }
        _ => file.set_permissions(Permissions::from_mode(mode_of_new(directory_of(target)))),
    }
}

/// Returns the mode of a new file in a directory, by the umask or the default ACL: that of an unnamed file
/// (`O_TMPFILE`). If the file system has none, by the umask alone.
fn mode_of_new(directory: &Path) -> u32 {
    let unnamed = OpenOptions::new().write(true).mode(MODE_NEW).custom_flags(O_TMPFILE).open(directory);
    match unnamed.and_then(|file| file.metadata()) {
        Ok(meta) => meta.mode() & 0o777,
        Err(_) => MODE_NEW & !umask().unwrap_or(UMASK_UNKNOWN),
    }
}

/// Returns the parent directory of a path.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns the number of the open descriptor that a path stands for, as /dev/fd/3 or a symbolic link to it. Its file
/// must not be replaced: the process that opened it goes on writing to it.
pub(crate) fn descriptor(path: &Path) -> Option<u32> {
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

/// Returns another descriptor for the same open file. For numbers without a name in `std` that would need `unsafe`:
/// their file is opened again for appending.
fn open_again(number: u32, path: &Path) -> io::Result<File> {
    match number {
        1 => Ok(standard_streams::output()?),
        2 => io::stderr().as_fd().try_clone_to_owned().map(File::from),
        _ => OpenOptions::new().append(true).open(path),
    }
}

/// Follows symbolic links, also to a file that does not exist yet: the link's target is replaced, not the link. A link
/// that the kernel would refuse with `fs.protected_symlinks` is an error anywhere in the path, whatever that setting
/// is.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut rest: Vec<PathBuf> = parts(path);
    let (mut found, mut links) = (PathBuf::new(), 0);
    while let Some(part) = rest.pop() {
        let next = found.join(&part);
        match fs::symlink_metadata(&next) {
            Ok(meta) if meta.is_symlink() => {
                links += 1;
                if links > LINKS_MAX {
                    return Err(Errno::ELOOP.into());
                }
                refuse_other_users_link(&found, &meta, &next, "a symbolic link")?;
                rest.extend(parts(&fs::read_link(&next)?));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => found = next,
        }
    }
    Ok(found)
}

/// Splits a path into components, the last one first.
fn parts(path: &Path) -> Vec<PathBuf> {
    path.components().rev().map(|part| PathBuf::from(part.as_os_str())).collect()
}

/// Refuses a symbolic link or a pipe in a sticky directory that all users may write, such as /tmp, unless it belongs to
/// the user or to the owner of the directory (Linux, Documentation/admin-guide/sysctl/fs.rst, protected_symlinks).
fn refuse_other_users_link(directory: &Path, link: &Metadata, path: &Path, what: &str) -> io::Result<()> {
    let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let directory = fs::metadata(here)?;
    let is_shared = directory.mode() & STICKY_AND_OPEN == STICKY_AND_OPEN;
    match is_shared && link.uid() != geteuid().as_raw() && link.uid() != directory.uid() {
        true => Err(Error::forbidden(
            path.as_os_str().as_bytes(),
            format!("is {what} of another user, in a directory that all may write to"),
        )
        .into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::error::ErrorKind;

    fn name(path: &Path) -> PathBuf {
        match Destination::find(path).unwrap() {
            Destination::File(path) => path,
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
        for (name, kind) in [("d", ErrorKind::IsDirectory), ("round", ErrorKind::NotFound)] {
            assert_eq!(Destination::find(&path(name)).unwrap_err().kind(), kind);
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

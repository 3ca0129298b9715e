//! The file of a listening Unix socket: created with its permissions and group, replaced where no process listens on it
//! any more, removed at the end.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, chown};
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Group};

use crate::error::{Error, Result};

/// A socket file that this process created; removed when dropped, unless the inode shows that another file has replaced
/// it.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    inode: u64,
}

/// Binds a path. A socket file that no process listens on is replaced; one that a process listens on is an error.
pub fn bind(path: &Path, mode: Option<u32>, group: Option<&str>) -> Result<(UnixListener, SocketFile)> {
    let named = |error| Error::io(path.as_os_str().as_encoded_bytes(), error);
    check_path(path)?;
    let listener = bind_with_mode(path, mode).map_err(named)?;
    let inode = fs::symlink_metadata(path).map_err(named)?.ino();
    let file = SocketFile { path: path.to_owned(), inode };
    if let Some(group) = group {
        chown(path, None, Some(group_id(group)?.as_raw())).map_err(named)?;
    }
    Ok((listener, file))
}

/// Checks that a Unix socket can be bound to a path: it is short enough, and no other kind of file exists there. Errors
/// have kind `NameTooLong` or `Conflict`.
pub fn check_path(path: &Path) -> Result<()> {
    let name = path.as_os_str().as_encoded_bytes();
    if UnixAddress::from_pathname(path).is_err() {
        return Err(Error::name_too_long(name, "is too long for a Unix socket, which takes 107 bytes"));
    }
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            Err(Error::conflict(name, "exists and is not a socket"))
        }
        _ => Ok(()),
    }
}

/// Returns the id of a group of this machine.
pub fn group_id(name: &str) -> Result<Gid> {
    let found = Group::from_name(name).map_err(|error| Error::io(name, error.into()))?;
    found
        .map(|group| group.gid)
        .ok_or_else(|| Error::usage(format!("{name}: is not a group of this machine")))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|now| now.ino() == self.inode) {
            // Ignore the error: the process is about to exit.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Binds with these permission bits, set by the umask, so that the file has them from the start.
fn bind_with_mode(path: &Path, mode: Option<u32>) -> io::Result<UnixListener> {
    remove_dead(path)?;
    let before = mode.map(|mode| umask(Mode::from_bits_truncate(0o777 & !mode)));
    let bound = UnixListener::bind(path);
    if let Some(before) = before {
        umask(before);
    }
    bound
}

/// Removes the socket file of a daemon that was killed.
fn remove_dead(path: &Path) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket && is_dead(path)? { fs::remove_file(path) } else { Ok(()) }
}

/// Returns whether no process listens on a socket file. A connect that would block means a full backlog, and so a listener.
fn is_dead(path: &Path) -> io::Result<bool> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let client = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    Ok(connect(client.as_raw_fd(), &UnixAddr::new(path)?) == Err(Errno::ECONNREFUSED))
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{Backlog, listen};

    use super::*;

    #[test]
    fn a_socket_is_dead_when_nobody_listens_and_not_when_nobody_is_quick() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        listen(&listener, Backlog::new(0).unwrap()).unwrap();
        // Each connection stays in the backlog, until that is full.
        assert!((0..4).all(|_| !is_dead(&path).unwrap()));
        drop(listener);
        assert!(is_dead(&path).unwrap());
    }
}

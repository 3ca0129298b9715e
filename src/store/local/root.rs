//! The file descriptor of the root directory, and the resolution of names beneath it. Everything is opened by `openat2`
//! with `RESOLVE_BENEATH`, so that neither `..` nor a symbolic link leads outside, even when other programs rename
//! files at the same time.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat, openat2};
use nix::sys::stat::{Mode, fstat, stat};

use super::{EntryAt, FileId, file_id, map_errno, map_errno_new};
use crate::error::{Error, ErrorKind, Result};
use crate::store::Name;
use crate::store::name::COMPONENT_MAX;

/// How often `openat2` is retried after a race with a rename. The kernel gives up (EAGAIN) only where a `..` of a
/// link is resolved while anything on the machine is renamed.
const RACES: usize = 128;

/// The message where the path of the root leads to another directory.
const GONE: &str = "the served directory was removed, moved or mounted over: restart cfpd, or send HUP where its name is a link";
/// How many symbolic links are followed: as many as Linux follows.
const LINKS_MAX: usize = 40;

/// Opens an `O_PATH` descriptor: it needs no permission to read and does not open devices.
pub(super) const HANDLE: OFlag = OFlag::O_PATH;
/// Opens a directory for reading.
pub(super) const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY);
/// Opens a file for reading. It may turn out to be a FIFO, which must not block, or a terminal, which must not become
/// the controlling one.
pub(super) const READ: OFlag = OFlag::O_RDONLY.union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY);

/// The root directory.
pub(super) struct Root {
    /// Its descriptor.
    pub handle: OwnedFd,
    /// The path it was opened by; used only to check that it still leads to the same directory.
    pub path: PathBuf,
    identity: FileId,
}

/// What a write does to a symbolic link under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// New content replaces the link's target.
    Followed,
    /// A rename replaces the link itself.
    Replaced,
}

impl Root {
    /// Opens the root. Fails on a system without `openat2` (before Linux 5.6).
    pub fn open(path: &Path) -> Result<Self> {
        let named = |errno: Errno| Error::io(path.as_os_str().as_encoded_bytes(), errno.into());
        let found =
            open(path, HANDLE | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).map_err(named)?;
        let handle = open_beneath(&found, b".", DIRECTORY, ResolveFlag::empty()).map_err(named)?;
        let identity = file_id(&fstat(&handle).map_err(named)?);
        let mut root = Root { handle, path: path.to_owned(), identity };
        // A relative path would depend on where the working directory is moved.
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        if root.is_at(&absolute) == Some(true) {
            root.path = absolute;
        }
        Ok(root)
    }

    /// Returns the identity of the directory, whatever its names.
    pub fn identity(&self) -> FileId {
        self.identity
    }

    /// Fails where the path of the root now leads elsewhere: the root was removed, moved, unmounted or mounted over, or
    /// a symbolic link on the path was changed.
    pub fn require_attached(&self) -> Result<()> {
        match self.is_at(&self.path) {
            Some(false) => Err(Error::unavailable("/", GONE)),
            _ => Ok(()),
        }
    }

    /// Names the root by its path in an error that no client sees.
    pub fn named(&self, error: io::Error) -> Error {
        Error::io(self.path.as_os_str().as_encoded_bytes(), error)
    }

    /// Replaces the error `NotFound` of a name where the root itself is missing.
    pub fn explain_absence(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::NotFound => self.require_attached().err().unwrap_or(error),
            _ => error,
        }
    }

    /// Returns whether a path leads to it; `None` where it cannot be opened.
    fn is_at(&self, path: &Path) -> Option<bool> {
        match stat(path) {
            Ok(stat) => Some(file_id(&stat) == self.identity),
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Some(false),
            Err(_) => None,
        }
    }

    /// Opens the path of these components, following symbolic links that stay beneath the root.
    pub fn open_beneath(&self, components: &[Vec<u8>], flags: OFlag) -> nix::Result<OwnedFd> {
        let path = components.join(&b'/');
        let path = if path.is_empty() { b".".as_slice() } else { &path };
        open_beneath(&self.handle, path, flags, ResolveFlag::empty())
    }

    /// Opens the parent directory of a name that should exist; a missing one is `NotFound`.
    pub fn existing_entry(&self, name: &Name) -> Result<EntryAt> {
        self.entry(name, |errno| map_errno(name, errno))
    }

    /// Opens the parent directory of a name to be created; a missing one is `NoParent`.
    pub fn new_entry(&self, name: &Name) -> Result<EntryAt> {
        self.entry(name, |errno| map_errno_new(name, errno))
    }

    /// Opens the directory in which new content is renamed into place: for a symbolic link, that of its target. A link
    /// that leads nowhere, or out of the root, is replaced itself.
    fn entry_behind_links(&self, name: &Name) -> Result<EntryAt> {
        let mut entry = self.new_entry(name)?;
        if entry.read_link().is_err() {
            return Ok(entry);
        }
        let mut above =
            name.components().split_last().map(|(_, above)| above.join(&b'/')).unwrap_or_default();
        for _ in 0..LINKS_MAX {
            let text = match entry.read_link() {
                Ok(text) => text,
                // The end of the chain of links.
                Err(Errno::EINVAL) => return Ok(entry),
                Err(_) => break,
            };
            let at = text.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
            let (way, last) = text.split_at_checked(at).unwrap_or_default();
            if matches!(last, b"" | b"." | b"..") || way.starts_with(b"/") {
                break;
            }
            above = [above.as_slice(), b"/", way].concat();
            let above = above.strip_prefix(b"/").unwrap_or(&above);
            let above = if above.is_empty() { b".".as_slice() } else { above };
            let found = open_beneath(&self.handle, above, HANDLE | OFlag::O_DIRECTORY, ResolveFlag::empty())
                .and_then(|parent| EntryAt::new(parent, last.to_vec()));
            let Ok(found) = found else { break };
            entry = found;
        }
        // The target is a directory, or is not served.
        self.new_entry(name)
    }

    /// Opens the directory in which a write to a name takes place.
    pub fn entry_to_write(&self, name: &Name, links: Links) -> Result<EntryAt> {
        match links {
            Links::Followed => self.entry_behind_links(name),
            Links::Replaced => self.new_entry(name),
        }
    }

    fn entry(&self, name: &Name, error: impl Fn(Errno) -> Error) -> Result<EntryAt> {
        let Some((last, above)) = name.components().split_last() else {
            return Err(Error::forbidden(name.shown(), "is the root and stays"));
        };
        self.require_attached()?;
        if last.len() > COMPONENT_MAX {
            return Err(error(Errno::ENAMETOOLONG));
        }
        let parent = self.open_beneath(above, HANDLE | OFlag::O_DIRECTORY).map_err(&error)?;
        EntryAt::new(parent, last.clone()).map_err(&error)
    }
}

/// Opens a directory for reading through an `O_PATH` descriptor.
pub(super) fn reopen(directory: &OwnedFd) -> nix::Result<OwnedFd> {
    openat(directory, ".", DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

/// Opens a path that stays beneath a directory.
pub(super) fn open_beneath(
    base: impl AsFd,
    path: &[u8],
    flags: OFlag,
    resolve: ResolveFlag,
) -> nix::Result<OwnedFd> {
    let resolve = resolve | ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve);
    for _ in 0..RACES {
        match openat2(base.as_fd(), path, how) {
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            opened => return opened,
        }
    }
    Err(Errno::EAGAIN)
}

/// Returns whether an open directory has not been removed.
pub(super) fn is_linked(directory: impl AsFd) -> bool {
    fstat(directory).is_ok_and(|stat| stat.st_nlink > 0)
}

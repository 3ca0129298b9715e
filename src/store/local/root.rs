//! The root's handle and every way from a name to a descriptor. It refuses to know a path: all is opened by
//! `openat2` beneath the root, so that neither `..` nor a link, swapped at whatever moment, leads outside.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2, readlinkat};
use nix::sys::stat::{Mode, fstat, stat};

use crate::error::{Error, Result, shown};
use crate::store::name::Name;

/// How often a walk that raced with a rename is tried again. The kernel gives up (EAGAIN) only where a `..` of a
/// link is walked while anything on the machine is renamed.
const RACES: usize = 128;

/// What is said where the root is not what its name leads to.
const GONE: &str = "the served directory was removed, moved or mounted over; HUP opens it by its name again";
/// As many symbolic links are followed as Linux follows.
const LINKS_MAX: usize = 40;

/// The longest component any file system takes, in bytes (NAME_MAX).
const COMPONENT_MAX: usize = 255;

/// A handle that stands for a name but reads nothing: no rights to the content are needed, nothing is woken up.
pub(super) const HANDLE: OFlag = OFlag::O_PATH;
/// A directory to be read.
pub(super) const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY);
/// A file to be read. It may turn out to be a FIFO or a terminal, which must neither block nor take control.
pub(super) const READ: OFlag = OFlag::O_RDONLY.union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY);

/// The directory everything is beneath.
pub(super) struct Root {
    handle: OwnedFd,
    /// The name it was opened by. Only asked whether it still leads to the same directory.
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

/// A name about to change: its directory, held open, and its last component. Only a [`Root`] makes one, so it is
/// beneath the root, and stays so whatever happens to the names above it.
pub(super) struct Place {
    /// The directory it is in.
    pub parent: OwnedFd,
    /// The last component.
    pub last: Vec<u8>,
    /// Device and inode of the directory.
    directory: (u64, u64),
}

/// What a write does to a symbolic link: new content goes to what it leads to, a new name takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// What it leads to is written.
    Followed,
    /// The link itself is replaced.
    Replaced,
}

/// What a name is the same as: directory and last component, so that two ways through links are one.
pub(super) type Key = (u64, u64, Vec<u8>);

impl Root {
    /// Opens the root. The second step shows at once whether the system has `openat2` (Linux 5.6).
    pub fn open(path: &Path) -> Result<Self> {
        let named = |errno: Errno| Error::io(path.as_os_str().as_encoded_bytes(), errno.into());
        let found =
            open(path, HANDLE | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).map_err(named)?;
        let handle = open_beneath(&found, b".", DIRECTORY, ResolveFlag::empty()).map_err(named)?;
        let stat = fstat(&handle).map_err(named)?;
        let mut root = Root { handle, path: path.to_owned(), identity: (stat.st_dev, stat.st_ino) };
        // A relative name would follow the working directory wherever that is moved.
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        if root.is_at(&absolute) == Some(true) {
            root.path = absolute;
        }
        Ok(root)
    }

    /// The name it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses (503) what would be written to, or missed in, a directory that its name leads to no more: it was
    /// removed, moved, unmounted, mounted over, or a link on the way was switched.
    pub fn require_attached(&self) -> Result<()> {
        match self.is_at(&self.path) {
            Some(false) => Err(Error::cut("/", GONE)),
            _ => Ok(()),
        }
    }

    /// Whether a path leads to it; nothing where the system does not say.
    fn is_at(&self, path: &Path) -> Option<bool> {
        match stat(path) {
            Ok(stat) => Some((stat.st_dev, stat.st_ino) == self.identity),
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Some(false),
            Err(_) => None,
        }
    }

    /// The root itself.
    pub fn handle(&self) -> &OwnedFd {
        &self.handle
    }

    /// Opens what the components lead to, following links that stay beneath the root.
    pub fn descend(&self, components: &[Vec<u8>], flags: OFlag) -> nix::Result<OwnedFd> {
        let path = components.join(&b'/');
        let path = if path.is_empty() { b".".as_slice() } else { &path };
        open_beneath(&self.handle, path, flags, ResolveFlag::empty())
    }

    /// The place of a name that should be there: without its directory it is not (404).
    pub fn place_of(&self, name: &Name) -> Result<Place> {
        self.place(name, |errno| wrong(name, errno))
    }

    /// The place for a name that is to be: its directory must be there already (409).
    pub fn place_for(&self, name: &Name) -> Result<Place> {
        self.place(name, |errno| wrong_for(name, errno))
    }

    /// The place where a content is to be put: that of the file which a link leads to, where the name is one. A link that
    /// leads nowhere, or out of the root, is the place itself.
    fn place_through(&self, name: &Name) -> Result<Place> {
        let mut place = self.place_for(name)?;
        if !is_link(&place) {
            return Ok(place);
        }
        let mut above =
            name.components().split_last().map(|(_, above)| above.join(&b'/')).unwrap_or_default();
        for _ in 0..LINKS_MAX {
            let text = match readlinkat(&place.parent, place.last.as_slice()) {
                Ok(text) => text,
                // It is what it leads to.
                Err(Errno::EINVAL) => return Ok(place),
                Err(_) => break,
            };
            let text = text.into_vec();
            let at = text.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
            let (way, last) = text.split_at_checked(at).unwrap_or_default();
            if matches!(last, b"" | b"." | b"..") || way.starts_with(b"/") {
                break;
            }
            above = [above.as_slice(), b"/", way].concat();
            let above = above.strip_prefix(b"/").unwrap_or(&above);
            let above = if above.is_empty() { b".".as_slice() } else { above };
            let found = open_beneath(&self.handle, above, HANDLE | OFlag::O_DIRECTORY, ResolveFlag::empty())
                .and_then(|parent| Place::new(parent, last.to_vec()));
            let Ok(found) = found else { break };
            place = found;
        }
        // A directory, or nothing that is served.
        self.place_for(name)
    }

    /// The place for what is to be under a name that may be a link.
    pub fn place_to(&self, name: &Name, links: Links) -> Result<Place> {
        match links {
            Links::Followed => self.place_through(name),
            Links::Replaced => self.place_for(name),
        }
    }

    fn place(&self, name: &Name, wrong: impl Fn(Errno) -> Error) -> Result<Place> {
        let Some((last, above)) = name.components().split_last() else {
            return Err(Error::status(403, name.shown(), "is the root and stays"));
        };
        self.require_attached()?;
        if last.len() > COMPONENT_MAX {
            return Err(wrong(Errno::ENAMETOOLONG));
        }
        let parent = self.descend(above, HANDLE | OFlag::O_DIRECTORY).map_err(&wrong)?;
        Place::new(parent, last.clone()).map_err(&wrong)
    }
}

impl Place {
    /// A component of a directory that was opened beneath the root.
    pub fn new(parent: OwnedFd, last: Vec<u8>) -> nix::Result<Self> {
        let stat = fstat(&parent)?;
        Ok(Place { parent, last, directory: (stat.st_dev, stat.st_ino) })
    }

    /// Device and inode of the directory.
    pub fn directory(&self) -> (u64, u64) {
        self.directory
    }

    /// What it is the same as.
    pub fn key(&self) -> Key {
        (self.directory.0, self.directory.1, self.last.clone())
    }
}

fn is_link(place: &Place) -> bool {
    readlinkat(&place.parent, place.last.as_slice()).is_ok()
}

/// Opens a path beneath a directory.
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

/// Whether the system says in its way that nothing is there: no such name, no directory on the way, a link that
/// loops or leads outside, a socket or a device without a driver.
pub(super) fn is_absent(errno: Errno) -> bool {
    use Errno::{ELOOP, ENODEV, ENOENT, ENOTDIR, ENXIO, EXDEV};
    matches!(errno, ENOENT | ENOTDIR | ELOOP | EXDEV | ENXIO | ENODEV)
}

/// What the system said of a name, in the house's words.
pub(super) fn wrong(name: &Name, errno: Errno) -> Error {
    match errno {
        errno if is_absent(errno) => absent(name),
        // The name is not repeated.
        Errno::ENAMETOOLONG => Error::status(404, "name", "is longer than the system takes: nothing has it"),
        Errno::EAGAIN => Error::cut(name.shown(), "is being changed by others"),
        Errno::EBUSY => Error::status(409, name.shown(), "is a mount point, or in use by the system"),
        errno => Error::io(name.shown(), errno.into()),
    }
}

/// What the system said of a name that is to be: if something is not there, it is the directory.
pub(super) fn wrong_for(name: &Name, errno: Errno) -> Error {
    match errno {
        errno if is_absent(errno) => no_directory(name),
        Errno::ENAMETOOLONG => Error::status(400, "name", "is longer than the system takes"),
        errno => wrong(name, errno),
    }
}

/// The file system has rules for names that this one does not keep to.
pub(super) fn unfit(name: &Name) -> Error {
    Error::status(409, name.shown(), "is no name that this file system takes")
}

/// Whether a directory that was opened has not been removed since.
pub(super) fn stands(directory: impl AsFd) -> bool {
    fstat(directory).is_ok_and(|stat| stat.st_nlink > 0)
}

/// The name leads to nothing that is served.
pub(super) fn absent(name: &Name) -> Error {
    Error::status(404, name.shown(), "is not there")
}

/// The directory a name is to be in is not there.
pub(super) fn no_directory(name: &Name) -> Error {
    let above = name.components().split_last().map(|(_, above)| above).unwrap_or_default();
    let directory: Vec<u8> =
        above.iter().flat_map(|component| [component, b"/".as_slice()].concat()).collect();
    Error::status(409, name.shown(), format!("no directory /{}", shown(&directory)))
}

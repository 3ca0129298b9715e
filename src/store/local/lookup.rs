//! What stands under a name, as a client sees it and as a write needs to know it.

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, fstat, fstatat};

use super::digest::{Attribute, of_entry, of_handle};
use super::root::{HANDLE, Place, Root, is_absent};
use super::stat::{change_time, is_link};
use crate::store::contract::{Kind, Meta};

/// What stands at a place.
pub(super) enum Standing {
    /// Nothing: the name is free.
    Nothing,
    /// Something that is not there for a client but takes the name: a device, a FIFO, a socket, a link that leads
    /// nowhere or outside.
    Unserved,
    /// A file or a directory.
    Served(Served),
}

/// A file or a directory, or what a link to one leads to.
pub(super) struct Served {
    /// What a client knows of it.
    pub meta: Meta,
    /// When anything of it was last changed, in nanoseconds.
    pub changed: i128,
    /// Device and inode: the file itself, whatever its names.
    pub file: (u64, u64),
    /// Whether the name itself is a symbolic link.
    pub link: bool,
}

impl Root {
    /// Looks what stands at a place; `components` are the way to it, for a link there.
    pub fn look(&self, components: &[Vec<u8>], place: &Place) -> nix::Result<Standing> {
        match fstatat(&place.parent, place.last.as_slice(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let kept = of_entry(&place.parent, &place.last, &stat);
                self.judge(components, stat, kept)
            }
            Err(Errno::ENOENT) => Ok(Standing::Nothing),
            Err(errno) => Err(errno),
        }
    }

    /// Says what a directory entry is to a client; `stat` and `kept` are of the entry itself.
    pub fn judge(
        &self,
        components: &[Vec<u8>],
        stat: FileStat,
        kept: Option<Attribute>,
    ) -> nix::Result<Standing> {
        let link = is_link(&stat);
        let (stat, kept) = match link {
            true => match self.descend(components, HANDLE) {
                Err(errno) if is_absent(errno) => return Ok(Standing::Unserved),
                found => {
                    let handle = found?;
                    let stat = fstat(&handle)?;
                    (stat, of_handle(&handle, &stat))
                }
            },
            false => (stat, kept),
        };
        Ok(match Meta::of(&stat, kept) {
            Some(meta) => Standing::Served(Served {
                meta,
                changed: change_time(&stat),
                file: (stat.st_dev, stat.st_ino),
                link,
            }),
            None => Standing::Unserved,
        })
    }
}

impl Standing {
    /// What a client sees there.
    pub fn meta(&self) -> Option<&Meta> {
        self.served().map(|served| &served.meta)
    }

    /// What is there for a client.
    pub fn served(&self) -> Option<&Served> {
        match self {
            Standing::Served(served) => Some(served),
            Standing::Nothing | Standing::Unserved => None,
        }
    }
}

impl Served {
    /// Whether the entry itself is a directory, not a link to one.
    pub fn is_tree(&self) -> bool {
        !self.link && self.meta.kind == Kind::Directory
    }
}

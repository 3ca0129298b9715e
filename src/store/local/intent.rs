//! Intent records (a write-ahead log): what a rename or copy is about to replace, fsynced at the root before it is
//! done. A kill in between leaves the record, and the next start finishes or undoes it (`recovery`).
//!
//! A record is a file `.cfpd-move-` and 16 hexadecimal digits, which no client can name, locked (`flock`) while its
//! daemon works on it. On a file system without locks there are no records.

use std::fs::File;
use std::io::{self, Read, Write};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, fstat};
use nix::unistd::geteuid;
use rustix::fs::{AtFlags, StatxFlags, statx};

use super::{DIGITS, EntryAt, HANDLE, Temporary, Volume, fresh_digits, is_hexadecimal, is_regular, remove};

/// The prefix of a record's name.
const RECORD: &[u8] = b".cfpd-move-";
/// The prefix of the name of an entry that was moved aside; the digits are those of its record. A sweep does not remove
/// it.
const ASIDE: &[u8] = b".cfpd-moved-";
/// The first field of a record.
const FORMAT: &[u8] = b"cfpd move 1";
/// The last field, without which a record is truncated.
const END: &[u8] = b"end";
/// The largest record, in bytes: more than two paths of a request.
const SIZE_MAX: usize = 64 << 10;

/// What is about to be done. Paths are components joined by `/`, relative to the root.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Intent {
    /// `source` is renamed to `aside` in the same directory, which is exchanged with `replaced`; then `aside` is removed.
    Exchange { source: Vec<u8>, aside: Vec<u8>, replaced: InodeIdentity },
    /// `target` is renamed to `aside` in the same directory, `source` to `target`; then `aside` is removed.
    TwoRenames { source: Vec<u8>, target: Vec<u8>, aside: Vec<u8> },
}

/// The identity of an inode, distinguished from a later one with the same number where the file system stores birth
/// times.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InodeIdentity {
    device: u64,
    inode: u64,
    /// The birth time, in seconds and nanoseconds.
    born: Option<(i64, u32)>,
}

impl InodeIdentity {
    /// Reads it with statx(2), following no link.
    pub fn of(entry: &EntryAt) -> nix::Result<Self> {
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        let stat = statx(&entry.parent, entry.last.as_slice(), AtFlags::SYMLINK_NOFOLLOW, wanted)
            .map_err(|errno| Errno::from_raw(errno.raw_os_error()))?;
        let has_birth = StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::BTIME);
        Ok(InodeIdentity {
            device: nix::libc::makedev(stat.stx_dev_major, stat.stx_dev_minor),
            inode: stat.stx_ino,
            born: has_birth.then_some((stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec)),
        })
    }

    /// Returns whether both are the same inode. The device number may change at a reboot; the birth time then decides.
    pub fn is_same(&self, other: &InodeIdentity) -> bool {
        let is_same_device = self.born.is_some() || self.device == other.device;
        is_same_device && (self.inode, self.born) == (other.inode, other.born)
    }
}

/// A record of this daemon. Removed when dropped, unless recovery still needs it.
pub(super) struct Record {
    file: Temporary,
    /// The name to which an entry is moved aside, and then the hidden name that a sweep removes.
    pub aside: Option<EntryAt>,
}

impl Record {
    /// Records that `source`, which has this path, is to be moved aside and exchanged with `target`.
    pub fn of_exchange(volume: &Volume, path: &[u8], source: &EntryAt, target: &EntryAt) -> io::Result<Self> {
        let (digits, aside) = name_aside(volume, path, source)?;
        let replaced = InodeIdentity::of(target)?;
        let intent = Intent::Exchange { source: path.to_vec(), aside: aside.last.clone(), replaced };
        let file = write(volume, &digits, &intent)?;
        Ok(Record { file, aside: Some(aside) })
    }

    /// Records that `target`, which has this path, is to be moved aside.
    pub fn of_two_renames(volume: &Volume, source: &[u8], path: &[u8], target: &EntryAt) -> io::Result<Self> {
        let (digits, aside) = name_aside(volume, path, target)?;
        let (source, target, last) = (source.to_vec(), path.to_vec(), aside.last.clone());
        let file = write(volume, &digits, &Intent::TwoRenames { source, target, aside: last })?;
        Ok(Record { file, aside: Some(aside) })
    }

    /// Keeps the record for the next start when this is dropped.
    pub fn keep(&mut self) {
        self.file.persists = true;
    }

    /// Removes the record and what was moved aside. The caller has fsynced everything before.
    pub fn end(self, volume: &Volume) -> nix::Result<()> {
        discard(volume, self.file)?;
        // The next sweep removes what is left.
        if let Some(hidden) = &self.aside {
            let _ = remove(&hidden.parent, &hidden.last);
        }
        Ok(())
    }
}

/// Returns the digits of a new record, and the entry to which this one is to be moved aside.
fn name_aside(volume: &Volume, path: &[u8], entry: &EntryAt) -> io::Result<(Vec<u8>, EntryAt)> {
    // Recovery must find the same entry by the path.
    if entry_at_path(volume, path)?.key() != entry.key() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let digits = fresh_digits();
    let aside = entry.sibling([ASIDE, &digits].concat())?;
    Ok((digits, aside))
}

/// Removes a record and fsyncs the directory: a record that reappears after a power failure could name the inode number
/// of another file.
fn discard(volume: &Volume, file: Temporary) -> nix::Result<()> {
    let entry = file.entry.sibling(Vec::new())?;
    drop(file);
    volume.sync.directory(&entry)
}

fn write(volume: &Volume, digits: &[u8], intent: &Intent) -> io::Result<Temporary> {
    let root = volume.root.handle.try_clone()?;
    let name = [RECORD, digits].concat();
    let file = Temporary::named(root, name, OFlag::O_CREAT | OFlag::O_EXCL)?;
    // Recovery must be able to tell that it is this daemon's, and whether it is in use.
    let is_usable = is_own(&fstat(&file.file)?) && file.file.try_lock().is_ok();
    let bytes = intent.to_bytes();
    if !is_usable || bytes.len() > SIZE_MAX {
        return Err(io::ErrorKind::Unsupported.into());
    }
    (&file.file).write_all(&bytes)?;
    volume.sync.content(&file.file)?;
    volume.sync.directory(&file.entry)?;
    Ok(file)
}

/// Returns whether a name is that of a record.
pub(super) fn is_record_name(last: &[u8]) -> bool {
    last.strip_prefix(RECORD).is_some_and(|digits| is_hexadecimal(digits, DIGITS))
}

/// Returns whether this user owns the file and it has one link: other users cannot make such a file.
pub(super) fn is_own(stat: &FileStat) -> bool {
    is_regular(stat) && stat.st_uid == geteuid().as_raw() && stat.st_nlink == 1
}

/// Reads a record; `None` where it is truncated or malformed.
pub(super) fn read(file: &File) -> io::Result<Option<Intent>> {
    let mut bytes = Vec::new();
    file.take(SIZE_MAX as u64).read_to_end(&mut bytes)?;
    Ok(Intent::parse(&bytes))
}

/// Opens the directory of a path in a record.
pub(super) fn entry_at_path(volume: &Volume, path: &[u8]) -> nix::Result<EntryAt> {
    let mut components: Vec<_> = path.split(|&byte| byte == b'/').map(<[u8]>::to_vec).collect();
    let last = components.pop().filter(|last| !matches!(last.as_slice(), b"" | b"." | b".."));
    let parent = volume.root.open_beneath(&components, HANDLE | OFlag::O_DIRECTORY)?;
    EntryAt::new(parent, last.ok_or(Errno::ENOENT)?)
}

impl Intent {
    /// Serializes it as fields that each end in a NUL, which no name contains.
    fn to_bytes(&self) -> Vec<u8> {
        let fields: Vec<Vec<u8>> = match self {
            Intent::Exchange { source, aside, replaced: InodeIdentity { device, inode, born } } => {
                let born = born.map(|(seconds, rest)| format!("{seconds}.{rest}")).unwrap_or_default();
                let numbers = [device.to_string(), inode.to_string(), born].map(String::into_bytes);
                [vec![b"exchange".to_vec(), source.clone(), aside.clone()], numbers.to_vec()].concat()
            }
            Intent::TwoRenames { source, target, aside } => {
                vec![b"two renames".to_vec(), source.clone(), target.clone(), aside.clone()]
            }
        };
        let fields = [FORMAT].into_iter().chain(fields.iter().map(Vec::as_slice)).chain([END]);
        fields.flat_map(|field| [field, b"\0"].concat()).collect()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let is_aside =
            |last: &[u8]| last.strip_prefix(ASIDE).is_some_and(|digits| is_hexadecimal(digits, DIGITS));
        let fields: Vec<_> = bytes.strip_suffix(b"\0")?.split(|&byte| byte == 0).collect();
        match fields.as_slice() {
            [FORMAT, b"exchange", source, aside, device, inode, born, END] if is_aside(aside) => {
                let born = match *born {
                    b"" => None,
                    born => {
                        let (seconds, rest) = std::str::from_utf8(born).ok()?.split_once('.')?;
                        Some((seconds.parse().ok()?, rest.parse().ok()?))
                    }
                };
                let [device, inode] = [device, inode].map(|number| std::str::from_utf8(number).ok());
                let replaced =
                    InodeIdentity { device: device?.parse().ok()?, inode: inode?.parse().ok()?, born };
                let [source, aside] = [source, aside].map(|field| field.to_vec());
                Some(Intent::Exchange { source, aside, replaced })
            }
            [FORMAT, b"two renames", source, target, aside, END] if is_aside(aside) => {
                let [source, target, aside] = [source, target, aside].map(|field| field.to_vec());
                Some(Intent::TwoRenames { source, target, aside })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_none_that_was_cut() {
        let aside = b".cfpd-moved-0123456789abcdef";
        let born = [None, Some((-5, 17)), Some((1_700_000_000, 999_999_999))];
        let identities = born.map(|born| InodeIdentity { device: 7, inode: u64::MAX, born });
        let exchanges = identities.into_iter().map(|replaced| Intent::Exchange {
            source: b"d/\n \xff".to_vec(),
            aside: aside.to_vec(),
            replaced,
        });
        let renames =
            Intent::TwoRenames { source: b"d/e".to_vec(), target: b"f".to_vec(), aside: aside.to_vec() };
        for intent in exchanges.chain([renames]) {
            let bytes = intent.to_bytes();
            assert_eq!(Intent::parse(&bytes).as_ref(), Some(&intent));
            for length in 0..bytes.len() {
                assert_eq!(Intent::parse(&bytes[..length]), None, "{length}");
            }
        }
        for other in [&b""[..], b"\0", b"cfpd move 1\0two renames\0a\0b\0c\0end\0"] {
            assert_eq!(Intent::parse(other), None);
        }
    }

    #[test]
    fn an_inode_is_told_apart_by_its_birth_and_else_by_its_device() {
        let of =
            |device, inode, born: Option<i64>| InodeIdentity { device, inode, born: born.map(|at| (at, 0)) };
        let rows = [
            (of(1, 2, Some(3)), of(1, 2, Some(3)), true),
            (of(1, 2, Some(3)), of(9, 2, Some(3)), true),
            (of(1, 2, Some(3)), of(1, 2, Some(4)), false),
            (of(1, 2, Some(3)), of(1, 2, None), false),
            (of(1, 2, None), of(1, 2, None), true),
            (of(1, 2, None), of(9, 2, None), false),
            (of(1, 2, None), of(1, 3, None), false),
        ];
        for (one, other, is_same) in rows {
            assert_eq!(one.is_same(&other), is_same, "{one:?} {other:?}");
        }
    }
}

//! Finds mount points at or beneath a directory in the kernel's table (proc_pid_mountinfo(5)). Opens none of its paths.
//! The table is opened once, before Landlock applies, and read again for each query.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;

use nix::fcntl::{OFlag, ResolveFlag};

use super::{EntryAt, HANDLE, open_beneath};
use crate::error::{Error, Result};
use crate::store::Name;

/// The table as this process sees it.
const TABLE: &str = "/proc/self/mountinfo";

/// The mounts of this process.
pub(super) struct Mounts {
    /// `None` where there is no /proc: the kernel alone then refuses to remove a mount point.
    table: Option<File>,
}

impl Mounts {
    /// Opens the table.
    pub fn open() -> Self {
        Mounts { table: File::open(TABLE).ok() }
    }

    /// Refuses to remove a directory with a mount point at it or beneath it: the mount would stay, and everything
    /// around it would be removed.
    pub fn refuse(&self, name: &Name, entry: &EntryAt) -> Result<()> {
        let flags = HANDLE | OFlag::O_DIRECTORY;
        match open_beneath(&entry.parent, &entry.last, flags, ResolveFlag::RESOLVE_NO_SYMLINKS) {
            Ok(directory) => match self.at_or_beneath(&directory) {
                Some(below) => {
                    let mounted = [name.as_directory().shown(), below].concat();
                    Err(Error::conflict(mounted, "is a mount point: unmount it first"))
                }
                None => Ok(()),
            },
            // It is not a directory, or no longer one: the removal reports the error.
            Err(_) => Ok(()),
        }
    }

    /// Returns the path from a directory to a mount point beneath it, joined by `/`; empty where the directory is a mount point
    /// itself.
    pub fn at_or_beneath(&self, directory: &OwnedFd) -> Option<Vec<u8>> {
        let own = fs::read_link(format!("/proc/self/fd/{}", directory.as_raw_fd())).ok()?;
        let own = own.into_os_string().into_vec();
        let table = self.read()?;
        table.split(|&byte| byte == b'\n').find_map(|line| below(&own, &mount_point(line)?))
    }

    fn read(&self) -> Option<Vec<u8>> {
        let (table, mut all, mut block) = (self.table.as_ref()?, Vec::new(), [0; 4096]);
        loop {
            match table.read_at(&mut block, all.len() as u64).ok()? {
                0 => return Some(all),
                read => all.extend_from_slice(block.get(..read)?),
            }
        }
    }
}

/// Returns the fifth field of a line, in which white space and backslashes are written as three octal digits.
fn mount_point(line: &[u8]) -> Option<Vec<u8>> {
    let mut parts = line.split(|&byte| byte == b' ').nth(4)?.split(|&byte| byte == b'\\');
    let mut path = parts.next()?.to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(3)?;
        path.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()?);
        path.extend_from_slice(rest);
    }
    Some(path)
}

/// Returns the relative path from one absolute path to another that is equal or beneath it.
fn below(above: &[u8], path: &[u8]) -> Option<Vec<u8>> {
    match path.strip_prefix(above)? {
        b"" => Some(Vec::new()),
        rest if above.ends_with(b"/") => Some(rest.to_vec()),
        rest => rest.strip_prefix(b"/").map(<[u8]>::to_vec),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_is_read_off_its_line() {
        let line =
            br"36 35 98:0 /mnt1 /srv/a\040b\134c rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
        assert_eq!(mount_point(line).unwrap(), br"/srv/a b\c");
        for broken in [&b""[..], b"36 35 98:0 /mnt1", br"36 35 98:0 / /a\04 rw", br"36 35 98:0 / /a\999 rw"] {
            assert_eq!(mount_point(broken), None);
        }
    }

    #[test]
    fn only_what_is_beneath_or_the_same_is_found() {
        let rows = [
            ("/srv", "/srv", Some("")),
            ("/srv", "/srv/a/b", Some("a/b")),
            ("/srv", "/srv2", None),
            ("/srv", "/", None),
            ("/", "/srv", Some("srv")),
        ];
        for (above, path, found) in rows {
            let found = found.map(|found| found.as_bytes().to_vec());
            assert_eq!(below(above.as_bytes(), path.as_bytes()), found, "{above} {path}");
        }
    }

    #[test]
    fn the_table_of_this_process_is_read_again_and_again() {
        let mounts = Mounts::open();
        for _ in 0..2 {
            assert!(mounts.at_or_beneath(&File::open("/").unwrap().into()).is_some());
            assert_eq!(mounts.at_or_beneath(&tempfile::tempfile().unwrap().into()), None);
        }
    }
}

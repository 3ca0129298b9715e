//! The metadata of a file: owner, permissions, access control list and extended user attributes. They are read from a
//! file and set on the one that replaces it. It does not know names or contents.
//!
//! The group bits in the mode of a file with an ACL are the mask of the ACL: a mode that is copied without the ACL
//! would grant the group what only the named users had.

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat};
use nix::unistd::{Gid, Uid, fchown};
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr, getxattr, listxattr};

/// The ACL of a file, as the kernel reads and writes it (`linux/posix_acl_xattr.h`).
const ACCESS: &CStr = c"system.posix_acl_access";
/// The default ACL of a directory, inherited by what is created in it.
pub const ACL_OF_NEW: &CStr = c"system.posix_acl_default";
/// The prefix of extended attributes of users; all others are the system's.
const USERS: &[u8] = b"user.";
/// The prefix of the daemon's own attributes, which belong to one content and are not copied.
const OF_CONTENT: &[u8] = b"user.cfpd.";
/// The attribute with the properties that clients of the daemon set. It belongs to the file, not to one content.
pub const PROPERTIES: &CStr = c"user.cfpd-properties";
/// The largest attribute value and the longest list of names, in bytes (`linux/limits.h`).
const MOST: usize = 64 << 10;
/// The first buffer for a value, in bytes: few values are longer.
const USUAL: usize = 1 << 10;
/// The set-user-ID, set-group-ID and sticky bits.
const SPECIAL: u32 = 0o7000;

/// The metadata of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// User and group, if they are to be set too.
    owner: Option<(u32, u32)>,
    mode: u32,
    access: Option<Vec<u8>>,
    /// The default ACL, of a directory.
    default: Option<Vec<u8>>,
    users: Vec<(CString, Vec<u8>)>,
}

impl Attributes {
    /// Reads the metadata of an open file or directory; an `O_PATH` descriptor will do.
    pub fn of(file: impl AsFd) -> io::Result<Self> {
        let (file, stat) = (file.as_fd(), fstat(&file)?);
        let names = list(file);
        let read =
            |name: &CStr| names.iter().find(|listed| listed.as_c_str() == name).and_then(|_| get(file, name));
        let users = names.iter().filter(|name| is_of_users(name)).map(|name| (name.clone(), get(file, name)));
        Ok(Attributes {
            owner: Some((stat.st_uid, stat.st_gid)),
            mode: stat.st_mode & !SFlag::S_IFMT.bits(),
            access: read(ACCESS),
            default: read(ACL_OF_NEW),
            users: users.filter_map(|(name, value)| Some((name, value?))).collect(),
        })
    }

    /// Makes metadata of a mode alone.
    pub fn of_mode(mode: u32) -> Self {
        Attributes { owner: None, mode, access: None, default: None, users: Vec::new() }
    }

    /// Takes the properties that clients have set from other metadata: those of the copied file, where a copy replaces
    /// another one.
    pub fn with_properties_of(mut self, other: &Self) -> Self {
        self.users.retain(|(name, _)| name.as_c_str() != PROPERTIES);
        self.users.extend(other.users.iter().filter(|(name, _)| name.as_c_str() == PROPERTIES).cloned());
        self
    }

    /// Removes the owner, so that it is not changed.
    pub fn without_owner(self) -> Self {
        Attributes { owner: None, ..self }
    }

    /// Removes the set-user-ID, set-group-ID and sticky bits: the right to write a file must not be one to run programs
    /// as another user.
    pub fn without_special_bits(self) -> Self {
        Attributes { mode: self.mode & !SPECIAL, ..self }
    }

    /// Adds all permissions of the owner, who must be able to write into a new directory.
    pub fn open_to_owner(self) -> Self {
        Attributes { mode: self.mode | Mode::S_IRWXU.bits(), ..self }
    }

    /// Applies the attributes to a file that no other process has open. What this process is not permitted to set is left
    /// out; a full disk is an error.
    ///
    /// Returns whether the group was set. If not, the file's group gets no more permissions than others have.
    pub fn apply_to(&self, file: &File) -> io::Result<bool> {
        for (name, value) in &self.users {
            may_fail(fsetxattr(file, name.as_c_str(), value, XattrFlags::empty()))?;
        }
        let stat = fstat(file)?;
        let (has_user, has_group) = self.set_owner(file, &stat);
        let special = if has_user && has_group { SPECIAL } else { 0 };
        let mode = self.mode & (special | 0o777) | inherited(&stat);
        match self.access.as_deref().map(|acl| if has_group { acl.to_vec() } else { narrowed(acl) }) {
            Some(acl) if may_fail(fsetxattr(file, ACCESS, &acl, XattrFlags::empty()))? => {
                // The ACL contains the other bits.
                if mode & SPECIAL != 0 {
                    set_mode(file, mode)?;
                }
            }
            Some(acl) => set_mode(file, with_group(mode, group_of(&acl)))?,
            None => {
                // An ACL inherited from the directory would grant its users what the mode grants the group.
                may_fail(fremovexattr(file, ACCESS))?;
                let group = if has_group { mode >> 3 } else { mode >> 3 & mode };
                set_mode(file, with_group(mode, group))?;
            }
        }
        if let Some(acl) = &self.default {
            may_fail(fsetxattr(file, ACL_OF_NEW, acl, XattrFlags::empty()))?;
        }
        Ok(has_group)
    }

    /// Sets user and group, and returns whether each is as it should be.
    fn set_owner(&self, file: &File, stat: &FileStat) -> (bool, bool) {
        let Some((user, group)) = self.owner else { return (true, true) };
        if (stat.st_uid, stat.st_gid) == (user, group) {
            return (true, true);
        }
        let group_id = Some(Gid::from_raw(group));
        match fchown(file, Some(Uid::from_raw(user)), group_id) {
            Ok(()) => (true, true),
            // Only root may change the user of a file, but any member of a group may set that group.
            Err(_) => (stat.st_uid == user, stat.st_gid == group || fchown(file, None, group_id).is_ok()),
        }
    }
}

/// Returns the set-group-ID bit that a new directory inherited from its parent, together with the group.
fn inherited(stat: &FileStat) -> u32 {
    let is_directory = stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFDIR.bits();
    if is_directory { stat.st_mode & Mode::S_ISGID.bits() } else { 0 }
}

fn is_of_users(name: &CStr) -> bool {
    name.to_bytes().starts_with(USERS) && !name.to_bytes().starts_with(OF_CONTENT)
}

/// Lists the names of all attributes; empty on a file system without them.
fn list(file: BorrowedFd<'_>) -> Vec<CString> {
    let names = read(|buffer| match flistxattr(file, &mut *buffer) {
        // An `O_PATH` descriptor is only accepted as a path beneath /proc.
        Err(rustix::io::Errno::BADF) => listxattr(path_of(file), buffer),
        read => read,
    });
    let names = names.unwrap_or_default();
    let names = names.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    names.filter_map(|name| CString::new(name).ok()).collect()
}

fn get(file: BorrowedFd<'_>, name: &CStr) -> Option<Vec<u8>> {
    read(|buffer| match fgetxattr(file, name, &mut *buffer) {
        Err(rustix::io::Errno::BADF) => getxattr(path_of(file), name, buffer),
        read => read,
    })
}

/// Reads into a small buffer, and into one of the largest size if that is too short.
fn read(into: impl Fn(&mut [u8]) -> rustix::io::Result<usize>) -> Option<Vec<u8>> {
    let mut buffer = vec![0; USUAL];
    let read = match into(&mut buffer) {
        Err(rustix::io::Errno::RANGE) => {
            buffer.resize(MOST, 0);
            into(&mut buffer)
        }
        read => read,
    };
    buffer.truncate(read.ok()?);
    Some(buffer)
}

fn path_of(file: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Returns whether an operation succeeded; only a full disk or quota is an error.
fn may_fail(done: rustix::io::Result<()>) -> io::Result<bool> {
    use rustix::io::Errno;
    match done {
        Err(errno @ (Errno::NOSPC | Errno::DQUOT)) => Err(errno.into()),
        done => Ok(done.is_ok()),
    }
}

/// Sets the mode. A file system without permissions (FAT) refuses it and uses those of the mount.
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    match fchmod(file, Mode::from_bits_truncate(mode)) {
        Err(Errno::EPERM | Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(()),
        done => Ok(done?),
    }
}

/// Reads the umask of this process from /proc; `None` where that does not tell it. `umask(2)` would set another one for a
/// moment, in all threads.
pub fn umask() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(line.trim(), 8).ok()
}

fn with_group(mode: u32, group: u32) -> u32 {
    mode & !0o070 | (group & 0o7) << 3
}

/// Tags of ACL entries.
const GROUP: u16 = 0x04;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;
/// The sizes in bytes of the header and of an entry: a tag and permissions of two bytes each, and an identifier.
const HEADER: usize = 4;
const ENTRY: usize = 8;

/// Returns the permissions of the first entry with this tag.
fn permissions_of(acl: &[u8], tag: u16) -> Option<u32> {
    let entries = acl.get(HEADER..)?.chunks_exact(ENTRY);
    let mut found = entries.filter_map(|entry| match entry {
        [low, high, permissions, ..] if u16::from_le_bytes([*low, *high]) == tag => Some(*permissions),
        _ => None,
    });
    found.next().map(u32::from)
}

/// Returns the permissions of the owning group, not the mask.
fn group_of(acl: &[u8]) -> u32 {
    let group = permissions_of(acl, GROUP).unwrap_or_default();
    group & permissions_of(acl, MASK).unwrap_or(0o7)
}

/// Returns the ACL with the owning group limited to the permissions of others.
fn narrowed(acl: &[u8]) -> Vec<u8> {
    let (mut acl, others) = (acl.to_vec(), permissions_of(acl, OTHER).unwrap_or_default());
    for entry in acl.get_mut(HEADER..).unwrap_or_default().chunks_exact_mut(ENTRY) {
        if let [low, high, permissions, ..] = entry
            && u16::from_le_bytes([*low, *high]) == GROUP
        {
            *permissions &= u8::try_from(others).unwrap_or_default();
        }
    }
    acl
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(entries: &[(u16, u16)]) -> Vec<u8> {
        let entries = entries.iter().flat_map(|(tag, permissions)| {
            [tag.to_le_bytes().as_slice(), &permissions.to_le_bytes(), &[0xff; 4]].concat()
        });
        2u32.to_le_bytes().into_iter().chain(entries).collect()
    }

    #[test]
    fn the_group_of_an_acl_is_not_its_mask() {
        let rows = [
            (&[(0x01, 6), (0x02, 6), (GROUP, 4), (MASK, 6), (OTHER, 0)][..], 4, 0),
            (&[(0x01, 6), (GROUP, 6), (MASK, 4), (OTHER, 4)], 4, 4),
            (&[(0x01, 6), (GROUP, 5), (OTHER, 1)], 5, 1),
        ];
        for (entries, group, narrow) in rows {
            let acl = acl(entries);
            assert_eq!((group_of(&acl), permissions_of(&narrowed(&acl), GROUP)), (group, Some(narrow)));
        }
        for broken in [&b""[..], b"\x02", &acl(&[])] {
            assert_eq!((group_of(broken), narrowed(broken)), (0, broken.to_vec()));
        }
    }

    #[test]
    fn mode_and_attributes_of_users_are_taken_over_and_what_is_kept_with_a_content_is_not() {
        let (old, new) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let set = |name: &str| fsetxattr(&old, name, b"value", XattrFlags::empty()).is_ok();
        let has_attributes = set("user.note") && set("user.cfpd.sha256");
        set_mode(&old, 0o4750).unwrap();
        let attributes = Attributes::of(&old).unwrap();
        assert!(attributes.apply_to(&new).unwrap());
        assert_eq!(fstat(&new).unwrap().st_mode & 0o7777, 0o4750);
        if has_attributes {
            assert_eq!(list(new.as_fd()), [c"user.note".to_owned()]);
            assert_eq!(get(new.as_fd(), c"user.note").unwrap(), b"value");
        }
        attributes.without_special_bits().apply_to(&new).unwrap();
        assert_eq!(fstat(&new).unwrap().st_mode & 0o7777, 0o750);
    }

    #[test]
    fn the_umask_is_that_of_the_process() {
        use nix::sys::stat::umask as set;
        let mask = set(Mode::from_bits_truncate(0o022));
        set(mask);
        assert_eq!(umask(), Some(mask.bits()));
    }
}

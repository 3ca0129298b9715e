//! Finds out whether a directory folds case: takes a name in another case for the same one (FAT, exFAT, NTFS, CIFS,
//! ext4's casefold). It tries a name, since no file system reports this, and some fold case in some directories only.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::fstatat;

use super::{HANDLE, RESERVED, TEMPORARY, Temporary, Volume, errno_of, names_in, reopen};
use crate::store::Name;

/// Returns whether a directory folds case. In a directory without a suitable name a temporary file is made, where the store may
/// be written; where not, the directory holds nothing that could be reached by another spelling.
pub(super) fn folds_case(volume: &Volume, directory: &OwnedFd) -> bool {
    // The first name with a letter in it.
    match find(directory, |name| name.iter().any(u8::is_ascii_alphabetic)) {
        Ok(Some(entry)) if !has_other_case(directory, &entry) => false,
        // The name in the other case may be another file.
        Ok(Some(entry)) => try_new(volume, directory)
            .or_else(|_| is_listed(directory, &in_other_case(&entry)).map(|listed| !listed))
            .unwrap_or(true),
        Ok(None) | Err(_) => try_new(volume, directory).unwrap_or(false),
    }
}

/// Returns whether two names differ in nothing but case (Unicode).
pub(super) fn differ_in_case(one: &[u8], other: &[u8]) -> bool {
    let lower = |name: &[u8]| String::from_utf8_lossy(name).to_lowercase();
    one != other && lower(one) == lower(other)
}

/// Returns whether these components lead to a directory that folds case.
pub(super) fn folds_case_in(volume: &Volume, components: &[Vec<u8>]) -> bool {
    let opened = volume.root.open_beneath(components, HANDLE | OFlag::O_DIRECTORY);
    opened.is_ok_and(|directory| folds_case(volume, &directory))
}

/// Returns whether a component is a reserved name in another case, in a directory that folds case.
pub(super) fn is_reserved_in_disguise(volume: &Volume, name: &Name) -> bool {
    name.components().iter().enumerate().any(|(at, component)| {
        looks_reserved(component, at)
            && folds_case_in(volume, name.components().get(..at).unwrap_or_default())
    })
}

fn looks_reserved(component: &[u8], at: usize) -> bool {
    let begins = component.get(..TEMPORARY.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(TEMPORARY));
    begins || (at == 0 && component.eq_ignore_ascii_case(RESERVED))
}

fn is_listed(directory: &OwnedFd, wanted: &[u8]) -> nix::Result<bool> {
    find(directory, |name| name == wanted).map(|found| found.is_some())
}

fn find(directory: &OwnedFd, is_wanted: impl Fn(&[u8]) -> bool) -> nix::Result<Option<Vec<u8>>> {
    names_in(reopen(directory)?)?.find(|name| name.as_ref().map_or(true, |name| is_wanted(name))).transpose()
}

fn try_new(volume: &Volume, directory: &OwnedFd) -> nix::Result<bool> {
    if volume.read_only {
        return Err(Errno::EROFS);
    }
    let made = Temporary::file(directory.try_clone().map_err(errno_of)?)?;
    Ok(has_other_case(directory, &made.entry.last))
}

/// Returns whether a look-up in the other case finds something. Inode numbers are not compared: FUSE may give one file two, one
/// for each name.
fn has_other_case(directory: &OwnedFd, name: &[u8]) -> bool {
    fstatat(directory, in_other_case(name).as_slice(), AtFlags::AT_SYMLINK_NOFOLLOW).is_ok()
}

fn in_other_case(name: &[u8]) -> Vec<u8> {
    name.iter().map(|byte| if byte.is_ascii_alphabetic() { byte ^ 0x20 } else { *byte }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_directory_here_keeps_names_in_two_cases_apart() {
        let folder = tempfile::tempdir().unwrap();
        let mut volume = Volume::open(folder.path()).unwrap();
        assert!(!folds_case_in(&volume, &[]));
        fs::write(folder.path().join("Name"), "").unwrap();
        assert!(!folds_case_in(&volume, &[]));
        // Two names that differ in case may both exist.
        fs::write(folder.path().join("nAME"), "").unwrap();
        assert!(!folds_case_in(&volume, &[]));
        assert!(!folds_case_in(&volume, &[b"missing".to_vec()]));
        volume.read_only = true;
        assert!(!folds_case_in(&volume, &[]));
    }

    #[test]
    fn what_looks_like_a_name_of_the_daemon() {
        let rows = [
            (".cfpd-x", 3, true),
            (".CFPD-UPLOADS", 0, true),
            (".Cfpd", 0, true),
            (".Cfpd", 1, false),
            (".CFPDX", 0, false),
            ("CFPD-", 0, false),
            (".CFP", 0, false),
        ];
        for (component, at, looks) in rows {
            assert_eq!(looks_reserved(component.as_bytes(), at), looks, "{component}");
        }
    }
}

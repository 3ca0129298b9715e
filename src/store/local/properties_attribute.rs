//! Reads the attribute with the properties that clients set, of an open file or a directory entry. It is one of the user
//! attributes, so a copy and new content get it as they get those.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::stat::SFlag;
use rustix::fs::{getxattr, lgetxattr};
use rustix::io::Errno;

use crate::attributes::PROPERTIES;
use crate::store::PROPERTIES_MAX;

/// Reads those of an open file or directory; an `O_PATH` descriptor will do.
pub(super) fn properties_of_handle(handle: &OwnedFd) -> Vec<u8> {
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    read_value(|buffer| getxattr(&path, PROPERTIES, buffer))
}

/// Reads those of a directory entry that is no symbolic link.
pub(super) fn properties_of_entry(directory: &OwnedFd, last: &CStr, file_type: SFlag) -> Vec<u8> {
    if !matches!(file_type, SFlag::S_IFREG | SFlag::S_IFDIR) {
        return Vec::new();
    }
    let path = [format!("/proc/self/fd/{}/", directory.as_raw_fd()).as_bytes(), last.to_bytes()].concat();
    read_value(|buffer| lgetxattr(&path, PROPERTIES, buffer))
}

/// Reads the attribute; empty where there is none. Few are longer than the first buffer.
fn read_value(get: impl Fn(&mut [u8]) -> rustix::io::Result<usize>) -> Vec<u8> {
    let mut first = [0; 512];
    match get(&mut first) {
        Ok(read) => first.get(..read).unwrap_or_default().to_vec(),
        Err(Errno::RANGE) => {
            let mut value = vec![0; PROPERTIES_MAX];
            let read = get(&mut value).unwrap_or_default();
            value.truncate(read);
            value
        }
        Err(_) => Vec::new(),
    }
}

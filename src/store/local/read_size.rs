//! How many bytes of a large file are read at once. Each read of a file system of another machine, or of another process,
//! waits for an answer, so that larger ones are faster; of a local one they are not, since they leave the processor's cache.

use std::os::fd::OwnedFd;

use nix::sys::statfs::{FUSE_SUPER_MAGIC, FsType, NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, fstatfs};

/// The file systems whose reads wait for an answer. The kernel's numbers of CephFS, CIFS, SMB 2 and 9P have no names in nix.
const REMOTE: [FsType; 7] = [
    FUSE_SUPER_MAGIC,
    NFS_SUPER_MAGIC,
    SMB_SUPER_MAGIC,
    FsType(0x00c3_6400),
    FsType(0xff53_4d42),
    FsType(0xfe53_4d42),
    FsType(0x0102_1997),
];

/// How much is read of them at once.
const REMOTE_READ: usize = 1 << 20;

/// Returns how many bytes should be read at once beneath this directory, at least.
pub(super) fn read_size(directory: &OwnedFd) -> usize {
    if is_remote(directory) { REMOTE_READ } else { 0 }
}

/// Returns whether this open file or directory is on such a file system.
pub(super) fn is_remote(file: &OwnedFd) -> bool {
    fstatfs(file).is_ok_and(|system| REMOTE.contains(&system.filesystem_type()))
}

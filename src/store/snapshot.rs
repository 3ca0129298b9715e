//! The content of a file whose size is not what the system says: those of /proc say 0 and hold more, those of /sys say a
//! page and hold less, and so does some FUSE. It is read once, to its end, when it is opened.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::SystemTime;

use nix::sys::stat::FileStat;
use sha2::{Digest, Sha256};

use super::{Kind, Meta};

/// What is read at once, in bytes.
const BLOCK: usize = 64 << 10;
/// The most that such a file may hold, in bytes: it is kept in memory.
const MOST: usize = 16 << 20;

/// Reads it; nothing where the size is true. What takes blocks on a disk is as long as it says.
pub(super) fn take(file: &File, stat: &FileStat) -> io::Result<Option<Vec<u8>>> {
    if stat.st_blocks != 0 || is_size(file, stat)? {
        return Ok(None);
    }
    let mut content = Vec::new();
    loop {
        let filled = content.len();
        content.resize(filled + BLOCK, 0);
        let read = file.read_at(content.get_mut(filled..).unwrap_or_default(), filled as u64)?;
        content.truncate(filled + read);
        if read == 0 {
            return Ok(Some(content));
        }
        if content.len() > MOST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
}

/// What is known of it: the bytes alone tell whether it is the same.
pub(super) fn meta_of(content: &[u8]) -> Meta {
    let digest = Sha256::digest(content);
    let tag: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{:x}-{tag}\"", content.len());
    Meta { kind: Kind::File, size: content.len() as u64, modified: SystemTime::now(), etag }
}

fn is_size(file: &File, stat: &FileStat) -> io::Result<bool> {
    let last = u64::try_from(stat.st_size).unwrap_or_default().saturating_sub(1);
    let read = file.read_at(&mut [0], last)?;
    Ok((read > 0) == (stat.st_size > 0))
}

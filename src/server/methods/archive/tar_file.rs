//! An archive as a tar file (GNU format, so that a name of any length and bytes is kept).

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::server::exchange::ClientLiveness;
use crate::server::methods::archive::source::{ArchiveSource, ExactLength};
use crate::store::Kind;

/// Writes all files and directories, and returns the sink.
pub fn write<W: Write>(source: &ArchiveSource<'_>, client: &ClientLiveness<'_>, sink: W) -> io::Result<W> {
    let mut builder = tar::Builder::new(sink);
    for entry in source.entries()? {
        let entry = entry?;
        let path = OsStr::from_bytes(&entry.name);
        if entry.kind == Kind::Directory {
            let path = OsString::from_vec([&entry.name[..], b"/"].concat());
            let mut header = header(tar::EntryType::Directory, 0o755, 0, SystemTime::now());
            builder.append_data(&mut header, path, io::empty())?;
        } else if let Some(content) = source.open(&entry)? {
            let (size, modified) = (content.meta().size, content.meta().modified);
            let mut header = header(tar::EntryType::Regular, 0o644, size, modified);
            builder.append_data(&mut header, path, ExactLength::new(content.as_ref(), client))?;
        }
    }
    builder.into_inner()
}

fn header(kind: tar::EntryType, mode: u32, size: u64, modified: SystemTime) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()));
    header
}

//! An archive as a tar file (GNU format, so that a name of any length and bytes is kept), compressed with zstd.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::http::coding::Encoder;
use crate::server::exchange::ClientLiveness;
use crate::server::limits::BLOCK;
use crate::server::methods::archive::output::ArchiveOutput;
use crate::server::methods::archive::source::{ArchiveSource, ExactLength};
use crate::store::Kind;

/// Writes all files and directories.
pub fn write(
    source: &ArchiveSource<'_>,
    client: &ClientLiveness<'_>,
    output: &ArchiveOutput<'_>,
) -> io::Result<()> {
    let encoder = Encoder::of_answer(BufWriter::with_capacity(BLOCK, output))?;
    let mut builder = tar::Builder::new(BufWriter::with_capacity(BLOCK, encoder));
    append_entries(source, client, output, &mut builder).inspect_err(|_| output.discard())?;
    let encoder = builder.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    encoder.finish()?.flush()?;
    output.check()
}

fn append_entries(
    source: &ArchiveSource<'_>,
    client: &ClientLiveness<'_>,
    output: &ArchiveOutput<'_>,
    builder: &mut tar::Builder<impl Write>,
) -> io::Result<()> {
    for entry in source.entries()? {
        output.check()?;
        let entry = entry?;
        let path = OsStr::from_bytes(&entry.name);
        if entry.kind == Kind::Directory {
            let Some(modified) = source.directory_time(&entry)? else { continue };
            let path = OsString::from_vec([&entry.name[..], b"/"].concat());
            let mut header = header(tar::EntryType::Directory, 0o755, 0, modified);
            builder.append_data(&mut header, path, io::empty())?;
        } else if let Some(content) = source.open(&entry)? {
            let (size, modified) = (content.meta().size, content.meta().modified);
            let mut header = header(tar::EntryType::Regular, 0o644, size, modified);
            builder.append_data(&mut header, path, ExactLength::new(content.as_ref(), client, output))?;
        }
    }
    Ok(())
}

fn header(kind: tar::EntryType, mode: u32, size: u64, modified: SystemTime) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()));
    header
}

//! Response bodies of stored bytes: sent with sendfile(2) where the store has a file descriptor and its file system
//! supports that, else copied through this process. The caller chooses the bytes and the fields.

use std::io::{self, Write};
use std::ops::Range;

use crate::error::Result;
use crate::http::Fields;
use crate::io_block::IoBlock;
use crate::server::exchange::Reply;
use crate::server::limits::BLOCK;
use crate::server::net::Stream;
use crate::store::Content;

/// Sends a range of a stored file as the body. `start` are the bytes at its beginning that were read already: they are sent
/// with the head.
pub fn send_content(
    reply: &mut Reply<'_>,
    status: u16,
    (content, start): (&dyn Content, &[u8]),
    part: Range<u64>,
    mut fields: Fields,
) -> Result<()> {
    fields.push("Content-Length", (part.end - part.start).to_string());
    let mut message = reply.begin(status, &fields);
    if reply.is_head || part.is_empty() {
        return reply.send(|mut stream| stream.write_all(&message));
    }
    let known = known_of(start, &part);
    message.extend_from_slice(known);
    let mut left = part.clone();
    let sent = reply.send(|mut stream| {
        let from = part.start + known.len() as u64;
        if from == part.end {
            stream.write_all(&message)?;
            left.start = from;
            return Ok(());
        }
        stream.write_head(&message)?;
        left.start = from;
        deliver(content, &mut left, stream)
    });
    reply.outcome.body_bytes = left.start - part.start;
    sent
}

/// Returns the bytes of a range that were read already.
fn known_of<'s>(start: &'s [u8], part: &Range<u64>) -> &'s [u8] {
    let at = |offset| usize::try_from(offset).unwrap_or(usize::MAX).min(start.len());
    start.get(at(part.start)..at(part.end)).unwrap_or_default()
}

/// Sends several ranges of a stored file with 206: the bytes of each pair, then its range; `end` after the last.
pub fn send_multipart(
    reply: &mut Reply<'_>,
    content: &dyn Content,
    parts: &[(Vec<u8>, Range<u64>)],
    end: &[u8],
    mut fields: Fields,
) -> Result<()> {
    let lengths = parts.iter().map(|(before, part)| before.len() as u64 + part.end - part.start);
    let length = lengths.sum::<u64>() + end.len() as u64;
    fields.push("Content-Length", length.to_string());
    let head = reply.begin(206, &fields);
    let mut body_bytes = 0;
    let sent = reply.send(|mut stream| {
        stream.write_head(&head)?;
        for (before, part) in parts {
            stream.write_head(before)?;
            body_bytes += before.len() as u64;
            let mut left = part.clone();
            let delivered = deliver(content, &mut left, stream);
            body_bytes += left.start - part.start;
            delivered?;
        }
        stream.write_all(end)?;
        body_bytes += end.len() as u64;
        Ok(())
    });
    reply.outcome.body_bytes = body_bytes;
    sent
}

/// Sends a range of a content, and leaves in `part` what was not sent.
fn deliver(content: &dyn Content, part: &mut Range<u64>, stream: &Stream) -> io::Result<()> {
    // Under TLS the bytes are encrypted in this process.
    match content.descriptor().filter(|_| !stream.is_tls()).map(|file| stream.send_file(file, part)) {
        Some(Err(error)) if may_come_from_file(&error) => copy(content, part, stream),
        Some(sent) => sent,
        None => copy(content, part, stream),
    }
}

/// Returns whether an error of `sendfile` may come from the file: it does not tell whether the file or the socket failed, and
/// not every file system supports it. Then read(2) and write(2) are used instead, and the error of a read names the
/// file.
fn may_come_from_file(error: &io::Error) -> bool {
    use nix::libc::{EINVAL, EIO, ENOSYS, EOPNOTSUPP};
    error.kind() == io::ErrorKind::UnexpectedEof
        || matches!(error.raw_os_error(), Some(EINVAL | EIO | ENOSYS | EOPNOTSUPP))
}

fn copy(content: &dyn Content, part: &mut Range<u64>, mut stream: &Stream) -> io::Result<()> {
    let (mut bytes, mut block) = (content.reader(part.clone())?, IoBlock::new(BLOCK));
    while !part.is_empty() {
        let read = bytes.read(&mut block)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        stream.write_all(block.get(..read).unwrap_or_default())?;
        part.start += read as u64;
    }
    Ok(())
}

//! How stored bytes get to a client: by `sendfile` where the store has a descriptor and the file system can do it,
//! otherwise through this process. What is said before them it does not know.

use std::io::{self, Write};
use std::ops::Range;

use crate::server::limits::BLOCK;
use crate::server::net::stream::Stream;
use crate::store::Content;

/// Sends a part of a content, and leaves in `part` what was not sent.
pub fn deliver(content: &dyn Content, part: &mut Range<u64>, stream: &Stream) -> io::Result<()> {
    match content.descriptor().map(|file| stream.send_file(file, part)) {
        Some(Err(wrong)) if may_be_of_the_file(&wrong) => copy(content, part, stream),
        Some(sent) => sent,
        None => copy(content, part, stream),
    }
}

/// `sendfile` does not say which end failed, nor can every file system do it; and who sends an open file does not know
/// its name, where that became shorter. A read of the content and a write, each by itself, do say, or go on.
fn may_be_of_the_file(wrong: &io::Error) -> bool {
    use nix::libc::{EINVAL, EIO, ENOSYS, EOPNOTSUPP};
    wrong.kind() == io::ErrorKind::UnexpectedEof
        || matches!(wrong.raw_os_error(), Some(EINVAL | EIO | ENOSYS | EOPNOTSUPP))
}

fn copy(content: &dyn Content, part: &mut Range<u64>, mut stream: &Stream) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    while !part.is_empty() {
        let most = usize::try_from(part.end - part.start).unwrap_or(BLOCK).min(BLOCK);
        let read = content.read_at(block.get_mut(..most).unwrap_or_default(), part.start)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        stream.write_all(block.get(..read).unwrap_or_default())?;
        part.start += read as u64;
    }
    Ok(())
}

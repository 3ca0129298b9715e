//! sendfile(2): file ranges to a socket without a copy through this process.

use std::fs::File;
use std::io;
use std::ops::Range;

use nix::errno::Errno;
use nix::sys::sendfile::sendfile64;

use crate::server::net::socket::Socket;

/// The most bytes of one call: large enough to make the cost of the call negligible, small enough that a shutdown is
/// noticed between two.
const SENDFILE_MAX: u64 = 4 << 20;

/// Sends a range of a file, and leaves in `part` what was not sent. A truncated file is an error: the response must not
/// look complete.
pub fn send_file(socket: &Socket, file: &File, part: &mut Range<u64>) -> io::Result<()> {
    while !part.is_empty() {
        socket.check_not_aborted()?;
        let mut offset = i64::try_from(part.start).map_err(io::Error::other)?;
        let most = (part.end - part.start).min(SENDFILE_MAX).min(socket.send_size as u64);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        match sendfile64(socket, file, Some(&mut offset), most) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(sent) => {
                socket.count_sent(sent);
                part.start += sent as u64;
            }
            Err(Errno::EAGAIN) => socket.wait_to_write()?,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

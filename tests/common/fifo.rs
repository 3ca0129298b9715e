//! Named pipes whose other end is a program that is tested: a wait for it ends, also where that program never comes.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc::O_NONBLOCK;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::{HANG, Sandbox};

/// Makes a named pipe in the work directory.
pub fn make(sandbox: &Sandbox, name: &str) -> PathBuf {
    let path = sandbox.work().join(name);
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    path
}

/// The end of a named pipe that is written to.
pub struct FifoWriter(File);

impl FifoWriter {
    /// Opens it once a program has it open for reading.
    pub fn open(path: &Path) -> Self {
        let end = Instant::now() + HANG;
        loop {
            match OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(path) {
                Ok(file) => return FifoWriter(file),
                Err(error) if error.raw_os_error() == Some(Errno::ENXIO as i32) && Instant::now() < end => {
                    thread::sleep(Duration::from_millis(5));
                }
                Err(error) => panic!("{}: nobody reads: {error}", path.display()),
            }
        }
    }

    /// Writes all of it, or as much as the reader takes before it lets go.
    pub fn write(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        while !bytes.is_empty() {
            match self.0.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let timeout = PollTimeout::try_from(HANG).unwrap();
                    let mut room = [PollFd::new(self.0.as_fd(), PollFlags::POLLOUT)];
                    assert_eq!(poll(&mut room, timeout).unwrap(), 1, "nobody reads any more");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

//! The standard streams, and which of them were closed when the program was started.
//!
//! Before `main`, Rust's runtime opens `/dev/null` for each closed descriptor from 0 to 2, so that no other file gets
//! its number. A closed standard input would then be empty, and a closed standard output would discard everything.
//! Later, such a `/dev/null` cannot be distinguished from one that the caller opened, as cron and scripts do.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, AsRawFd, IntoRawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::client::progress::display::mute;
use crate::error::{Error, Result};

/// The name of standard output in error messages.
pub const STDOUT: &str = "standard output";
/// The name of standard input in error messages.
pub const STDIN: &str = "standard input";

ctor::declarative::ctor! {
    // It calls only `open` and `close`, which do not need the runtime.
    #[ctor(unsafe)]
    fn before_the_runtime() {
        fill_closed();
    }
}

/// Opens `/dev/null` in the wrong mode for each closed standard stream: for writing as standard input, for reading as
/// the others. Its number is then taken, any use is an error (EBADF), and a child process finds it closed. A new
/// descriptor is the lowest free one, so the first above 2 ends the loop.
fn fill_closed() {
    while let Ok(null) = File::open("/dev/null") {
        let null = match null.as_raw_fd() {
            0 => {
                drop(null);
                OpenOptions::new().write(true).open("/dev/null")
            }
            1 | 2 => Ok(null),
            _ => return,
        };
        match null {
            Ok(null) => drop(null.into_raw_fd()),
            Err(_) => return,
        }
    }
}

/// How many bytes a pipe on standard input should hold.
const PIPE: i32 = 256 * 1024;

/// Returns standard input. One that is not open for reading is an error.
pub fn input() -> Result<File> {
    let stdin = io::stdin();
    // A writer to a pipe of 64 KiB is woken for every block; enlarge the pipe. Anything else returns an error, which
    // is ignored.
    let _ = fcntl(&stdin, FcntlArg::F_SETPIPE_SZ(PIPE));
    duplicate(&stdin, OFlag::O_WRONLY).map_err(|error| Error::io(STDIN, error))
}

/// Returns standard output. One that is not open for writing is an error.
pub fn output() -> Result<File> {
    let stdout = io::stdout();
    duplicate(&stdout, OFlag::O_RDONLY).map_err(|error| Error::io(STDOUT, error))
}

/// Duplicates a descriptor, unless it is open in the wrong mode.
fn duplicate(stream: &impl AsFd, wrong_way: OFlag) -> io::Result<File> {
    let flags = OFlag::from_bits_retain(fcntl(stream, FcntlArg::F_GETFL)?);
    match flags & OFlag::O_ACCMODE == wrong_way {
        true => Err(Errno::EBADF.into()),
        false => stream.as_fd().try_clone_to_owned().map(File::from),
    }
}

/// Ends the progress if the sink of this name is standard output, and that a terminal.
pub(crate) fn mute_progress(name: &str) {
    if name == STDOUT && io::stdout().is_terminal() {
        mute();
    }
}

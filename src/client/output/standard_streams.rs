//! The standard streams, and which of them the program was started without. Whoever reads or writes one gets it here; what
//! goes over it is not this file's business.
//!
//! Before `main`, Rust's runtime opens `/dev/null` for each of the descriptors 0 to 2 that is closed, so that no file gets
//! one of these numbers by accident. A closed standard input would then be empty, and a closed standard output would take
//! all that is written. Afterwards nothing tells that `/dev/null` from one that was given, as cron and scripts do.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::error::{Error, Result};

/// What a person calls standard output.
pub const STDOUT: &str = "standard output";
/// What a person calls standard input.
pub const STDIN: &str = "standard input";

ctor::declarative::ctor! {
    // It calls only `open` and `close`, which need nothing of the runtime.
    #[ctor(unsafe)]
    fn before_the_runtime() {
        fill_closed();
    }
}

/// Opens `/dev/null` the wrong way round for each standard stream that is closed: for writing as standard input, for
/// reading as the others. So its number is taken, any use is an error (EBADF), and a program that is started from here
/// finds it closed. A new descriptor is the lowest that is free, so the first one above 2 ends it.
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

/// Standard input. One that is not open for reading is an error.
pub fn input() -> Result<File> {
    let stdin = io::stdin();
    own(&stdin, OFlag::O_WRONLY).map_err(|error| Error::io(STDIN, error))
}

/// Standard output. One that is not open for writing is an error.
pub fn output() -> Result<File> {
    let stdout = io::stdout();
    own(&stdout, OFlag::O_RDONLY).map_err(|error| Error::io(STDOUT, error))
}

/// Another descriptor for the same open file, unless it is open the wrong way round.
fn own(stream: &impl AsFd, wrong_way: OFlag) -> io::Result<File> {
    let flags = OFlag::from_bits_retain(fcntl(stream, FcntlArg::F_GETFL)?);
    match flags & OFlag::O_ACCMODE == wrong_way {
        true => Err(Errno::EBADF.into()),
        false => stream.as_fd().try_clone_to_owned().map(File::from),
    }
}

//! Copies the bytes of a file into another: in the kernel (`copy_file_range`) where possible.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::copy_file_range;

use super::snapshot::ContentSnapshot;
use super::space::Reservation;
use crate::attributes::Attributes;

/// Bytes per `copy_file_range`: the reservation is spent after each call.
const STEP: u64 = 64 << 20;

/// Copies the content of a file, whose space `reservation` holds: the snapshot where one was taken, else the first
/// `size` bytes.
pub(super) fn copy_content(
    from: &File,
    snapshot: Option<&ContentSnapshot>,
    size: u64,
    to: &File,
    reservation: &mut Reservation,
) -> io::Result<()> {
    match snapshot {
        Some(all) => all.write_to(&mut Spending { to, reservation }),
        None => transfer(from, to, size, reservation),
    }
}

/// Reads the attributes that a copy gets: all but the owner, which is the daemon's user.
pub(super) fn attributes_of(first: impl AsFd) -> io::Result<Attributes> {
    Ok(Attributes::of(first)?.without_owner().without_special_bits())
}

/// Copies the first `size` bytes. Fewer are an error: the file was truncated meanwhile.
fn transfer(from: &File, to: &File, size: u64, reservation: &mut Reservation) -> io::Result<()> {
    let mut left = size;
    while left > 0 {
        let step = usize::try_from(left.min(STEP)).unwrap_or(usize::MAX);
        match copy_file_range(from, None, to, None, step) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(copied) => {
                left = left.saturating_sub(copied as u64);
                reservation.spend(copied as u64);
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EXDEV | Errno::ENOSYS | Errno::EINVAL | Errno::EOPNOTSUPP) => {
                return stream(from, to, left, reservation);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// The same by read and write: between file systems, or where `copy_file_range` is not supported.
fn stream(from: &File, to: &File, left: u64, reservation: &mut Reservation) -> io::Result<()> {
    use io::Read;
    match io::copy(&mut from.take(left), &mut Spending { to, reservation })? {
        copied if copied < left => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// A file for which space was reserved; what is written spends the reservation.
struct Spending<'a> {
    to: &'a File,
    reservation: &'a mut Reservation,
}

impl io::Write for Spending<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let written = self.to.write(block)?;
        self.reservation.spend(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;
    use crate::store::local::space::Space;

    #[test]
    fn both_ways_of_copying_stop_at_the_size_and_miss_no_byte() {
        type Way = fn(&File, &File, u64, &mut Reservation) -> io::Result<()>;
        let ways: [Way; 2] = [transfer, stream];
        for way in ways {
            for (size, copied) in [(0, Some("")), (3, Some("con")), (7, Some("content")), (8, None)] {
                let (mut from, mut to) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
                from.write_all(b"content").unwrap();
                from.rewind().unwrap();
                let done = way(&from, &to, size, &mut Space::default().reservation(0));
                to.rewind().unwrap();
                match copied {
                    Some(copied) => assert_eq!(io::read_to_string(&to).unwrap(), copied),
                    None => assert_eq!(done.unwrap_err().kind(), io::ErrorKind::UnexpectedEof),
                }
            }
        }
    }
}

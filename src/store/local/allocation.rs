//! The disk space of content being written: reserved one step ahead, and preallocated where its length is known.

use std::fs::File;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};

use super::space::{Reservation, step_after};

/// The disk space of one content.
pub(super) struct Allocation {
    /// What is reserved and not yet on the disk.
    reservation: Reservation,
    /// The length of the content, where that is known.
    size: Option<u64>,
    /// How many bytes of it were written.
    written: u64,
    /// How many bytes more may be written before space is reserved again.
    ahead: u64,
}

impl Allocation {
    /// Begins for content of which `written` bytes exist.
    pub fn new(reservation: Reservation, size: Option<u64>, written: u64) -> Self {
        Allocation { reservation, size, written, ahead: 0 }
    }

    /// Reserves space for `wanted` more bytes and one step, so that a client that announces much and sends little
    /// reserves little. Returns how many bytes do not fit.
    pub fn prepare(&mut self, file: &File, wanted: u64) -> nix::Result<u64> {
        let least = wanted.saturating_sub(self.ahead);
        if least == 0 {
            return Ok(0);
        }
        let offset = self.written + self.ahead;
        let to_come = self.size.map_or(u64::MAX, |size| size.saturating_sub(offset));
        let most = step_after(self.written).min(to_come);
        let Some(granted) = self.reservation.grow(file, least, most)? else { return Ok(least) };
        if self.size.is_some() && preallocate(file, offset, granted)? {
            self.reservation.spend(granted);
        }
        self.ahead += granted;
        Ok(0)
    }

    /// Counts bytes that were written.
    pub fn spend(&mut self, bytes: u64) {
        self.reservation.spend(bytes);
        (self.written, self.ahead) = (self.written + bytes, self.ahead.saturating_sub(bytes));
    }

    /// Reserves space for a whole content whose bytes do not come from a client; `None` where there is too little. The
    /// caller spends the reservation as it writes.
    pub fn reserve_all(&mut self, file: &File, size: u64) -> nix::Result<Option<&mut Reservation>> {
        Ok(self.reservation.grow(file, size, size)?.map(|_| &mut self.reservation))
    }
}

/// Allocates blocks on the disk. False where the file system cannot.
fn preallocate(file: &File, offset: u64, length: u64) -> nix::Result<bool> {
    let signed = |bytes| i64::try_from(bytes).unwrap_or(i64::MAX);
    match fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, signed(offset), signed(length)) {
        Ok(()) => Ok(true),
        Err(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINTR) => Ok(false),
        Err(errno) => Err(errno),
    }
}

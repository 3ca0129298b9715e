//! The account of disk space: how many bytes uploads, copies and spools have reserved on each file system and not yet
//! written. The free space minus these can be reserved, so that `--keep-free` holds for any number of concurrent
//! writes. Space is reserved one step ahead, but no blocks are allocated: the file system then chooses them when it knows how
//! many there are (docs/benchmarks.md). It does not know names.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsFd;
use std::sync::Arc;

use nix::sys::statvfs::{Statvfs, fstatvfs};
use parking_lot::Mutex;

use super::Freeing;
use crate::store::DiskSpace;

/// The first reservation, in bytes, for content from a client. Each further one is as large as what was received, so
/// that a slow client reserves little, up to [`STEP_MAX`].
const STEP_MIN: u64 = 64 << 10;
/// The largest reservation beyond what was received, in bytes.
const STEP_MAX: u64 = 8 << 20;

/// The size that a file system is taken to have which tells none, in bytes, where a share of it is a limit.
const UNMEASURED: u64 = 10 << 30;

/// The account of a store.
#[derive(Clone, Default)]
pub(super) struct Space {
    account: Arc<Mutex<SpaceAccount>>,
    /// Bytes that stay free on each file system.
    pub keep_free: u64,
    /// The limit of all spools together, in bytes; `None` is a tenth of their file system.
    pub max_spool: Option<u64>,
    /// What will be free soon.
    pub freeing: Freeing,
}

#[derive(Default)]
struct SpaceAccount {
    /// Bytes reserved and not yet on the disk, by device.
    reserved: HashMap<u64, u64>,
    /// Bytes reserved for spools, written or not.
    spooled: u64,
}

/// The reservation of one content. Dropped, it releases what was not spent.
pub(super) struct Reservation {
    space: Space,
    device: u64,
    left: u64,
}

/// The bytes that one spool has reserved.
pub(super) struct SpoolShare {
    space: Space,
    bytes: u64,
}

impl Space {
    /// Begins an empty reservation on a file system.
    pub fn reservation(&self, device: u64) -> Reservation {
        Reservation { space: self.clone(), device, left: 0 }
    }

    /// Begins an empty share of the spools' limit.
    pub fn share(&self) -> SpoolShare {
        SpoolShare { space: self.clone(), bytes: 0 }
    }

    /// Returns whether so many bytes could still be reserved on the file system of an open file.
    pub fn has(&self, on: impl AsFd, device: u64, bytes: u64) -> nix::Result<bool> {
        let has = || {
            let available = self.available_in(&self.account.lock(), &fstatvfs(&on)?, device);
            Ok((available >= bytes).then_some(()))
        };
        self.retry_when_freed(has).map(|has| has.is_some())
    }

    /// Calls `take`, and once more where it found too little space and large files were being freed.
    fn retry_when_freed<T>(
        &self,
        mut take: impl FnMut() -> nix::Result<Option<T>>,
    ) -> nix::Result<Option<T>> {
        match take()? {
            None if self.freeing.wait() => take(),
            taken => Ok(taken),
        }
    }

    /// Returns the space on the file system of an open file, or of an `O_PATH` descriptor.
    pub fn disk_space(&self, on: impl AsFd, device: u64) -> nix::Result<Option<DiskSpace>> {
        let disk = fstatvfs(on)?;
        let account = self.account.lock();
        let available = self.available_in(&account, &disk, device);
        let used = disk.blocks().saturating_sub(disk.blocks_free()).saturating_mul(disk.fragment_size());
        Ok(is_measured(&disk).then_some(DiskSpace { available, used }))
    }

    fn available_in(&self, account: &SpaceAccount, disk: &Statvfs, device: u64) -> u64 {
        let reserved = account.reserved.get(&device).copied().unwrap_or_default();
        free(disk).saturating_sub(self.keep_free).saturating_sub(reserved)
    }
}

impl Reservation {
    /// Reserves at least `least` and at most `most` more bytes; `None` where there is no space for `least`. Reads the
    /// free space under the lock of the account, so that no two threads reserve the same bytes.
    pub fn grow(&mut self, on: impl AsFd, least: u64, most: u64) -> nix::Result<Option<u64>> {
        let space = self.space.clone();
        space.retry_when_freed(|| self.take(&on, least, most))
    }

    fn take(&mut self, on: impl AsFd, least: u64, most: u64) -> nix::Result<Option<u64>> {
        let mut account = self.space.account.lock();
        let available = self.space.available_in(&account, &fstatvfs(on)?, self.device);
        let granted = most.max(least).min(available);
        if granted < least {
            return Ok(None);
        }
        let reserved = account.reserved.entry(self.device).or_default();
        *reserved = reserved.saturating_add(granted);
        drop(account);
        self.left += granted;
        Ok(Some(granted))
    }

    /// Subtracts bytes that were written: the file system no longer counts them as free.
    pub fn spend(&mut self, bytes: u64) {
        let bytes = bytes.min(self.left);
        self.left -= bytes;
        let mut account = self.space.account.lock();
        if let Some(reserved) = account.reserved.get_mut(&self.device) {
            *reserved = reserved.saturating_sub(bytes);
            if *reserved == 0 {
                account.reserved.remove(&self.device);
            }
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.left > 0 {
            self.spend(self.left);
        }
    }
}

impl SpoolShare {
    /// Reserves `bytes` more for one spool; false where this would exceed the limit of all spools, or `1/parts` of it
    /// for this one.
    pub fn grow(&mut self, on: impl AsFd, bytes: u64, parts: u64) -> nix::Result<bool> {
        let total = match self.space.max_spool {
            Some(total) => total,
            None => size(&fstatvfs(on)?) / 10,
        };
        let mut account = self.space.account.lock();
        let fits = account.spooled.saturating_add(bytes) <= total
            && self.bytes.saturating_add(bytes) <= total / parts;
        if fits {
            account.spooled += bytes;
            drop(account);
            self.bytes += bytes;
        }
        Ok(fits)
    }

    /// Releases so many bytes.
    pub fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        let mut account = self.space.account.lock();
        account.spooled = account.spooled.saturating_sub(bytes);
    }

    /// Releases all bytes.
    pub fn clear(&mut self) {
        self.shrink(self.bytes);
    }
}

impl Drop for SpoolShare {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The disk space of one content.
pub(super) struct Allocation {
    /// What is reserved and not yet written.
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
        let to_come = self.size.map_or(u64::MAX, |size| size.saturating_sub(self.written + self.ahead));
        let most = step_after(self.written).min(to_come);
        let Some(granted) = self.reservation.grow(file, least, most)? else { return Ok(least) };
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

/// Returns how many bytes are reserved ahead for content of which `written` bytes were received.
pub(super) fn step_after(written: u64) -> u64 {
    written.clamp(STEP_MIN, STEP_MAX)
}

/// Returns the free space of a file system, in bytes.
pub(super) fn free(disk: &Statvfs) -> u64 {
    match is_measured(disk) {
        true => disk.blocks_available().saturating_mul(disk.fragment_size()),
        false => u64::MAX,
    }
}

fn size(disk: &Statvfs) -> u64 {
    match is_measured(disk) {
        true => disk.blocks().saturating_mul(disk.fragment_size()),
        false => UNMEASURED,
    }
}

/// Returns whether the file system tells its size; ramfs and some of FUSE do not. There a write fails where none is left.
fn is_measured(disk: &Statvfs) -> bool {
    disk.blocks() > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_promised_the_same_room() {
        let file = tempfile::tempfile().unwrap();
        let free = free(&fstatvfs(&file).unwrap());
        // Other programs use the same disk, so the free space changes: leave a wide margin.
        let space = Space { keep_free: free / 2, ..Space::default() };
        let (mut one, mut other, mut elsewhere) =
            (space.reservation(1), space.reservation(1), space.reservation(2));
        assert!(one.grow(&file, free / 3, free / 3).unwrap().is_some());
        assert_eq!(other.grow(&file, free / 3, free / 3).unwrap(), None);
        assert!(elsewhere.grow(&file, free / 3, free / 3).unwrap().is_some(), "another device");
        one.spend(free / 4);
        assert!(other.grow(&file, free / 3, free / 3).unwrap().is_some(), "what is written counts no more");
        drop((one, other, elsewhere));
        assert!(space.account.lock().reserved.is_empty());
    }

    #[test]
    fn what_is_granted_is_between_the_least_and_the_most() {
        let file = tempfile::tempfile().unwrap();
        let mut reservation = Space::default().reservation(1);
        assert_eq!(reservation.grow(&file, 1, 4096).unwrap(), Some(4096));
        assert_eq!(reservation.grow(&file, 4096, 1).unwrap(), Some(4096));
        assert_eq!(reservation.grow(&file, u64::MAX, u64::MAX).unwrap(), None);
        let rest = reservation.grow(&file, 1, u64::MAX).unwrap().unwrap();
        assert!(rest > 4096 && rest < u64::MAX);
    }

    #[test]
    fn spools_hold_no_more_than_their_total_and_one_no_more_than_its_part() {
        let file = tempfile::tempfile().unwrap();
        let space = Space { max_spool: Some(100), ..Space::default() };
        let (mut one, mut other) = (space.share(), space.share());
        assert!(one.grow(&file, 50, 2).unwrap());
        assert!(!one.grow(&file, 1, 2).unwrap(), "its part");
        assert!(other.grow(&file, 50, 1).unwrap());
        assert!(!other.grow(&file, 1, 1).unwrap(), "the total");
        one.clear();
        assert!(other.grow(&file, 50, 1).unwrap());
        drop(other);
        assert_eq!(space.account.lock().spooled, 0);
    }

    #[test]
    fn a_step_is_as_large_as_what_came() {
        let rows = [(0, STEP_MIN), (1, STEP_MIN), (1 << 20, 1 << 20), (1 << 40, STEP_MAX)];
        for (written, step) in rows {
            assert_eq!(step_after(written), step, "{written}");
        }
    }
}

//! Prepares the parts of a file on several threads, ahead of the one that takes them in order. It does not know what a part is.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::ReadAt;
use crate::error::Error;

/// How many parts of a sequence are prepared at most before they are taken, which bounds the memory.
const AHEAD: u64 = 3;
/// How long a thread waits for a part to be taken before it leaves: the taking thread waits for a slow client then, and others
/// may need the thread and the memory.
const PATIENCE: Duration = Duration::from_millis(200);

/// Makes a part of a sequence by its index, in the memory of a part that was taken before.
pub(super) type Prepare<'p, P> = &'p (dyn Fn(usize, u64, P) -> io::Result<P> + Sync);

/// Sequences of parts, each prepared and taken from the first to the last.
pub(super) struct PreparedParts<'p, P> {
    prepare: Prepare<'p, P>,
    /// How many parts each sequence has.
    count: u64,
    state: Mutex<PartsState<P>>,
    changed: Condvar,
}

struct PartsState<P> {
    sequences: Vec<PartSequence<P>>,
    /// The memory of parts that were taken.
    unused: Vec<P>,
    /// Whether no more parts are taken.
    is_ended: bool,
}

struct PartSequence<P> {
    /// How many parts were taken.
    taken: u64,
    /// The parts after those: `None` while a thread prepares it.
    ahead: VecDeque<Option<io::Result<P>>>,
}

/// Calls `take` on this thread with so many sequences of `count` parts each, while the threads of `file` prepare them.
pub(super) fn run<P: Default + Send>(
    file: &dyn ReadAt,
    (sequences, count): (usize, u64),
    prepare: Prepare<'_, P>,
    mut take: impl FnMut(&PreparedParts<'_, P>) -> io::Result<()>,
) -> io::Result<()> {
    let sequence = || PartSequence { taken: 0, ahead: VecDeque::new() };
    let sequences = (0..sequences).map(|_| sequence()).collect();
    let state = Mutex::new(PartsState { sequences, unused: Vec::new(), is_ended: false });
    let parts = PreparedParts { prepare, count, state, changed: Condvar::new() };
    let mut outcome = Ok(());
    let mut own = || {
        let _end = EndOnDrop(&parts);
        outcome = take(&parts);
    };
    if count > 1 {
        file.run_on_threads(&|| parts.help(), &mut own);
    } else {
        own();
    }
    outcome
}

impl<P: Default + Send> PreparedParts<'_, P> {
    /// Takes the next part of a sequence; `None` after the last. `used` is the memory of the one before. Prepares it, or
    /// another one, where no other thread has.
    pub fn next(&self, sequence: usize, used: P) -> io::Result<Option<P>> {
        let mut state = self.state.lock();
        state.unused.push(used);
        loop {
            let Some(wanted) = state.sequences.get_mut(sequence) else { return Ok(None) };
            if wanted.taken == self.count {
                return Ok(None);
            }
            match wanted.ahead.front() {
                Some(Some(_)) => {
                    wanted.taken += 1;
                    let part = wanted.ahead.pop_front().flatten();
                    self.changed.notify_all();
                    return part.transpose();
                }
                Some(None) => match state.claim(self.count) {
                    Some(claim) => self.prepare(&mut state, claim),
                    None => self.changed.wait(&mut state),
                },
                None => {
                    let claim = wanted.claim(sequence);
                    self.prepare(&mut state, claim);
                }
            }
        }
    }

    /// Prepares parts until no more are taken, or none is for a while. Then what nobody has taken is dropped, to be prepared
    /// again.
    fn help(&self) {
        let mut state = self.state.lock();
        while !state.is_ended {
            match state.claim(self.count) {
                Some(claim) => self.prepare(&mut state, claim),
                None if self.changed.wait_for(&mut state, PATIENCE).timed_out() => {
                    return state.drop_untaken();
                }
                None => {}
            }
        }
    }

    /// Prepares a part that was claimed, while other threads do other things.
    fn prepare(&self, state: &mut MutexGuard<'_, PartsState<P>>, (sequence, index): (usize, u64)) {
        let memory = state.unused.pop().unwrap_or_default();
        let prepare = AssertUnwindSafe(|| (self.prepare)(sequence, index, memory));
        // A panic must not leave another thread waiting for the part.
        let part = MutexGuard::unlocked(state, || catch_unwind(prepare));
        let part = part.unwrap_or_else(|_| Err(Error::internal("filter", "failed").into()));
        if let Some(sequence) = state.sequences.get_mut(sequence) {
            let place = usize::try_from(index - sequence.taken).unwrap_or(usize::MAX);
            if let Some(place) = sequence.ahead.get_mut(place) {
                *place = Some(part);
            }
        }
        self.changed.notify_all();
    }
}

impl<P> PartsState<P> {
    /// Claims the next part of the sequence that is the least ahead; `None` where all are far enough.
    fn claim(&mut self, count: u64) -> Option<(usize, u64)> {
        let open = self.sequences.iter_mut().enumerate();
        let open = open.filter(|(_, sequence)| {
            let ahead = sequence.ahead.len() as u64;
            ahead < AHEAD && sequence.taken + ahead < count
        });
        open.min_by_key(|(_, sequence)| sequence.ahead.len()).map(|(index, sequence)| sequence.claim(index))
    }
}

impl<P> PartsState<P> {
    /// Drops the parts that are prepared, from the last one on.
    fn drop_untaken(&mut self) {
        self.unused.clear();
        for sequence in &mut self.sequences {
            while let Some(Some(_)) = sequence.ahead.back() {
                sequence.ahead.pop_back();
            }
        }
    }
}

impl<P> PartSequence<P> {
    fn claim(&mut self, sequence: usize) -> (usize, u64) {
        self.ahead.push_back(None);
        (sequence, self.taken + self.ahead.len() as u64 - 1)
    }
}

/// Ends the other threads, also where the taking one fails.
struct EndOnDrop<'a, 'p, P>(&'a PreparedParts<'p, P>);

impl<P> Drop for EndOnDrop<'_, '_, P> {
    fn drop(&mut self) {
        self.0.state.lock().is_ended = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Bytes that other threads help with.
    struct Helped(usize);

    impl ReadAt for Helped {
        fn size(&self) -> u64 {
            0
        }

        fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
            Ok(0)
        }

        fn run_on_threads(&self, help: &(dyn Fn() + Sync), own: &mut dyn FnMut()) {
            thread::scope(|scope| {
                (0..self.0).for_each(|_| drop(scope.spawn(help)));
                own();
            });
        }
    }

    /// Takes one part of the first sequence and two of the second in turn.
    fn taken(helpers: usize, prepare: Prepare<'_, (usize, u64)>) -> io::Result<Vec<(usize, u64)>> {
        let mut taken = Vec::new();
        run(&Helped(helpers), (2, 50), prepare, |parts| {
            let (mut part, mut order) = ((0, 0), [0, 1, 1].into_iter().cycle());
            let mut missing = 0;
            while missing < 6 {
                match parts.next(order.next().unwrap(), part)? {
                    Some(next) => {
                        (part, missing) = (next, 0);
                        taken.push(next);
                    }
                    None => missing += 1,
                }
            }
            Ok(())
        })?;
        Ok(taken)
    }

    #[test]
    fn every_part_is_taken_once_and_in_order_whoever_prepares_it() {
        for helpers in 0..4 {
            let all = taken(helpers, &|sequence, index, _| Ok((sequence, index))).unwrap();
            for sequence in 0..2 {
                let of_sequence = all.iter().filter(|part| part.0 == sequence).map(|part| part.1);
                assert!(of_sequence.eq(0..50), "{helpers} {all:?}");
            }
        }
    }

    #[test]
    fn who_prepares_leaves_where_nothing_is_taken_and_every_part_is_prepared_again() {
        let prepared = Mutex::new(0);
        let (mut taken, left) = (Vec::new(), (Mutex::new(false), Condvar::new()));
        let file = Helped(1);
        let prepare = |_: usize, index, _| {
            *prepared.lock() += 1;
            Ok(index)
        };
        struct Watched<'a>(&'a Helped, &'a (Mutex<bool>, Condvar));
        impl ReadAt for Watched<'_> {
            fn size(&self) -> u64 {
                0
            }

            fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
                Ok(0)
            }

            fn run_on_threads(&self, help: &(dyn Fn() + Sync), own: &mut dyn FnMut()) {
                let help = || {
                    help();
                    *self.1.0.lock() = true;
                    self.1.1.notify_all();
                };
                self.0.run_on_threads(&help, own);
            }
        }
        run(&Watched(&file, &left), (1, 9), &prepare, |parts| {
            let mut has_left = left.0.lock();
            while !*has_left {
                left.1.wait(&mut has_left);
            }
            assert_eq!(*prepared.lock(), AHEAD);
            while let Some(part) = parts.next(0, 0)? {
                taken.push(part);
            }
            Ok(())
        })
        .unwrap();
        assert!(taken.into_iter().eq(0..9));
        assert_eq!(*prepared.lock(), 9 + AHEAD);
    }

    #[test]
    fn an_error_or_a_panic_ends_all_threads() {
        for helpers in 0..4 {
            let fail =
                |_, index, _| if index == 20 { Err(io::ErrorKind::TimedOut.into()) } else { Ok((0, 0)) };
            assert_eq!(taken(helpers, &fail).unwrap_err().kind(), io::ErrorKind::TimedOut);
            let panic = |_, index, _| if index == 20 { panic!("as it should") } else { Ok((0, 0)) };
            assert!(taken(helpers, &panic).is_err());
        }
    }
}

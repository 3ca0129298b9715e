//! One of three daemons is killed: what was acknowledged is there, few requests fail, and no name stays locked. Prints its
//! figures, for docs/scaling.md.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::sys::signal::Signal;

use super::balancer::{Balancer, in_front_of, three};
use super::nodes::{Volume, beside};
use crate::common::client::Client;
use crate::common::{HANG, Sandbox};

const WRITERS: usize = 6;
/// So many uploads are acknowledged before a daemon is killed, and again after it.
const UPLOADS: usize = 100;

/// Three daemons, on one local directory or each on a mount of its own.
struct Three {
    // The daemons go before what is mounted.
    daemons: [Sandbox; 3],
    kind: &'static str,
    _volume: Option<Volume<3>>,
}

impl Three {
    /// Each kind of three that there can be here.
    fn all() -> impl Iterator<Item = Self> {
        let local = || Some(Three { daemons: three(), kind: "local", _volume: None });
        let kinds: [fn() -> Option<Self>; 2] = [local, Three::mounted];
        kinds.into_iter().filter_map(|kind| kind())
    }

    fn mounted() -> Option<Self> {
        let volume = Volume::<3>::mount()?;
        let daemons = volume.mounts().map(|mount| beside(&mount, &["--shared"]));
        Some(Three { daemons, kind: "JuiceFS", _volume: Some(volume) })
    }
}

/// What the writers were told.
#[derive(Default)]
struct Told {
    acknowledged: Mutex<Vec<String>>,
    failed: AtomicUsize,
    is_enough: AtomicBool,
}

impl Told {
    /// Uploads one new file after the other, each with its name as content.
    fn write(&self, address: &str, writer: usize) {
        let mut client = Client::connect(address).unwrap();
        for number in 0.. {
            if self.is_enough.load(Ordering::Relaxed) {
                return;
            }
            let name = format!("/{writer}-{number}");
            match client.ask("PUT", &name, &[], Some(name.as_bytes())) {
                Ok(answer) if answer.status == 201 => self.acknowledged.lock().unwrap().push(name),
                Ok(answer) => {
                    assert!(matches!(answer.status, 502 | 503), "{name}: {}", answer.status);
                    self.failed.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => {
                    self.failed.fetch_add(1, Ordering::Relaxed);
                    client = Client::connect(address).unwrap();
                }
            }
        }
    }

    /// Waits until this many more are acknowledged.
    fn until_more(&self, more: usize) {
        let count = || self.acknowledged.lock().unwrap().len();
        let (goal, end) = (count() + more, Instant::now() + HANG);
        while count() < goal {
            assert!(Instant::now() < end, "only {} uploads were acknowledged", count());
            thread::yield_now();
        }
    }
}

/// Kills the first daemon while clients write through the balancer.
fn kill_under_load(daemons: &mut [Sandbox; 3], balancer: &Balancer) -> Told {
    let told = Told::default();
    thread::scope(|scope| {
        let told = &told;
        for writer in 0..WRITERS {
            scope.spawn(move || told.write(balancer.address(), writer));
        }
        told.until_more(UPLOADS);
        daemons[0].kill();
        told.until_more(UPLOADS);
        told.is_enough.store(true, Ordering::Relaxed);
    });
    told
}

#[test]
fn of_three_daemons_behind_a_balancer_one_is_killed_and_nothing_acknowledged_is_lost() {
    for mut three in Three::all() {
        let Some(balancer) = in_front_of(&three.daemons) else { return };
        let told = kill_under_load(&mut three.daemons, &balancer);
        assert!(balancer.given().iter().all(|given| *given > 0), "{:?}", balancer.given());
        let acknowledged = told.acknowledged.into_inner().unwrap();
        let mut survivors =
            [1, 2].map(|number| Client::connect(three.daemons[number as usize].address()).unwrap());
        for (number, name) in acknowledged.iter().enumerate() {
            let answer = survivors[number % 2].ask("GET", name, &[], None).unwrap();
            assert_eq!((answer.status, answer.text()), (200, name.clone()));
        }
        let failed = told.failed.into_inner();
        eprintln!("{}: {} acknowledged, 0 lost, {failed} failed", three.kind, acknowledged.len());
        // Only what was under way at the daemon that was killed.
        assert!(failed <= WRITERS, "{failed}");
    }
}

/// Whether a name is locked in the lock file of the directory.
fn is_any_locked(directory: &Path) -> bool {
    let file = File::options().read(true).write(true).open(directory.join(".cfpd-locks")).unwrap();
    let mut lock = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 1 << 62,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_GETLK(&mut lock)).unwrap();
    lock.l_type != libc::F_UNLCK as libc::c_short
}

#[test]
fn a_daemon_that_is_killed_while_it_has_a_name_locked_frees_it() {
    for mut three in Three::all() {
        let seen_from = three.daemons[1].root();
        let end = Instant::now() + HANG;
        let address = three.daemons[0].address().to_owned();
        let write = || {
            let mut client = Client::connect(&address).unwrap();
            let mut put = || client.ask("PUT", "/f", &[], Some(b"old")).is_ok();
            // Until the daemon is gone.
            while put() {
                thread::yield_now();
            }
        };
        let waited = thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(write);
            }
            loop {
                three.daemons[0].signal(Signal::SIGSTOP);
                if is_any_locked(&seen_from) {
                    break;
                }
                three.daemons[0].signal(Signal::SIGCONT);
                assert!(Instant::now() < end, "it never had the name locked");
            }
            let start = Instant::now();
            three.daemons[0].kill();
            while is_any_locked(&seen_from) {
                assert!(Instant::now() < end, "the name is locked for ever");
            }
            start.elapsed()
        });
        eprintln!("{}: free {} ms after the kill", three.kind, waited.as_millis());
        for number in [1, 2] {
            let mut client = Client::connect(three.daemons[number].address()).unwrap();
            let status = client.ask("PUT", "/f", &[], Some(b"new")).unwrap().status;
            assert!(matches!(status, 201 | 204), "{status}");
        }
    }
}

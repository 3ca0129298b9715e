//! A crowd of slow clients of each kind: all of them are cut, and whoever asks meanwhile is answered. How long that
//! takes is told and not judged here; `make bench ROWS=crowd` has more of them come, and judges.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::common::raw::request;
use crate::common::watch::Watch;
use crate::common::{HANG, Sandbox};

/// The other end writes no more (poll(2)); nix has no name for it, and says `None` of an event with it.
const RDHUP: PollFlags = PollFlags::from_bits_retain(nix::libc::POLLRDHUP);

/// How many of each kind.
const EACH: usize = 50;

/// What one of them may cost, in KiB: a stack, a buffer, and what the allocator keeps.
const MEMORY: u64 = 48;

/// A client that takes its time. It sends and reads without waiting.
struct Slow {
    kind: &'static str,
    socket: TcpStream,
    /// What it sends at a time, when it does.
    sends: &'static [u8],
    reads: bool,
    cut_after: Option<Duration>,
}

impl Slow {
    fn come(sandbox: &Sandbox, kind: &'static str) -> Self {
        let (begins, sends, reads): (_, &'static [u8], bool) = match kind {
            "slow head" => ("GET / HTTP/1.1\r\nX: ".to_owned(), b"a", false),
            "slow body" => (request("PUT", "/new", "Content-Length: 1000000\r\n"), b"a", false),
            "slow reader" => (request("GET", "/big", ""), b"", true),
            "pipelining" => (String::new(), b"GET /page HTTP/1.1\r\nHost: h\r\n\r\n", false),
            _ => (String::new(), b"", false),
        };
        let mut socket = TcpStream::connect(sandbox.address()).unwrap();
        socket.write_all(begins.as_bytes()).unwrap();
        socket.set_nonblocking(true).unwrap();
        Slow { kind, socket, sends, reads, cut_after: None }
    }

    /// Does a little. That it cannot, or that the server is gone, is seen elsewhere.
    fn drip(&mut self) {
        let times = if self.kind == "pipelining" { 100 } else { 1 };
        for _ in 0..times {
            let _ = self.socket.write(self.sends);
        }
        if self.reads {
            let _ = self.socket.read(&mut [0]);
        }
    }
}

/// Notes who was cut since the last look.
fn look(crowd: &mut [Slow], begun: Instant) {
    let left: Vec<usize> = (0..crowd.len()).filter(|at| crowd[*at].cut_after.is_none()).collect();
    let mut fds: Vec<_> = left.iter().map(|at| PollFd::new(crowd[*at].socket.as_fd(), RDHUP)).collect();
    poll(&mut fds, PollTimeout::ZERO).unwrap();
    let cut: Vec<bool> = fds.iter().map(|fd| fd.any() != Some(false)).collect();
    for (at, cut) in left.into_iter().zip(cut) {
        crowd[at].cut_after = cut.then(|| begun.elapsed());
    }
}

#[test]
fn a_crowd_of_slow_clients_is_cut_and_others_are_served() {
    let each: usize = std::env::var("CFP_CROWD").map_or(EACH, |each| each.parse().unwrap());
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    let kinds = ["slow head", "slow body", "slow reader", "idle", "pipelining"];
    let room = (each * kinds.len() + 100).to_string();
    // Everybody of them is slower than that, however fast this machine is.
    let sandbox = Sandbox::with(&[
        "--max-connections",
        &room,
        "--header-timeout",
        "2",
        "--idle-timeout",
        "2",
        "--min-rate",
        "1000000",
    ]);
    sandbox.keep("big", vec![b'x'; 16 << 20]);
    sandbox.keep("page", vec![b'x'; 64 << 10]);
    sandbox.keep("f", "text");
    let watch = Watch::new(&sandbox);
    let before = watch.memory();
    let mut grown = 0;
    let mut took = Vec::new();
    let begun = Instant::now();
    let mut crowd: Vec<_> =
        kinds.iter().flat_map(|kind| (0..each).map(|_| Slow::come(&sandbox, kind))).collect();
    while crowd.iter().any(|slow| slow.cut_after.is_none()) {
        assert!(
            begun.elapsed() < HANG,
            "{:?} is never cut",
            crowd.iter().find(|slow| slow.cut_after.is_none()).unwrap().kind
        );
        crowd.iter_mut().filter(|slow| slow.cut_after.is_none()).for_each(Slow::drip);
        look(&mut crowd, begun);
        let asked = Instant::now();
        assert_eq!(sandbox.connect().ask(request("GET", "/f", "")).text(), "text");
        took.push(asked.elapsed());
        grown = grown.max(watch.memory().saturating_sub(before));
    }
    took.sort();
    let p95 = took[took.len() * 95 / 100];
    for kind in kinds {
        let last =
            crowd.iter().filter(|slow| slow.kind == kind).filter_map(|slow| slow.cut_after).max().unwrap();
        eprintln!("crowd: {each} of {kind}: last cut after {} ms", last.as_millis());
    }
    eprintln!(
        "crowd: {} ordinary requests: p95 {} ms; memory grew by {grown} KiB",
        took.len(),
        p95.as_millis()
    );
    assert!(grown < MEMORY * crowd.len() as u64, "memory grew by {grown} KiB");
}

//! The limits of the daemon, beyond those of `http::limits` on parsing. Every number that a client can exhaust has its
//! name and its reason here; options change those that an admin may want to.

use std::time::Duration;

/// The limits that an admin may set.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; each holds a thread.
    pub connections: usize,
    /// Connections at once of one address, or of one /64 network of IPv6, which one machine may have.
    pub per_address: usize,
    /// The size of a stored file, and of a decoded body that is processed, in bytes.
    pub file_size: u64,
    /// How many times larger than its coded bytes a body or file may decode to; unlimited where it is not given.
    pub ratio: Option<u64>,
    /// The time from the first byte of a head to its last.
    pub header_time: Duration,
    /// The time between two requests, and for a body that makes no progress.
    pub idle_time: Duration,
    /// Bytes a second at which a body resets its stall timer; with 0 any byte does.
    pub min_rate: u64,
    /// Threads that search directories: one less than this help, over all requests; each search has one of its own.
    pub scan_jobs: usize,
    /// How long an unfinished upload is kept when nothing more arrives.
    pub partial_time: Duration,
    /// How many unfinished uploads there may be: each can take the space of a whole file. Past it, an upload is
    /// accepted but cannot be resumed.
    pub partials: usize,
    /// How long running requests may continue after a TERM.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Limits {
            connections: 1024,
            // Behind a proxy, all clients have one address.
            per_address: usize::MAX,
            file_size: 1 << 40,
            // An image of zeros is a valid upload.
            ratio: None,
            header_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            // Slower than any modem.
            min_rate: 500,
            scan_jobs: cores,
            partial_time: Duration::from_secs(24 * 60 * 60),
            partials: 1000,
            grace: Duration::from_secs(8),
        }
    }
}

/// The stack of a connection's thread. The deepest calls keep their blocks on the heap.
pub const STACK: usize = 256 * 1024;
/// The read-ahead buffer of a busy connection; an idle one has none. A head fits; a body bypasses it. All of it is
/// touched with the first byte, so it is small for a crowd of slow clients.
pub const READ_AHEAD: usize = 4 * 1024;
/// The block size for copies between a file, a filter and a socket.
pub const BLOCK: usize = 64 * 1024;
/// Completed uploads that are remembered for a client that missed the response.
pub const ENDED_MAX: usize = 1000;
/// Outcomes of requests with an `Idempotency-Key` that are remembered, over all clients. Past it, the client with the
/// most loses its oldest, so that a flood of keys affects nobody else.
pub const OUTCOMES_MAX: usize = 4096;
/// The size of the fields of those outcomes together, in bytes.
pub const OUTCOMES_BYTES_MAX: usize = 4 << 20;
/// How long an outcome is remembered: longer than clients retry.
pub const OUTCOMES_TIME: Duration = Duration::from_secs(10 * 60);
/// After how many bytes the client of a resumable upload gets a progress report, which takes an fsync.
pub const TELL_UPLOAD_EVERY: u64 = 64 << 20;
/// How often a client that asked for signs of life gets one. One that has waited for less gets it the next time, so
/// that none waits for more than twice as long.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(7);
/// How often expired uploads are looked for, at least.
pub const EXPIRE_EVERY: Duration = Duration::from_secs(60 * 60);
/// How often work that neither reads nor writes checks that its client is connected: rarely enough to cost nothing.
pub const LIVENESS_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// How long work continues for a client that has half-closed the connection and receives nothing: one that asks by a
/// pipe may want a short response; one that has disconnected looks the same.
pub const HALF_CLOSED_MAX: Duration = Duration::from_secs(10);
/// zstd encoders at once, over all responses: each takes about 0.5 MiB for as long as its client reads. Past them,
/// responses are sent as they are.
pub const ENCODERS_MAX: usize = 256;
/// Decoders at once, over all bodies and files: each may take a window of 8 MiB. Past them, a body is refused with
/// 503.
pub const DECODERS_MAX: usize = 32;
/// Bytes a second, over [`CODER_PACE_OVER`], below which a transfer loses its decoder to another that needs it.
pub const CODER_PACE: u64 = 16 * 1024;
/// See [`CODER_PACE`].
pub const CODER_PACE_OVER: Duration = Duration::from_secs(10);
/// What may be decoded whatever the ratio: for a short text the ratio means nothing.
pub const RATIO_FREE: u64 = 64 * 1024;
/// A file whose size the system does not report, as in /proc, is kept in memory up to this size, and in a spool file
/// past it.
pub const SNAPSHOT_MEMORY: usize = 256 * 1024;
/// The size of a spool file for a client that sends without reading, past which it has to read; and for a file whose
/// size the system does not report, which may be endless.
pub const SPILL_MAX: u64 = 16 << 30;
/// The fraction of all spool space that one response, or one such file, may take: it leaves room for others.
pub const SPILL_PARTS: u64 = 4;
/// How often a response that found no spool space tries again.
pub const SPILL_AGAIN: Duration = Duration::from_secs(1);
/// How long a client that is sending may let its response wait before it is spooled.
pub const SPILL_AFTER: Duration = Duration::from_millis(100);
/// How many names of a list are sorted for a page, which takes some 10 MiB.
pub const LIST_SORTED_MAX: usize = 100_000;
/// Globs of one list or search; each is matched against every name.
pub const GLOBS_MAX: usize = 64;
/// How long the lines of a search are buffered, so that they share a write.
pub const LINES_AFTER: Duration = Duration::from_millis(100);
/// How long a connection that closes with an unread body is read, so that the client sees the response.
pub const LINGER: Duration = Duration::from_secs(2);
/// How long `/.cfpd/health` waits for the store.
pub const HEALTH_WITHIN: Duration = Duration::from_secs(5);
/// How often the store is checked without a request, for the log.
pub const HEALTH_EVERY: Duration = Duration::from_secs(10);
/// How much of an unwanted body is read to keep a connection; past it the connection is closed.
pub const UNREAD_MAX: u64 = 64 * 1024;
/// How long the acceptor pauses when the system has no descriptor or thread left.
pub const EXHAUSTED_REST: Duration = Duration::from_millis(100);
/// `Retry-After` of a 503, in seconds.
pub const RETRY_AFTER: &str = "1";
/// How long a connection without a request is waited for after a TERM: its request may be on the way.
pub const FRESH_WAIT: Duration = Duration::from_millis(500);
/// How often a connection that waits to write checks whether it was aborted: within the time it has to notice.
pub const ABORT_CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// How long aborted connections may take to notice.
pub const ABORT_GRACE: Duration = Duration::from_secs(1);
/// Failed logins of one user from one address, or one /64 of IPv6, before the next one from there has to wait.
pub const WRONG_FREE: u32 = 5;
/// The same for one /48 of IPv6: one customer may have its 65,536 networks.
pub const WRONG_FREE_OF_PREFIX: u32 = 25;
/// Failed logins of one user from anywhere, or of anybody from one address (one /48 of IPv6), before logins there are
/// checked one after the other, with a pause between that grows with each further so many.
pub const WRONG_FREE_OF_ALL: u32 = 50;
/// The first such pause.
pub const WRONG_PAUSE: Duration = Duration::from_millis(250);
/// The longest such pause.
pub const WRONG_PAUSE_MAX: Duration = Duration::from_secs(5);
/// The longest wait after a failed login of the same user from the same address.
pub const WRONG_WAIT_MAX: Duration = Duration::from_secs(60);
/// How long after that failed logins are forgotten.
pub const WRONG_FORGOTTEN: Duration = Duration::from_secs(600);
/// Pairs of a user and an address whose failed logins are counted, and as many of made-up names, made-up names alone,
/// and addresses alone.
pub const WATCHED_MAX: usize = 4096;
/// Passwords that are hashed at once: each takes a core.
pub const LOGINS_AT_ONCE: usize = 2;
/// Passwords that wait to be hashed; each holds a thread.
pub const LOGINS_WAITING: usize = 64;
/// Of those for one user: guesses at one user leave room for others.
pub const LOGINS_WAITING_AT_USER: usize = 4;
/// Of those from one address, or one /48 of IPv6.
pub const LOGINS_WAITING_FROM_NETWORK: usize = 16;

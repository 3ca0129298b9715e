//! What the daemon allows at most, beyond what `http::limits` says of a message being parsed. Every number a
//! client can push against has its name and its reason here; options change the ones an admin may want to.

use std::time::Duration;

/// The limits an admin may set.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; each holds a thread.
    pub connections: usize,
    /// Connections at once of one address, or of one /64 network of IPv6, which is what one machine may have.
    pub per_address: usize,
    /// The size of a stored file, and of a body that is worked on, decoded, in bytes.
    pub file_size: u64,
    /// How many times as large as its coded bytes a body or a file may become when it is decoded; any without it.
    pub ratio: Option<u64>,
    /// From the first byte of a head to its last.
    pub header_time: Duration,
    /// Between two requests, and for a body that makes no way.
    pub idle_time: Duration,
    /// Bytes a second at which a body earns its idle time back; 0 is any at all.
    pub min_rate: u64,
    /// Threads that search directories: one less than this help, over all requests; each search has one of its own.
    pub scan_jobs: usize,
    /// How long an upload that may be gone on with is kept when nothing more comes.
    pub partial_time: Duration,
    /// How many of those there may be at once: each can keep a whole file's room. Past it an upload is taken all the
    /// same, but cannot be gone on with.
    pub partials: usize,
    /// How long running requests may go on after a TERM.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Limits {
            connections: 1024,
            // Behind a proxy all clients have one address.
            per_address: usize::MAX,
            file_size: 1 << 40,
            // An image of zeros is a right upload.
            ratio: None,
            header_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            // A modem of the nineties is faster.
            min_rate: 500,
            scan_jobs: cores,
            partial_time: Duration::from_secs(24 * 60 * 60),
            partials: 1000,
            grace: Duration::from_secs(8),
        }
    }
}

/// The stack of a connection's thread. The deepest call chain keeps its blocks on the heap.
pub const STACK: usize = 256 * 1024;
/// What a busy connection reads ahead; an idle one has no buffer. Heads fit, and a body passes it by. All of it is
/// touched with the first byte, so that a crowd of slow clients pays for it.
pub const READ_AHEAD: usize = 4 * 1024;
/// How much is moved at a time between a file, a filter and a socket.
pub const BLOCK: usize = 64 * 1024;
/// Uploads that have ended and are remembered for a client that missed the answer.
pub const ENDED_MAX: usize = 1000;
/// Outcomes of requests with an `Idempotency-Key` that are remembered, over all clients. Past it the client that has most
/// loses its oldest, so that a flood of keys costs nobody else's.
pub const OUTCOMES_MAX: usize = 4096;
/// What the fields of those outcomes may take together, in bytes.
pub const OUTCOMES_BYTES_MAX: usize = 4 << 20;
/// How long an outcome is remembered: longer than a client tries again.
pub const OUTCOMES_TIME: Duration = Duration::from_secs(10 * 60);
/// After how many bytes the client of an upload in pieces is told how much is on the disk, which takes a sync.
pub const TELL_UPLOAD_EVERY: u64 = 64 << 20;
/// How often those are told that the work goes on who asked for it. Who has waited for less than this is told the next
/// time, so that nobody hears nothing for more than twice as long.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(7);
/// How often uploads are looked for whose time is over, at least.
pub const EXPIRE_EVERY: Duration = Duration::from_secs(60 * 60);
/// How often work that neither reads nor writes asks whether its client is still there: rarely enough to cost nothing.
pub const LIVENESS_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// How long it goes on for a client that has ended its side and takes nothing: one that asks by a pipe may still want
/// a short answer, one that has left looks the same.
pub const HALF_CLOSED_MAX: Duration = Duration::from_secs(10);
/// zstd encoders at once, over all answers: each holds about 0.5 MiB for as long as its client reads. Past them answers are
/// sent as they are.
pub const ENCODERS_MAX: usize = 256;
/// Decoders at once, over all bodies and files: each may hold a window of 8 MiB. Past them a body is refused with 503.
pub const DECODERS_MAX: usize = 32;
/// Bytes a second, over [`CODER_PACE_OVER`], below which a transfer loses its decoder to another one that needs it.
pub const CODER_PACE: u64 = 16 * 1024;
/// See [`CODER_PACE`].
pub const CODER_PACE_OVER: Duration = Duration::from_secs(10);
/// What may be decoded whatever the ratio: a short text of one word says nothing.
pub const RATIO_FREE: u64 = 64 * 1024;
/// A file whose size is not what the system says, as those of /proc, is kept in memory up to this, and in a spool past it.
pub const SNAPSHOT_MEMORY: usize = 256 * 1024;
/// What is kept in a spool for a client that sends without reading, past which the client has to read; and of a file whose
/// size is not what the system says, which may have no end.
pub const SPILL_MAX: u64 = 16 << 30;
/// One answer, or such a file, may hold this part of what all spools may hold together: one client leaves room for others.
pub const SPILL_PARTS: u64 = 4;
/// How often an answer for which there is no room in a spool looks for some again.
pub const SPILL_AGAIN: Duration = Duration::from_secs(1);
/// How long a client that sends may let its answer wait before the answer goes into a spool.
pub const SPILL_AFTER: Duration = Duration::from_millis(100);
/// How many names of a list are sorted for a page: what waits for that takes some 10 MiB.
pub const LIST_SORTED_MAX: usize = 100_000;
/// Globs of one list or search; each is held against every name.
pub const GLOBS_MAX: usize = 64;
/// How long the lines of a search may wait for others to share a write with.
pub const LINES_AFTER: Duration = Duration::from_millis(100);
/// How long a connection that ends with an unread body is read on, so that the client sees the answer.
pub const LINGER: Duration = Duration::from_secs(2);
/// How long `/.cfpd/health` waits for the store before it says no.
pub const HEALTH_WITHIN: Duration = Duration::from_secs(5);
/// How often the store is asked though nobody wants to know, so that the log has it.
pub const HEALTH_EVERY: Duration = Duration::from_secs(10);
/// What of an unwanted body is read to keep a connection; past it the connection is closed.
pub const UNREAD_MAX: u64 = 64 * 1024;
/// How long the acceptor rests when the system has no descriptor or thread left.
pub const EXHAUSTED_REST: Duration = Duration::from_millis(100);
/// `Retry-After` of a 503, in seconds.
pub const RETRY_AFTER: &str = "1";
/// How long a connection that has asked nothing yet is waited for after a TERM: its request may be on the way.
pub const FRESH_WAIT: Duration = Duration::from_millis(500);
/// How often a connection that waits to write looks whether it was cut: within the time it has to notice.
pub const ABORT_CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// How long connections that were cut may take to notice.
pub const ABORT_GRACE: Duration = Duration::from_secs(1);
/// Wrong passwords at one user from one address, or one /64 of IPv6, before the next one from there has to wait.
pub const WRONG_FREE: u32 = 5;
/// The same of one /48 of IPv6: one customer may have its 65,536 networks.
pub const WRONG_FREE_OF_PREFIX: u32 = 25;
/// Wrong passwords at one user from anywhere, or from one address (one /48 of IPv6) at anybody, before guesses there are
/// looked at one after the other, with a pause between that grows with each further so many.
pub const WRONG_FREE_OF_ALL: u32 = 50;
/// That pause at first.
pub const WRONG_PAUSE: Duration = Duration::from_millis(250);
/// The longest such pause.
pub const WRONG_PAUSE_MAX: Duration = Duration::from_secs(5);
/// The longest a wrong password makes the next one at the same user from the same address wait.
pub const WRONG_WAIT_MAX: Duration = Duration::from_secs(60);
/// How long after that wrong passwords are forgotten.
pub const WRONG_FORGOTTEN: Duration = Duration::from_secs(600);
/// Pairs of a user and an address whose wrong passwords are counted, and as many of made-up names, made-up names alone,
/// and addresses alone.
pub const WATCHED_MAX: usize = 4096;
/// Passwords that are hashed at the same time: each takes a core.
pub const LOGINS_AT_ONCE: usize = 2;
/// Passwords that wait to be hashed; each holds a thread.
pub const LOGINS_WAITING: usize = 64;
/// Of them at one user: whoever guesses at one leaves room for others.
pub const LOGINS_WAITING_AT_USER: usize = 4;
/// Of them from one address, or one /48 of IPv6.
pub const LOGINS_WAITING_FROM_NETWORK: usize = 16;

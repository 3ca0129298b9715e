//! The limits of the daemon, besides those of `http::limits` on parsing. Every resource that a client can exhaust has
//! its limit and the reason for it here; options change some of them.

use std::time::Duration;

use crate::cores::cores;

/// The limits that options change.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Concurrent connections; each has a thread.
    pub connections: usize,
    /// Concurrent connections of one address, or of one /64 network of IPv6, all of which one machine may have.
    pub per_address: usize,
    /// The size of a stored file, and of a decoded body that is processed, in bytes.
    pub file_size: u64,
    /// How many times larger than its coded bytes a body or file may decode to; unlimited where it is not given.
    pub ratio: Option<u64>,
    /// The time from the first byte of a head to its last.
    pub header_time: Duration,
    /// The time between two requests, and for a body that makes no progress.
    pub idle_time: Duration,
    /// The minimum rate of a body, in bytes a second (`StallTimer`); with 0 any byte resets the timer.
    pub min_rate: u64,
    /// Threads that search one directory: the request's own, and one less than this from a pool that all requests
    /// share.
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
        Limits {
            connections: 1024,
            // Behind a proxy, all clients have one address.
            per_address: usize::MAX,
            file_size: 1 << 40,
            // An image of zeros is a valid upload.
            ratio: None,
            header_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            // Slower than any real connection.
            min_rate: 500,
            scan_jobs: cores(),
            partial_time: Duration::from_secs(24 * 60 * 60),
            partials: 1000,
            grace: Duration::from_secs(8),
        }
    }
}

/// The stack size of a connection's thread. Large buffers are on the heap.
pub const STACK: usize = 256 * 1024;
/// The stack size of a thread that keeps an idle connection. Less than a quarter of [`STACK`], so that the C library gives
/// it no stack that an ended thread has grown (`get_cached_stack` of glibc).
pub const STACK_IDLE: usize = 48 * 1024;
/// How long an idle connection stays in a thread whose stack its requests have grown, before a thread with a small stack
/// keeps it, which takes half the memory. The heap keeps the size that it needs for all connections that are in such threads at
/// once, so this is short: the change of threads takes a tenth of a millisecond.
pub const IDLE_ON_STACK: Duration = Duration::from_millis(250);
/// How long a thread without a connection waits for one.
pub const WORKER_TIME: Duration = Duration::from_secs(1);
/// How many threads wait for a connection at the most.
pub const WORKERS_WAITING_MAX: usize = 32;
/// The first read of a request, into the stack of its thread, where an idle connection waits. A typical head fits.
pub const FIRST_READ: usize = 1024;
/// The longest PROXY header: the most that its specification lets a receiver expect (§2.2), and less than [`FIRST_READ`].
pub const PROXY_HEADER_MAX: usize = 536;
/// The read buffer of a busy connection; an idle one has none. A typical head fits; a large body bypasses it. All of
/// its pages become resident with the first byte, so it is small for the sake of many slow clients.
pub const READ_AHEAD: usize = 4 * 1024;
/// The block size for copies between a file, a filter and a socket.
pub const BLOCK: usize = 64 * 1024;
/// Outcomes of requests with an `Idempotency-Key` that are remembered, over all clients. Past it, the client with the
/// most loses its oldest, so that a flood of keys affects nobody else.
pub const OUTCOMES_MAX: usize = 4096;
/// The size of the fields of those outcomes together, in bytes.
pub const OUTCOMES_BYTES_MAX: usize = 4 << 20;
/// How long an outcome is remembered: longer than clients retry.
pub const OUTCOMES_TIME: Duration = Duration::from_secs(10 * 60);
/// After how many bytes the client of a resumable upload gets a progress report, which takes an fsync.
pub const REPORT_UPLOAD_EVERY: u64 = 64 << 20;
/// The interval at which clients that asked for it are sent `102 Processing`. A client that has waited for less is sent
/// one the next time, so that none waits longer than twice this.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(7);
/// The interval at which those are sent one that asked for counts too.
pub const COUNTS_EVERY: Duration = Duration::from_millis(500);
/// The longest interval between two searches for expired uploads.
pub const EXPIRE_EVERY: Duration = Duration::from_secs(60 * 60);
/// Write locks of all WebDAV clients together.
pub const LOCKS_MAX: usize = 4096;
/// Those of one user; all clients without a user are one.
pub const LOCKS_OF_USER_MAX: usize = 1024;
/// Those that cover one name, by the name or a directory above it.
pub const LOCKS_OF_NAME_MAX: usize = 32;
/// The size of the record of all locks, which each LOCK writes again, in bytes.
pub const LOCK_RECORD_MAX: usize = 4 << 20;
/// The size of what a client says of the owner of a lock, in bytes.
pub const LOCK_OWNER_MAX: usize = 1024;
/// How long a lock is held where its client does not say.
pub const LOCK_TIME: Duration = Duration::from_secs(60 * 60);
/// How long a lock is held that its client does not refresh, whatever time it asks for.
pub const LOCK_TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a new lock waits for writes that began before it.
pub const LOCK_GRANT_WAIT: Duration = Duration::from_secs(10);
/// How often work that neither reads nor writes checks that its client is connected: rarely enough to cost nothing.
pub const LIVENESS_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// How long work continues for a client that has half-closed the connection and is sent nothing: one like `nc` in a
/// pipe may still read; one that has disconnected looks the same.
pub const HALF_CLOSED_MAX: Duration = Duration::from_secs(10);
/// Concurrent zstd encoders of all responses: each takes about 0.5 MiB for as long as its client reads. Past the limit,
/// responses are not compressed.
pub const ENCODERS_MAX: usize = 256;
/// Concurrent decoders of all bodies and files: each may take a window of 8 MiB. Past the limit, a request is refused
/// with 503.
pub const DECODERS_MAX: usize = 32;
/// Bytes a second, over [`CODER_PACE_OVER`], below which a transfer loses its decoder to another that needs it.
pub const CODER_PACE: u64 = 16 * 1024;
/// See [`CODER_PACE`].
pub const CODER_PACE_OVER: Duration = Duration::from_secs(10);
/// Bytes that may be decoded whatever the ratio: for short content the ratio means nothing.
pub const RATIO_FREE: u64 = 64 * 1024;
/// Small files that are asked for again are kept in memory, in so many bytes by default.
pub const FILE_CACHE: u64 = 8 << 20;
/// A file whose size the system does not report, as in /proc, is kept in memory up to this size, and in a spool file
/// past it.
pub const SNAPSHOT_MEMORY: usize = 256 * 1024;
/// The largest spool file of a response, past which its client has to read; and that of a file whose size the system
/// does not report, which may be endless.
pub const SPILL_MAX: u64 = 16 << 30;
/// One response, or one such file, may take `1/SPILL_PARTS` of all spool space, which leaves the rest for others.
pub const SPILL_PARTS: u64 = 4;
/// The interval at which a response that found no spool space tries again.
pub const SPILL_RETRY_EVERY: Duration = Duration::from_secs(1);
/// How long a write to a client that is still sending blocks before the response is spooled.
pub const SPILL_AFTER: Duration = Duration::from_millis(100);
/// The most entries of a list that are sorted for a page, which takes some 10 MiB.
pub const LIST_SORTED_MAX: usize = 100_000;
/// The most bytes that these names have together.
pub const LIST_SORTED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most names of a zip file, whose directory is kept in memory until its end: 100 MiB at the most with [`ZIP_NAMES_MAX`].
pub const ZIP_ENTRIES_MAX: usize = 100_000;
/// The most bytes of all names of a zip file.
pub const ZIP_NAMES_MAX: usize = 16 << 20;
/// The most globs of one list or search; each is matched against every name.
pub const GLOBS_MAX: usize = 64;
/// The most bytes of an XML body. Clients send some hundred; one that sets a property sends its value.
pub const XML_MAX: u64 = 64 * 1024;
/// The most elements, texts and comments of an XML body, which bounds its depth too.
pub const XML_NODES_MAX: u32 = 2048;
/// The most properties that a PROPFIND or PROPPATCH may name: a PROPFIND is answered with each for every entry of a
/// directory.
pub const PROPERTIES_NAMED_MAX: usize = 256;
/// The most bytes of their names, each with its namespace: few bytes of a body may give each name a long one.
pub const PROPERTY_NAMES_MAX: usize = 32 * 1024;
/// The most bytes of the elements that a PROPPATCH sets, each with the namespaces that it needs: more than the body has, and more
/// than is stored.
pub const PROPERTY_ELEMENTS_MAX: usize = 128 * 1024;
/// How long the lines of a search are buffered, so that they share a write.
pub const FLUSH_LINES_AFTER: Duration = Duration::from_millis(100);
/// How long the log lines of requests are gathered under load, so that they share a write. A daemon that is killed loses
/// those of this time.
pub const LOG_GATHER_TIME: Duration = Duration::from_millis(100);
/// How many bytes of lines are gathered before they are written.
pub const LOG_GATHERED_MAX: usize = 64 * 1024;
/// How long a connection that closes with an unread body is read: a close with unread data resets the connection, and
/// the client might lose the response.
pub const LINGER: Duration = Duration::from_secs(2);
/// How long `/.cfpd/health` waits for the store.
pub const HEALTH_WITHIN: Duration = Duration::from_secs(5);
/// How often the store is checked without a request. Another daemon on the same files waits that long for this one to
/// lock names between the two.
pub const HEALTH_EVERY: Duration = Duration::from_secs(1);
/// How many bytes of an unread body are skipped to keep the connection open; past that it is closed.
pub const UNREAD_MAX: u64 = 64 * 1024;
/// How long the acceptor pauses when the system has no descriptor or thread left.
pub const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// `Retry-After` of a 503, in seconds.
pub const RETRY_AFTER: &str = "1";
/// How long a connection without a request is kept after a TERM: its first request may be in transit.
pub const FRESH_WAIT: Duration = Duration::from_millis(500);
/// How often a thread that waits to write checks whether its connection was aborted; less than [`ABORT_GRACE`].
pub const ABORT_CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// How long the shutdown waits for the threads of aborted connections.
pub const ABORT_GRACE: Duration = Duration::from_secs(1);
/// Failed logins of one user from one address, or one /64 of IPv6, before the next one from there has to wait.
pub const FAILURES_FREE: u32 = 5;
/// The same for one /48 of IPv6: one customer may have all of its 65,536 networks.
pub const FAILURES_FREE_OF_PREFIX: u32 = 25;
/// Failed logins of one user from anywhere, or of all users from one address (one /48 of IPv6), before their logins are
/// checked one after the other, with a pause between. Each further so many failures lengthen the pause.
pub const FAILURES_FREE_OF_ALL: u32 = 50;
/// The first such pause.
pub const FAILURE_PAUSE: Duration = Duration::from_millis(250);
/// The longest such pause.
pub const FAILURE_PAUSE_MAX: Duration = Duration::from_secs(5);
/// The longest wait after a failed login of the same user from the same address.
pub const FAILURE_WAIT_MAX: Duration = Duration::from_secs(60);
/// How long failed logins count after the last one, or after the wait for it.
pub const FAILURES_FORGOTTEN: Duration = Duration::from_secs(600);
/// The most pairs of a user and an address whose failed logins are counted; as many pairs with unknown names, unknown
/// names, and addresses.
pub const WATCHED_MAX: usize = 4096;
/// The networks of a user from which the right password was sent, and is not delayed: the latest.
pub const NETWORKS_REMEMBERED: usize = 64;
/// Passwords that are hashed concurrently: each takes a core.
pub const LOGINS_AT_ONCE: usize = 2;
/// Passwords that wait to be hashed; each holds a thread.
pub const LOGINS_WAITING: usize = 64;
/// Of those, for one user, so that guessing one user's password does not block others.
pub const LOGINS_WAITING_AT_USER: usize = 4;
/// Of those, from one address, or one /48 of IPv6.
pub const LOGINS_WAITING_FROM_NETWORK: usize = 16;

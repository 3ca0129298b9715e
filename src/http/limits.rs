//! What the wire takes at most, both directions: every number a peer can push against while a message is
//! being parsed, with its reason. What the daemon allows beyond parsing stands in `server::limits`.

/// A whole head: start line and fields. A long word in a target and a dozen fields fit many times.
pub const HEAD_MAX: usize = 64 * 1024;
/// Fields in a head or a trailer section. Browsers behind two proxies send about thirty.
pub const FIELDS_MAX: usize = 100;
/// A request target: four times the 8000 octets RFC 9110 §4.1 asks for, since words travel in it.
pub const TARGET_MAX: usize = 32 * 1024;
/// The path of a target, decoded: what RFC 9110 §4.1 asks for, and twice what the system takes.
pub const PATH_MAX: usize = 8000;
/// How much of a target an error repeats, in bytes.
pub const TARGET_SHOWN: usize = 256;
/// Parts of one answer: what zsync and dnf ask for at once. Past it the whole is sent.
pub const RANGES_MAX: usize = 16;
/// The line before a chunk: its size and what extensions a proxy may add (RFC 9112 §7.1.1).
pub const CHUNK_LINE_MAX: usize = 1024;
/// A whole trailer section. Digests are all anybody sends there.
pub const TRAILERS_MAX: usize = 8 * 1024;
/// The window a zstd body may ask a reader to keep: 8 MiB, what RFC 9659 allows on the wire.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;

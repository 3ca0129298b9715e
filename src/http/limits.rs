//! The limits of parsing messages, in both directions, each with its reason. The daemon's other limits are in
//! `server::limits`.

/// The most bytes of a head: start line and fields. A target with a word and a dozen fields are much smaller.
pub const HEAD_MAX: usize = 64 * 1024;
/// The most fields in a head or a trailer section. Browsers behind two proxies send about thirty.
pub const FIELDS_MAX: usize = 100;
/// The most bytes of a request target: four times the 8000 octets that RFC 9110 §4.1 recommends, since it contains
/// words.
pub const TARGET_MAX: usize = 32 * 1024;
/// The most bytes of the decoded path of a target: what RFC 9110 §4.1 recommends, and about twice what Linux
/// supports.
pub const PATH_MAX: usize = 8000;
/// How much of a target an error repeats, in bytes.
pub const TARGET_SHOWN: usize = 256;
/// The most ranges of one response, as in Apache; zsync requests up to 20 at once. With more, the whole representation is
/// sent.
pub const RANGES_MAX: usize = 200;
/// The most conditions of an `If` header: each is looked up for itself.
pub const IF_CONDITIONS_MAX: usize = 1000;
/// The most bytes of the line before a chunk: its size, and extensions that a proxy may add (RFC 9112 §7.1.1).
pub const CHUNK_LINE_MAX: usize = 1024;
/// The most bytes of a trailer section. Peers send only digests in it.
pub const TRAILERS_MAX: usize = 8 * 1024;
/// The largest zstd window of a body, as a power of two: 8 MiB, the limit of RFC 9659.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;

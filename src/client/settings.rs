//! Settings of the client that all programs share. It parses no arguments.

use std::ffi::OsString;

use crate::client::conn::{silence, tls};

/// The settings that users of all tools may choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The server; by default `$CFP_SERVER`, else port 8398 of this machine.
    pub server: Option<OsString>,
    /// The user name; by default that of the URL or `~/.netrc`.
    pub user: Option<OsString>,
    /// Whether bodies are compressed.
    pub compress: Compress,
    /// The trusted certificates.
    pub trust: tls::Trust,
    /// How often a broken transfer is retried, if the user said so; by default only requests with a key are.
    pub retries: Option<u32>,
    /// Whether a server that does not accept the first connection is tried again, too.
    pub awaits_server: bool,
    /// The most bytes a second, over all connections.
    pub limit_rate: Option<u64>,
    /// The timeouts.
    pub timeouts: silence::Timeouts,
    /// Whether progress and remarks are switched off.
    pub quiet: bool,
    /// Whether requests and responses are written to standard error.
    pub verbose: bool,
}

impl Settings {
    /// Returns whether bodies are compressed to and from a server, which may be on this machine.
    pub(crate) fn compresses(&self, is_on_this_machine: bool) -> bool {
        match self.compress {
            Compress::Always => true,
            Compress::Never => false,
            Compress::Auto => !is_on_this_machine,
        }
    }
}

/// When bodies are compressed with zstd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compress {
    /// If the server is on another machine: compression within one machine wastes time.
    #[default]
    Auto,
    /// Always, in both directions.
    Always,
    /// Never.
    Never,
}

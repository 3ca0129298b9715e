//! What a user chooses for a conversation with a server, whatever the program. It reads no argument.

use std::ffi::OsString;

use crate::client::conn::{silence, tls};

/// What all tools let their user choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The server; else `$CFP_SERVER`, else port 8398 of this machine.
    pub server: Option<OsString>,
    /// Who the user says he is; else the URL or `~/.netrc` may.
    pub user: Option<OsString>,
    /// Whether bytes travel compressed.
    pub compress: Compress,
    /// Whose certificates are trusted.
    pub trust: tls::Trust,
    /// How often what broke is tried again, where the user may say so; else only what the server carries out once is.
    pub retries: Option<u32>,
    /// How long a server is waited for.
    pub timeouts: silence::Timeouts,
    /// No progress and no remarks.
    pub quiet: bool,
    /// Requests and answers on standard error.
    pub verbose: bool,
}

/// When bytes travel compressed with zstd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compress {
    /// When the server is on another machine: within one it is waste.
    #[default]
    Auto,
    /// Both ways.
    Always,
    /// Neither way.
    Never,
}

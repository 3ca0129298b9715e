//! The way from a tool to a server: URL, connection, call, operand. This room owns one conversation and what
//! local files and names on the server are to it; it knows no option of a program and no word.
//!
//! A body is sent in a thread of its own while the answer is read: a server may answer before it has everything,
//! and a filter answers as it reads.

pub mod answer;
pub mod call;
pub mod connect;
pub mod credentials;
pub mod destination;
pub mod draft;
pub mod fetch;
pub mod filter;
pub mod guard;
pub mod list;
pub mod netrc;
pub mod operand;
pub mod output;
pub mod part;
pub mod password;
pub mod piece;
pub mod piped;
pub mod progress;
pub mod resumption;
pub mod retry;
pub mod sending;
pub mod silence;
pub mod standard_streams;
pub mod stored;
pub mod tls;
pub mod upload;
pub mod url;
pub mod verifier;
pub mod walk;

use std::ffi::OsString;

pub use answer::Answer;
pub use call::{Call, Client};
pub use guard::{Guard, Tag};
pub use operand::{Name, Operand};
pub use output::Output;
pub use upload::Upload;

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

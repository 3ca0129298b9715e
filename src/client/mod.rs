//! The way from a tool to a server: URL, connection, call, operand. This room owns one conversation and what
//! local files and names on the server are to it; it knows no option of a program and no word.
//!
//! A body is sent in a thread of its own while the answer is read: a server may answer before it has everything,
//! and a filter answers as it reads.

use std::ffi::OsString;

use crate::client::conn::{silence, tls};

pub use crate::client::call::answer::Answer;
pub use crate::client::call::body_source::Upload;
pub use crate::client::call::call::{Call, Client};
pub use crate::client::operand::{Name, Operand};
pub use crate::client::ops::precondition::{Guard, Tag};
pub use crate::client::output::destination::resolve;
pub use crate::client::output::output::{Output, Sink};
pub use crate::client::output::standard_streams;

pub(crate) mod call;
pub mod conn;
pub mod login;
pub mod operand;
pub mod ops;
pub(crate) mod output;

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

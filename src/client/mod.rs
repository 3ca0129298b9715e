//! The way from a tool to a server: URL, connection, call, operand. This room owns one conversation and what
//! local files and names on the server are to it; it knows no option of a program and no word.
//!
//! A body is sent in a thread of its own while the answer is read: a server may answer before it has everything,
//! and a filter answers as it reads.

pub use crate::client::call::answer::Answer;
pub use crate::client::call::body_source::BodySource;
pub use crate::client::call::call::Call;
pub use crate::client::call::client::Client;
pub use crate::client::call::status::kind_of;
pub use crate::client::operand::{Name, Operand};
pub use crate::client::ops::precondition::{Precondition, Tag};
pub use crate::client::output::destination::resolve;
pub use crate::client::output::output::{Output, Sink};
pub use crate::client::output::standard_streams;
pub use crate::client::settings::{Compress, Settings};

pub(crate) mod call;
pub mod conn;
pub mod login;
pub mod operand;
pub mod ops;
pub(crate) mod output;
mod settings;

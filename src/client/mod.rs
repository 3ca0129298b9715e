//! The client library of the tools: URL, connection, request and response, operands. It does not know the options of a
//! program or what a word is.
//!
//! A body is sent by a thread of its own while the response is read: a server may respond before it has read
//! everything, and a filter responds while it reads.

pub use crate::client::call::body_source::BodySource;
pub use crate::client::call::call::Call;
pub use crate::client::call::cancellation::Cancellation;
pub use crate::client::call::client::Client;
pub use crate::client::call::server_response::ServerResponse;
pub use crate::client::call::status::kind_of;
pub use crate::client::operand::{Operand, RemoteName};
pub use crate::client::ops::precondition::{Precondition, Tag};
pub use crate::client::output::destination::resolve;
pub use crate::client::output::output::{Output, Sink};
pub use crate::client::output::standard_streams;
pub use crate::client::settings::{Compress, Settings};

pub(crate) use crate::client::call::retry::Retries;
pub(crate) use crate::client::conn::connect::ServerConnection;
pub(crate) use crate::client::conn::url::Url;
pub(crate) use crate::client::ops::filter;
pub(crate) use crate::client::output::standard_streams::STDOUT;
pub(crate) use crate::client::progress::display::Progress;

pub(crate) mod call;
pub mod conn;
pub mod login;
pub mod operand;
pub mod ops;
pub(crate) mod output;
pub mod progress;
mod settings;

//! One request as the tools make it: method, target, fields and body. `client.rs` sends it.

use crate::client::BodySource;
use crate::http::{Fields, idempotency};

/// The field that requests a digest (RFC 9530 §4).
pub(crate) const WANT: (&str, &str) = ("Want-Repr-Digest", "sha-256=10");

/// One request.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: &'static str,
    /// The target, percent-encoded.
    pub target: Vec<u8>,
    /// Fields in addition to those of every request.
    pub fields: Fields,
    /// By this key the server performs the request once, however often it is sent.
    pub key: Option<String>,
    /// The body, if there is one.
    pub upload: Option<BodySource>,
}

impl Call {
    /// Makes a request without fields and body; one that is not idempotent gets a key.
    pub fn new(method: &'static str, target: Vec<u8>) -> Self {
        let is_once = matches!(method, "COPY" | "MOVE" | "DELETE" | "MKCOL");
        let key = is_once.then(idempotency::fresh_key);
        Call { method, target, fields: Fields::new(), key, upload: None }
    }

    /// Adds a field.
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push(name, value);
        self
    }

    /// Returns whether it may be sent again when a kept connection turns out to be closed: it changes nothing, as the
    /// filters of POST, or is idempotent.
    pub(crate) fn may_repeat(&self) -> bool {
        let is_whole = self.method == "PUT" && self.key.is_none();
        (is_whole || matches!(self.method, "GET" | "HEAD" | "OPTIONS" | "POST")) && self.can_repeat()
    }

    /// Returns whether its body can be read again.
    pub(crate) fn can_repeat(&self) -> bool {
        self.upload.as_ref().is_none_or(BodySource::can_repeat)
    }

    /// Returns what an error message names.
    pub(crate) fn subject(&self) -> &[u8] {
        self.target.split(|&byte| byte == b'?').next().unwrap_or_default()
    }

    /// Returns whether it can be resumed; then its body is not compressed.
    pub(crate) fn is_resumable(&self) -> bool {
        self.fields.get("upload-complete").is_some()
    }

    /// Returns whether it waits for `100 Continue`. A filter accepts any body, and responds while it is being sent.
    pub(crate) fn asks(&self) -> bool {
        self.method == "PUT" && self.upload.as_ref().is_some_and(BodySource::is_worth_asking)
    }
}

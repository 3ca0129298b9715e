//! One request as the tools make it: method, target, fields and body. `client.rs` sends it.

use crate::client::call::body_source::BodySource;
use crate::http::Fields;
use crate::http::idempotency::{self, KEY};

/// One request.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: &'static str,
    /// The target, percent-encoded.
    pub target: Vec<u8>,
    /// Fields in addition to those of every request.
    pub fields: Fields,
    /// The body, if there is one.
    pub upload: Option<BodySource>,
}

impl Call {
    /// Makes a request without a body; one that is not idempotent gets a key.
    pub fn new(method: &'static str, target: Vec<u8>) -> Self {
        let call = Call { method, target, fields: Fields::new(), upload: None };
        if matches!(method, "COPY" | "MOVE" | "DELETE" | "MKCOL") { call.once() } else { call }
    }

    /// Returns the same request without a body.
    pub(crate) fn again(&self) -> Self {
        let (method, target, fields) = (self.method, self.target.clone(), self.fields.clone());
        Call { method, target, fields, upload: None }
    }

    /// Adds a field.
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push(name, value);
        self
    }

    /// Adds a new key, so that the server performs the request once, however often it is sent.
    pub fn once(self) -> Self {
        self.with(KEY, idempotency::fresh_key())
    }

    /// Returns whether the server performs it once, however often it is sent.
    pub(crate) fn has_key(&self) -> bool {
        self.fields.get(KEY).is_some()
    }

    /// Returns whether it may be sent again when a kept connection turns out to be closed: it changes nothing, as the
    /// filters of POST, or is idempotent.
    pub(crate) fn may_repeat(&self) -> bool {
        let is_whole = self.method == "PUT" && !self.has_key();
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

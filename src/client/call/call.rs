//! One request as a tool sees it: method, target, fields and body. How it is sent stands in `client.rs`.

use crate::client::call::body_source::BodySource;
use crate::http::Fields;
use crate::http::idempotency::{self, KEY};

/// One request.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: &'static str,
    /// The target as it goes over the wire.
    pub target: Vec<u8>,
    /// Fields beyond those every request has.
    pub fields: Fields,
    /// The body, where there is one.
    pub upload: Option<BodySource>,
}

impl Call {
    /// A request without a body; one whose second time would be another has a key.
    pub fn new(method: &'static str, target: Vec<u8>) -> Self {
        let call = Call { method, target, fields: Fields::new(), upload: None };
        if matches!(method, "COPY" | "MOVE" | "DELETE" | "MKCOL") { call.once() } else { call }
    }

    /// The same without a body.
    pub(crate) fn again(&self) -> Self {
        let (method, target, fields) = (self.method, self.target.clone(), self.fields.clone());
        Call { method, target, fields, upload: None }
    }

    /// With this field too.
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push(name, value);
        self
    }

    /// With a key that is this request's own, so that the server carries it out once however often it is sent.
    pub fn once(self) -> Self {
        self.with(KEY, idempotency::fresh_key())
    }

    /// Whether the server carries it out once however often it is sent.
    pub(crate) fn has_key(&self) -> bool {
        self.fields.get(KEY).is_some()
    }

    /// Whether it may be sent a second time when a kept connection turns out to be gone: where it changes nothing, as
    /// the filters of POST do not, or a second time means the same.
    pub(crate) fn may_repeat(&self) -> bool {
        let is_whole = self.method == "PUT" && !self.has_key();
        (is_whole || matches!(self.method, "GET" | "HEAD" | "OPTIONS" | "POST")) && self.can_repeat()
    }

    /// Whether it can be sent a second time at all.
    pub(crate) fn can_repeat(&self) -> bool {
        self.upload.as_ref().is_none_or(BodySource::can_repeat)
    }

    /// What it is about, for a person.
    pub(crate) fn subject(&self) -> &[u8] {
        self.target.split(|&byte| byte == b'?').next().unwrap_or_default()
    }

    /// Whether it can be gone on with when it breaks: then its bytes go as they are.
    pub(crate) fn is_resumable(&self) -> bool {
        self.fields.get("upload-complete").is_some()
    }

    /// Whether its body is asked for before it is sent. A filter takes any body, and answers while it comes.
    pub(crate) fn asks(&self) -> bool {
        self.method == "PUT" && self.upload.as_ref().is_some_and(BodySource::is_worth_asking)
    }
}

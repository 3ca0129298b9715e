//! One request as the tools make it: method, target, fields and body. `client.rs` sends it.

use percent_encoding::percent_decode;

use crate::client::{BodySource, RemoteName};
use crate::error::shown;
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
    /// The name that is stored, if the target is another: the resource of an upload in segments.
    pub stored: Option<RemoteName>,
}

impl Call {
    /// Makes a request without fields and body; one that is not idempotent gets a key.
    pub fn new(method: &'static str, target: Vec<u8>) -> Self {
        let is_once = matches!(method, "COPY" | "MOVE" | "DELETE" | "MKCOL");
        let key = is_once.then(idempotency::fresh_key);
        Call { method, target, fields: Fields::new(), key, upload: None, stored: None }
    }

    /// Adds a field.
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push(name, value);
        self
    }

    /// Returns whether it may be sent again when a kept connection turns out to be closed: it changes nothing, as the
    /// filters of POST, or is idempotent.
    pub(crate) fn may_resend(&self) -> bool {
        let is_whole = self.method == "PUT" && self.key.is_none();
        (is_whole || matches!(self.method, "GET" | "HEAD" | "OPTIONS" | "POST")) && self.is_rereadable()
    }

    /// Returns whether its body can be read again.
    pub(crate) fn is_rereadable(&self) -> bool {
        self.upload.as_ref().is_none_or(BodySource::is_rereadable)
    }

    /// Returns what an error message names.
    pub(crate) fn subject(&self) -> &[u8] {
        self.target.split(|&byte| byte == b'?').next().unwrap_or_default()
    }

    /// Returns the name of what the server works on, where that work is all that is done.
    pub(crate) fn served_name(&self) -> Option<String> {
        let is_search =
            self.target.windows(8).any(|part| part == b"?search=") && !self.subject().ends_with(b"/");
        let is_work =
            matches!(self.method, "COPY" | "MOVE" | "DELETE") || (self.method == "GET" && is_search);
        is_work.then(|| self.shown_name())
    }

    /// Returns what an interruption leaves of it, if it writes anything. `resumer` is the
    /// command that can resume an upload.
    pub(crate) fn left_by_interruption(&self, resumer: Option<&str>) -> Option<String> {
        let name = self.shown_name();
        match self.method {
            "PUT" | "PATCH" if self.is_resumable() => {
                let expires = || ", until that expires".to_owned();
                let next = resumer.map_or_else(expires, |resumer| format!(": {resumer} resumes it"));
                Some(format!("{name} is not stored; the server keeps what it has received{next}"))
            }
            "PUT" => Some(format!("{name} is not stored")),
            "COPY" | "MOVE" => {
                let target = self.fields.get("destination").map_or(name, shown_target);
                Some(format!("{target} is left as it was, unless the server was done already"))
            }
            "DELETE" => Some(format!("{name} may be deleted")),
            _ => None,
        }
    }

    /// Returns the name that it is about, with a colon.
    fn shown_name(&self) -> String {
        if let Some(stored) = &self.stored {
            return shown(&stored.shown());
        }
        shown_target(self.subject())
    }

    /// Returns whether it can be resumed; then its body is not compressed.
    pub(crate) fn is_resumable(&self) -> bool {
        self.fields.get("upload-complete").is_some()
    }

    /// Returns whether it waits for `100 Continue`. A filter accepts any body, and responds while it is being sent.
    pub(crate) fn expects_continue(&self) -> bool {
        self.method == "PUT" && self.upload.as_ref().is_some_and(BodySource::is_worth_expect_continue)
    }
}

/// Formats a target as a user would type it, with a colon.
pub(crate) fn shown_target(target: &[u8]) -> String {
    let name: Vec<u8> = percent_decode(target).collect();
    RemoteName::shown_as_typed(&shown(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interruption_leaves_is_said_of_what_would_be_written() {
        let call = |method, target: &str| Call::new(method, target.into());
        let kept = "is left as it was, unless the server was done already";
        let rows = [
            (call("PUT", "/a%20b"), Some(":a b is not stored".to_owned())),
            (call("COPY", "/a").with("Destination", "/d/b"), Some(format!(":d/b {kept}"))),
            (call("DELETE", "/a?x"), Some(":a may be deleted".to_owned())),
            (call("GET", "/a"), None),
        ];
        for (call, left) in rows {
            assert_eq!(call.left_by_interruption(None), left);
        }
    }
}

//! The representation metadata of a stored file (RFC 9110 §8): validators, restrictions on browsers; and the evaluation
//! of preconditions against it. `media_type` tells what the bytes are.

use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::http::coding::Coding;
use crate::http::condition::{self, Evaluation, Validators};
use crate::http::time::http_date;
use crate::http::{Fields, Request};
use crate::store::{Meta, Name};

/// The fields of a 304 (RFC 9110 §15.4.5).
const OF_NOT_MODIFIED: [&str; 3] = ["ETag", "Vary", "Cache-Control"];

/// Returns the fields of a 304 in place of a response with these fields.
pub fn of_not_modified(fields: &Fields) -> Fields {
    let mut kept = Fields::new();
    for name in OF_NOT_MODIFIED {
        fields.get_all(name).for_each(|value| kept.push(name, value));
    }
    kept
}

/// Returns the fields of every response with stored bytes, except their type; `cache` is the value of `Cache-Control`.
pub fn fields_of(etag: &str, modified: SystemTime, cache: &str) -> Fields {
    let mut fields = Fields::new();
    fields.push("ETag", etag);
    // Never later than the response (RFC 9110 §8.8.2.1).
    fields.push("Last-Modified", http_date(modified.min(SystemTime::now())));
    fields.push("Cache-Control", cache);
    restrict_browsers(&mut fields, SANDBOX);
    fields
}

/// The content security policy of uploaded content: a browser runs no script in it.
pub const SANDBOX: &str = "sandbox";

/// Adds the fields that stop browsers from sniffing the media type, and that set the content security policy.
pub fn restrict_browsers(fields: &mut Fields, policy: &str) {
    fields.push("X-Content-Type-Options", "nosniff");
    fields.push("Content-Security-Policy", policy);
}

/// Evaluates the preconditions of a GET or HEAD. True where the client has this representation already. An error has
/// kind `PreconditionFailed`: a precondition failed.
pub fn is_not_modified(request: &Request, name: &Name, current: Validators<'_>) -> Result<bool> {
    match condition::evaluate(&request.fields, true, Some(current), SystemTime::now()) {
        Evaluation::Proceed => Ok(false),
        Evaluation::NotModified => Ok(true),
        Evaluation::Failed | Evaluation::Exists => Err(failed(name)),
    }
}

/// Returns the entity tag of a coded representation, which must differ from that of the plain one (RFC 9110 §8.8.3.3).
pub fn coded_etag(etag: &str, coding: Coding) -> String {
    match coding {
        Coding::Identity => etag.to_owned(),
        Coding::Zstd => format!("{}-zstd\"", etag.trim_end_matches('"')),
    }
}

/// Returns the preconditions of a write, evaluated against the existing file, which a client may know by the tag of its compressed
/// representation too. An error has kind `PreconditionFailed`.
pub fn precondition<'a>(fields: &'a Fields, name: &'a Name) -> impl Fn(Option<&Meta>) -> Result<()> + 'a {
    move |existing| {
        let coded = existing.map(|meta| coded_etag(&meta.etag, Coding::Zstd));
        let coded = coded.as_deref();
        let existing =
            existing.map(|meta| Validators { etag: Some(&meta.etag), coded, modified: Some(meta.modified) });
        match condition::evaluate(fields, false, existing, SystemTime::now()) {
            Evaluation::Proceed => Ok(()),
            Evaluation::Exists => Err(exists(name)),
            Evaluation::Failed | Evaluation::NotModified => Err(failed(name)),
        }
    }
}

/// Returns the error of a precondition that the name is free, of kind `PreconditionFailed`.
pub fn exists(name: &Name) -> Error {
    Error::precondition_failed(name.shown(), "exists already")
}

/// Returns the error of any other failed precondition, of kind `PreconditionFailed`.
fn failed(name: &Name) -> Error {
    Error::precondition_failed(name.shown(), "is not as the condition says")
}

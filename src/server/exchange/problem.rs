//! An error as a response: its fields, and its body in the form the client prefers (RFC 9457 for
//! `application/problem+json`, a page for a browser, else one line of text).

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::error::Error;
use crate::http::time::http_date;
use crate::http::{Fields, Request, accept, coding, head};
use crate::server::limits::RETRY_AFTER;
use crate::server::page::{POLICY, error_page};
use crate::server::status::status_of;

/// The parts of an error response.
pub struct Problem {
    /// The media type of the body.
    pub media_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// The fields of the response.
    pub fields: Fields,
}

impl Problem {
    /// Makes the response to an error of a request and its target beneath the prefix, or, where there is no request, a
    /// line of text. `members` are added to the JSON form.
    pub fn new(
        error: &Error,
        request: Option<(&Request, &[u8])>,
        mut fields: Fields,
        mut members: Value,
    ) -> Self {
        let status = status_of(error);
        let (request, target) = request.unzip();
        match status {
            // Only where the content coding was refused (RFC 9110 §12.5.3).
            415 if request.is_some_and(|request| coding::of_message(&request.fields).is_err()) => {
                fields.push("Accept-Encoding", "zstd");
            }
            503 => fields.push("Retry-After", RETRY_AFTER),
            _ => {}
        }
        if request.is_some() {
            fields.push("Vary", "Accept");
        }
        let offers = ["text/plain", "application/problem+json", "text/html"];
        match request.and_then(|request| accept::media_type(&request.fields, &offers)) {
            Some("application/problem+json") => {
                if let Some(members) = members.as_object_mut() {
                    members.insert("title".to_owned(), head::reason(status).into());
                    members.insert("status".to_owned(), status.into());
                    members.insert("detail".to_owned(), error.to_string().into());
                }
                let body = format!("{members}\n").into_bytes();
                Problem { media_type: "application/problem+json", body, fields }
            }
            Some("text/html") => {
                fields.push("X-Content-Type-Options", "nosniff");
                fields.push("Content-Security-Policy", POLICY);
                let body = error_page(status, &error.to_string(), target.unwrap_or_default()).into_bytes();
                Problem { media_type: "text/html; charset=utf-8", body, fields }
            }
            _ => Problem { media_type: "text/plain", body: format!("{error}\n").into_bytes(), fields },
        }
    }
}

/// Returns the whole response to an error where there is no request, or a malformed one; the connection closes after it.
pub fn closing_response(error: &Error) -> Vec<u8> {
    let fields = Fields::new().with("Date", http_date(SystemTime::now())).with("Connection", "close");
    let Problem { body, mut fields, .. } = Problem::new(error, None, fields, json!({}));
    fields.push("Content-Type", "text/plain; charset=utf-8");
    fields.push("Content-Length", body.len().to_string());
    let mut response = Vec::new();
    head::write_response(&mut response, status_of(error), &[&fields]);
    response.extend_from_slice(&body);
    response
}

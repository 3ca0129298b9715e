//! Makes the head of a request: the framing of its body, its own fields, and those of every request.

use crate::client::Call;
use crate::client::call::sending::BodyPlan;
use crate::error::Result;
use crate::http::digest::{self, REPR_DIGEST};
use crate::http::head::write_request;
use crate::http::idempotency::{KEY, RETRY};
use crate::http::{Fields, Framing};

/// The value of `User-Agent`.
const AGENT: &str = concat!("cfp/", env!("CARGO_PKG_VERSION"));
/// Asks the server for interim responses while it works on a long request.
const PROGRESS: (&str, &str) = ("Cfp-Progress", "?1");

/// Decides how the body of a request is sent, over a connection that compresses or not; `None` if it has no body.
pub(crate) fn plan_body(call: &Call, compresses: bool) -> Result<Option<BodyPlan>> {
    let Some(upload) = &call.upload else { return Ok(None) };
    let zstd = compresses && upload.size() != Some(0) && !call.is_resumable();
    // A body is stored as it was sent, so its digest is sent with it. A filter responds while it reads.
    let stores = matches!(call.method, "PUT" | "PATCH");
    let short = if call.method == "PUT" { upload.short_body(zstd)? } else { None };
    let framing = match (&short, upload.size()) {
        (Some(body), _) => Framing::Length(body.len() as u64),
        (None, Some(size)) if !zstd && !stores => Framing::Length(size),
        _ => Framing::Chunked,
    };
    let digest = (stores && short.is_none()).then(|| upload.before());
    Ok(Some(BodyPlan { framing, zstd, expects_continue: call.expects_continue(), short, digest }))
}

/// Formats the head. `connection` are the fields that depend on the server: `Host`, and `Authorization` where there
/// are credentials.
pub(crate) fn encode(
    call: &Call,
    connection: Fields,
    compresses: bool,
    plan: Option<&BodyPlan>,
    retry: Option<&str>,
) -> Vec<u8> {
    let mut fields = connection;
    fields.push("User-Agent", AGENT);
    fields.push(PROGRESS.0, PROGRESS.1);
    // A range of a coded representation does not continue a file that holds a range of the plain one, and a HEAD asks
    // for the size, tag and digest of the plain one too.
    let plain = call.method == "HEAD" || call.fields.get("range").is_some();
    if compresses && !plain {
        fields.push("Accept-Encoding", "zstd");
    }
    call.fields.iter().for_each(|(name, value)| fields.push(&String::from_utf8_lossy(name), value));
    call.key.iter().for_each(|key| fields.push(KEY, key));
    retry.iter().for_each(|retry| fields.push(RETRY, retry));
    plan.iter().for_each(|plan| push_body_fields(&mut fields, plan));
    let mut head = Vec::with_capacity(512);
    write_request(&mut head, call.method, &call.target, &fields);
    head
}

/// The fields that tell how the body is sent.
fn push_body_fields(fields: &mut Fields, plan: &BodyPlan) {
    match plan.framing {
        Framing::Length(length) => fields.push("Content-Length", length.to_string()),
        _ => fields.push("Transfer-Encoding", "chunked"),
    }
    if plan.zstd {
        fields.push("Content-Encoding", "zstd");
    }
    match &plan.short {
        Some(body) => fields.push(REPR_DIGEST, digest::format(&digest::of(body))),
        None if plan.digest.is_some() => fields.push("Trailer", REPR_DIGEST),
        None => {}
    }
    if plan.expects_continue {
        fields.push("Expect", "100-continue");
    }
}

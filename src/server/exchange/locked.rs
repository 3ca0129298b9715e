//! The answer to a write that a lock refuses, to a WebDAV client: the precondition with the URL of what is locked
//! (RFC 4918 §11.3, §16). Other clients get a line of text, as for any error.

use crate::error::{Error, ErrorKind};
use crate::http::{Fields, Query, accept, target};

/// The media type of every XML body of a response.
pub const XML_TYPE: &str = "application/xml; charset=utf-8";
/// The beginning of every XML body of a response.
pub const XML_DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";

/// The fields that only WebDAV clients send.
const OF_WEBDAV: [&str; 3] = ["If", "Depth", "Lock-Token"];

/// Makes the body; `None` where the error is another one, or the client does not speak WebDAV. `prefix` is that of URLs.
pub fn condition(error: &Error, request: &Fields, prefix: &[u8]) -> Option<Vec<u8>> {
    let Error::Failed { kind: ErrorKind::Locked, name, .. } = error else { return None };
    let is_told = OF_WEBDAV.iter().any(|field| request.get(field).is_some())
        || ["application/xml", "text/xml"].iter().any(|media_type| accept::names(request, media_type));
    if !is_told {
        return None;
    }
    let path: Vec<_> = name.split('/').filter(|part| !part.is_empty()).collect();
    let path = target::encode(&path, name.ends_with('/'), &Query::default());
    let before = b"<D:error xmlns:D=\"DAV:\"><D:lock-token-submitted><D:href>";
    let after = b"</D:href></D:lock-token-submitted></D:error>\n";
    Some([XML_DECLARATION.as_bytes(), before, prefix, &path, after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_webdav_client_is_told_in_xml() {
        let locked = Error::locked("/d/a b&", "is locked");
        let rows = [
            (&locked, "If", "(<urn:a>)", true),
            (&locked, "Depth", "0", true),
            (&locked, "Accept", "text/xml, */*", true),
            (&locked, "Accept", "*/*", false),
            (&Error::busy("/d/a", "is busy"), "Depth", "0", false),
        ];
        for (error, name, value, is_told) in rows {
            let body = condition(error, &Fields::new().with(name, value), b"/p");
            assert_eq!(body.is_some(), is_told, "{name}: {value}");
            let href = b"<D:href>/p/d/a%20b%26</D:href>";
            assert!(body.is_none_or(|body| body.windows(href.len()).any(|window| window == href)));
        }
    }
}

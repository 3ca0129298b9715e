//! The origin of this server in the URLs of a client (RFC 6454): scheme, host and port, where they are known for sure. Who
//! the client is stands in `forwarded`; which hosts are answered, in `sites`.

use crate::http::{Request, authority};
use crate::server::auth::sites::is_loopback;
use crate::server::net::forwarded::{ClientScheme, RequestClient};

/// `SCHEME://AUTHORITY`; none where one of the two is not known for sure.
pub fn origin(client: &RequestClient, request: &Request) -> Option<String> {
    let scheme = client.scheme?;
    let authority = authority_of(client, request).filter(|authority| names_host(authority))?;
    // A proxy on this machine that adds no field is detected by the host: it is asked for another name.
    if scheme == ClientScheme::Http && !client.is_forwarded && !is_loopback(authority) {
        return None;
    }
    let scheme = match scheme {
        ClientScheme::Http => "http",
        ClientScheme::Https => "https",
    };
    std::str::from_utf8(authority).ok().map(|authority| format!("{scheme}://{authority}"))
}

/// The authority that a trusted proxy was asked for, if it names one; else the request's.
fn authority_of<'r>(client: &RequestClient, request: &'r Request) -> Option<&'r [u8]> {
    let mut forwarded = request.fields.members("x-forwarded-host").filter(|_| client.is_forwarded);
    match (forwarded.next(), forwarded.next()) {
        (None, _) => authority::of_request(request),
        (Some(only), None) => Some(only),
        (Some(_), Some(_)) => None,
    }
}

fn names_host(authority: &[u8]) -> bool {
    !matches!(authority.first(), None | Some(b':')) && authority::is_host(authority)
}

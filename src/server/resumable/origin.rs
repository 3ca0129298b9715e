//! The origin of this server as its clients see it (RFC 6454): scheme, host and port, where they are certain.
//! `forwarded` finds the client; `served_hosts` has the hosts that the server answers for.

use crate::http::{Request, authority};
use crate::server::auth::served_hosts::is_loopback;
use crate::server::net::{ClientScheme, RequestClient};

/// Returns `SCHEME://AUTHORITY`; `None` where one of the two is not certain.
pub fn origin(client: &RequestClient, request: &Request) -> Option<String> {
    let scheme = client.scheme?;
    let authority = authority_of(client, request).filter(|authority| names_host(authority))?;
    // A host other than loopback reveals a proxy on this machine that adds no field; the client's scheme is then
    // unknown.
    if scheme == ClientScheme::Http && !client.is_forwarded && !is_loopback(authority) {
        return None;
    }
    let scheme = match scheme {
        ClientScheme::Http => "http",
        ClientScheme::Https => "https",
    };
    std::str::from_utf8(authority).ok().map(|authority| format!("{scheme}://{authority}"))
}

/// Returns the authority that a trusted proxy reports, if any; else the request's.
fn authority_of<'r>(client: &RequestClient, request: &'r Request) -> Option<&'r [u8]> {
    let mut forwarded = request.fields.members("x-forwarded-host").filter(|_| client.is_forwarded);
    match (forwarded.next(), forwarded.next()) {
        (None, _) => authority::of_request(request.target(), &request.fields),
        (Some(only), None) => Some(only),
        (Some(_), Some(_)) => None,
    }
}

fn names_host(authority: &[u8]) -> bool {
    !matches!(authority.first(), None | Some(b':')) && authority::is_host(authority)
}

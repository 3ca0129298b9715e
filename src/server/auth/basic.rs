//! Basic authentication (RFC 7617): finds the principal of a request from its credentials and its connection.
//! Authorization is up to `access`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, Result};
use crate::http::Request;
use crate::server::auth::login_source::LoginSource;
use crate::server::auth::{Principal, Users};
use crate::server::net::{RequestClient, Stream};
use crate::server::observe::Peer;

/// The challenge of a 401 response (RFC 7617 §2).
pub const CHALLENGE: &str = "Basic realm=\"cfpd\", charset=\"UTF-8\"";

/// Authenticates the principal of a request. Without users, credentials are ignored. Errors have kind `Unauthenticated`
/// where the credentials are wrong, `Overloaded` after too many failures.
pub fn identify(
    stream: &Stream,
    client: &RequestClient,
    request: &Request,
    users: Option<&Users>,
) -> Result<Principal> {
    let local = stream.peer_id();
    let claim = request.fields.get_once("Authorization")?;
    let source = match &client.peer {
        Peer::Address(address) => LoginSource::Address(address.ip()),
        Peer::Local => LoginSource::Local(local),
    };
    let user = users.zip(claim).map(|(users, claim)| prove(users, claim, source)).transpose()?;
    Ok(Principal { user, local })
}

/// Returns the user name in the credentials of a request, verified or not.
pub fn claimed_name(request: &Request) -> Option<Vec<u8>> {
    request.fields.get("authorization").and_then(parse_basic).map(|(name, _)| name)
}

/// Verifies the credentials, and returns the user name.
fn prove(users: &Users, claim: &[u8], source: LoginSource) -> Result<Vec<u8>> {
    let Some((name, password)) = parse_basic(claim) else {
        return Err(Error::unauthenticated("Authorization", "is not a name and a password (Basic)"));
    };
    match users.verify(&name, &password, source)? {
        true => Ok(name),
        false => Err(Error::unauthenticated(&name, "wrong user name or password")),
    }
}

/// Parses `Basic bmFtZTpwYXNzd29yZA==` into name and password (RFC 7617 §2).
fn parse_basic(claim: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, rest) = claim.split_at_checked(b"basic ".len())?;
    let mut name =
        STANDARD.decode(rest.trim_ascii()).ok().filter(|_| scheme.eq_ignore_ascii_case(b"basic "))?;
    let colon = name.iter().position(|&byte| byte == b':')?;
    let password = name.split_off(colon + 1);
    name.truncate(colon);
    Some((name, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_a_name_and_a_password_or_nothing() {
        let rows: [(&str, Option<(&str, &str)>); 8] = [
            ("Basic YWxpY2U6d29uZGVy", Some(("alice", "wonder"))),
            ("basic  YWxpY2U6YTpi", Some(("alice", "a:b"))),
            ("BASIC Og==", Some(("", ""))),
            ("Basic YWxpY2U=", None),
            ("Basic YWxpY2U6d29uZGVy!", None),
            ("Bearer YWxpY2U6d29uZGVy", None),
            ("Basic", None),
            ("", None),
        ];
        for (claim, read) in rows {
            let read = read.map(|(name, password)| (name.as_bytes().to_vec(), password.as_bytes().to_vec()));
            assert_eq!(parse_basic(claim.as_bytes()), read, "{claim}");
        }
    }
}

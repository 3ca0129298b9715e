//! A client that locks: LOCK and UNLOCK over a plain connection, and the `If` header with a token.

use crate::common::client::{Answer, Client};

/// A client on a connection of its own.
pub struct Locker(pub Client);

/// The body of a LOCK.
pub fn info(scope: &str, owner: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><l:lockinfo xmlns:l=\"DAV:\"><l:lockscope><l:{scope}/></l:lockscope>\
         <l:locktype><l:write/></l:locktype><l:owner>{owner}</l:owner></l:lockinfo>"
    )
}

/// The value of `If` that submits a token for any resource of the request.
pub fn submitting(token: &str) -> String {
    format!("(<{token}>) (Not <DAV:no-lock>)")
}

impl Locker {
    pub fn at(address: &str) -> Self {
        Locker(Client::connect(address).unwrap())
    }

    pub fn ask(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Answer {
        self.0.ask(method, target, fields, body).unwrap()
    }

    /// The status of such a request.
    pub fn status(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> u16 {
        self.ask(method, target, fields, body).status
    }

    pub fn put(&mut self, target: &str, body: &str) -> u16 {
        self.status("PUT", target, &[], Some(body.as_bytes()))
    }

    pub fn put_with(&mut self, target: &str, token: &str, body: &str) -> u16 {
        self.status("PUT", target, &[("If", &submitting(token))], Some(body.as_bytes()))
    }

    /// Asks for a lock of this scope with these fields.
    pub fn try_lock(&mut self, target: &str, scope: &str, fields: &[(&str, &str)]) -> Answer {
        self.ask("LOCK", target, fields, Some(info(scope, "a test").as_bytes()))
    }

    /// Takes an exclusive lock, and gives its token.
    pub fn lock(&mut self, target: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.try_lock(target, "exclusive", fields);
        assert!(matches!(answer.status, 200 | 201), "{target}: {} {}", answer.status, answer.text());
        token_of(&answer)
    }

    pub fn unlock(&mut self, target: &str, token: &str) -> u16 {
        self.status("UNLOCK", target, &[("Lock-Token", &format!("<{token}>"))], None)
    }
}

/// The token that was granted.
pub fn token_of(answer: &Answer) -> String {
    answer.field("lock-token").trim_matches(['<', '>']).to_owned()
}

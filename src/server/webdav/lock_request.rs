//! What a LOCK asks for: its body (RFC 4918 §14.11) and the field `Timeout` (§10.7).

use std::time::Duration;

use roxmltree::{Document, Node};

use crate::error::{Error, Result};
use crate::http::Fields;
use crate::server::auth::locks::LockExclusion;
use crate::server::limits::{LOCK_OWNER_MAX, LOCK_TIME_MAX};
use crate::server::webdav::xml::{self, dav_child};

/// The body of a LOCK.
#[derive(Debug, PartialEq, Eq)]
pub struct LockInfo {
    /// Whether other locks are excluded.
    pub exclusion: LockExclusion,
    /// The element `owner`, as it was sent, with the namespaces that were declared around it.
    pub owner: Vec<u8>,
}

impl LockInfo {
    /// Parses a body. Errors have kind `Invalid`, or `TooLarge` for an owner of more than [`LOCK_OWNER_MAX`] bytes.
    pub fn parse(text: &str) -> Result<Self> {
        let document = xml::parse_dav(text, "lockinfo")?;
        let root = document.root_element();
        let scope = dav_child(root, "lockscope");
        let has = |name| scope.and_then(|scope| dav_child(scope, name)).is_some();
        let exclusion = match (has("exclusive"), has("shared")) {
            (true, false) => LockExclusion::Exclusive,
            (false, true) => LockExclusion::Shared,
            _ => return Err(Error::invalid("lockscope", "is neither exclusive nor shared")),
        };
        if dav_child(root, "locktype").and_then(|kind| dav_child(kind, "write")).is_none() {
            return Err(Error::invalid("locktype", "is not write"));
        }
        let owner = dav_child(root, "owner").map(|owner| verbatim(&document, owner)).unwrap_or_default();
        match owner.len() > LOCK_OWNER_MAX {
            true => Err(Error::too_large("owner", format!("is of more than {LOCK_OWNER_MAX} bytes"))),
            false => Ok(LockInfo { exclusion, owner: owner.into_bytes() }),
        }
    }
}

/// Writes an element as it was sent, without its attributes, and with all namespaces of its place declared in it.
fn verbatim(document: &Document<'_>, node: Node<'_, '_>) -> String {
    let text = document.input_text();
    let sent = text.get(node.range()).unwrap_or_default();
    let name =
        sent.trim_start_matches('<').split(|end: char| end.is_whitespace() || matches!(end, '/' | '>'));
    let name = name.into_iter().next().unwrap_or_default();
    let mut out = format!("<{name}");
    for namespace in node.namespaces().filter(|namespace| namespace.name() != Some("xml")) {
        match namespace.name() {
            Some(prefix) => out.extend([" xmlns:", prefix, "=\""]),
            None => out += " xmlns=\"",
        }
        xml::escape(namespace.uri().as_bytes(), &mut out);
        out.push('"');
    }
    out.push('>');
    if let (Some(first), Some(last)) = (node.first_child(), node.last_child()) {
        out += text.get(first.range().start..last.range().end).unwrap_or_default();
    }
    out + &format!("</{name}>")
}

/// Returns the first time in `Timeout` that is understood.
pub fn timeout(fields: &Fields) -> Option<Duration> {
    fields.members("Timeout").find_map(|member| {
        if member.eq_ignore_ascii_case(b"infinite") {
            return Some(LOCK_TIME_MAX);
        }
        let (unit, number) = member.split_at_checked(b"second-".len())?;
        let is_number = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
        let seconds = || std::str::from_utf8(number).ok().map(|number| number.parse().unwrap_or(u64::MAX));
        let seconds = (unit.eq_ignore_ascii_case(b"second-") && is_number).then(seconds).flatten()?;
        Some(Duration::from_secs(seconds))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(inside: &str) -> Result<LockInfo> {
        LockInfo::parse(&format!("<D:lockinfo xmlns:D='DAV:' xmlns:o='urn:o'>{inside}</D:lockinfo>"))
    }

    const WRITE: &str = "<D:locktype><D:write/></D:locktype>";

    #[test]
    fn a_lock_is_exclusive_or_shared_and_one_of_writes() {
        let scope = |inside: &str| format!("<D:lockscope>{inside}</D:lockscope>");
        let rows = [
            (scope("<D:exclusive/>") + WRITE, Some(LockExclusion::Exclusive)),
            (scope("<D:shared/>") + WRITE, Some(LockExclusion::Shared)),
            (scope("<D:shared/>"), None),
            (scope("") + WRITE, None),
            (scope("<o:shared/>") + WRITE, None),
            (scope("<D:shared/><D:exclusive/>") + WRITE, None),
            (scope("<D:shared/>") + "<D:locktype><D:read/></D:locktype>", None),
            (WRITE.to_owned(), None),
        ];
        for (inside, exclusion) in rows {
            assert_eq!(parse(&inside).ok().map(|info| info.exclusion), exclusion, "{inside}");
        }
    }

    #[test]
    fn an_owner_is_kept_as_it_was_sent_and_its_namespaces_with_it() {
        let scope = format!("<D:lockscope><D:shared/></D:lockscope>{WRITE}");
        let rows = [
            (" a <o:b c='&lt;'/> &amp; ", " a <o:b c='&lt;'/> &amp; "),
            ("<D:href>http://h/</D:href>", "<D:href>http://h/</D:href>"),
            ("", ""),
        ];
        for (sent, kept) in rows {
            let info = parse(&format!("{scope}<D:owner>{sent}</D:owner>")).unwrap();
            let owner = String::from_utf8(info.owner).unwrap();
            assert!(
                owner.starts_with("<D:owner xmlns:") && owner.ends_with(&format!(">{kept}</D:owner>")),
                "{owner}"
            );
            let again = xml::parse(&owner).unwrap();
            assert!(xml::is_dav(again.root_element(), "owner"));
        }
        assert!(parse(&scope).unwrap().owner.is_empty());
        let long = "x".repeat(LOCK_OWNER_MAX);
        assert!(parse(&format!("{scope}<D:owner>{long}</D:owner>")).is_err());
    }

    #[test]
    fn the_first_time_that_is_understood_counts() {
        let rows = [
            ("Second-7", Some(7)),
            ("Infinite, Second-7", Some(LOCK_TIME_MAX.as_secs())),
            ("Extend, second-7", Some(7)),
            ("Second-99999999999999999999", Some(u64::MAX)),
            ("Second-", None),
            ("Second-x", None),
            ("", None),
        ];
        for (value, seconds) in rows {
            let fields = Fields::new().with("Timeout", value);
            assert_eq!(timeout(&fields), seconds.map(Duration::from_secs), "{value}");
        }
        assert_eq!(timeout(&Fields::new()), None);
    }
}

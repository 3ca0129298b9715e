//! The `If` header of WebDAV (RFC 4918 §10.4): lists of state tokens and entity tags, of which one must hold. It knows the
//! syntax; its caller resolves the resources, and knows their locks and entity tags.

use std::sync::Arc;

use super::Fields;
use super::limits::IF_CONDITIONS_MAX;
use crate::error::{Error, Result};

/// The name of the header.
const IF: &str = "If";

/// The lists of an `If` header; `R` is what its caller makes of a tagged resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfHeader<R> {
    lists: Vec<IfList<R>>,
}

/// Conditions that must all hold for one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
struct IfList<R> {
    /// The resource of the tag before the list, shared by all lists after it; without one it is that of the request.
    resource: Option<Arc<R>>,
    conditions: Vec<StateCondition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct StateCondition {
    is_negated: bool,
    state: ResourceState,
}

/// What a condition names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceState {
    /// A lock of the resource, by its token: a URI, without the angle brackets.
    Token(Vec<u8>),
    /// The current representation, by its entity tag, with the quotes.
    EntityTag(Vec<u8>),
}

impl<R> IfHeader<R> {
    /// Parses the header, where there is one; `resolve` is called with the URL of each tagged resource. Errors have kind
    /// `Invalid`.
    pub fn of_request(fields: &Fields, resolve: impl Fn(&[u8]) -> R) -> Result<Option<Self>> {
        let Some(value) = fields.get_once(IF)? else { return Ok(None) };
        let lists = Parser { rest: value, conditions: 0 }.lists(&resolve)?;
        Ok(Some(IfHeader { lists }))
    }

    /// Whether one of the lists holds. `matches` tells whether a resource is in a state.
    pub fn is_satisfied(&self, matches: impl Fn(Option<&R>, &ResourceState) -> Result<bool>) -> Result<bool> {
        for list in &self.lists {
            let mut holds = true;
            for condition in &list.conditions {
                holds &= matches(list.resource.as_deref(), &condition.state)? != condition.is_negated;
            }
            if holds {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the resources with entity tags among their conditions; `None` for that of the request.
    pub fn tagged_resources(&self) -> impl Iterator<Item = Option<&R>> {
        let is_tag = |condition: &StateCondition| matches!(condition.state, ResourceState::EntityTag(_));
        let lists = self.lists.iter().filter(move |list| list.conditions.iter().any(is_tag));
        lists.map(|list| list.resource.as_deref())
    }

    /// Returns the tokens in it, which are submitted by that (RFC 4918 §10.4.1).
    pub fn tokens(&self) -> impl Iterator<Item = &[u8]> {
        let conditions = self.lists.iter().flat_map(|list| &list.conditions);
        conditions.filter_map(|condition| match &condition.state {
            ResourceState::Token(token) => Some(token.as_slice()),
            ResourceState::EntityTag(_) => None,
        })
    }
}

/// Parses a coded URL, `<URI>`, which is all of the value of `Lock-Token` (RFC 4918 §10.5).
pub fn coded_url(value: &[u8]) -> Option<&[u8]> {
    let url = value.trim_ascii().strip_prefix(b"<")?.strip_suffix(b">")?;
    is_url(url).then_some(url)
}

fn is_url(url: &[u8]) -> bool {
    !url.is_empty() && url.iter().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>'))
}

/// What is left of the value, and how many conditions came before.
struct Parser<'a> {
    rest: &'a [u8],
    conditions: usize,
}

impl<'a> Parser<'a> {
    /// Parses either untagged lists or tagged ones.
    fn lists<R>(mut self, resolve: &dyn Fn(&[u8]) -> R) -> Result<Vec<IfList<R>>> {
        let mut lists = Vec::new();
        let is_tagged = self.peek() == Some(b'<');
        while let Some(first) = self.peek() {
            match (first, is_tagged) {
                (b'<', true) => {
                    let url = self.url()?;
                    if self.peek() != Some(b'(') {
                        return Err(malformed("has a resource without a list"));
                    }
                    let resource = Arc::new(resolve(url));
                    while self.peek() == Some(b'(') {
                        let resource = Some(Arc::clone(&resource));
                        lists.push(IfList { resource, conditions: self.list()? });
                    }
                }
                (b'(', false) => lists.push(IfList { resource: None, conditions: self.list()? }),
                _ => return Err(malformed("is not a sequence of lists in parentheses")),
            }
        }
        if lists.is_empty() { Err(malformed("has no list")) } else { Ok(lists) }
    }

    /// Parses `(condition …)`.
    fn list(&mut self) -> Result<Vec<StateCondition>> {
        self.skip(b"(");
        let mut conditions = Vec::new();
        loop {
            let is_negated = self.skip_not();
            let state = match self.peek() {
                Some(b'<') => ResourceState::Token(self.url()?.to_vec()),
                Some(b'[') => ResourceState::EntityTag(self.entity_tag()?.to_vec()),
                Some(b')') if !is_negated && !conditions.is_empty() => {
                    self.skip(b")");
                    return Ok(conditions);
                }
                _ => return Err(malformed("has a list that is empty, or is not of tokens and entity tags")),
            };
            self.conditions += 1;
            if self.conditions > IF_CONDITIONS_MAX {
                return Err(malformed(&format!("has more than {IF_CONDITIONS_MAX} conditions")));
            }
            conditions.push(StateCondition { is_negated, state });
        }
    }

    /// Parses `<URL>`.
    fn url(&mut self) -> Result<&'a [u8]> {
        let url = self.until(b"<", b'>')?;
        if is_url(url) { Ok(url) } else { Err(malformed("has no URL between < and >")) }
    }

    /// Parses `["tag"]` or `[W/"tag"]`.
    fn entity_tag(&mut self) -> Result<&'a [u8]> {
        self.skip(b"[");
        let start = self.rest;
        self.skip(b"W/");
        self.until(b"\"", b'"')?;
        let length = start.len() - self.rest.len();
        match (start.get(..length), self.skip(b"]")) {
            (Some(tag), true) => Ok(tag),
            _ => Err(malformed("has no entity tag between [ and ]")),
        }
    }

    /// Takes the bytes between `open` and the first `close`.
    fn until(&mut self, open: &[u8], close: u8) -> Result<&'a [u8]> {
        let rest =
            self.rest.strip_prefix(open).ok_or_else(|| malformed("has an entity tag without quotes"))?;
        let mut halves = rest.splitn(2, |&byte| byte == close);
        match (halves.next(), halves.next()) {
            (Some(inner), Some(rest)) => {
                self.rest = rest;
                Ok(inner)
            }
            _ => Err(malformed("has a bracket or a quote that is not closed")),
        }
    }

    fn skip_not(&mut self) -> bool {
        self.peek();
        match self.rest.split_at_checked(3) {
            Some((word, rest)) if word.eq_ignore_ascii_case(b"not") => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn skip(&mut self, token: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Skips white space and returns the next byte, which it leaves.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.first().copied()
    }
}

fn malformed(what: &str) -> Error {
    Error::invalid(IF, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Result<IfHeader<String>> {
        let fields = Fields::new().with(IF, value);
        IfHeader::of_request(&fields, |url| String::from_utf8_lossy(url).into_owned()).map(Option::unwrap)
    }

    #[test]
    fn a_resource_of_many_lists_is_resolved_once() {
        let resolved = std::cell::Cell::new(0);
        let value = format!("</a> {} </b> {}", "([\"x\"])".repeat(100), "(<urn:x>)".repeat(100));
        let resolve = |_: &[u8]| resolved.set(resolved.get() + 1);
        IfHeader::of_request(&Fields::new().with(IF, value), resolve).unwrap();
        assert_eq!(resolved.get(), 2);
    }

    /// `/a` has the lock `urn:a` and the tag `"1"`; the resource of the request has `urn:r` and `"2"`.
    fn is_satisfied(value: &str) -> bool {
        let matches = |resource: Option<&String>, state: &ResourceState| {
            let (token, tag) = match resource.map(String::as_str) {
                None => ("urn:r", "\"2\""),
                Some("/a") => ("urn:a", "\"1\""),
                Some(_) => ("", ""),
            };
            Ok(match state {
                ResourceState::Token(have) => have == token.as_bytes(),
                ResourceState::EntityTag(have) => have == tag.as_bytes(),
            })
        };
        parse(value).unwrap().is_satisfied(matches).unwrap()
    }

    #[test]
    fn one_list_must_hold_and_all_of_its_conditions() {
        let rows = [
            ("(<urn:r>)", true),
            ("(<urn:x>)", false),
            ("(<urn:x>) (<urn:r>)", true),
            ("(<urn:r> [\"2\"])", true),
            ("(<urn:r>[\"1\"])", false),
            ("(Not <urn:x>)", true),
            ("(not<urn:r>)", false),
            ("(<urn:r> Not [\"1\"])", true),
            ("(<DAV:no-lock>)", false),
            ("(<DAV:no-lock>) (Not <DAV:no-lock>)", true),
            ("</a> (<urn:a>)", true),
            ("</a> (<urn:r>)", false),
            ("</a> (<urn:x>) ([\"1\"]) </b> (<urn:r>)", true),
            ("</b> (Not <urn:r>)", true),
            ("([W/\"2\"])", false),
            ("([\"a)b]\"]) (Not [\"\"])", true),
        ];
        for (value, expected) in rows {
            assert_eq!(is_satisfied(value), expected, "{value}");
        }
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let rows = [
            "",
            "()",
            "(Not)",
            "urn:r",
            "(urn:r)",
            "(<urn:r>",
            "(<>)",
            "(<urn:r)",
            "(<a b>)",
            "([2])",
            "([\"2\")",
            "([\"2\"x])",
            "([])",
            "</a>",
            "</a> </b> (<urn:r>)",
            "(<urn:r>) </a> (<urn:a>)",
            "</a> (<urn:a>) x",
            "(Not Not <urn:r>)",
        ];
        for value in rows {
            assert!(parse(value).is_err(), "{value}");
        }
        let twice = Fields::new().with(IF, "(<urn:r>)").with(IF, "(<urn:r>)");
        assert!(IfHeader::of_request(&twice, <[u8]>::to_vec).is_err());
        let many = |count| "(<urn:r>)".repeat(count);
        assert!(parse(&many(IF_CONDITIONS_MAX)).is_ok() && parse(&many(IF_CONDITIONS_MAX + 1)).is_err());
    }

    #[test]
    fn all_tokens_are_submitted_and_a_coded_url_is_one() {
        let header = parse("</a> (<urn:a> [\"1\"]) (Not <urn:b>) </c> (<urn:c>)").unwrap();
        assert_eq!(header.tokens().collect::<Vec<_>>(), [b"urn:a", b"urn:b", b"urn:c"]);
        let rows: [(&str, Option<&str>); 6] = [
            ("<urn:a>", Some("urn:a")),
            (" <urn:a> ", Some("urn:a")),
            ("urn:a", None),
            ("<>", None),
            ("<urn:a", None),
            ("<a><b>", None),
        ];
        for (value, url) in rows {
            assert_eq!(coded_url(value.as_bytes()), url.map(str::as_bytes), "{value}");
        }
    }
}

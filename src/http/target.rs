//! Request targets (RFC 9112 §3.2, RFC 3986): percent-decoded once into path components and query, and encoded again.
//! Which components are a valid name is the store's decision.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use super::limits::{PATH_MAX, TARGET_SHOWN};
use super::{Method, authority};
use crate::error::{Error, Result};

/// The bytes that are percent-encoded in a path component: all but the unreserved ones and those of RFC 3986 §3.3.
const COMPONENT: &AsciiSet = &all_but(b"-._~!$'()*,:@=");
/// The bytes that are percent-encoded in a query.
const VALUE: &AsciiSet = &all_but(b"-._~/");

/// All bytes but letters, digits and these.
const fn all_but(mut plain: &[u8]) -> AsciiSet {
    let mut set = NON_ALPHANUMERIC.remove(b'-');
    while let [byte, rest @ ..] = plain {
        set = set.remove(*byte);
        plain = rest;
    }
    set
}

/// A target, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The decoded path components from the root down, of any bytes. Empty ones and `.` are dropped (RFC 3986 §6.2.2.3).
    pub components: Vec<Vec<u8>>,
    /// Whether the path ended with a slash, or with a component that was dropped.
    pub directory: bool,
    /// The query.
    pub query: Query,
}

impl Target {
    /// Decodes the target of a request. `*` of OPTIONS, which means the server as a whole (RFC 9112 §3.2.4), becomes the root.
    /// Errors have kind `Invalid`.
    pub fn of_request(method: Method, raw: &[u8]) -> Result<Self> {
        Target::parse(if method == Method::Options && raw == b"*" { b"/" } else { raw })
    }

    /// Decodes a target in origin form or absolute form (RFC 9112 §3.2.1, §3.2.2). Errors have kind `Invalid`, or
    /// `NameTooLong` for a path that is too long.
    pub fn parse(raw: &[u8]) -> Result<Self> {
        let bad = |what: &str| Error::invalid(raw.get(..TARGET_SHOWN).unwrap_or(raw), what);
        // Clients never send a fragment (RFC 9112 §3.2); a proxy may take it for part of the path.
        if raw.contains(&b'#') {
            return Err(bad("has a #, which a name needs as %23"));
        }
        let is_absolute = authority::is_absolute(raw);
        let rest = match is_absolute {
            true => authority::split_absolute(raw).ok_or_else(|| bad("is not a target of this server"))?.1,
            false => raw,
        };
        let mut halves = rest.splitn(2, |&byte| byte == b'?');
        let path = match halves.next().unwrap_or_default() {
            // The path after an authority may be empty (RFC 9110 §4.2.3).
            b"" if is_absolute => b"",
            path => path.strip_prefix(b"/").ok_or_else(|| bad("does not begin with /"))?,
        };
        let query = Query::parse(halves.next().unwrap_or_default())?;
        let mut components = path
            .split(|&byte| byte == b'/')
            .map(decode)
            .collect::<Result<Vec<_>>>()
            .map_err(|_| bad("has a percent sign without two hexadecimal digits"))?;
        let is_nothing = |component: &Vec<u8>| matches!(component.as_slice(), b"" | b".");
        let directory = components.last().is_some_and(is_nothing);
        components.retain(|component| !is_nothing(component));
        if components.iter().map(|component| component.len() + 1).sum::<usize>() > PATH_MAX {
            return Err(Error::name_too_long("target", format!("has a path of more than {PATH_MAX} bytes")));
        }
        Ok(Target { components, directory, query })
    }
}

fn decode(part: &[u8]) -> Result<Vec<u8>> {
    match authority::is_percent_encoded(part) {
        true => Ok(percent_decode(part).collect()),
        false => Err(Error::invalid(part, "has a percent sign without two hexadecimal digits")),
    }
}

/// The parameters of a query, in order: `name` or `name=value`, decoded; `+` is a space, as forms write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Query {
    fn parse(raw: &[u8]) -> Result<Self> {
        let plain = |part: &[u8]| {
            decode(&part.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect::<Vec<_>>())
        };
        let pair = |part: &[u8]| {
            let mut halves = part.splitn(2, |&byte| byte == b'=');
            let name = plain(halves.next().unwrap_or_default())?;
            Ok((name, halves.next().map(plain).transpose()?))
        };
        let parts = raw.split(|&byte| byte == b'&').filter(|part| !part.is_empty());
        parts.map(pair).collect::<Result<_>>().map(Query)
    }

    /// Appends a parameter.
    pub fn push(&mut self, name: &str, value: Option<&[u8]>) {
        self.0.push((name.as_bytes().to_vec(), value.map(<[u8]>::to_vec)));
    }

    /// Returns the parameters, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.0.iter().map(|(name, value)| (name.as_slice(), value.as_deref()))
    }

    /// Returns the values of all parameters of this name; empty for one without a value.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let values = self.pairs().filter(|(have, _)| *have == name.as_bytes());
        values.map(|(_, value)| value.unwrap_or_default())
    }

    /// Returns the names, in order.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|(name, _)| name.as_slice())
    }

    /// Refuses every parameter, with an error of kind `Invalid`: what is not understood must not be taken for a write without it.
    pub fn require_none(&self) -> Result<()> {
        match self.names().next() {
            Some(unknown) => Err(Error::invalid(unknown, "is an unknown parameter")),
            None => Ok(()),
        }
    }

    /// Returns whether there is a parameter of this name, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.names().any(|have| have == name.as_bytes())
    }

    /// Returns the value of the first parameter of this name; empty where it has none.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }
}

impl<'n, 'v> FromIterator<(&'n str, Option<&'v [u8]>)> for Query {
    fn from_iter<I: IntoIterator<Item = (&'n str, Option<&'v [u8]>)>>(parameters: I) -> Self {
        let owned = |(name, value): (&str, Option<&[u8]>)| (name.into(), value.map(<[u8]>::to_vec));
        Query(parameters.into_iter().map(owned).collect())
    }
}

/// Encodes components and a query as a target. [`Target::parse`] restores every byte.
pub fn encode<C: AsRef<[u8]>>(components: &[C], directory: bool, query: &Query) -> Vec<u8> {
    let mut target = Vec::new();
    push_components(&mut target, components);
    if directory || components.is_empty() {
        target.push(b'/');
    }
    for (at, (name, value)) in query.0.iter().enumerate() {
        target.push(if at == 0 { b'?' } else { b'&' });
        push_encoded(&mut target, name, VALUE);
        if let Some(value) = value {
            target.push(b'=');
            push_encoded(&mut target, value, VALUE);
        }
    }
    target
}

/// Encodes components after a target, each with a slash before it.
pub fn push_components<C: AsRef<[u8]>>(target: &mut Vec<u8>, components: impl IntoIterator<Item = C>) {
    for component in components {
        target.push(b'/');
        push_encoded(target, component.as_ref(), COMPONENT);
    }
}

fn push_encoded(target: &mut Vec<u8>, bytes: &[u8], set: &'static AsciiSet) {
    percent_encode(bytes, set).for_each(|part| target.extend_from_slice(part.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn shown(target: &Target) -> (String, bool) {
        let parts: Vec<_> = target.components.iter().map(|part| String::from_utf8_lossy(part)).collect();
        (parts.join("|"), target.directory)
    }

    #[test]
    fn a_path_is_decoded_once_into_components() {
        let rows = [
            ("/", "", true),
            ("/a", "a", false),
            ("/a/", "a", true),
            ("/a/b%2fc", "a|b/c", false),
            ("/a%2520", "a%20", false),
            ("/a+b", "a+b", false),
            ("//", "", true),
            ("//a//b//", "a|b", true),
            ("/./a/%2e/b/.", "a|b", true),
            ("/./a:b", "a:b", false),
            ("/.a/..b/...", ".a|..b|...", false),
            ("http://h//./", "", true),
            ("/../x", "..|x", false),
            ("http://h:1/a/", "a", true),
            ("http://[::1]:/a", "a", false),
            ("HTTP://h", "", true),
            ("http://h?x", "", true),
        ];
        for (raw, parts, directory) in rows {
            assert_eq!(
                shown(&Target::parse(raw.as_bytes()).unwrap()),
                (parts.to_owned(), directory),
                "{raw}"
            );
        }
        assert!(Target::parse(b"//").unwrap().components.is_empty());
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for raw in [
            "",
            "*",
            "a",
            "/%",
            "/%4",
            "/%zz",
            "/a?b=%g0",
            "ftp://h/a",
            "http:///a",
            "http://:80/a",
            "http://u:p@h/a",
            "http://u@h/a",
            "http://h:x/a",
            "h:80",
            "/a#b",
            "/a?b#c",
            "http://h#/a",
        ] {
            assert_eq!(Target::parse(raw.as_bytes()).unwrap_err().kind(), ErrorKind::Invalid, "{raw}");
        }
    }

    #[test]
    fn a_path_that_is_too_long_is_told_without_it() {
        let long = |count| format!("/d/{}?x", "a".repeat(count));
        assert!(Target::parse(long(PATH_MAX - 3).as_bytes()).is_ok());
        let error = Target::parse(long(PATH_MAX - 2).as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.to_string().len() < 80), (ErrorKind::NameTooLong, true));
        let coded = "%C3%A9".repeat(2000);
        assert!(Target::parse(format!("/{coded}").as_bytes()).is_ok(), "what counts is decoded");
        let error = Target::parse(format!("/%{}", "a".repeat(9000)).as_bytes()).unwrap_err();
        assert!(error.to_string().len() < 400);
    }

    #[test]
    fn a_query_keeps_order_and_tells_no_value_from_an_empty_one() {
        let query = Target::parse(b"/f?replace=a+b%2B&with=&lines&&x=1=2").unwrap().query;
        assert_eq!(query.get("replace"), Some(&b"a b+"[..]));
        assert_eq!(query.get("with"), Some(&b""[..]));
        assert_eq!(query.get("x"), Some(&b"1=2"[..]));
        assert!(query.has("lines") && !query.has("with2"));
        assert_eq!(query.names().count(), 4);
    }

    #[test]
    fn every_byte_goes_over_the_wire_and_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        let mut query = Query::default();
        query.push("search", Some(&all));
        query.push("lines", None);
        let target = Target { components: vec![all.clone(), b"~b".to_vec()], directory: true, query };
        let raw = encode(&target.components, true, &target.query);
        assert!(raw.iter().all(|byte| byte.is_ascii_graphic()));
        assert_eq!(Target::parse(&raw).unwrap(), target);
    }
}

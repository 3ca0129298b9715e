//! XML bodies of requests, and XML text of responses. It bounds what a client may send and refuses DTDs, so that there are
//! no entities but the predefined ones. It does not know what an element means.

use roxmltree::{Document, Node, ParsingOptions};

use crate::error::{Error, Result};
use crate::server::exchange::Exchange;
use crate::server::limits::{XML_MAX, XML_NODES_MAX};

/// The namespace of RFC 4918.
pub const DAV: &str = "DAV:";

/// Reads the body of a request; `None` where it is empty. Errors have kind `UnsupportedType` for a media type that is not
/// XML, `TooLarge` past [`XML_MAX`], `Invalid` where it is not UTF-8.
pub fn read(exchange: &mut Exchange<'_>) -> Result<Option<String>> {
    let decoding = exchange.decoding();
    let mut text = Vec::new();
    exchange.body.take_at_most(XML_MAX);
    exchange.body.read_through(&decoding, |body| body.read_to_end(&mut text).map(drop))?;
    if text.is_empty() {
        return Ok(None);
    }
    if !exchange.request.fields.get("content-type").is_none_or(is_xml) {
        return Err(Error::unsupported_type("Content-Type", "is not application/xml"));
    }
    String::from_utf8(text).map(Some).map_err(|_| Error::invalid("body", "is not XML in UTF-8"))
}

/// Returns whether a media type is one of XML (RFC 7303 §4).
fn is_xml(media_type: &[u8]) -> bool {
    let essence = media_type.split(|&byte| byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    matches!(essence.as_slice(), b"application/xml" | b"text/xml") || essence.ends_with(b"+xml")
}

/// Parses a body. Errors have kind `Invalid`.
pub fn parse(text: &str) -> Result<Document<'_>> {
    let options = ParsingOptions { nodes_limit: XML_NODES_MAX, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| Error::invalid("body", format!("is not the XML that is served: {error}")))?;
    let is_undeclared = |node: Node<'_, '_>| {
        node.namespaces().any(|declared| declared.name().is_some() && declared.uri().is_empty())
    };
    // Namespaces in XML 1.0 §5: only the default namespace may be undeclared.
    match document.descendants().filter(Node::is_element).any(is_undeclared) {
        true => Err(Error::invalid("body", "declares a prefix for no namespace")),
        false => Ok(document),
    }
}

/// Parses a body whose root element is this one of RFC 4918. Errors have kind `Invalid`.
pub fn parse_dav<'t>(text: &'t str, root: &str) -> Result<Document<'t>> {
    let document = parse(text)?;
    match is_dav(document.root_element(), root) {
        true => Ok(document),
        false => Err(Error::invalid("body", format!("is not a {root} of DAV:"))),
    }
}

/// Returns whether a node is this element of RFC 4918.
pub fn is_dav(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name && node.tag_name().namespace() == Some(DAV)
}

/// Returns the first child that is this element of RFC 4918.
pub fn dav_child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| is_dav(*child, name))
}

/// Escapes bytes as text for an element or an attribute. What is no UTF-8, or no character of XML, becomes U+FFFD.
pub fn escape(bytes: &[u8], out: &mut String) {
    let text = String::from_utf8_lossy(bytes);
    let mut from = 0;
    for (at, char) in text.match_indices(|char| escaped(char).is_some()) {
        out.push_str(text.get(from..at).unwrap_or_default());
        out.push_str(char.chars().find_map(escaped).unwrap_or_default());
        from = at + char.len();
    }
    out.push_str(text.get(from..).unwrap_or_default());
}

/// Returns the escape for a character.
fn escaped(char: char) -> Option<&'static str> {
    match char {
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '&' => Some("&amp;"),
        '"' => Some("&quot;"),
        '\r' => Some("&#13;"),
        '\t' | '\n' => None,
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => Some("\u{fffd}"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn an_element_is_known_by_its_namespace_and_not_by_its_prefix() {
        for (text, is) in [
            ("<propfind xmlns='DAV:'/>", true),
            ("<x:propfind xmlns:x='DAV:'/>", true),
            ("<D:propfind xmlns:D='dav:'/>", false),
            ("<propfind/>", false),
        ] {
            assert_eq!(parse_dav(text, "propfind").is_ok(), is, "{text}");
        }
    }

    #[test]
    fn what_is_not_well_formed_or_dangerous_is_refused() {
        let many = format!("<a>{}</a>", "<b/>".repeat(XML_NODES_MAX as usize));
        let deep = "<a>".repeat(10_000);
        for text in [
            "",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<x:a/>",
            "<a b='1' b='2'/>",
            "<a b='<'/>",
            "<a>&other;</a>",
            "<a>&#0;</a>",
            "<a xmlns:x=''/>",
            "<!DOCTYPE a [<!ENTITY b 'b'>]><a>&b;</a>",
            "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
            &many,
            &deep,
        ] {
            let error = parse(text).err().map(|error| error.kind());
            assert_eq!(error, Some(ErrorKind::Invalid), "{}", text.get(..20).unwrap_or(text));
        }
    }

    #[test]
    fn a_media_type_of_xml_is_one_with_any_parameters() {
        for (media_type, is) in [
            ("application/xml", true),
            ("text/xml; charset=\"utf-8\"", true),
            ("Application/Foo+XML", true),
            ("application/json", false),
            ("", false),
        ] {
            assert_eq!(is_xml(media_type.as_bytes()), is, "{media_type}");
        }
    }

    #[test]
    fn every_name_is_text_of_xml() {
        let mut out = String::new();
        escape(b"a<&>\"\r\x01\xff\n", &mut out);
        assert_eq!(out, "a&lt;&amp;&gt;&quot;&#13;\u{fffd}\u{fffd}\n");
    }
}

//! The body of a PROPFIND (RFC 4918 §9.1, §14.20): which properties a client asks for.

use roxmltree::Node;

use crate::error::{Error, Result};
use crate::server::limits::{PROPERTIES_NAMED_MAX, PROPERTY_NAMES_MAX};
use crate::server::webdav::live_property::LiveProperty;
use crate::server::webdav::xml::{self, dav_child};

/// The properties that a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum PropertyRequest {
    /// `allprop`: all but those that are costly, and these.
    All(Vec<PropertyName>),
    /// `propname`: the names of all.
    Names,
    /// `prop`: these.
    Listed(Vec<PropertyName>),
}

/// The name of a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyName {
    /// Its namespace; may be empty.
    pub namespace: String,
    /// Its local name.
    pub local: String,
    /// The live property of this name, if it is one.
    pub live: Option<LiveProperty>,
}

impl PropertyRequest {
    /// Parses a body; without one the client asks for all. Errors have kind `Invalid`.
    pub fn parse(body: Option<&str>) -> Result<Self> {
        let Some(text) = body else { return Ok(PropertyRequest::All(Vec::new())) };
        let document = xml::parse_dav(text, "propfind")?;
        let root = document.root_element();
        let names = |name| dav_child(root, name).map_or(Ok(Vec::new()), names_in);
        let forms = ["prop", "allprop", "propname"].map(|name| dav_child(root, name).is_some());
        match forms {
            [true, false, false] => names("prop").map(PropertyRequest::Listed),
            [false, true, false] => names("include").map(PropertyRequest::All),
            [false, false, true] => Ok(PropertyRequest::Names),
            _ => Err(Error::invalid("body", "asks for neither prop, allprop nor propname, or for several")),
        }
    }
}

impl PropertyRequest {
    /// Returns whether it asks for the disk space.
    pub fn wants_space(&self) -> bool {
        let is_of_space = |name: &PropertyName| {
            matches!(name.live, Some(LiveProperty::QuotaAvailable | LiveProperty::QuotaUsed))
        };
        match self {
            PropertyRequest::All(names) | PropertyRequest::Listed(names) => names.iter().any(is_of_space),
            PropertyRequest::Names => false,
        }
    }

    /// Returns whether it asks for properties that clients have set.
    pub fn wants_dead(&self) -> bool {
        match self {
            PropertyRequest::All(_) | PropertyRequest::Names => true,
            PropertyRequest::Listed(names) => names.iter().any(|name| name.live.is_none()),
        }
    }
}

impl PropertyName {
    /// Returns the name of an element.
    pub fn of(node: Node<'_, '_>) -> Self {
        let (namespace, local) = (node.tag_name().namespace().unwrap_or_default(), node.tag_name().name());
        let live = LiveProperty::named(namespace, local);
        PropertyName { namespace: namespace.to_owned(), local: local.to_owned(), live }
    }

    /// Writes an empty element of this name.
    pub fn write_empty(&self, out: &mut String) {
        if self.namespace == xml::DAV {
            *out += &format!("<D:{}/>", self.local);
        } else {
            *out += &format!("<{} xmlns=\"", self.local);
            xml::escape(self.namespace.as_bytes(), out);
            *out += "\"/>";
        }
    }
}

/// Returns the names of the elements in a node, each once.
fn names_in(node: Node<'_, '_>) -> Result<Vec<PropertyName>> {
    let (mut names, mut bytes) = (Vec::new(), 0);
    for (before, element) in node.children().filter(Node::is_element).enumerate() {
        require_few(before + 1)?;
        bytes += bytes_of_name(element);
        require_short(bytes)?;
        let name = PropertyName::of(element);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Returns how many bytes the name of an element has with its namespace.
pub fn bytes_of_name(element: Node<'_, '_>) -> usize {
    let tag = element.tag_name();
    tag.namespace().unwrap_or_default().len() + tag.name().len()
}

/// Refuses a body whose properties have names, each with its namespace, that are together too long: a response repeats them
/// for each entry of a directory.
pub fn require_short(bytes: usize) -> Result<()> {
    match bytes > PROPERTY_NAMES_MAX {
        true => {
            Err(Error::invalid("body", format!("names properties of more than {PROPERTY_NAMES_MAX} bytes")))
        }
        false => Ok(()),
    }
}

/// Refuses a body that names too many properties.
pub fn require_few(count: usize) -> Result<()> {
    match count > PROPERTIES_NAMED_MAX {
        true => Err(Error::invalid("body", format!("names more than {PROPERTIES_NAMED_MAX} properties"))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_asks_for_all_for_names_or_for_some() {
        let parse = |inside: &str| {
            PropertyRequest::parse(Some(&format!(
                "<propfind xmlns='DAV:' xmlns:o='urn:o'>{inside}</propfind>"
            )))
        };
        let name = |namespace: &str, local: &str, live| PropertyName {
            namespace: namespace.to_owned(),
            local: local.to_owned(),
            live,
        };
        let etag = || name("DAV:", "getetag", Some(LiveProperty::Etag));
        let rows = [
            ("<allprop/>", Some(PropertyRequest::All(Vec::new()))),
            ("<allprop/><include><getetag/></include>", Some(PropertyRequest::All(vec![etag()]))),
            ("<propname/>", Some(PropertyRequest::Names)),
            (
                "<prop><getetag/> <o:getetag/></prop><o:unknown/>",
                Some(PropertyRequest::Listed(vec![etag(), name("urn:o", "getetag", None)])),
            ),
            ("<prop/>", Some(PropertyRequest::Listed(Vec::new()))),
            ("", None),
            ("<prop/><allprop/>", None),
        ];
        for (inside, request) in rows {
            assert_eq!(parse(inside).ok(), request, "{inside}");
        }
        assert_eq!(PropertyRequest::parse(None).ok(), Some(PropertyRequest::All(Vec::new())));
        let elements = |count| (0..count).map(|at| format!("<a{at}/>")).collect::<String>();
        assert!(parse(&format!("<prop>{}</prop>", elements(PROPERTIES_NAMED_MAX))).is_ok());
        assert!(parse(&format!("<prop>{}</prop>", elements(PROPERTIES_NAMED_MAX + 1))).is_err());
        let twice = Some(PropertyRequest::Listed(vec![etag()]));
        assert_eq!(parse("<prop><getetag/><getetag/></prop>").ok(), twice);
        let long = |count| format!("<prop xmlns:l='{}'>{}</prop>", "u".repeat(8000), "<l:a/>".repeat(count));
        assert!(parse(&long(4)).is_ok() && parse(&long(5)).is_err());
    }
}

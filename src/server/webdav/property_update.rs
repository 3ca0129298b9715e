//! The body of a PROPPATCH (RFC 4918 §9.2, §14.19): which properties are set and removed, in order.

use roxmltree::Node;

use crate::error::{Error, Result};
use crate::server::limits::PROPERTY_ELEMENTS_MAX;
use crate::server::webdav::dead_properties::{DeadProperties, DeadProperty};
use crate::server::webdav::element::text_of;
use crate::server::webdav::property_request::{PropertyName, bytes_of_name, require_few, require_short};
use crate::server::webdav::xml::{self, dav_child, is_dav};
use crate::store::PROPERTIES_MAX;

/// The changes of a PROPPATCH, in order.
#[derive(Debug, PartialEq, Eq)]
pub struct PropertyUpdate(Vec<PropertyChange>);

/// One change: the element of a property that is set; `None` for one that is removed.
#[derive(Debug, PartialEq, Eq)]
pub struct PropertyChange {
    /// The name of the property.
    pub name: PropertyName,
    element: Option<String>,
}

impl PropertyUpdate {
    /// Parses a body. Errors have kind `Invalid`.
    pub fn parse(body: Option<&str>) -> Result<Self> {
        let document = xml::parse_dav(body.unwrap_or_default(), "propertyupdate")?;
        let (mut changes, mut names_bytes, mut elements_bytes) = (Vec::new(), 0, 0);
        for node in document.root_element().children() {
            let is_set = is_dav(node, "set");
            if !is_set && !is_dav(node, "remove") {
                continue;
            }
            let names = dav_child(node, "prop").ok_or_else(|| Error::invalid("body", "names no property"))?;
            for property in names.children().filter(Node::is_element) {
                names_bytes += bytes_of_name(property);
                require_short(names_bytes)?;
                let element = is_set.then(|| text_of(property));
                elements_bytes += element.as_ref().map_or(0, String::len);
                if elements_bytes > PROPERTY_ELEMENTS_MAX {
                    let what = format!("sets properties of more than {PROPERTY_ELEMENTS_MAX} bytes");
                    return Err(Error::invalid("body", what));
                }
                changes.push(PropertyChange { name: PropertyName::of(property), element });
            }
        }
        if changes.is_empty() {
            return Err(Error::invalid("body", "changes no property"));
        }
        require_few(changes.len())?;
        Ok(PropertyUpdate(changes))
    }

    /// Returns the changes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &PropertyChange> {
        self.0.iter()
    }

    /// Applies the changes to what the store has kept. An error has kind `NoSpace`.
    pub fn apply(&self, kept: &[u8]) -> Result<Vec<u8>> {
        let mut properties = DeadProperties::parse(kept);
        for PropertyChange { name, element } in &self.0 {
            let (namespace, local) = (name.namespace.clone(), name.local.clone());
            match element.clone() {
                Some(element) => properties.set(DeadProperty { namespace, local, element }),
                None => properties.remove(&namespace, &local),
            }
        }
        let encoded = properties.encode();
        match encoded.len() > PROPERTIES_MAX {
            true => Err(Error::no_space("properties", format!("take more than {PROPERTIES_MAX} bytes"))),
            false => Ok(encoded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn parse(inside: &str) -> Result<PropertyUpdate> {
        PropertyUpdate::parse(Some(&format!(
            "<propertyupdate xmlns='DAV:' xmlns:o='urn:o'>{inside}</propertyupdate>"
        )))
    }

    #[test]
    fn changes_are_made_in_order() {
        let update = parse(
            "<remove><prop><o:a/><o:b/></prop></remove><set><prop><o:a>1</o:a></prop></set>\
             <set><prop><o:c/></prop></set><remove><prop><o:c/></prop></remove>",
        );
        let kept = update.unwrap().apply(b"urn:o\0b\0<b/>\0urn:o\0d\0<d/>\0").unwrap();
        let properties = DeadProperties::parse(&kept);
        let names: Vec<_> = properties.iter().map(|property| property.local.as_str()).collect();
        assert_eq!(names, ["d", "a"]);
    }

    #[test]
    fn what_changes_nothing_or_too_much_is_refused() {
        for inside in ["", "<set/>", "<set><prop/></set>", "<o:set><prop><o:a/></prop></o:set>"] {
            assert!(parse(inside).is_err(), "{inside}");
        }
        assert!(PropertyUpdate::parse(None).is_err());
        let long = |inside: &str| {
            let namespace = "u".repeat(8000);
            parse(&format!("<set><prop xmlns:l='{namespace}'>{}</prop></set>", inside.repeat(17)))
        };
        assert!(long("<l:a/>").is_err(), "names");
        assert!(long("<o:a><l:b/></o:a>").is_err(), "elements");
        let large = format!("<set><prop><o:a>{}</o:a></prop></set>", "x".repeat(PROPERTIES_MAX));
        let error = parse(&large).unwrap().apply(b"").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoSpace);
    }
}

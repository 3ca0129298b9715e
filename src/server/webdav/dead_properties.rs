//! Dead properties (RFC 4918 §3): those that clients set and whose meaning the daemon does not know. This file owns the form in
//! which the store keeps them: namespace, local name and element of each, every one of which ends with a NUL byte, which no XML
//! contains.

/// The dead properties of one file or directory, in the order in which they were first set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadProperties(Vec<DeadProperty>);

/// A property with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadProperty {
    /// The namespace of its name; may be empty.
    pub namespace: String,
    /// Its local name.
    pub local: String,
    /// Its element, with all namespaces declared.
    pub element: String,
}

impl DeadProperties {
    /// Parses what the store kept; bytes in another form are ignored.
    pub fn parse(kept: &[u8]) -> Self {
        let mut parts = kept.split_inclusive(|&byte| byte == 0).map_while(|part| {
            let text = part.strip_suffix(b"\0")?;
            String::from_utf8(text.to_vec()).ok()
        });
        let mut properties = Vec::new();
        while let (Some(namespace), Some(local), Some(element)) = (parts.next(), parts.next(), parts.next()) {
            properties.push(DeadProperty { namespace, local, element });
        }
        DeadProperties(properties)
    }

    /// Returns the form that the store keeps.
    pub fn encode(&self) -> Vec<u8> {
        let parts = self.0.iter().flat_map(|property| {
            [&property.namespace, "\0", &property.local, "\0", &property.element, "\0"].map(str::as_bytes)
        });
        parts.collect::<Vec<_>>().concat()
    }

    /// Returns all properties, in order.
    pub fn iter(&self) -> impl Iterator<Item = &DeadProperty> {
        self.0.iter()
    }

    /// Returns the property of this name.
    pub fn get(&self, namespace: &str, local: &str) -> Option<&DeadProperty> {
        self.0.iter().find(|property| property.is_named(namespace, local))
    }

    /// Sets a property.
    pub fn set(&mut self, property: DeadProperty) {
        match self.0.iter_mut().find(|old| old.is_named(&property.namespace, &property.local)) {
            Some(old) => *old = property,
            None => self.0.push(property),
        }
    }

    /// Removes a property, if it is there.
    pub fn remove(&mut self, namespace: &str, local: &str) {
        self.0.retain(|property| !property.is_named(namespace, local));
    }
}

impl DeadProperty {
    fn is_named(&self, namespace: &str, local: &str) -> bool {
        self.namespace == namespace && self.local == local
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn property(namespace: &str, local: &str, element: &str) -> DeadProperty {
        let [namespace, local, element] = [namespace, local, element].map(str::to_owned);
        DeadProperty { namespace, local, element }
    }

    #[test]
    fn properties_are_kept_as_they_were_set() {
        let mut properties = DeadProperties::default();
        assert!(properties.encode().is_empty());
        properties.set(property("urn:a", "p", "<p xmlns=\"urn:a\">1</p>"));
        properties.set(property("", "p", "<p/>"));
        properties.set(property("urn:a", "p", "<p xmlns=\"urn:a\">2\n</p>"));
        let again = DeadProperties::parse(&properties.encode());
        assert_eq!(again, properties);
        assert_eq!(
            again.get("urn:a", "p").map(|found| found.element.as_str()),
            Some("<p xmlns=\"urn:a\">2\n</p>")
        );
        properties.remove("", "p");
        assert_eq!((properties.iter().count(), properties.get("", "p")), (1, None));
    }

    #[test]
    fn what_was_cut_short_or_is_something_else_is_ignored() {
        for (kept, count) in [(&b"a\0b\0<b/>\0c\0d\0<d"[..], 1), (b"a", 0), (b"", 0), (b"\xff\0\0\0", 0)] {
            assert_eq!(DeadProperties::parse(kept).iter().count(), count);
        }
    }
}

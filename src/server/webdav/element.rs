//! An element of a request body as text of its own, which means the same wherever it is put: the namespaces and the
//! language that it inherits are declared on it (RFC 4918 §4.3).

use roxmltree::Node;

use crate::server::webdav::xml;

/// The namespace of the prefix `xml`.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Returns the text of an element, verbatim but for what is declared on it in addition.
pub fn text_of(node: Node<'_, '_>) -> String {
    let text = node.document().input_text().get(node.range()).unwrap_or_default();
    let is_in_name = |char: char| !char.is_ascii_whitespace() && !matches!(char, '/' | '>');
    let name_end = text.char_indices().skip(1).find(|(_, char)| !is_in_name(*char)).map_or(0, |(at, _)| at);
    let (name, rest) = text.split_at(name_end);
    let own = attribute_names(rest);
    let mut declared = String::new();
    let mut declare = |attribute: &str, value: &str| {
        declared.extend([" ", attribute, "=\""]);
        xml::escape(value.as_bytes(), &mut declared);
        declared.push('"');
    };
    for namespace in node.namespaces() {
        let (attribute, is_used) = match namespace.name() {
            Some("xml") => continue,
            Some(prefix) => (format!("xmlns:{prefix}"), text.contains(&format!("{prefix}:"))),
            None => ("xmlns".to_owned(), true),
        };
        if is_used && !own.contains(&attribute.as_str()) {
            declare(&attribute, namespace.uri());
        }
    }
    let language = node.ancestors().find_map(|above| above.attribute((XML, "lang")));
    if let Some(language) = language.filter(|_| !own.contains(&"xml:lang")) {
        declare("xml:lang", language);
    }
    [name, &declared, rest].concat()
}

/// Returns the names of the attributes in a start tag, whose text after the element's name this is. It is well-formed.
fn attribute_names(mut tag: &str) -> Vec<&str> {
    let mut names = Vec::new();
    loop {
        tag = tag.trim_start();
        let Some((name, rest)) = tag.split_once('=').filter(|_| !tag.starts_with(['>', '/'])) else {
            return names;
        };
        names.push(name.trim_end());
        let rest = rest.trim_start();
        let Some(quote) = rest.chars().next() else { return names };
        tag = rest.get(1..).and_then(|value| value.split_once(quote)).map_or("", |(_, behind)| behind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_keeps_its_meaning_elsewhere() {
        let rows = [
            ("<a xmlns='u'><b>&lt;x</b></a>", "<b xmlns=\"u\">&lt;x</b>"),
            ("<p:a xmlns:p='u' xmlns:q='v'><p:b/></p:a>", "<p:b xmlns:p=\"u\"/>"),
            (
                "<p:a xmlns:p='u' xmlns:q='v'><p:b c='q:d'/></p:a>",
                "<p:b xmlns:p=\"u\" xmlns:q=\"v\" c='q:d'/>",
            ),
            (
                "<p:a xmlns:p='u'><p:b x='>' xmlns:p = 'u' ><c/></p:b></p:a>",
                "<p:b x='>' xmlns:p = 'u' ><c/></p:b>",
            ),
            ("<a xmlns='u' xml:lang='de'><b xmlns=''/></a>", "<b xml:lang=\"de\" xmlns=''/>"),
            ("<a xml:lang='de'><b xml:lang='fr'/></a>", "<b xml:lang='fr'/>"),
            ("<a xmlns='a&amp;\"'><b></b></a>", "<b xmlns=\"a&amp;&quot;\"></b>"),
        ];
        for (body, wanted) in rows {
            let document = xml::parse(body).unwrap();
            let text = text_of(document.root_element().first_element_child().unwrap());
            assert_eq!(text, wanted);
            assert!(xml::parse(&text).is_ok(), "{text}");
        }
    }
}

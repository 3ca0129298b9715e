//! The name of a file in a JSON object, as a server writes it and a client reads it: a name is bytes, JSON is text.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use serde_json::Value;

/// Adds the name to a JSON object. A name that is not UTF-8 is added twice: readable, and exactly, percent-encoded.
pub fn with_name(mut object: Value, name: &[u8]) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.insert("name".to_owned(), String::from_utf8_lossy(name).into());
        if std::str::from_utf8(name).is_err() {
            members.insert("name_bytes".to_owned(), exact(name).into());
        }
    }
    object
}

/// Formats bytes that are not UTF-8 exactly: percent-encoded, but for ASCII letters and digits.
pub fn exact(bytes: &[u8]) -> String {
    percent_encode(bytes, NON_ALPHANUMERIC).to_string()
}

/// Reads the name in a JSON object; `None` if there is none.
pub fn json_name(object: &Value) -> Option<Vec<u8>> {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    match text("name_bytes") {
        Some(encoded) => Some(percent_decode_str(encoded).collect()),
        None => text("name").map(|name| name.as_bytes().to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_is_read_as_it_was_written() {
        for name in [&b"a"[..], "é\"".as_bytes(), b"\xff.%41", b"a\n\x1b"] {
            let object = with_name(json!({ "count": 1 }), name);
            assert_eq!(json_name(&object).unwrap(), name);
        }
        assert_eq!(json_name(&json!({})), None);
    }
}

//! The fields of resumable uploads (draft-ietf-httpbis-resumable-upload-12), parsed and formatted as structured
//! fields (RFC 9651). The server and the store keep the uploads themselves.

use super::fields::Fields;
use super::target::Target;

/// The interop version of the draft. A message without one follows the document itself.
pub const INTEROP_VERSION: &str = "8";
/// The versions with the same fields and meaning.
const UNDERSTOOD: [&str; 3] = ["6", "7", INTEROP_VERSION];
/// The field of earlier versions, with the opposite meaning.
pub const UPLOAD_INCOMPLETE: &str = "Upload-Incomplete";
/// The media type of a request that appends to an upload.
pub const PARTIAL_UPLOAD: &str = "application/partial-upload";
/// The prefix of the registered problem types.
pub const PROBLEM_TYPES: &str = "https://iana.org/assignments/http-problem-types#";
/// The largest Integer of a structured field (RFC 9651 §3.3.1).
const INTEGER_MAX: u64 = 999_999_999_999_999;

/// `Upload-Complete`: whether the content ends with this message. Anything but one Boolean is ignored.
pub fn is_complete(fields: &Fields) -> Option<bool> {
    match item(fields, "upload-complete")? {
        b"?1" => Some(true),
        b"?0" => Some(false),
        _ => None,
    }
}

/// Returns the value of `Upload-Complete`.
pub fn format_complete(complete: bool) -> &'static str {
    if complete { "?1" } else { "?0" }
}

/// `Upload-Offset` or `Upload-Length`, in bytes. Anything but one Integer from 0 on is ignored.
pub fn integer(fields: &Fields, name: &str) -> Option<u64> {
    let digits = item(fields, name).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|number| *number <= INTEGER_MAX)
}

/// Returns the identifier of an upload: the last path component of `Location`, which names its resource.
pub fn upload_id_of(fields: &Fields) -> Option<Vec<u8>> {
    let location = fields.get("location")?;
    Target::parse(location).ok()?.components.pop()
}

/// Returns the value of `Upload-Limit`: the largest size in bytes, and the remaining lifetime of an upload in
/// seconds.
pub fn format_limit(max_size: u64, max_age: Option<u64>) -> String {
    let max_size = max_size.min(INTEGER_MAX);
    match max_age {
        Some(max_age) => format!("max-size={max_size}, max-age={}", max_age.min(INTEGER_MAX)),
        None => format!("max-size={max_size}"),
    }
}

/// Returns whether a message has a supported interop version, or none.
pub fn is_understood(fields: &Fields) -> bool {
    fields.get("upload-draft-interop-version").is_none() || version(fields).is_some()
}

/// Returns the interop version of a message, where it is supported. A client without one is sent no interim response:
/// it may not know the status 104.
pub fn version(fields: &Fields) -> Option<&'static str> {
    let said = item(fields, "upload-draft-interop-version")?;
    UNDERSTOOD.into_iter().find(|version| version.as_bytes() == said)
}

/// Returns the fields of a 104 response, with the number of bytes that are fsynced.
pub fn progress(version: &str, offset: u64) -> Fields {
    let mut fields = Fields::new();
    fields.push("Upload-Offset", offset.to_string());
    fields.push("Upload-Draft-Interop-Version", version);
    fields
}

/// Returns the bare Item of a field that occurs once, without its parameters.
fn item<'a>(fields: &'a Fields, name: &str) -> Option<&'a [u8]> {
    let value = fields.get_once(name).ok().flatten()?;
    value.split(|&byte| byte == b';').next().map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, values: &[&str]) -> Fields {
        let mut fields = Fields::new();
        values.iter().for_each(|value| fields.push(name, value));
        fields
    }

    #[test]
    fn a_field_is_one_item_or_nothing() {
        let rows: [(&[&str], Option<bool>); 8] = [
            (&["?1"], Some(true)),
            (&["?0"], Some(false)),
            (&[" ?1 ; a=b"], Some(true)),
            (&[], None),
            (&[""], None),
            (&["1"], None),
            (&["?1, ?1"], None),
            (&["?1", "?1"], None),
        ];
        for (values, complete) in rows {
            assert_eq!(is_complete(&with("Upload-Complete", values)), complete, "{values:?}");
        }
        let rows = [
            ("0", Some(0)),
            ("007", Some(7)),
            ("999999999999999", Some(INTEGER_MAX)),
            ("1000000000000000", None),
            ("-1", None),
            ("1.0", None),
            ("", None),
            ("x", None),
        ];
        for (value, number) in rows {
            assert_eq!(integer(&with("Upload-Offset", &[value]), "upload-offset"), number, "{value}");
        }
    }

    #[test]
    fn another_draft_is_not_understood() {
        let rows: [(&[&str], bool); 7] = [
            (&[], true),
            (&["8"], true),
            (&["7"], true),
            (&["6"], true),
            (&["5"], false),
            (&["3"], false),
            (&["8", "8"], false),
        ];
        for (values, understood) in rows {
            assert_eq!(
                is_understood(&with("Upload-Draft-Interop-Version", values)),
                understood,
                "{values:?}"
            );
        }
    }
}

//! The fields of resumable uploads (draft-ietf-httpbis-resumable-upload-12): read and written as the structured
//! fields they are (RFC 9651). What an upload is, and where it is kept, is others' business.

use super::fields::Fields;

/// The version that drafts of the protocol tell each other. A message that says none follows the document itself.
pub const INTEROP_VERSION: &str = "8";
/// The versions that say the same in the same fields.
const UNDERSTOOD: [&str; 3] = ["6", "7", INTEROP_VERSION];
/// The field of versions before those, in which the same would mean its contrary.
pub const UPLOAD_INCOMPLETE: &str = "Upload-Incomplete";
/// The media type of what is appended.
pub const PARTIAL_UPLOAD: &str = "application/partial-upload";
/// Where the problem types of the protocol are registered.
pub const PROBLEM_TYPES: &str = "https://iana.org/assignments/http-problem-types#";
/// The largest Integer of a structured field (RFC 9651 §3.3.1).
const INTEGER_MAX: u64 = 999_999_999_999_999;

/// `Upload-Complete`: whether the content ends with this message. Anything but one Boolean is as good as nothing.
pub fn is_complete(fields: &Fields) -> Option<bool> {
    match item(fields, "upload-complete")? {
        b"?1" => Some(true),
        b"?0" => Some(false),
        _ => None,
    }
}

/// The value of `Upload-Complete`.
pub fn format_complete(complete: bool) -> &'static str {
    if complete { "?1" } else { "?0" }
}

/// `Upload-Offset` or `Upload-Length`, in bytes. Anything but one Integer from 0 on is as good as nothing.
pub fn integer(fields: &Fields, name: &str) -> Option<u64> {
    let digits = item(fields, name).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|number| *number <= INTEGER_MAX)
}

/// The value of `Upload-Limit`: the largest content, and how many seconds an upload has left, where it is one.
pub fn format_limit(max_size: u64, max_age: Option<u64>) -> String {
    let max_size = max_size.min(INTEGER_MAX);
    match max_age {
        Some(max_age) => format!("max-size={max_size}, max-age={}", max_age.min(INTEGER_MAX)),
        None => format!("max-size={max_size}"),
    }
}

/// Whether a message speaks a version that is understood here, or none.
pub fn is_understood(fields: &Fields) -> bool {
    fields.get("upload-draft-interop-version").is_none() || version(fields).is_some()
}

/// The version a message speaks, where it says one that is understood here. Who says none is told nothing before the
/// answer: it may not know what a 104 is.
pub fn version(fields: &Fields) -> Option<&'static str> {
    let said = item(fields, "upload-draft-interop-version")?;
    UNDERSTOOD.into_iter().find(|version| version.as_bytes() == said)
}

/// The fields of a 104 that tells how much is on the disk.
pub fn progress(version: &str, offset: u64) -> Fields {
    let mut fields = Fields::new();
    fields.push("Upload-Offset", offset.to_string());
    fields.push("Upload-Draft-Interop-Version", version);
    fields
}

/// The bare Item of a field that stands there once; its parameters mean nothing here.
fn item<'a>(fields: &'a Fields, name: &str) -> Option<&'a [u8]> {
    let mut values = fields.get_all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => value.split(|&byte| byte == b';').next().map(<[u8]>::trim_ascii),
        _ => None,
    }
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

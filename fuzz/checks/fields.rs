//! Fields, and whatever is read out of them: nobody falls over, and nothing is read that is not there.

use std::time::{Duration, SystemTime};

use cfp::http::condition::{Evaluation, Validators, evaluate, range_holds};
use cfp::http::head::parse_fields;
use cfp::http::{Fields, accept, coding, digest, resumption};

pub fn check(bytes: &[u8]) {
    let Ok(fields) = parse_fields(bytes.to_vec()) else { return };
    let mut text = Vec::new();
    fields.write_to(&mut text);
    text.extend_from_slice(b"\r\n");
    let again = parse_fields(text).unwrap();
    assert!(fields.iter().eq(again.iter()));
    for (name, value) in fields.iter() {
        assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
        let name = std::str::from_utf8(name).unwrap();
        let members: Vec<_> = fields.members(name).collect();
        assert!(members.iter().all(|member| !member.is_empty() && member.trim_ascii().len() == member.len()));
        assert!(
            members
                .iter()
                .all(|member| fields.has_token(name, &String::from_utf8_lossy(member)) || !member.is_ascii())
        );
    }
    check_meaning(&fields);
}

fn check_meaning(fields: &Fields) {
    let offers = ["text/plain", "application/json", "text/html"];
    let chosen = accept::media_type(fields, &offers);
    assert!(chosen.is_none_or(|chosen| offers.contains(&chosen)));
    if accept::coding(fields) == coding::Coding::Zstd {
        assert!(fields.get("accept-encoding").is_some());
    }
    let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_500);
    let current = Validators { etag: Some("\"tag\""), coded: None, modified: Some(modified) };
    let now = modified + Duration::from_secs(9);
    let safe = evaluate(fields, true, Some(current), now);
    let unsafely = evaluate(fields, false, Some(current), now);
    assert!(
        unsafely != Evaluation::NotModified && (safe != Evaluation::Failed || unsafely == Evaluation::Failed)
    );
    if range_holds(fields, current, now) && fields.get("if-range").is_some() {
        assert!(fields.get_all("if-range").next().is_some_and(|value| !value.is_empty()));
    }
    // What is passed on must be of the one algorithm, and is written back as it was said or in its normal form.
    for name in ["repr-digest", "content-digest"] {
        if let Ok(Some(read)) = digest::parse(fields, name) {
            let mut one = Fields::new();
            one.push(name, digest::format(&read));
            assert_eq!(digest::parse(&one, name).unwrap(), Some(read));
        }
    }
    let _ = (coding::of_message(fields), digest::is_wanted(fields), digest::is_announced(fields));
    assert!(resumption::integer(fields, "upload-offset").is_none_or(|offset| offset < 1_000_000_000_000_000));
    let _ = (resumption::is_complete(fields), resumption::is_understood(fields));
}

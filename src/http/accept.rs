//! Proactive content negotiation (RFC 9110 §12): the media type and the content coding that a client prefers.

use super::{Coding, Fields};

/// Selects one of `offers` (media types, the server's favourite first) by `Accept`; of equal weight, one that is
/// named goes before one that matches a wildcard. The first one if `Accept` is absent or empty, `None` if the client
/// refuses all.
pub fn media_type<'o>(fields: &Fields, offers: &[&'o str]) -> Option<&'o str> {
    if fields.members("accept").next().is_none() {
        return offers.first().copied();
    }
    best(offers, |offer| {
        let subtype = offer.find('/').map_or(0, |at| at + 1);
        let ranges = ["*/*", &format!("{}*", offer.get(..subtype).unwrap_or_default()), offer];
        let mut weights = ranges.iter().map(|range| quality(fields, "accept", range)).enumerate().rev();
        weights.find_map(|(precision, weight)| Some((weight?, precision))).unwrap_or((0, 0))
    })
}

/// Whether `Accept` names a media type itself, not by a wildcard: browsers name HTML, programs that follow links do not.
pub fn names(fields: &Fields, media_type: &str) -> bool {
    quality(fields, "accept", media_type).is_some_and(|weight| weight > 0)
}

/// Selects the content coding of a response: zstd if `Accept-Encoding` names it with a weight above 0 and not below
/// that of identity. `*` does not count: only clients that name zstd get it.
pub fn coding(fields: &Fields) -> Coding {
    let weight = |coding| quality(fields, "accept-encoding", coding);
    match (weight("zstd"), weight("identity")) {
        (Some(zstd @ 1..), plain) if plain.is_none_or(|plain| zstd >= plain) => Coding::Zstd,
        _ => Coding::Identity,
    }
}

/// Returns the offer of the highest weight above 0, then of the highest precision; the earlier one of equals.
fn best<'o>(offers: &[&'o str], quality: impl Fn(&str) -> (u32, usize)) -> Option<&'o str> {
    let weighed = offers.iter().rev().map(|offer| (quality(offer), *offer));
    let wanted = weighed.filter(|((quality, _), _)| *quality > 0);
    wanted.max_by_key(|(weight, _)| *weight).map(|(_, offer)| offer)
}

/// Returns the weight of exactly this member of a list, in thousandths (RFC 9110 §12.4.2).
fn quality(fields: &Fields, name: &str, wanted: &str) -> Option<u32> {
    fields.members(name).find_map(|member| {
        let member = std::str::from_utf8(member).ok()?;
        let mut parts = member.split(';').map(str::trim);
        parts.next().filter(|range| range.eq_ignore_ascii_case(wanted))?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some(weight.map_or(1000, thousandths))
    })
}

/// Parses a weight: `0.5` is 500; an invalid one is 0.
fn thousandths(weight: &str) -> u32 {
    let value: f32 = weight.parse().unwrap_or(0.0);
    if (0.0..=1.0).contains(&value) { (value * 1000.0).round() as u32 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_s_liking_decides_and_then_the_server_s() {
        let offers = ["text/plain", "application/json", "text/html"];
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        let rows = [
            ("*/*", Some("text/plain")),
            ("application/json", Some("application/json")),
            (browser, Some("text/html")),
            ("text/*, application/json;q=0.9", Some("text/plain")),
            ("text/html, application/xhtml+xml, */*", Some("text/html")),
            ("text/html, text/*;q=0.5, image/*, application/*", Some("text/html")),
            ("application/json, text/plain, */*", Some("text/plain")),
            ("*/*, application/json", Some("application/json")),
            ("text/*, application/*", Some("text/plain")),
            ("text/*;q=0.5, application/json;q=0.9", Some("application/json")),
            ("text/plain;q=0, */*", Some("application/json")),
            ("application/json;q=2", None),
            ("image/png", None),
            ("", Some("text/plain")),
        ];
        for (accept, chosen) in rows {
            let mut fields = Fields::new();
            fields.push("Accept", accept);
            assert_eq!(media_type(&fields, &offers), chosen, "{accept}");
        }
        assert_eq!(media_type(&Fields::new(), &offers), Some("text/plain"));
    }

    #[test]
    fn a_coding_is_for_those_who_ask_for_it() {
        let rows = [
            ("zstd", true),
            ("gzip, deflate, br, ZSTD", true),
            ("zstd;q=0.1", true),
            ("zstd;q=0", false),
            ("zstd; q=0.000", false),
            ("identity, zstd;q=0.5", false),
            ("identity;q=0.5, zstd;q=0.5", true),
            ("identity;q=0, zstd;q=0.5", true),
            ("gzip", false),
            ("*", false),
            ("", false),
        ];
        for (value, accepted) in rows {
            let mut fields = Fields::new();
            fields.push("Accept-Encoding", value);
            assert_eq!(coding(&fields) == Coding::Zstd, accepted, "{value}");
        }
    }
}

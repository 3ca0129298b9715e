//! Formats log lines, combined or JSON. What a client sent is escaped, so that it cannot forge a line. The log writes
//! them.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::error::{Error, shown};
use crate::http::time::{clf, rfc3339_millis};
use crate::http::{Request, Version};
use crate::server::observe::{Outcome, Peer};

/// The format of the log (`--log-format`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Combined Log Format, as web servers write it.
    #[default]
    Combined,
    /// One JSON object a line.
    Json,
}

/// A request and its outcome.
pub struct LogEntry<'a> {
    /// The client.
    pub peer: &'a Peer,
    /// The number of the connection.
    pub connection: usize,
    /// The request.
    pub request: &'a Request,
    /// Its outcome.
    pub outcome: &'a Outcome,
    /// From the end of the request's head to the end of the response.
    pub took: Duration,
}

impl LogFormat {
    /// Returns the line of a request, without its line end.
    pub fn exchange(self, entry: &LogEntry<'_>, now: SystemTime) -> String {
        match self {
            LogFormat::Combined => combined(entry, now),
            LogFormat::Json => json_line(entry, now),
        }
    }

    /// Returns the line of a malformed request, or of a client that was refused. Its format is stable, since programs that ban
    /// addresses (fail2ban) parse it.
    pub fn refusal(self, peer: &Peer, status: u16, error: &Error, now: SystemTime) -> String {
        let why = error.to_string();
        match self {
            LogFormat::Combined => {
                let why = shown(why.as_bytes()).replace('"', "\\x22");
                combined_refusal(peer, status, &format!("refused: {why}"), now)
            }
            LogFormat::Json => json_refusal(peer, status, "refused", why, now),
        }
    }

    /// Returns the line of a failed login, as stable as that of a refusal. The user's name is last, so that nothing in it can
    /// be mistaken for another field.
    pub fn refused_login(self, peer: &Peer, user: &[u8], now: SystemTime) -> String {
        match self {
            LogFormat::Combined => {
                combined_refusal(peer, 401, &format!("refused login: {}", inner(user)), now)
            }
            LogFormat::Json => json_refusal(peer, 401, "refused_login", shown(user), now),
        }
    }

    /// Returns the line of a message to the admin.
    pub fn remark(self, what: &str, now: SystemTime) -> String {
        match self {
            LogFormat::Combined => format!("cfpd: {what}"),
            LogFormat::Json => json!({ "time": rfc3339_millis(now), "message": what }).to_string(),
        }
    }
}

fn combined_refusal(peer: &Peer, status: u16, why: &str, now: SystemTime) -> String {
    format!(r#"{} - - [{}] "-" {status} 0 "-" "{why}""#, peer.shown(), clf(now))
}

fn json_refusal(peer: &Peer, status: u16, name: &str, why: String, now: SystemTime) -> String {
    json!({ "time": rfc3339_millis(now), "peer": peer.shown(), "status": status, name: why }).to_string()
}

fn combined(entry: &LogEntry<'_>, now: SystemTime) -> String {
    let LogEntry { request, outcome, .. } = entry;
    let quoted = |name| inner(request.fields.get(name).unwrap_or(b"-"));
    let version = match request.version {
        Version::Http10 => "1.0",
        Version::Http11 => "1.1",
    };
    format!(
        r#"{} - {} [{}] "{} {} HTTP/{version}" {} {} "{}" "{}""#,
        entry.peer.shown(),
        inner(outcome.user.as_deref().unwrap_or(b"-")).replace(' ', "\\x20"),
        clf(now),
        request.method_name(),
        inner(request.target()),
        outcome.status,
        outcome.body_bytes,
        quoted("referer"),
        quoted("user-agent"),
    )
}

fn json_line(entry: &LogEntry<'_>, now: SystemTime) -> String {
    let LogEntry { request, outcome, .. } = entry;
    let field = |name| request.fields.get(name).map_or(Value::Null, |value| shown(value).into());
    let millis = entry.took.as_secs_f64() * 1000.0;
    json!({
        "time": rfc3339_millis(now),
        "peer": entry.peer.shown(),
        "connection": entry.connection,
        "user": outcome.user.as_deref().map(shown),
        "method": request.method_name(),
        "target": shown(request.target()),
        "status": outcome.status,
        "bytes": outcome.body_bytes,
        "duration_ms": (millis * 1000.0).round() / 1000.0,
        "filter": outcome.filter,
        "referer": field("referer"),
        "user_agent": field("user-agent"),
    })
    .to_string()
}

/// Escapes backslashes and quotes in what a client sent, for a string in double quotes.
fn inner(bytes: &[u8]) -> String {
    let parts = bytes.split_inclusive(|byte| matches!(byte, b'"' | b'\\'));
    parts
        .map(|part| match part.split_last() {
            Some((b'"', before)) => shown(before) + "\\x22",
            Some((b'\\', before)) => shown(before) + "\\x5c",
            _ => shown(part),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_sent_forges_no_line() {
        assert_eq!(inner(b"a\" \n\x1b[0m\xff"), "a\\x22 \\x0a\\x1b[0m\\xff");
        assert_eq!(inner("\\x0a \"é\\".as_bytes()), "\\x5cx0a \\x22é\\x5c");
    }

    #[test]
    fn a_refusal_is_one_stable_line_in_either_form() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let peer = Peer::Address("192.0.2.1:9".parse().unwrap());
        let error = Error::head_too_large("head", "has \"too\" many fields\n");
        let line = |format: LogFormat| format.refusal(&peer, 431, &error, now);
        assert_eq!(
            line(LogFormat::Combined),
            r#"192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] "-" 431 0 "-" "refused: head: has \x22too\x22 many fields\x0a""#
        );
        let object: Value = serde_json::from_str(&line(LogFormat::Json)).unwrap();
        assert_eq!((&object["peer"], &object["status"]), (&json!("192.0.2.1"), &json!(431)));
        assert_eq!(object["time"], "1994-11-06T08:49:37.000Z");
    }

    #[test]
    fn a_refused_login_is_one_stable_line_in_either_form() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let peer = Peer::Address("[2001:db8::1]:9".parse().unwrap());
        let line = |format: LogFormat| format.refused_login(&peer, b"al\"ice\n192.0.2.9", now);
        assert_eq!(
            line(LogFormat::Combined),
            r#"2001:db8::1 - - [06/Nov/1994:08:49:37 +0000] "-" 401 0 "-" "refused login: al\x22ice\x0a192.0.2.9""#
        );
        assert_eq!(
            line(LogFormat::Json),
            r#"{"peer":"2001:db8::1","refused_login":"al\"ice\\x0a192.0.2.9","status":401,"time":"1994-11-06T08:49:37.000Z"}"#
        );
    }
}

//! Conversations behind nginx and behind haproxy, with the configurations of contrib/. A proxy sends a request on in its own
//! framing, and frames the answer itself: so status, fields and content of each answer are compared, not its bytes, and each
//! request has a connection of its own. What cfpd refuses as malformed a proxy may refuse itself. What it cannot carry is in
//! [`EXCEPT`]; it is said to cfpd directly, so that what follows finds the same files.

use std::collections::HashMap;

use regex::Regex;
use regex::bytes::Regex as Pattern;

use super::{Part, Place, Talk, parts_of, parts_of_line, sandbox_of, text};
use crate::common::client::{Answer, Client};
use crate::common::need;
use crate::proxies::{HAPROXY, Kind, NGINX, Proxy, own_address};

/// What is sent, with the first line of the answer, that one or both proxies do not carry, and why.
const EXCEPT: [(&[&str], &str, &str); 17] = [
    (&["nginx"], "^> GET /\n", "it answers HTTP/0.9 as such, without a head"),
    (&["haproxy"], "\n> 0\n> Content-Length:", "it refuses such a field in a trailer"),
    (
        &["nginx"],
        "^> [A-Z]+ [^ ]+ HTTP/1.0",
        "cfpd takes HTTP/1.0 without Host; nginx speaks 1.1 to it, with an empty one",
    ),
    (&["nginx"], "^> OPTIONS \\*", "it knows no target but paths"),
    (&["nginx"], "^> TRACE ", "it refuses the method itself"),
    (&["nginx"], "(?m)^> Trailer:|^> 0\n> [A-Z]", "it drops trailers"),
    (
        &["nginx"],
        "Upload-Complete",
        "contrib removes the fields of resumable uploads, as it passes no 104 on",
    ),
    (&["nginx"], "(?m)^> Expect: [^1]", "it takes Expect for itself"),
    (
        &["nginx", "haproxy"],
        "^> [A-Z]+ http://",
        "the host of target and field may differ, and it sends one on",
    ),
    (&["nginx"], "(?m)^> Host: *$", "it refuses an empty Host"),
    (
        &["nginx", "haproxy"],
        "(?m)^> [^\n]*\\\\n\\\\c$(?s).*< HTTP/1.1 400",
        "it takes lines that end in LF, and sends CRLF",
    ),
    (
        &["nginx", "haproxy"],
        "(?s)Transfer-Encoding: chunked.*< HTTP/1.1 4",
        "it frames a body anew, and mends its chunks",
    ),
    (&["nginx", "haproxy"], "Transfer-Encoding:[^ ]| x?chunked[^\n]", "it knows one spelling of the coding"),
    (
        &["haproxy"],
        "> Content-Length: 1, 1|> Content-Length: 1\n> Content-Length: 1\n",
        "it makes equal lengths one",
    ),
    (&["haproxy"], "\n>  ", "it makes a folded field one line"),
    (&["nginx", "haproxy"], "\\\\\\{[0-9]{4,} ", "its limits on a head are lower"),
    (&["nginx", "haproxy"], "^> GET / HTTP/2.0|^> GET  /", "it mends the start line"),
];

/// A conversation about connections that are cut, which a proxy cuts apart from its own; tests/proxies.rs has what they pass on.
const OF_CUTS: &str = "resume";

/// The conversations that are held behind a proxy.
fn carried_ones() -> impl Iterator<Item = &'static str> {
    super::READ_ALOUD.iter().copied().filter(|name| *name != OF_CUTS)
}

/// A part of a conversation: orders, and what is sent until a final answer has come.
#[derive(Default)]
struct Exchange<'t> {
    /// The number of its first line.
    line: usize,
    orders: Vec<&'t str>,
    sent: Vec<&'t str>,
    expected: Vec<&'t str>,
}

impl Exchange<'_> {
    /// Whether a final answer is among what is expected.
    fn is_answered(&self) -> bool {
        self.expected.iter().any(|line| line.starts_with("< HTTP/1.1 ") && !line.starts_with("< HTTP/1.1 1"))
    }

    /// Why this proxy does not carry it.
    fn exception(&self, proxy: &str) -> Option<usize> {
        let text = [self.sent.as_slice(), &self.expected[..self.expected.len().min(1)]].concat().join("\n");
        EXCEPT.iter().position(|(proxies, pattern, _)| {
            proxies.contains(&proxy) && Regex::new(pattern).unwrap().is_match(&text)
        })
    }
}

/// Splits a conversation. What is sent after the server's end is left out.
fn exchanges(text: &str) -> Vec<Exchange<'_>> {
    let mut all: Vec<Exchange<'_>> = vec![Exchange::default()];
    let mut has_ended = false;
    for (number, line) in text.lines().enumerate() {
        let kind = line.as_bytes().first();
        if matches!(kind, Some(b'>' | b'!')) && all.last().is_some_and(Exchange::is_answered) {
            all.push(Exchange { line: number + 1, ..Exchange::default() });
        }
        has_ended = line == "! end" || has_ended && line != "! again";
        let Some(last) = all.last_mut() else { continue };
        match kind {
            Some(b'<') => last.expected.push(line),
            Some(b'>') if !has_ended => last.sent.push(line),
            Some(b'!') if !["! again", "! end"].contains(&line) => last.orders.push(line),
            _ => {}
        }
    }
    all
}

#[test]
fn behind_nginx_the_answers_are_those_of_cfpd() {
    hold_all(&NGINX);
}

#[test]
fn behind_haproxy_the_answers_are_those_of_cfpd() {
    hold_all(&HAPROXY);
}

/// A row that no conversation needs is one too many.
#[test]
fn each_exception_is_one_of_a_conversation() {
    for proxy in [NGINX.program, HAPROXY.program] {
        let texts: Vec<_> = carried_ones().map(text).collect();
        let all: Vec<_> = texts.iter().flat_map(|text| exchanges(text)).collect();
        let met: Vec<_> = all.iter().filter_map(|exchange| exchange.exception(proxy)).collect();
        for (number, (proxies, pattern, why)) in EXCEPT.iter().enumerate() {
            assert!(!proxies.contains(&proxy) || met.contains(&number), "{proxy}: {pattern}: {why}");
        }
        // They are few beside what is carried.
        assert!(met.len() * 5 < all.len(), "{proxy}: {} of {}", met.len(), all.len());
    }
}

fn hold_all(kind: &Kind) {
    if !need::programs(&[kind.program]) {
        return;
    }
    let address = own_address(if kind.program == "nginx" { 10 } else { 11 });
    let wrong: Vec<_> = carried_ones().flat_map(|name| hold(name, kind, &address)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Holds one conversation to its end; returns what was otherwise.
fn hold(name: &str, kind: &Kind, address: &str) -> Vec<String> {
    let text = text(name);
    let Some(sandbox) = sandbox_of(&text, &Place::Root) else { return Vec::new() };
    let proxy = Proxy::before(sandbox, kind, Some(address));
    let raw = proxy.sandbox.connect();
    let mut talk = Talk { raw, sandbox: &proxy.sandbox, known: HashMap::new(), unsent: Vec::new() };
    let mut wrong = Vec::new();
    for exchange in exchanges(&text) {
        let to = if exchange.exception(kind.program).is_some() { proxy.sandbox.address() } else { address };
        let orders = exchange.orders.iter().try_for_each(|order| match *order {
            "! cut" => Ok(()),
            order => talk.line(order),
        });
        if let Err(what) = orders.and_then(|()| carried(&mut talk, to, &exchange)) {
            wrong.push(format!("{}: tests/wire/{name}.txt:{}: {what}", kind.program, exchange.line));
        }
    }
    wrong
}

/// Sends a request, and compares the answers.
fn carried(talk: &mut Talk<'_>, address: &str, exchange: &Exchange<'_>) -> Result<(), String> {
    let request = Regex::new("^> ([A-Z]+) [^ ]+ HTTP/1").unwrap();
    let methods = exchange.sent.iter().filter_map(|line| Some(request.captures(line)?[1].to_owned()));
    let mut methods = methods.peekable();
    let lines = exchange.sent.iter().map(|line| parts_of_line(line.get(2..).unwrap_or_default()));
    let bytes: Vec<u8> = lines.flat_map(|parts| talk.bytes(&parts)).collect();
    if !exchange.is_answered() {
        return Ok(());
    }
    let mut client = Client::connect(address).unwrap();
    // A server that has closed says so in what it answers.
    let _ = client.send(&bytes);
    for (head, body) in answers(&exchange.expected) {
        let is_final = !head[0].starts_with("HTTP/1.1 1");
        let method = methods.next_if(|_| is_final).unwrap_or_else(|| "GET".to_owned());
        let answer = next_answer(&mut client, &method).map_err(|wrong| format!("{}: {wrong}", head[0]))?;
        let status = head[0].split(' ').nth(1).unwrap_or_default();
        let is_refused_by_proxy =
            answer.status >= 400 && answer.text().contains("<h1>") && is_of_malformed(status);
        if is_refused_by_proxy {
            return Ok(());
        }
        if answer.status.to_string() != status {
            return Err(format!("{status}: came {} {:?}", answer.status, answer.text()));
        }
        head[1..].iter().try_for_each(|field| compare_field(talk, field, &answer))?;
        let is_chunked = head.contains(&"Transfer-Encoding: chunked");
        let parts: Vec<_> = body.iter().flat_map(|line| parts_of_line(line)).collect();
        if !is_chunked && method != "HEAD" && !matches(talk, &parts, &answer.body) {
            return Err(format!("body: came {}", answer.body.escape_ascii()));
        }
    }
    Ok(())
}

/// Whether a status says that a request cannot be understood.
fn is_of_malformed(status: &str) -> bool {
    ["400", "405", "408", "411", "414", "417", "421", "431", "501", "505"].contains(&status)
}

/// The answers that are expected, but for 100, which is the proxy's: the lines of each head, and those of its body.
fn answers<'t>(expected: &[&'t str]) -> Vec<(Vec<&'t str>, Vec<&'t str>)> {
    let mut all: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
    let mut in_body = false;
    for line in expected.iter().map(|line| line.get(2..).unwrap_or_default()) {
        match all.last_mut() {
            _ if line.starts_with("HTTP/1.1 ") => {
                all.push((vec![line], Vec::new()));
                in_body = false;
            }
            Some((_, body)) if in_body => body.push(line),
            Some(_) if line.is_empty() => in_body = true,
            Some((head, _)) => head.push(line),
            None => {}
        }
    }
    all.retain(|(head, _)| !head[0].starts_with("HTTP/1.1 100"));
    all
}

/// Reads an answer other than 100.
fn next_answer(client: &mut Client, method: &str) -> std::io::Result<Answer> {
    loop {
        let answer = client.answer(method)?;
        if answer.status != 100 {
            return Ok(answer);
        }
    }
}

/// Compares a field, unless it is one of the connection, which is the proxy's.
fn compare_field(talk: &mut Talk<'_>, field: &str, answer: &Answer) -> Result<(), String> {
    const OF_CONNECTION: [&str; 4] = ["Date", "Connection", "Transfer-Encoding", "Content-Length"];
    let (name, value) = field.split_once(": ").unwrap_or((field, ""));
    let came = answer.fields.get_text(name).unwrap_or("nothing");
    match OF_CONNECTION.contains(&name) || matches(talk, &parts_of(value), came.as_bytes()) {
        true => Ok(()),
        false => Err(format!("{field}: came {came}")),
    }
}

/// Whether bytes are what is written; notes what its names stand for.
fn matches(talk: &mut Talk<'_>, parts: &[Part], bytes: &[u8]) -> bool {
    let pattern: String = parts.iter().map(|part| talk.pattern(part)).collect();
    let found = Pattern::new(&format!("(?s-u)\\A{pattern}\\z")).unwrap();
    let Some(found) = found.captures(bytes) else { return false };
    let mut values = found.iter().skip(1).flatten();
    for part in parts {
        if let Part::Named(name) = part
            && !talk.known.contains_key(name)
            && let Some(value) = values.next()
        {
            talk.known.insert(name.clone(), value.as_bytes().to_vec());
        }
    }
    true
}

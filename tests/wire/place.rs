//! Where a conversation is held: at the root of a server, or beneath a prefix. There every target, `Destination`,
//! `Location` and link of the conversation has the prefix, and so do the messages in [`MESSAGES`]; nothing else differs.

use regex::Regex;

/// Where the names of a conversation are.
pub enum Place {
    /// They begin with a slash.
    Root,
    /// They begin with [`PREFIX`].
    Prefix,
}

const PREFIX: &str = "/files";

/// What a body that names a URL says at the root, and beneath the prefix.
const MESSAGES: [(&str, &str); 5] = [
    ("is a directory: ask for /", "is a directory: ask for /files/"),
    ("< g: does not begin with /", "< Destination: is not beneath /files/"),
    ("http://a|b/f:", "http://a|b/files/f:"),
    ("@h/f:", "@h/files/f:"),
    ("<D:href>/", "<D:href>/files/"),
];

impl Place {
    /// Further options of the daemon.
    pub fn options(&self) -> &'static [&'static str] {
        match self {
            Place::Root => &[],
            Place::Prefix => &["--prefix", PREFIX],
        }
    }

    /// The conversation as it is held here.
    pub fn text(&self, text: &str) -> String {
        match self {
            Place::Root => text.to_owned(),
            Place::Prefix => beneath(text),
        }
    }
}

/// Puts the prefix before every name that a server beneath one takes it from, or puts it before.
fn beneath(text: &str) -> String {
    let request = Regex::new(r"^(> [A-Za-z]+ +(?:https?://[^/ ]*)?)/").unwrap();
    let field =
        Regex::new(r"^([<>] (?:Destination|Location|Content-Location): *(?:https?://[^/ ]*)?)/").unwrap();
    let framing = Regex::new(r"^> (?:Content-Length: [1-9]|Transfer-Encoding:)").unwrap();
    let mut lines: Vec<String> = Vec::new();
    // A request begins behind an answer, an order, a head without a body, or a body without an end of line.
    let (mut begins, mut has_body) = (true, false);
    for line in text.lines() {
        let place = if begins && request.is_match(line) { &request } else { &field };
        let line = place.replace(line, format!("${{1}}{PREFIX}/")).into_owned();
        let mut longer = line.clone();
        MESSAGES.iter().for_each(|(at_root, beneath)| longer = longer.replace(at_root, beneath));
        lengthen(&mut lines, longer.len() - line.len());
        has_body = framing.is_match(&line) || has_body && line.starts_with('>');
        begins = !line.starts_with('>') || line.ends_with("\\c") || line == ">" && !has_body;
        lines.push(longer);
    }
    lines.join("\n")
}

/// Adds to the length that the last head gives its body.
fn lengthen(lines: &mut [String], more: usize) {
    const LENGTH: &str = "< Content-Length: ";
    let last = lines.iter_mut().rev().take_while(|line| line.starts_with('<'));
    for line in last.filter(|_| more > 0) {
        if let Some(length) = line.strip_prefix(LENGTH).and_then(|length| length.parse::<usize>().ok()) {
            *line = format!("{LENGTH}{}", length + more);
            return;
        }
    }
}

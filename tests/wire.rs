//! Golden conversations: the files of `tests/wire/` are said to a real cfpd byte for byte, and what comes back must
//! be what they say. They are the protocol's documentation by example; this is who reads them aloud.
//!
//! | line | meaning |
//! |---|---|
//! | `# text` | for the reader |
//! | `! with OPTION …` | options of the daemon, before anything else |
//! | `! needs attributes` | left out where files can have none |
//! | `! aside NAME TEXT` | a file that an option names |
//! | `! keep NAME TEXT` | a file stands beneath the root |
//! | `! aged NAME` | it was last changed in 1994 |
//! | `! holds NAME TEXT`, `! lacks NAME` | a file must stand there now; nothing may |
//! | `! again` | another connection; the old one must have nothing more to say |
//! | `! cut` | this side ends in the middle of a request; another connection |
//! | `! end` | the server ends the connection here |
//! | `> text` | is sent, with CRLF behind it |
//! | `< text` | must come, with CRLF behind it |
//!
//! In both, `\n`, `\r`, `\0`, `\\` and `\xNN` are what they are elsewhere, `\{N x}` is the text `x` N times, and
//! `\c` at the end of a line takes its CRLF away. In `<`, `*` is anything within a line (`\*` a star), and `{name}`
//! what this name stood for before, or else it takes what comes.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::common::raw::Raw;
use crate::common::{Sandbox, need};
use place::Place;
use regex::Regex;

#[path = "wire/behind.rs"]
mod behind;
#[path = "wire/place.rs"]
mod place;

macro_rules! conversations {
    ($($name:ident),+ $(,)?) => {
        $(#[test] fn $name() { hold(stringify!($name), &Place::Root); })+
        mod beneath_a_prefix {
            $(#[test] fn $name() { super::hold(stringify!($name), &super::Place::Prefix); })+
        }
        const READ_ALOUD: &[&str] = &[$(stringify!($name)),+];
    };
}

conversations![
    access,
    access_writes,
    attacks,
    chunked,
    conditions,
    connections,
    copy_move,
    delete_mkcol,
    digests,
    errors,
    filters,
    framing,
    get,
    http10,
    list,
    names,
    options,
    post,
    put,
    put_refused,
    ranges,
    resume,
    sites,
    sites_users,
    webdav,
    webdav_clients,
    webdav_infinity,
];

#[test]
fn every_conversation_is_read_aloud() {
    let mut written: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    written.sort();
    assert_eq!(written, READ_ALOUD);
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire")
}

/// Holds one conversation to its end.
fn hold(name: &str, place: &Place) {
    let text = place.text(&text(name));
    let Some(sandbox) = sandbox_of(&text, place) else { return };
    let mut talk =
        Talk { raw: sandbox.connect(), sandbox: &sandbox, known: HashMap::new(), unsent: Vec::new() };
    for (number, line) in text.lines().enumerate() {
        if let Err(wrong) = talk.line(line) {
            panic!("tests/wire/{name}.txt:{}: {line}\n{wrong}", number + 1);
        }
    }
    talk.line("! again").unwrap();
}

/// A conversation as it is written.
fn text(name: &str) -> String {
    fs::read_to_string(folder().join(name).with_extension("txt")).unwrap()
}

/// The daemon that a conversation is held with; `None`, and said, where it cannot be held.
fn sandbox_of(text: &str, place: &Place) -> Option<Sandbox> {
    if text.lines().any(|line| line == "! needs attributes") && !need::attributes() {
        return None;
    }
    let options = text.lines().find_map(|line| line.strip_prefix("! with ")).unwrap_or_default();
    let options: Vec<_> = options.split_whitespace().chain(place.options().iter().copied()).collect();
    Some(Sandbox::prepared(&options, |root| {
        for order in text.lines().filter_map(|line| line.strip_prefix("! aside ")) {
            let (name, text) = order.split_once(' ').unwrap();
            fs::write(root.with_file_name("work").join(name), literal(text)).unwrap();
        }
    }))
}

struct Talk<'a> {
    sandbox: &'a Sandbox,
    raw: Raw,
    /// What `{name}`s stand for.
    known: HashMap<String, Vec<u8>>,
    /// What is sent in one go, once another line than `>` comes.
    unsent: Vec<u8>,
}

impl Talk<'_> {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let (kind, text) = line.split_once(' ').unwrap_or((line, ""));
        if kind != ">" {
            // A server that has closed says so in what it answers.
            let _ = self.raw.try_send(std::mem::take(&mut self.unsent));
        }
        match (kind, text) {
            ("" | "#", _) => Ok(()),
            (">", text) => {
                self.unsent.extend(self.bytes(&parts_of_line(text)));
                Ok(())
            }
            ("<", text) => self.expect(text),
            ("!", order) => self.obey(order),
            _ => Err("is no line of a conversation".to_owned()),
        }
    }

    /// What the parts of a line are as bytes to be sent.
    fn bytes(&self, parts: &[Part]) -> Vec<u8> {
        let one = |part: &Part| match part {
            Part::Bytes(bytes) => bytes.clone(),
            Part::Anything => b"*".to_vec(),
            Part::Named(name) => self.known.get(name).cloned().unwrap_or_default(),
        };
        parts.iter().flat_map(one).collect()
    }

    /// Reads one line, or as much as a line without its end says, and holds it against what is written.
    fn expect(&mut self, text: &str) -> Result<(), String> {
        let parts = parts_of_line(text);
        // As many lines as are written, then as many bytes as are written after the last of them.
        let wanted = self.bytes(&parts);
        let lines = wanted.iter().filter(|&&byte| byte == b'\n').count();
        let after = wanted.iter().rev().take_while(|&&byte| byte != b'\n').count();
        let mut got: Vec<u8> = (0..lines).flat_map(|_| self.raw.line()).collect();
        got.extend(self.raw.exactly(after));
        let taken = |part: &Part| matches!(part, Part::Named(name) if !self.known.contains_key(name));
        let pattern: String = parts.iter().map(|part| self.pattern(part)).collect();
        let pattern = regex::bytes::Regex::new(&format!("(?s-u)\\A{pattern}\\z")).unwrap();
        let found = pattern.captures(&got).ok_or_else(|| format!("came: {}", got.escape_ascii()))?;
        let names: Vec<_> = parts.into_iter().filter(taken).collect();
        for (name, value) in names.into_iter().zip(found.iter().skip(1).flatten()) {
            if let Part::Named(name) = name {
                self.known.insert(name, value.as_bytes().to_vec());
            }
        }
        Ok(())
    }

    /// A part as a pattern: what a name stands for already must come again.
    fn pattern(&self, part: &Part) -> String {
        let exactly = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        match part {
            Part::Bytes(bytes) => exactly(bytes),
            Part::Anything => r"[^\r\n]*".to_owned(),
            Part::Named(name) => {
                self.known.get(name).map_or(r"([^\r\n]*)".to_owned(), |known| exactly(known))
            }
        }
    }

    fn obey(&mut self, order: &str) -> Result<(), String> {
        let mut words = order.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default();
        match (word(), word(), word()) {
            ("with" | "aside" | "needs", ..) => {}
            ("keep", name, text) => drop(self.sandbox.keep(name, literal(text))),
            ("aged", name, _) => {
                let file = fs::File::options().write(true).open(self.sandbox.root().join(name)).unwrap();
                file.set_modified(UNIX_EPOCH + Duration::from_secs(784_111_777)).unwrap();
            }
            ("holds", name, text) => {
                let stored = fs::read(self.sandbox.root().join(name)).unwrap_or_else(|_| b"nothing".to_vec());
                if stored != literal(text) {
                    return Err(format!("{name} holds: {}", stored.escape_ascii()));
                }
            }
            ("lacks", name, _) if self.sandbox.root().join(name).exists() => {
                return Err(format!("{name} is there"));
            }
            ("lacks", ..) => {}
            ("again", ..) => {
                self.raw.end();
                self.nothing_more()?;
                self.raw = self.sandbox.connect();
            }
            ("cut", ..) => {
                self.raw.end();
                let _ = self.raw.rest();
                self.raw = self.sandbox.connect();
            }
            ("end", ..) => self.nothing_more()?,
            _ => return Err("is no order".to_owned()),
        }
        Ok(())
    }

    fn nothing_more(&mut self) -> Result<(), String> {
        let more = self.raw.rest();
        match more.is_empty() {
            true => Ok(()),
            false => Err(format!("and then came: {}", more.escape_ascii())),
        }
    }
}

/// What a line is made of.
enum Part {
    Bytes(Vec<u8>),
    Anything,
    Named(String),
}

/// The parts of a line with its end.
fn parts_of_line(line: &str) -> Vec<Part> {
    match line.strip_suffix("\\c") {
        Some(line) => parts_of(line),
        None => parts_of(&format!("{line}\\r\\n")),
    }
}

/// The parts of a text.
fn parts_of(mut text: &str) -> Vec<Part> {
    let special =
        Regex::new(r"^(?:\\x([0-9a-f]{2})|\\\{([0-9]+) ([^}]*)\}|\\(.)|(\*)|\{([a-z]+)\})").unwrap();
    let mut parts = Vec::new();
    while let Some(next) = text.chars().next() {
        let Some(found) = special.captures(text) else {
            parts.push(Part::Bytes(next.to_string().into_bytes()));
            text = &text[next.len_utf8()..];
            continue;
        };
        let group = |number: usize| found.get(number).map(|group| group.as_str());
        parts.push(if let Some(hex) = group(1) {
            Part::Bytes(vec![u8::from_str_radix(hex, 16).unwrap()])
        } else if let Some(count) = group(2) {
            Part::Bytes(literal(group(3).unwrap()).repeat(count.parse().unwrap()))
        } else if let Some(escape) = group(4) {
            let place = ["n", "r", "0", "\\", "*", "{"].iter().position(|known| *known == escape);
            Part::Bytes(vec![b"\n\r\0\\*{"[place.unwrap_or_else(|| panic!("\\{escape}: no such escape"))]])
        } else if group(5).is_some() {
            Part::Anything
        } else {
            Part::Named(group(6).unwrap().to_owned())
        });
        text = &text[found[0].len()..];
    }
    parts
}

/// The bytes of a text without names.
fn literal(text: &str) -> Vec<u8> {
    let bytes = |part| match part {
        Part::Bytes(bytes) => bytes,
        _ => panic!("{text}: names and stars mean nothing here"),
    };
    parts_of(text).into_iter().flat_map(bytes).collect()
}

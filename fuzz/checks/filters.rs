//! The filters against the plainest way to do the same: all in memory, a byte at a time. The first bytes say how a word
//! is matched, how long it and its replacement are, how many bytes come at once, and how often the text is repeated.

use std::io::Write;
use std::ops::Range;
use std::sync::LazyLock;

use cfp::text::{Filter, Matching, Replace, Reverse, Search, Show, Source, Word};
use regex::bytes::Regex;

use super::{Drip, numbers};

pub fn check(bytes: &[u8]) {
    let ([how, long, with, at_once, times], rest) = numbers(bytes);
    let (word, rest) = rest.split_at((1 + long % 8).min(rest.len()));
    let (with, text) = rest.split_at((with % 8).min(rest.len()));
    // Long enough to fill a block, but seldom: it takes a hundred times as long.
    let times = if (times, at_once) == (255, 255) { 1 + 70_000 / text.len().max(64) } else { 1 + times % 4 };
    let text = text.repeat(times);
    check_reverse(&text, at_once * 97);
    let matching = Matching { ignore_case: how & 1 != 0, substring: how & 2 != 0 };
    let Ok(prepared) = Word::new(word, matching) else { return };
    let search = |show| run(&Search::new(prepared.clone(), show), &text, at_once * 97);
    let count = search(Show::Count);
    let replace =
        |with: &[u8]| run(&Replace { word: prepared.clone(), with: with.to_vec() }, &text, at_once * 97);
    let changed = replace(with);
    // Folding beyond ASCII has tables of its own, and tests of its own.
    if matching.ignore_case && !(word.is_ascii() && text.is_ascii()) {
        let number: usize = std::str::from_utf8(&count).unwrap().trim_end().parse().unwrap();
        assert!(number <= text.len());
        return;
    }
    let found = occurrences(word, &text, matching);
    assert_eq!(count, format!("{}\n", found.len()).into_bytes());
    assert!(changed == replaced(&text, &found, with), "replace");
    assert!(search(Show::Lines { numbered: false }) == lines(&text, &found), "lines");
    assert!(matching.ignore_case || replace(word) == text, "replaced by itself");
}

/// Runs a filter on the text as a file and as a stream, which must come to the same.
fn run(filter: &dyn Filter, text: &[u8], at_once: usize) -> Vec<u8> {
    let (mut of_file, mut of_stream) = (Vec::new(), Vec::new());
    filter.run(Source::File(&text), &mut of_file).unwrap();
    let mut bytes = Drip::new(text, at_once);
    let spool = &|| tempfile::tempfile();
    filter.run(Source::Stream { bytes: &mut bytes, spool }, &mut of_stream as &mut dyn Write).unwrap();
    assert!(of_file == of_stream, "a stream is another text than a file");
    of_file
}

/// Where the word stands, leftmost first, not overlapping.
fn occurrences(word: &[u8], text: &[u8], matching: Matching) -> Vec<Range<usize>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at + word.len() <= text.len() {
        let end = at + word.len();
        let same = match matching.ignore_case {
            true => text[at..end].eq_ignore_ascii_case(word),
            false => text[at..end] == *word,
        };
        match same && (matching.substring || stands_alone(text, at, end)) {
            true => {
                found.push(at..end);
                at = end;
            }
            false => at += 1,
        }
    }
    found
}

fn stands_alone(text: &[u8], at: usize, end: usize) -> bool {
    static BEFORE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\w\z").unwrap());
    static AFTER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\A\w").unwrap());
    let (before, after) = (&text[at.saturating_sub(4)..at], &text[end..(end + 4).min(text.len())]);
    !BEFORE.is_match(before) && !AFTER.is_match(after)
}

fn replaced(text: &[u8], found: &[Range<usize>], with: &[u8]) -> Vec<u8> {
    let (mut changed, mut at) = (Vec::new(), 0);
    for range in found {
        changed.extend_from_slice(&text[at..range.start]);
        changed.extend_from_slice(with);
        at = range.end;
    }
    changed.extend_from_slice(&text[at..]);
    changed
}

/// The lines that hold a byte of an occurrence, each with a newline.
fn lines(text: &[u8], found: &[Range<usize>]) -> Vec<u8> {
    let (mut shown, mut begin, mut left) = (Vec::new(), 0, found);
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let end = begin + line.len();
        left = &left[left.iter().take_while(|range| range.end <= begin).count()..];
        if left.first().is_some_and(|range| range.start < end) {
            shown.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            shown.push(b'\n');
        }
        begin = end;
    }
    shown
}

/// The byte order mark.
const MARK: &[u8] = b"\xef\xbb\xbf";

fn check_reverse(text: &[u8], at_once: usize) {
    for per_line in [false, true] {
        let once = run(&Reverse { per_line }, text, at_once);
        // A byte order mark at the beginning stays there.
        let rest = text.strip_prefix(MARK).unwrap_or(text);
        let changed = match per_line {
            false => reversed(rest),
            true => rest.split_inclusive(|&byte| byte == b'\n').flat_map(reversed).collect(),
        };
        let expected = [&text[..text.len() - rest.len()], &changed].concat();
        assert!(once == expected, "reverse");
        // A word that brings a mark to the beginning leaves it there.
        if once.starts_with(MARK) == text.starts_with(MARK) {
            assert!(run(&Reverse { per_line }, &once, at_once) == text, "reverse twice");
        }
    }
}

/// The words last first, the white space where it is.
fn reversed(text: &[u8]) -> Vec<u8> {
    let mut is_space = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        let each = chunk.valid().chars().flat_map(|char| vec![char.is_whitespace(); char.len_utf8()]);
        is_space.extend(each.chain(chunk.invalid().iter().map(|_| false)));
    }
    let mut parts: Vec<Range<usize>> = Vec::new();
    for (at, space) in is_space.iter().enumerate() {
        match parts.last_mut() {
            Some(part) if is_space[part.start] == *space => part.end = at + 1,
            _ => parts.push(at..at + 1),
        }
    }
    let mut words: Vec<_> = parts.iter().filter(|part| !is_space[part.start]).cloned().collect();
    let mut changed = Vec::with_capacity(text.len());
    for part in parts {
        let part = if is_space[part.start] { part } else { words.pop().unwrap() };
        changed.extend_from_slice(&text[part]);
    }
    changed
}

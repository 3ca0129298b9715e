//! The text room against models written for the purpose: slow, plain, and without a line in common with it.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

use cfp::text::{Filter, Matching, Replace, Reverse, Search, Show, Source, Word};
use proptest::prelude::*;

/// Parts of words and texts: word characters of all widths, punctuation, white space, and bytes that are no text.
const PARTS: &[&[u8]] = &[
    b"a",
    b"b",
    b"A",
    b"k",
    b"K",
    b"s",
    b"S",
    b"i",
    b"I",
    b"_",
    b"1",
    b"-",
    b".",
    b"+",
    b" ",
    b"\n",
    b"\r\n",
    b"\0",
    b"\t",
    "é".as_bytes(),
    "É".as_bytes(),
    "\u{301}".as_bytes(),
    "\u{200d}".as_bytes(),
    "\u{212a}".as_bytes(),
    "ſ".as_bytes(),
    "σ".as_bytes(),
    "ς".as_bytes(),
    "Σ".as_bytes(),
    "ı".as_bytes(),
    "İ".as_bytes(),
    "ß".as_bytes(),
    "ẞ".as_bytes(),
    "世".as_bytes(),
    "😀".as_bytes(),
    "𐐀".as_bytes(),
    "𐐨".as_bytes(),
    "\u{feff}".as_bytes(),
    "\u{2003}".as_bytes(),
    "\u{3000}".as_bytes(),
    "\u{85}".as_bytes(),
];

const NO_TEXT: &[&[u8]] =
    &[b"\xff", b"\x80", b"\xa9", b"\xc3", b"\xe2", b"\xe2\x80", b"\xe2\x84", b"\xf0\x9f", b"\xed\xa0\x80"];

/// Characters that are the same when case does not matter, by hand from CaseFolding.txt (statuses C and S).
const SAME: &[&str] = &["aA", "bB", "kK\u{212a}", "sSſ", "iI", "éÉ", "σςΣ", "ßẞ", "𐐀𐐨"];

/// Word characters of the above that are neither letters nor digits.
const ALSO_WORD: &str = "_\u{301}\u{200d}";

/// Characters and bytes that are part of none, with where they begin.
fn symbols(bytes: &[u8]) -> Vec<(usize, Result<char, u8>)> {
    let mut symbols = Vec::new();
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        symbols.extend(chunk.valid().char_indices().map(|(index, char)| (at + index, Ok(char))));
        at += chunk.valid().len();
        symbols.extend(chunk.invalid().iter().enumerate().map(|(index, &byte)| (at + index, Err(byte))));
        at += chunk.invalid().len();
    }
    symbols
}

fn is_same(one: Result<char, u8>, other: Result<char, u8>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => {
            one == other || SAME.iter().any(|same| same.contains(one) && same.contains(other))
        }
        _ => one == other,
    }
}

fn is_word(symbol: Option<Result<char, u8>>) -> bool {
    symbol.and_then(Result::ok).is_some_and(|char| char.is_alphanumeric() || ALSO_WORD.contains(char))
}

/// Where the word ends if it stands at `at`.
fn end_of(word: &[u8], ignore_case: bool, text: &[u8], at: usize) -> Option<usize> {
    if !ignore_case {
        return text[at..].starts_with(word).then_some(at + word.len());
    }
    let (word, all) = (symbols(word), symbols(text));
    let index = all.iter().position(|symbol| symbol.0 == at)?;
    let there = all.get(index..index + word.len())?;
    let same = there.iter().zip(&word).all(|(one, other)| is_same(one.1, other.1));
    same.then(|| all.get(index + word.len()).map_or(text.len(), |symbol| symbol.0))
}

/// The byte order mark.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Section "search, replace" of docs/words.md, word by word.
fn occurrences(word: &[u8], matching: Matching, text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let stands = |end: &usize| {
            let before = (0..at).rev().take(4).find_map(|from| match symbols(&text[from..at])[..] {
                [(_, Ok(char))] => Some(Ok(char)),
                _ => None,
            });
            let after = symbols(&text[*end..text.len().min(end + 4)]).first().map(|first| first.1);
            matching.substring || !is_word(before) && !is_word(after)
        };
        match end_of(word, matching.ignore_case, text, at).filter(stands) {
            Some(end) => {
                found.push(at..end);
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

fn replaced(text: &[u8], found: &[Range<usize>], with: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    for range in found {
        out.extend([&text[at..range.start], with].concat());
        at = range.end;
    }
    out.extend(&text[at..]);
    out
}

fn matching_lines(text: &[u8], found: &[Range<usize>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut begin = 0;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let end = begin + line.len();
        if found.iter().any(|range| range.start < end && range.end > begin) {
            out.extend(line);
            out.extend((!line.ends_with(b"\n")).then_some(b'\n'));
        }
        begin = end;
    }
    out
}

/// Section "reverse" of docs/words.md: a byte order mark at the beginning stays there.
fn reversed(text: &[u8]) -> Vec<u8> {
    match text.strip_prefix(MARK) {
        Some(rest) => [MARK, &words_reversed(rest)].concat(),
        None => words_reversed(text),
    }
}

/// The words of a text without its mark: an invalid byte is no white space.
fn words_reversed(text: &[u8]) -> Vec<u8> {
    let mut runs: Vec<(bool, Vec<u8>)> = vec![(true, Vec::new())];
    let symbols = symbols(text);
    for (index, (from, symbol)) in symbols.iter().enumerate() {
        let to = symbols.get(index + 1).map_or(text.len(), |next| next.0);
        let is_space = symbol.is_ok_and(char::is_whitespace);
        if runs.last().is_none_or(|last| last.0 != is_space) {
            runs.push((is_space, Vec::new()));
        }
        runs.last_mut().unwrap().1.extend(&text[*from..to]);
    }
    let words: Vec<_> = runs.iter().filter(|run| !run.0).map(|run| run.1.clone()).collect();
    let mut words = words.into_iter().rev();
    runs.into_iter().flat_map(|(is_space, run)| if is_space { run } else { words.next().unwrap() }).collect()
}

fn reversed_by_line(text: &[u8]) -> Vec<u8> {
    let rest = text.strip_prefix(MARK).unwrap_or(text);
    let lines: Vec<u8> = rest.split_inclusive(|&byte| byte == b'\n').flat_map(words_reversed).collect();
    [&text[..text.len() - rest.len()], &lines].concat()
}

/// Yields given pieces, one a read.
struct Pieces<'a>(Vec<&'a [u8]>);

impl<'a> Pieces<'a> {
    fn cut(text: &'a [u8], cuts: &[usize]) -> Self {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (text.len() + 1)).chain([0, text.len()]).collect();
        cuts.sort_unstable();
        Pieces(
            cuts.windows(2)
                .rev()
                .map(|cut| &text[cut[0]..cut[1]])
                .filter(|piece| !piece.is_empty())
                .collect(),
        )
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = self.0.last_mut() else { return Ok(0) };
        let count = piece.read(buffer)?;
        if piece.is_empty() {
            self.0.pop();
        }
        Ok(count)
    }
}

fn spool() -> io::Result<File> {
    tempfile::tempfile()
}

/// What a filter makes of a text: as a file, cut in two at every byte, byte by byte, and cut as given.
fn filtered(filter: &dyn Filter, text: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut expected = Vec::new();
    filter.run(Source::File(&text), &mut expected).unwrap();
    let every_byte: Vec<_> = (0..text.len()).collect();
    let ways = (0..text.len()).map(|cut| vec![cut]).chain([every_byte, cuts.to_vec()]);
    for cuts in ways {
        let mut out = Vec::new();
        let bytes = &mut Pieces::cut(text, &cuts);
        filter.run(Source::Stream { bytes, spool: &spool }, &mut out).unwrap();
        assert_eq!(out, expected, "cut at {cuts:?}");
    }
    expected
}

fn bytes_of(parts: &'static [&'static [u8]], most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(parts), 0..most).prop_map(|parts| parts.concat())
}

/// A word and a text in which it is likely to stand, next to other things.
fn word_and_text(valid: bool) -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let any = move |most| {
        let parts = bytes_of(PARTS, most);
        if valid { parts.boxed() } else { prop_oneof![3 => parts, 1 => bytes_of(NO_TEXT, 3)].boxed() }
    };
    let few = prop_oneof![Just(&PARTS[..3]), Just(&PARTS[9..17]), Just(&PARTS[2..9]), Just(PARTS)]
        .prop_flat_map(|parts| prop::collection::vec(prop::sample::select(parts), 1..5))
        .prop_map(|parts| parts.concat());
    let word = if valid { few.boxed() } else { prop_oneof![few, any(4)].boxed() };
    word.prop_filter("a word", |word| !word.is_empty()).prop_flat_map(move |word| {
        let swapped: Vec<u8> = symbols(&word).iter().flat_map(|symbol| swap_case(symbol.1)).collect();
        let piece = prop_oneof![Just(word.clone()), Just(swapped), any(3)];
        let text = prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
        (Just(word), text)
    })
}

fn swap_case(symbol: Result<char, u8>) -> Vec<u8> {
    match symbol {
        Ok(char) => {
            let same = SAME.iter().find(|same| same.contains(char));
            same.and_then(|same| same.chars().rfind(|other| *other != char))
                .unwrap_or(char)
                .to_string()
                .into_bytes()
        }
        Err(byte) => vec![byte],
    }
}

fn matching() -> impl Strategy<Value = Matching> {
    (any::<bool>(), any::<bool>()).prop_map(|(ignore_case, substring)| Matching { ignore_case, substring })
}

fn no_text(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![bytes_of(PARTS, 4), bytes_of(NO_TEXT, 3)], 0..most)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn search_and_replace_do_what_the_model_does(
        (word, text) in word_and_text(false),
        matching in matching(),
        cuts in prop::collection::vec(any::<usize>(), 0..4),
    ) {
        let found = occurrences(&word, matching, &text);
        let word = Word::new(&word, matching).unwrap();
        let count = format!("{}\n", found.len()).into_bytes();
        let json = format!("{{\"count\":{}}}\n", found.len()).into_bytes();
        let search = |show| Search::new(word.clone(), show);
        prop_assert_eq!(filtered(&search(Show::Count), &text, &cuts), count);
        prop_assert_eq!(filtered(&search(Show::Json), &text, &cuts), json);
        prop_assert_eq!(filtered(&search(Show::Lines { numbered: false }), &text, &cuts), matching_lines(&text, &found));
        let replace = Replace { word: word.clone(), with: b"<>".to_vec() };
        prop_assert_eq!(filtered(&replace, &text, &cuts), replaced(&text, &found, b"<>"));
    }

    #[test]
    fn search_finds_what_ripgrep_finds_on_text((word, text) in word_and_text(true), matching in matching()) {
        let literal = regex::escape(std::str::from_utf8(&word).unwrap());
        let flags = if matching.ignore_case { "(?i)" } else { "" };
        let pattern = if matching.substring { literal } else { format!(r"\b{{start-half}}(?:{literal})\b{{end-half}}") };
        let regex = regex::bytes::Regex::new(&format!("{flags}{pattern}")).unwrap();
        let found: Vec<_> = regex.find_iter(&text).map(|found| found.range()).collect();
        let replace = Replace { word: Word::new(&word, matching).unwrap(), with: b"<>".to_vec() };
        prop_assert_eq!(filtered(&replace, &text, &[]), replaced(&text, &found, b"<>"));
    }

    #[test]
    fn reverse_does_what_the_model_does_and_twice_is_nothing(
        text in no_text(12),
        cuts in prop::collection::vec(any::<usize>(), 0..4),
    ) {
        for (per_line, model) in [(false, reversed as fn(&[u8]) -> Vec<u8>), (true, reversed_by_line)] {
            let once = filtered(&Reverse { per_line }, &text, &cuts);
            prop_assert_eq!(&once, &model(&text));
            // A word that brings a mark to the beginning leaves it there.
            if once.starts_with(MARK) == text.starts_with(MARK) {
                prop_assert_eq!(filtered(&Reverse { per_line }, &once, &cuts), text.clone());
            }
        }
    }
}

/// More than a block of everything: several hundred kilobytes that differ from place to place.
fn long_text(seed: usize, most: usize) -> Vec<u8> {
    let mut state = seed as u64;
    let mut text = Vec::new();
    while text.len() < 700_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (all, picked) = (PARTS.len() + NO_TEXT.len(), (state >> 33) as usize);
        let part = PARTS.iter().chain(NO_TEXT).nth(picked % all).unwrap();
        let times = if picked / all % 64 == 0 { 1 + picked / all % most } else { 1 };
        text.extend(part.repeat(times));
    }
    text
}

#[test]
fn texts_of_many_blocks_are_treated_as_the_models_treat_them() {
    for (seed, most) in [(1, 8), (2, 300), (3, 200_000)] {
        let text = long_text(seed, most);
        let apply = |filter: &dyn Filter| {
            let (mut file, mut stream) = (Vec::new(), Vec::new());
            filter.run(Source::File(&text.as_slice()), &mut file).unwrap();
            let bytes = &mut text.as_slice();
            filter.run(Source::Stream { bytes, spool: &spool }, &mut stream).unwrap();
            assert!(file == stream, "a file and a stream differ, seed {seed}");
            file
        };
        assert!(apply(&Reverse { per_line: false }) == reversed(&text), "seed {seed}");
        assert!(apply(&Reverse { per_line: true }) == reversed_by_line(&text), "seed {seed}");
        for word in ["é", "a", "\n", "k ", "世\n"] {
            for substring in [false, true] {
                let matching = Matching { ignore_case: false, substring };
                let found = occurrences(word.as_bytes(), matching, &text);
                let word = Word::new(word.as_bytes(), matching).unwrap();
                assert!(apply(&Replace { word: word.clone(), with: vec![] }) == replaced(&text, &found, b""));
                let count = Search::new(word, Show::Count).count(Source::File(&text.as_slice())).unwrap();
                assert_eq!(count, found.len() as u64);
            }
        }
    }
}

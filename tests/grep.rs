//! What `rg --word-regexp --fixed-strings` finds, cfp-search counts and cfp-replace replaces: twenty words in five
//! texts, here and on the server, against the regex crate's half boundaries, which is what ripgrep means by a word.
//! And the same texts reversed twice, which must give back every byte.

use std::fs;
use std::process::Stdio;
use std::sync::LazyLock;
use std::thread;

use crate::common::Sandbox;
use regex::bytes::{NoExpand, Regex};

/// Words, phrases, and what begins or ends with what is no word character.
const WORDS: [&str; 20] = [
    "the",
    "license",
    "License",
    "a",
    "1",
    "the Work",
    "Work, the",
    "(the",
    "notice)",
    "--",
    "\u{3bb}\u{3cc}\u{3b3}\u{3bf}\u{3c2}",
    "\u{441}\u{43b}\u{43e}\u{432}\u{43e}",
    "\u{8a9e}",
    "\u{8a00}\u{8a9e}",
    "caf\u{e9}",
    "\u{e9}",
    "na\u{ef}ve word",
    "error",
    "the\nnotice",
    "10.0.0.1",
];

/// Pieces that texts are made of: the words among neighbours that make them words and neighbours that do not.
const PIECES: [&str; 40] = [
    "the",
    "The",
    "license",
    "License",
    "licensed",
    "a",
    "an",
    "1",
    "11",
    "Work",
    "Work,",
    "(the",
    "notice)",
    "notice",
    "--",
    "the-other",
    "the_other",
    "then",
    "breathe",
    "error",
    "errors:",
    "10.0.0.1",
    "10.0.0.10",
    "110.0.0.1",
    "x",
    "\u{3bb}\u{3cc}\u{3b3}\u{3bf}\u{3c2}",
    "\u{3bb}\u{3cc}\u{3b3}\u{3bf}\u{3c2};",
    "\u{441}\u{43b}\u{43e}\u{432}\u{43e}",
    "\u{441}\u{43b}\u{43e}\u{432}\u{43e}\u{43c}",
    "\u{8a9e}",
    "\u{8a00}\u{8a9e}",
    "\u{300c}\u{8a9e}\u{300d}",
    "caf\u{e9}",
    "cafe\u{301}",
    "\u{e9}",
    "\u{e9}\u{301}",
    "na\u{ef}ve",
    "word",
    "\u{1f600}",
    "\u{200d}the",
];
const SPACES: [&str; 10] = [" ", " ", " ", " ", " ", " ", "\n", "\n", "  ", ""];

/// Numbers that look like chance and are the same every time (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

/// A text of at least this size, of the pieces that are wanted.
fn prose(size: usize, wanted: impl Fn(&str) -> bool) -> Vec<u8> {
    let pieces: Vec<_> = PIECES.into_iter().filter(|piece| wanted(piece)).collect();
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    let mut text = Vec::with_capacity(size + 64);
    while text.len() < size {
        text.extend_from_slice(pieces[chance.below(pieces.len())].as_bytes());
        text.extend_from_slice(SPACES[chance.below(SPACES.len())].as_bytes());
    }
    text
}

fn ascii() -> Vec<u8> {
    prose(200_000, str::is_ascii)
}

fn utf8() -> Vec<u8> {
    prose(300_000, |_| true)
}

fn crlf() -> Vec<u8> {
    String::from_utf8(ascii()).unwrap().replace('\n', "\r\n").into_bytes()
}

/// Bytes without any rule, with words strewn among them.
fn random() -> Vec<u8> {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut bytes = Vec::new();
    while bytes.len() < 300_000 {
        bytes.extend(
            (0..chance.below(6)).map(|_| u8::try_from(chance.below(256)).unwrap()).collect::<Vec<_>>(),
        );
        bytes.extend_from_slice(WORDS[chance.below(WORDS.len())].as_bytes());
    }
    bytes
}

/// 100 MiB of lines as a server writes them.
fn log() -> Vec<u8> {
    let mut chance = Chance(0xd1b5_4a32_d192_ed03);
    let block: String = (0..20_000)
        .map(|line| {
            let (address, status) = (chance.below(300), [200, 304, 404][chance.below(3)]);
            let piece = PIECES[chance.below(PIECES.len())];
            format!("10.0.0.{address} - - [06/Nov/1994:08:49:37] \"GET /{line}/{piece} HTTP/1.1\" {status} -- {piece}\n")
        })
        .collect();
    block.into_bytes().into_iter().cycle().take(100 << 20).collect()
}

/// What ripgrep means by a word.
fn model(word: &str) -> Regex {
    Regex::new(&format!(r"\b{{start-half}}(?:{})\b{{end-half}}", regex::escape(word))).unwrap()
}

static MODELS: LazyLock<Vec<Regex>> = LazyLock::new(|| WORDS.iter().map(|word| model(word)).collect());

/// Three ways to the same work: in this process, over the wire and back, and where the file is.
const WAYS: [&[&str]; 3] = [&["--local", "text"], &["text"], &[":text"]];

/// A sandbox with the text on both sides.
fn with(text: &[u8]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("text", text);
    sandbox.keep("text", text);
    sandbox
}

/// Where a private use character stands for byte 0.
const STANDS: u32 = 0xf_0000;

/// A text with each byte that is no UTF-8 as a character that is no word character: the regex crate holds that no
/// word begins or ends beside such a byte, and cfp that it is a neighbour like a space.
fn marked(text: &[u8]) -> String {
    let stand_in = |byte: &u8| char::from_u32(STANDS + u32::from(*byte)).unwrap();
    let marked = text
        .utf8_chunks()
        .flat_map(|chunk| chunk.valid().chars().chain(chunk.invalid().iter().map(stand_in)));
    marked.collect()
}

/// The text that was marked.
fn unmarked(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for char in std::str::from_utf8(text).unwrap().chars() {
        match u8::try_from(u32::from(char).wrapping_sub(STANDS)) {
            Ok(byte) => bytes.push(byte),
            Err(_) => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

fn agrees(text: &[u8]) {
    let sandbox = with(text);
    let marked = marked(text).into_bytes();
    assert!(unmarked(&marked) == text);
    let mut found = 0;
    for (word, model) in WORDS.iter().zip(MODELS.iter()) {
        let count = model.find_iter(&marked).count();
        found += usize::from(count > 0);
        let replaced = unmarked(&model.replace_all(&marked, NoExpand(b"<$0>")));
        for way in WAYS {
            let arguments =
                |first: &[&'static str]| [&way[..way.len() - 1], first, &way[way.len() - 1..]].concat();
            let code = i32::from(count == 0);
            sandbox.run("cfp-search", arguments(&["--", word])).code(code).stdout(format!("{count}\n"));
            let output = sandbox.run("cfp-replace", arguments(&["--", word, "<$0>"])).success();
            assert!(output.get_output().stdout == replaced, "{word:?} {way:?}: another text");
        }
    }
    assert!(found >= 10, "only {found} words occur");
}

#[test]
fn an_ascii_text() {
    agrees(&ascii());
}

#[test]
fn a_text_in_many_scripts() {
    agrees(&utf8());
}

#[test]
fn a_text_with_crlf() {
    agrees(&crlf());
}

#[test]
fn bytes_that_are_no_text() {
    agrees(&random());
}

/// A hundred MiB: every word is counted, one is replaced, each on its own way.
#[test]
fn a_large_log() {
    let text = log();
    let sandbox = with(&text);
    let counts: Vec<usize> = thread::scope(|scope| {
        let halves = [&MODELS[..10], &MODELS[10..]].map(|models| {
            let text = &text;
            scope.spawn(move || models.iter().map(|model| model.find_iter(text).count()).collect::<Vec<_>>())
        });
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    for ((word, count), number) in WORDS.iter().zip(&counts).zip(0..) {
        let way = if number % 2 == 0 { ":text" } else { "text" };
        let code = i32::from(*count == 0);
        sandbox.run("cfp-search", ["--", word, way]).code(code).stdout(format!("{count}\n"));
        sandbox.run("cfp-search", ["--local", "--", word, "text"]).code(code).stdout(format!("{count}\n"));
    }
    let replaced = MODELS[17].replace_all(&text, NoExpand(b"<$0>")).into_owned();
    for way in WAYS {
        let arguments = [way, &["-o", "out"]].concat();
        sandbox.run("cfp-replace", [&["error", "<$0>"], &arguments[..]].concat()).success();
        assert!(fs::read(sandbox.work().join("out")).unwrap() == replaced, "{way:?}: another text");
    }
}

/// `cfp-reverse f | cfp-reverse | cmp - f`.
#[test]
fn reversed_twice_every_byte_comes_back() {
    for (name, text) in
        [("ascii", ascii()), ("utf8", utf8()), ("crlf", crlf()), ("random", random()), ("log", log())]
    {
        let sandbox = with(&text);
        for (first, second) in
            [("cfp-reverse text", "cfp-reverse --local"), ("cfp-reverse :text", "cfp-reverse")]
        {
            let mut command = sandbox.command("sh");
            command
                .arg("-euc")
                .arg(format!("{first} > once; ! cmp -s once text; {second} < once | cmp - text"));
            let output = command.stdin(Stdio::null()).output().unwrap();
            assert!(output.status.success(), "{name}, {first} | {second}: {output:?}");
        }
    }
}

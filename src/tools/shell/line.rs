//! Parses a command line of the shell into words, quoted as in a POSIX shell with 'x', "x" or \x. A `#` at the beginning
//! of a word begins a comment, and `\xNN` is the byte with that number, as lists show it. It does not know the commands.

use crate::error::{Error, Result, is_control};

/// The bytes that mean something in a glob, unless a backslash precedes them.
const GLOB: &[u8] = b"*?[]{}\\";

/// A word as a glob: a backslash precedes each byte that was quoted and would mean something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShellWord(pub Vec<u8>);

impl ShellWord {
    /// Makes the word of an answer, in which nothing is quoted but `\xNN`.
    pub fn of_answer(answer: &[u8]) -> Self {
        let mut word = ShellWord::default();
        let mut rest = answer;
        while let [byte, after @ ..] = rest {
            match numbered(rest) {
                Some(numbered) => {
                    word.push_quoted(numbered);
                    rest = after.get(3..).unwrap_or_default();
                }
                None => {
                    if *byte == b'\\' {
                        word.0.push(b'\\');
                    }
                    word.0.push(*byte);
                    rest = after;
                }
            }
        }
        word
    }

    /// Returns the bytes that it means if it is no glob.
    pub fn literal(&self) -> Vec<u8> {
        let mut literal = Vec::with_capacity(self.0.len());
        let mut bytes = self.0.iter().copied();
        while let Some(byte) = bytes.next() {
            literal.extend(if byte == b'\\' { bytes.next() } else { Some(byte) });
        }
        literal
    }

    /// Returns whether it is a glob.
    pub fn is_glob(&self) -> bool {
        let mut bytes = self.0.iter().copied();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\\' => drop(bytes.next()),
                b'*' | b'?' | b'[' | b'{' => return true,
                _ => {}
            }
        }
        false
    }

    fn push_quoted(&mut self, byte: u8) {
        if GLOB.contains(&byte) {
            self.0.push(b'\\');
        }
        self.0.push(byte);
    }
}

/// A line split into words.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The words.
    pub words: Vec<ShellWord>,
    /// The position of the last word; the end of the line, if it ends in white space or is empty.
    pub last: usize,
    /// The quote that is not closed.
    pub open: Option<u8>,
    /// Whether the last word may still grow: no white space follows it.
    pub grows: bool,
}

impl Line {
    /// Parses a line that may be incomplete.
    pub fn part(text: &[u8]) -> Self {
        let mut line = Line { last: text.len(), ..Line::default() };
        let mut word: Option<ShellWord> = None;
        let mut at = 0;
        while let [byte, after @ ..] = text.get(at..).unwrap_or_default() {
            let byte = *byte;
            if word.is_none() && byte == b'#' {
                break;
            }
            if word.is_none() && !byte.is_ascii_whitespace() {
                line.last = at;
            }
            at += 1;
            match (line.open, byte) {
                (Some(quote), byte) if byte == quote => line.open = None,
                (Some(b'\''), byte) => word.get_or_insert_default().push_quoted(byte),
                (None, b'\\') if numbered(text.get(at - 1..).unwrap_or_default()).is_some() => {
                    word.get_or_insert_default()
                        .push_quoted(numbered(text.get(at - 1..).unwrap_or_default()).unwrap_or_default());
                    at += 3;
                }
                (_, b'\\') => {
                    let word = word.get_or_insert_default();
                    if let Some(next) = after.first() {
                        if line.open.is_some() && !matches!(next, b'"' | b'\\') {
                            word.push_quoted(b'\\');
                        }
                        word.push_quoted(*next);
                        at += 1;
                    }
                }
                (Some(_), byte) => word.get_or_insert_default().push_quoted(byte),
                (None, b'\'' | b'"') => {
                    line.open = Some(byte);
                    word.get_or_insert_default();
                }
                (None, byte) if byte.is_ascii_whitespace() => {
                    line.words.extend(word.take());
                    line.last = text.len();
                }
                (None, byte) => word.get_or_insert_default().0.push(byte),
            }
        }
        line.grows = word.is_some();
        line.words.extend(word);
        line
    }

    /// Parses a complete line.
    pub fn parse(text: &[u8]) -> Result<Vec<ShellWord>> {
        let line = Line::part(text);
        match line.open {
            Some(quote) => Err(Error::usage(format!("a {} is not closed", char::from(quote)))),
            None => Ok(line.words),
        }
    }
}

/// Returns the byte that `\xNN` at the beginning of a text means.
fn numbered(text: &[u8]) -> Option<u8> {
    let [b'\\', b'x', high @ b'0'..=b'f', low @ b'0'..=b'f', ..] = text else { return None };
    u8::from_str_radix(std::str::from_utf8(&[*high, *low]).ok()?, 16).ok()
}

/// Quotes a name, so that [`Line::parse`] returns it and a terminal only shows it.
pub fn quoted(name: &[u8]) -> String {
    let is_special = |at: usize, char: char| {
        char == ' ' || matches!(char, '\'' | '"' | '*' | '?' | '[' | '{' | '\\') || (at == 0 && char == '#')
    };
    typed(name, |at, char| is_special(at, char).then(|| format!("\\{char}")))
}

/// Writes a name as an answer, so that [`ShellWord::of_answer`] returns it and a terminal only shows it.
pub fn answered(name: &[u8]) -> String {
    typed(name, |at, char| {
        let is_number = char == '\\' && numbered(name.get(at..).unwrap_or_default()).is_some();
        is_number.then(|| "\\x5c".to_owned())
    })
}

/// Writes a name with what `instead` returns for a character at an offset, and `\xNN` for what is no text.
fn typed(name: &[u8], instead: impl Fn(usize, char) -> Option<String>) -> String {
    let (mut typed, mut at) = (String::with_capacity(name.len()), 0);
    let number = |typed: &mut String, bytes: &[u8]| {
        bytes.iter().for_each(|byte| *typed += &format!("\\x{byte:02x}"));
    };
    for chunk in name.utf8_chunks() {
        for char in chunk.valid().chars() {
            match instead(at, char) {
                Some(other) => typed += &other,
                None if is_control(char) => number(&mut typed, char.encode_utf8(&mut [0; 4]).as_bytes()),
                None => typed.push(char),
            }
            at += char.len_utf8();
        }
        number(&mut typed, chunk.invalid());
        at += chunk.invalid().len();
    }
    typed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(text: &str) -> Vec<Vec<u8>> {
        Line::parse(text.as_bytes()).unwrap().iter().map(ShellWord::literal).collect()
    }

    #[test]
    fn words_are_parted_as_a_shell_parts_them() {
        let rows: [(&str, &[&str]); 12] = [
            ("", &[]),
            ("  search  w :f\t", &["search", "w", ":f"]),
            ("a 'two words' b", &["a", "two words", "b"]),
            (r#""x\"y\\z\n" ''"#, &["x\"y\\z\\n", ""]),
            (r"two\ words \'", &["two words", "'"]),
            ("a'b'\"c\"d", &["abcd"]),
            (r"'\'", &["\\"]),
            ("é ü", &["é", "ü"]),
            ("# all of it", &[]),
            ("a#b #c 'd", &["a#b"]),
            (r"'#a' \#b", &["#a", "#b"]),
            (r"a\x1b\x5cx '\x41' \xg", &["a\x1b\\x", r"\x41", "xg"]),
        ];
        for (text, words) in rows {
            let expected: Vec<_> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
            assert_eq!(literals(text), expected, "{text}");
        }
        assert!(Line::parse(b"a 'b").is_err() && Line::parse(b"\"").is_err());
    }

    #[test]
    fn what_is_quoted_is_no_glob() {
        let rows = [
            ("*.txt", true),
            ("[ab]", true),
            ("a?", true),
            ("{a,b}", true),
            ("plain", false),
            (r"\*.txt", false),
            ("'*'.txt", false),
            ("\"a?\"", false),
            (r"\x2a", false),
            ("'*'*", true),
        ];
        for (text, is_glob) in rows {
            assert_eq!(Line::parse(text.as_bytes()).unwrap()[0].is_glob(), is_glob, "{text}");
        }
    }

    #[test]
    fn an_unfinished_line_says_where_its_last_word_begins() {
        for (text, last, grows) in [("a b", 2, true), ("a ", 2, false), ("", 0, false), ("a 'x y", 2, true)] {
            let line = Line::part(text.as_bytes());
            assert_eq!((line.last, line.grows), (last, grows), "{text}");
        }
    }

    #[test]
    fn what_is_quoted_comes_out_as_it_was() {
        let names: [&[u8]; 9] = [
            b"two words",
            b"it's",
            b"\"\\",
            b"plain",
            b"#1",
            b"a*[b]{c}?",
            b"e\x1b\n\t",
            b"\xff\xfe",
            b"a\\x41",
        ];
        for name in names {
            let typed = quoted(name);
            assert_eq!(Line::parse(typed.as_bytes()).unwrap()[0].literal(), name, "{typed}");
            assert_eq!(ShellWord::of_answer(answered(name).as_bytes()).literal(), name, "{typed}");
            assert!(!typed.contains(is_control));
        }
        assert!(!Line::parse(quoted(b"a*[b]{c}?").as_bytes()).unwrap()[0].is_glob());
        assert_eq!(ShellWord::of_answer(br"C:\dir\file").literal(), br"C:\dir\file");
    }
}

//! Parses a command line of the shell into words, quoted as in a POSIX shell with 'x', "x" or \x. It does not know the
//! commands.

use crate::error::{Error, Result};

/// A line split into words.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The words, without quotes.
    pub words: Vec<Vec<u8>>,
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
        let mut bytes = text.iter().copied().enumerate();
        let mut word: Option<Vec<u8>> = None;
        while let Some((at, byte)) = bytes.next() {
            if word.is_none() && !byte.is_ascii_whitespace() {
                line.last = at;
            }
            match (line.open, byte) {
                (Some(quote), byte) if byte == quote => line.open = None,
                (Some(b'\''), byte) => word.get_or_insert_default().push(byte),
                (_, b'\\') => {
                    let next = bytes.next().map(|(_, next)| next);
                    let kept = next.filter(|next| line.open.is_some() && !matches!(next, b'"' | b'\\'));
                    let word = word.get_or_insert_default();
                    word.extend(kept.map(|_| b'\\'));
                    word.extend(next);
                }
                (Some(_), byte) => word.get_or_insert_default().push(byte),
                (None, b'\'' | b'"') => {
                    line.open = Some(byte);
                    word.get_or_insert_default();
                }
                (None, byte) if byte.is_ascii_whitespace() => {
                    line.words.extend(word.take());
                    line.last = text.len();
                }
                (None, byte) => word.get_or_insert_default().push(byte),
            }
        }
        line.grows = word.is_some();
        line.words.extend(word);
        line
    }

    /// Parses a complete line.
    pub fn parse(text: &[u8]) -> Result<Vec<Vec<u8>>> {
        let line = Line::part(text);
        match line.open {
            Some(quote) => Err(Error::usage(format!("a {} is not closed", char::from(quote)))),
            None => Ok(line.words),
        }
    }
}

/// Quotes a word, so that [`Line::parse`] returns it.
pub fn quoted(word: &str) -> String {
    let mut typed = String::with_capacity(word.len());
    for char in word.chars() {
        if char.is_ascii_whitespace() || matches!(char, '\'' | '"' | '\\') {
            typed.push('\\');
        }
        typed.push(char);
    }
    typed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parted_as_a_shell_parts_them() {
        let rows: [(&str, &[&str]); 8] = [
            ("", &[]),
            ("  search  w :f\t", &["search", "w", ":f"]),
            ("a 'two words' b", &["a", "two words", "b"]),
            (r#""x\"y\\z\n" ''"#, &["x\"y\\z\\n", ""]),
            (r"two\ words \'", &["two words", "'"]),
            ("a'b'\"c\"d", &["abcd"]),
            (r"'\'", &["\\"]),
            ("é ü", &["é", "ü"]),
        ];
        for (text, words) in rows {
            let expected: Vec<_> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
            assert_eq!(Line::parse(text.as_bytes()).unwrap(), expected, "{text}");
        }
        assert!(Line::parse(b"a 'b").is_err() && Line::parse(b"\"").is_err());
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
        for word in ["two words", "it's", "\"\\", "plain"] {
            assert_eq!(Line::parse(quoted(word).as_bytes()).unwrap(), [word.as_bytes()]);
        }
    }
}

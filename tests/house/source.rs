//! Rust files as text: read from the project or made up by a test, and split into code, prose and test parts. It knows
//! no module and no rule.

use std::fs;
use std::path::Path;

use regex::Regex;

/// One Rust file.
pub struct Source {
    /// Its path beneath `src`, with slashes.
    pub path: String,
    /// Its text as it was written.
    pub text: String,
}

impl Source {
    /// Reads each Rust file beneath `src`.
    pub fn all() -> Vec<Source> {
        let mut found = Vec::new();
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        collect(&src, &src, &mut found);
        found
    }

    /// Makes up a tree: pairs of a path and a text.
    pub fn made_up(files: &[(&str, &str)]) -> Vec<Source> {
        let file = |(path, text): &(&str, &str)| Source { path: (*path).into(), text: (*text).into() };
        files.iter().map(file).collect()
    }

    /// Its code: comments are blank, strings empty, and the parts for tests are left out; lines keep their numbers.
    pub fn code(&self) -> String {
        without_tests(&token().replace_all(&self.text, |token: &regex::Captures| {
            let lines = "\n".repeat(token[0].matches('\n').count());
            if token[0].starts_with('/') { lines } else { format!("\"\"{lines}") }
        }))
    }

    /// What people read: comments and strings, each with the line it begins on.
    pub fn prose(&self) -> Vec<(usize, &str)> {
        let tokens = token();
        let line = |at: usize| self.text[..at].matches('\n').count() + 1;
        tokens.find_iter(&self.text).map(|token| (line(token.start()), token.as_str())).collect()
    }
}

fn collect(directory: &Path, src: &Path, found: &mut Vec<Source>) {
    let mut paths: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, src, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push(Source { path: path.strip_prefix(src).unwrap().to_str().unwrap().into(), text });
        }
    }
}

/// Matches a comment, a string or a character.
fn token() -> Regex {
    let comment = r"//[^\n]*|/\*(?s:.*?)\*/";
    let raw = r###"\bb?r"[^"]*"|\bb?r#"(?s:.*?)"#|\bb?r##"(?s:.*?)"##"###;
    let string = r#"[bc]?"(?:\\(?s:.)|[^"\\])*""#;
    let character = r"b?'(?:\\(?:x..|u\{[^}]*\}|.)|[^'\\\n])'";
    Regex::new(&[comment, raw, string, character].join("|")).unwrap()
}

/// Blanks each item under `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let attribute = Regex::new(r"#\[cfg\((?:all\()?test\b[^\]]*\]").unwrap();
    let (mut kept, mut at) = (String::new(), 0);
    for found in attribute.find_iter(code) {
        if found.start() >= at {
            kept += &code[at..found.start()];
            at = end_of_item(code, found.end());
            kept += &"\n".repeat(code[found.start()..at].matches('\n').count());
        }
    }
    kept + &code[at..]
}

/// Where an item ends: behind its first `;` or closing brace that stands in no other bracket.
fn end_of_item(code: &str, begin: usize) -> usize {
    let mut depth = 0;
    for (at, char) in code[begin..].char_indices() {
        match char {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 && (char == '}' || char == ';') {
            return begin + at + 1;
        }
    }
    code.len()
}

#[test]
fn code_is_read_without_comments_strings_and_tests() {
    let rows = [
        ("fn a() {} // b::c\nfn d() {}", "fn a() {} \nfn d() {}"),
        (r##"f("use x;", r#"a"b"#, 'c', '"', b'\'')"##, r#"f("", "", "", "", "")"#),
        ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
        ("a\n#[cfg(test)]\nmod tests {\n    fn b() { c() }\n}\nd", "a\n\n\n\n\nd"),
        ("#[cfg(all(test, unix))]\nmod tests;\nfn b() {}", "\n\nfn b() {}"),
    ];
    for (text, expected) in rows {
        assert_eq!(Source::made_up(&[("a.rs", text)])[0].code().trim_end(), expected.trim_end(), "{text}");
    }
}

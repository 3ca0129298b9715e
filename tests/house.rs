//! The rules of the house, held against its source: which room imports which, how a file opens, and what stands in
//! none. The table of rooms is that of `src/lib.rs`, which this test reads; it knows nothing of what the code does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[path = "house/circles.rs"]
mod circles;
#[path = "house/findings.rs"]
mod findings;
#[path = "house/folders.rs"]
mod folders;
#[path = "house/modules.rs"]
mod modules;
#[path = "house/names.rs"]
mod names;
#[path = "house/source.rs"]
mod source;
#[path = "house/words.rs"]
mod words;

/// What a program may import; the filters also `text`, for `--local`.
const TOOL: [&str; 5] = ["cli", "tools", "client", "http", "error"];
const FILTERS: [&str; 3] = ["cfp-search", "cfp-replace", "cfp-reverse"];
const DAEMON: [&str; 3] = ["cli", "server", "error"];

/// One Rust file: its path from the top of the project, and its text.
struct File {
    path: PathBuf,
    text: String,
}

impl File {
    /// All beneath a directory of the project.
    fn beneath(directory: &str) -> Vec<File> {
        let mut found = Vec::new();
        collect(&top().join(directory), &mut found);
        assert!(!found.is_empty(), "{directory} holds no Rust");
        found
    }

    /// The room it belongs to: `src/http/head.rs` to `http`, `src/cli.rs` to `cli`, `src/lib.rs` to none.
    fn room(&self) -> Option<String> {
        let part = self.path.iter().nth(1)?.to_str()?;
        Some(part.strip_suffix(".rs").unwrap_or(part).to_owned())
            .filter(|room| room != "lib" && room != "bin")
    }

    /// The program it belongs to: `src/bin/cfp-ls.rs` to `cfp-ls`, `src/bin/cfpd/main.rs` to `cfpd`.
    fn program(&self) -> &str {
        let part = self.path.iter().nth(2).and_then(|part| part.to_str()).unwrap();
        part.strip_suffix(".rs").unwrap_or(part)
    }

    /// Its text with comments left empty.
    fn code(&self) -> String {
        let code =
            |line: &'_ str| if line.trim_start().starts_with("//") { "" } else { line }.to_owned() + "\n";
        self.text.lines().map(code).collect()
    }

    /// The rooms that its code names as `crate::room` or `cfp::room`, tests included, each with a line.
    fn imports(&self) -> BTreeMap<String, usize> {
        let code = self.code();
        let starts = ["crate::", "cfp::"].into_iter().flat_map(|start| {
            code.match_indices(start).map(move |(from, _)| (from, from + start.len())).collect::<Vec<_>>()
        });
        let is_path =
            |from: usize| !code[..from].ends_with(|char: char| char.is_alphanumeric() || "_:".contains(char));
        let found = starts.filter(|(from, _)| is_path(*from)).flat_map(|(from, to)| {
            let line = code[..from].lines().count();
            heads(&code[to..]).into_iter().map(move |room| (room, line))
        });
        found.collect()
    }
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn collect(directory: &Path, found: &mut Vec<File>) {
    let mut paths: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push(File { path: path.strip_prefix(top()).unwrap().to_owned(), text });
        }
    }
}

/// The first name of a path, or the first ones of its braces: `{cli::Ending, text}` are `cli` and `text`.
fn heads(path: &str) -> Vec<String> {
    let name = |text: &str| text.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect();
    let Some(inside) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut depth, mut heads, mut begins) = (0, Vec::new(), true);
    for (at, char) in inside.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            char if begins && !char.is_whitespace() => {
                heads.push(name(&inside[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    heads
}

/// The rows of the table in `src/lib.rs`: each room with the rooms it may import.
fn map_of_the_house() -> BTreeMap<String, BTreeSet<String>> {
    let map = fs::read_to_string(top().join("src/lib.rs")).unwrap();
    let rows = map.lines().filter_map(|line| line.strip_prefix("//! | [`")).map(|row| {
        let (room, rest) = row.split_once("`] |").unwrap();
        let may = rest.trim_end().trim_end_matches('|').rsplit('|').next().unwrap();
        let may = may.split(',').map(|room| room.trim().to_owned()).filter(|room| room != "nothing");
        (room.to_owned(), may.collect())
    });
    rows.collect()
}

#[test]
fn a_room_imports_only_what_the_map_allows_it() {
    let map = map_of_the_house();
    let rooms: BTreeSet<_> = File::beneath("src").iter().filter_map(File::room).collect();
    assert_eq!(rooms, map.keys().cloned().collect(), "the rooms, and those in the map of src/lib.rs");
    for file in File::beneath("src") {
        let Some(room) = file.room() else { continue };
        for (other, line) in file.imports() {
            let allowed = other == room || map[&room].contains(&other) || !map.contains_key(&other);
            assert!(allowed, "{}:{line}: {room} may not import {other}", file.path.display());
        }
    }
}

#[test]
fn a_program_imports_only_what_the_map_allows_it() {
    for file in File::beneath("src/bin") {
        let mut may = if file.program() == "cfpd" { DAEMON.to_vec() } else { TOOL.to_vec() };
        may.extend(FILTERS.contains(&file.program()).then_some("text"));
        for (room, line) in file.imports() {
            let at = file.path.display();
            assert!(may.contains(&room.as_str()), "{at}:{line}: {} may not import {room}", file.program());
        }
    }
}

#[test]
fn every_file_opens_by_saying_what_it_owns() {
    for directory in ["src", "tests", "fuzz/checks", "fuzz/targets"] {
        for file in File::beneath(directory) {
            assert!(file.text.starts_with("//! "), "{} does not open with //!", file.path.display());
        }
    }
}

#[test]
fn no_file_is_a_drawer_for_odds_and_ends() {
    for file in File::beneath("src") {
        let drawers =
            ["util", "utils", "helper", "helpers", "common", "misc", "own", "terms", "place", "piece"];
        assert!(
            !file.path.iter().any(|part| {
                drawers
                    .iter()
                    .any(|drawer| part.to_str().is_some_and(|part| part.trim_end_matches(".rs") == *drawer))
            }),
            "{}",
            file.path.display()
        );
    }
}

#[test]
fn nothing_is_left_for_later_and_no_lint_is_silenced_without_a_reason() {
    for file in File::beneath("src") {
        for (at, line) in file.text.lines().enumerate() {
            let place = format!("{}:{}: {}", file.path.display(), at + 1, line.trim());
            for later in ["TODO", "FIXME", "XXX", "todo!", "unimplemented!"] {
                assert!(!line.contains(later), "{place}");
            }
            let silenced = line.contains("[allow(") || line.contains("[expect(");
            assert!(!silenced || line.contains("reason = "), "no reason given: {place}");
        }
    }
}

#[test]
fn the_names_of_a_path_are_read_with_and_without_braces() {
    let rows: [(&str, &[&str]); 4] = [
        ("error::{Error, Result};", &["error"]),
        ("{cli::Ending, text::{Word, Show}, http};", &["cli", "text", "http"]),
        ("{self, error};", &["self", "error"]),
        ("http)", &["http"]),
    ];
    for (path, expected) in rows {
        assert_eq!(heads(path), expected, "{path}");
    }
}

//! Man pages as text: it picks out of the mdoc source what the tests compare. It knows the few macros our pages use
//! and renders nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The source of one man page.
pub struct Page {
    file: String,
    source: String,
}

impl Page {
    /// The page `NAME.SECTION`.
    pub fn read(file: &str) -> Self {
        let source = fs::read_to_string(directory().join(file)).unwrap();
        Self { file: file.to_owned(), source }
    }

    /// The page of a program.
    pub fn of(program: &str) -> Self {
        Self::read(&format!("{program}.{}", if program == "cfpd" { 8 } else { 1 }))
    }

    /// All pages, by name.
    pub fn all() -> Vec<Self> {
        let entries = fs::read_dir(directory()).unwrap();
        let mut files: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        files.iter().map(|file| Self::read(file)).collect()
    }

    /// What the page is about.
    pub fn name(&self) -> &str {
        self.file.rsplit_once('.').unwrap().0
    }

    /// Where its source is.
    pub fn path(&self) -> PathBuf {
        directory().join(&self.file)
    }

    /// The source of one section, without its heading.
    pub fn section(&self, heading: &str) -> String {
        let start = format!(".Sh {heading}");
        let lines = self.source.lines().skip_while(|line| *line != start).skip(1);
        lines.take_while(|line| !line.starts_with(".Sh ")).flat_map(|line| [line, "\n"]).collect()
    }

    /// The options the page explains: `-r`, `--root`.
    pub fn options(&self) -> BTreeSet<String> {
        self.source.lines().filter(|line| line.starts_with(".It Fl ")).flat_map(flags).collect()
    }

    /// The options the synopsis shows.
    pub fn synopsis_options(&self) -> BTreeSet<String> {
        self.section("SYNOPSIS").lines().flat_map(flags).collect()
    }

    /// The options the page explains and the synopsis shows by neither of their names.
    pub fn options_not_in_synopsis(&self) -> Vec<Vec<String>> {
        let shown = self.synopsis_options();
        let explained = self.source.lines().filter(|line| line.starts_with(".It Fl ")).map(flags);
        explained.filter(|names| !names.iter().any(|name| shown.contains(name))).collect()
    }

    /// The commands of the examples, as a shell takes them.
    pub fn examples(&self) -> Vec<String> {
        let examples = self.section("EXAMPLES");
        let commands = examples.lines().filter_map(|line| line.strip_prefix(".Dl $ "));
        commands.map(|line| line.replace("\\(dq", "\"").replace("\\e", "\\")).collect()
    }
}

fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/man"))
}

/// What follows each `Fl` of a line up to the next macro; `Fl -` alone ends the options and is none.
fn flags(line: &str) -> Vec<String> {
    let mut flags = Vec::new();
    let mut are_flags = false;
    for word in line.split_whitespace() {
        match word.trim_start_matches('.') {
            "Fl" => are_flags = true,
            name if name.len() == 2 && name.starts_with(char::is_uppercase) => are_flags = false,
            "|" | "," | "-" => {}
            flag if are_flags => flags.push(format!("-{flag}")),
            _ => {}
        }
    }
    flags
}

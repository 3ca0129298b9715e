//! Man pages as text: it picks out of the mdoc source what the tests compare. It knows the few macros our pages use
//! and leaves displaying a page to mandoc and groff.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that displays man pages, and its arguments.
pub type Formatter = (&'static str, &'static [&'static str]);

/// The two in use: of the BSDs, Alpine and Void, and of most other systems.
pub const FORMATTERS: [Formatter; 2] =
    [("mandoc", &["-Tutf8", "-Owidth=80"]), ("groff", &["-mandoc", "-Tutf8", "-rLL=80n", "-P-c"])];

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
        let explained = explained.flat_map(|names| {
            let by_option = names.split_inclusive(|name| name.starts_with("--"));
            by_option.map(<[String]>::to_vec).collect::<Vec<_>>()
        });
        explained.filter(|names| !names.iter().any(|name| shown.contains(name))).collect()
    }

    /// What a reader sees of the page at 80 columns.
    pub fn displayed(&self, formatter: &Formatter) -> String {
        let (program, arguments) = formatter;
        let output = Command::new(program).args(*arguments).arg(self.path()).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        // Bold is a character printed twice, underlined is one over a line.
        let mut shown = String::new();
        for char in text.chars() {
            match char {
                '\u{8}' => _ = shown.pop(),
                char => shown.push(char),
            }
        }
        shown
    }

    /// The commands of the examples as a reader copies them, with the lines on which they go on.
    pub fn examples(&self, formatter: &Formatter) -> Vec<String> {
        let displayed = self.displayed(formatter);
        let examples = displayed.lines().skip_while(|line| *line != "EXAMPLES").skip(1);
        let mut commands: Vec<String> = Vec::new();
        let mut goes_on = false;
        for line in examples.take_while(|line| line.is_empty() || line.starts_with(' ')) {
            assert!(line.chars().count() <= 80, "{}: {line}", self.name());
            let started = line.trim_start().strip_prefix("$ ");
            match (goes_on, started) {
                (true, _) => *commands.last_mut().unwrap() += &format!("\n{line}"),
                (false, Some(command)) => commands.push(command.to_owned()),
                (false, None) => {}
            }
            goes_on = (goes_on || started.is_some()) && line.ends_with(['\\', '|']);
        }
        commands
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

//! The table of filters: how requests, command lines and the shell name each of them, what help says of it, and how
//! it is built. The server, OPTIONS, the metrics, the tools and the shell read this table; they encode and send
//! queries.
//!
//! A new filter is one row here, and one file with its [`Filter`].

use std::sync::Arc;

use super::{Filter, Matching, Replace, Reverse, Search, Show, Word};
use crate::error::Result;

/// One filter.
#[derive(Debug)]
pub struct FilterSpec {
    /// The query parameter that selects it, and its command in the shell.
    pub name: &'static str,
    /// Other names of its command in the shell.
    pub aliases: &'static [&'static str],
    /// The words it takes: the first is the value of the parameter `name`.
    pub words: &'static [WordParameter],
    /// The flags it takes.
    pub flags: &'static [Flag],
    /// What it does, in the imperative.
    pub does: &'static str,
    /// What the response contains, for the help.
    pub answers: &'static str,
    /// Makes the beginning of the shell's report: a clause that says what was done, or the subject of a count.
    pub(super) report: fn(&FilterArguments) -> String,
    pub(super) output: fn(&FilterArguments) -> OutputKind,
    pub(super) build: fn(&FilterArguments, OutputKind) -> Result<Arc<dyn Filter>>,
}

/// A parameter whose value is a word.
#[derive(Debug)]
pub struct WordParameter {
    /// Its name in a query.
    pub parameter: &'static str,
    /// The placeholder for its value in the help.
    pub placeholder: &'static str,
    /// The question with which the shell asks for it.
    pub question: &'static str,
}

/// A switch of a filter: `&lines` in a query, `--lines` on a command line.
#[derive(Debug)]
pub struct Flag {
    /// Its name in a query.
    pub name: &'static str,
    /// Whether it is a value of the filter's own parameter, `reverse=lines`, and not a parameter by itself.
    pub is_value: bool,
    /// The short option, `-i`; empty where there is none.
    pub short: &'static str,
    /// The long option, `--ignore-case`.
    pub long: &'static str,
    /// What it does: the first paragraph is for the help text, all of them are for the man page.
    pub help: &'static str,
}

/// What a filter writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// The source, changed: of the source's own media type.
    Text,
    /// Lines of text.
    Lines,
    /// A number and a newline.
    Count,
    /// A number in a JSON object.
    CountInJson,
}

/// Every filter, in the order in which help names them.
pub static FILTERS: [&FilterSpec; 3] = [&SEARCH, &REPLACE, &REVERSE];

/// Counts a word, or shows the lines that hold it.
pub static SEARCH: FilterSpec = FilterSpec {
    name: "search",
    aliases: &["find", "grep", "count"],
    words: &[WordParameter { parameter: "search", placeholder: "WORD", question: "Word to search for" }],
    flags: &[IGNORE_CASE, COUNT_SUBSTRING, LINES, LINE_NUMBER, DECOMPRESS],
    does: "count a word",
    answers: "how often it occurs",
    report: |given| format!("'{}'", given.shown(0)),
    output: |given| if given.has("lines") { OutputKind::Lines } else { OutputKind::Count },
    build: |given, output| {
        let show = match output {
            OutputKind::Lines => Show::Lines { numbered: given.has("line-number") },
            OutputKind::CountInJson => Show::Json,
            OutputKind::Count | OutputKind::Text => Show::Count,
        };
        Ok(Arc::new(Search::new(given.pattern()?, show)))
    },
};

/// Replaces a word by another.
pub static REPLACE: FilterSpec = FilterSpec {
    name: "replace",
    aliases: &["sub"],
    words: &[
        WordParameter { parameter: "replace", placeholder: "OLD", question: "Word to replace" },
        WordParameter { parameter: "with", placeholder: "NEW", question: "Word to put in its place" },
    ],
    flags: &[IGNORE_CASE, REPLACE_SUBSTRING],
    does: "replace a word",
    answers: "with every occurrence replaced",
    report: |given| format!("'{}' is replaced by '{}'", given.shown(0), given.shown(1)),
    output: |_| OutputKind::Text,
    build: |given, _| Ok(Arc::new(Replace { word: given.pattern()?, with: given.word(1).to_vec() })),
};

/// Reverses the order of words.
pub static REVERSE: FilterSpec = FilterSpec {
    name: "reverse",
    aliases: &["rev"],
    words: &[],
    flags: &[PER_LINE],
    does: "reverse the order of words",
    answers: "the words last first, the white space where it was; reverse=lines line by line",
    report: |_| "The words are in reverse order".to_owned(),
    output: |_| OutputKind::Text,
    build: |given, _| Ok(Arc::new(Reverse { per_line: given.has("lines") })),
};

impl PartialEq for FilterSpec {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Declares flags. The doc comment of each is its help; one that is a value of its filter's own parameter says so.
macro_rules! flags {
    ($($(#[doc = $help:literal])+ $flag:ident = $name:literal, $short:literal, $long:literal $($value:ident)?;)+) => {$(
        $(#[doc = $help])+
        pub const $flag: Flag = Flag {
            name: $name,
            is_value: !stringify!($($value)?).is_empty(),
            short: $short,
            long: $long,
            help: concat!($($help, "\n"),+),
        };
    )+};
}

flags! {
    /// Ignore the difference between upper and lower case.
    IGNORE_CASE = "ignore-case", "-i", "--ignore-case";
    /// Count occurrences inside longer words too.
    COUNT_SUBSTRING = "substring", "", "--substring";
    /// Print the lines with an occurrence instead of the total.
    ///
    /// If several files are searched, the name of the file and a colon precede each line.
    LINES = "lines", "", "--lines";
    /// With --lines: print the number of each line and a colon before it.
    LINE_NUMBER = "line-number", "-n", "--line-number";
    /// Search inside files compressed with zstd or gzip.
    ///
    /// Files compressed in another way, such as xz, and text in UTF-16 are named on standard error; the exit status is
    /// then 2.
    DECOMPRESS = "decompress", "", "--decompress";
    /// Replace occurrences inside longer words too.
    REPLACE_SUBSTRING = "substring", "", "--substring";
    /// Reverse each line by itself.
    PER_LINE = "lines", "", "--per-line" value;
}

impl FilterSpec {
    /// How a query selects it: `replace=OLD&with=NEW`.
    pub fn usage(&self) -> String {
        let parameter = |word: &WordParameter| format!("{}={}", word.parameter, word.placeholder);
        match self.words {
            [] => self.name.to_owned(),
            words => words.iter().map(parameter).collect::<Vec<_>>().join("&"),
        }
    }

    /// How a query selects it, and what the response contains: a row of the help.
    pub fn help(&self) -> [String; 2] {
        let flags: Vec<_> = self.parameters().map(|flag| format!("&{flag}")).collect();
        let also = if flags.is_empty() { String::new() } else { format!("; {}", flags.join(", ")) };
        [self.usage(), format!("{}{also}", self.answers)]
    }

    /// What it writes without flags.
    pub fn default_output(&self) -> OutputKind {
        (self.output)(&FilterArguments::default())
    }

    /// Returns the flags that are parameters by themselves.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.flags.iter().filter(|flag| !flag.is_value).map(|flag| flag.name)
    }

    /// Returns the flags that are values of its own parameter.
    pub(super) fn values(&self) -> impl Iterator<Item = &'static str> {
        self.flags.iter().filter(|flag| flag.is_value).map(|flag| flag.name)
    }
}

/// The words and flags that a filter is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FilterArguments {
    pub words: Vec<Vec<u8>>,
    pub flags: Vec<&'static str>,
}

impl FilterArguments {
    /// Returns whether a flag is given.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// Returns the word at this index; empty if there is none.
    fn word(&self, index: usize) -> &[u8] {
        self.words.get(index).map_or(b"", Vec::as_slice)
    }

    fn shown(&self, index: usize) -> String {
        crate::error::shown(self.word(index))
    }

    /// Returns the first word, to be searched for as the flags say.
    fn pattern(&self) -> Result<Word> {
        let matching = Matching { ignore_case: self.has("ignore-case"), substring: self.has("substring") };
        Word::new(self.word(0), matching)
    }
}

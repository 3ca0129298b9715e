//! The table of filters: by which parameter a query names each, what it takes besides, what it answers, what help says
//! of it, and how it is made. Servers read queries by it and tools write them. It knows nothing of how a query travels.
//!
//! A new filter is one row here and one file that does it.

use std::fmt;

use super::{Filter, Matching, Replace, Reverse, Search, Show, Word};

/// One filter.
#[derive(Debug)]
pub struct Spec {
    /// The parameter that names it.
    pub name: &'static str,
    /// The value of that parameter.
    value: Value,
    /// A second parameter it needs, and what stands for its value in help.
    with: Option<[&'static str; 2]>,
    /// Parameters without a value that it takes.
    pub flags: &'static [&'static str],
    /// What it does, in one line.
    does: &'static str,
    answer: fn(&FilterQuery) -> Answer,
    build: Build,
}

type Build = fn(&FilterQuery, Answer) -> Result<Box<dyn Filter>, Invalid>;

/// What the parameter that names a filter holds.
#[derive(Clone, Copy, Debug)]
enum Value {
    /// A word, which help calls so.
    Word(&'static str),
    /// One of these.
    OneOf(&'static [&'static str]),
}

/// The kind of a filter's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The source, changed: of the source's own media type.
    Changed,
    /// Lines of text.
    Lines,
    /// A number and a newline.
    Number,
    /// A number in a JSON object.
    NumberInJson,
}

/// Every filter, in the order in which help names them.
pub static FILTERS: [Spec; 3] = [
    Spec {
        name: "search",
        value: Value::Word("WORD"),
        with: None,
        flags: &["ignore-case", "substring", "lines", "decompress"],
        does: "how often it occurs",
        answer: |query| if query.has("lines") { Answer::Lines } else { Answer::Number },
        build: |query, answer| {
            let show = match answer {
                Answer::Lines => Show::Lines,
                Answer::NumberInJson => Show::Json,
                Answer::Number | Answer::Changed => Show::Count,
            };
            Ok(Box::new(Search { word: query.word()?, show }))
        },
    },
    Spec {
        name: "replace",
        value: Value::Word("OLD"),
        with: Some(["with", "NEW"]),
        flags: &["ignore-case", "substring"],
        does: "with every occurrence replaced",
        answer: |_| Answer::Changed,
        build: |query, _| Ok(Box::new(Replace { word: query.word()?, with: query.with.clone() })),
    },
    Spec {
        name: "reverse",
        value: Value::OneOf(&["", "lines"]),
        with: None,
        flags: &[],
        does: "the words last first, the white space where it was; reverse=lines line by line",
        answer: |_| Answer::Changed,
        build: |query, _| Ok(Box::new(Reverse { per_line: query.value == b"lines" })),
    },
];

impl Spec {
    /// How a query names it, and what it does: a row of help.
    pub fn help(&self) -> [String; 2] {
        let value = if let Value::Word(word) = self.value { format!("={word}") } else { String::new() };
        let with = self.with.map_or(String::new(), |[name, value]| format!("&{name}={value}"));
        let flags: Vec<_> = self.flags.iter().map(|flag| format!("&{flag}")).collect();
        let also = if flags.is_empty() { String::new() } else { format!("; {}", flags.join(", ")) };
        [format!("{}{value}{with}", self.name), format!("{}{also}", self.does)]
    }

    /// Whether a query for it may hold this parameter.
    fn takes(&self, parameter: &[u8]) -> bool {
        let names = [self.name].into_iter().chain(self.with.map(|[name, _]| name));
        names.chain(self.flags.iter().copied()).any(|name| name.as_bytes() == parameter)
    }
}

/// The parameters of a query, decoded and in order. One that has no value is not one whose value is empty.
pub type Pair<'a> = (&'a [u8], Option<&'a [u8]>);

/// A filter as a query names it, with the values of its parameters.
#[derive(Clone, Debug)]
pub struct FilterQuery {
    /// Its row.
    pub spec: &'static Spec,
    value: Vec<u8>,
    with: Vec<u8>,
    flags: Vec<&'static str>,
}

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The parameter, or `query` for all of them.
    pub parameter: Vec<u8>,
    /// What is wrong with it.
    pub what: String,
}

impl FilterQuery {
    /// Reads the filter that a query names, `None` where it names none. Of a parameter that comes twice the first counts,
    /// and parameters that mean nothing are passed over; [`FilterQuery::refuse_ambiguous`] is stricter.
    pub fn parse(pairs: &[Pair<'_>]) -> Result<Option<Self>, Invalid> {
        let get = |name: &str| pairs.iter().find(|(have, _)| *have == name.as_bytes());
        let mut named = FILTERS.iter().filter(|spec| get(spec.name).is_some());
        let Some(spec) = named.next() else { return Ok(None) };
        if named.next().is_some() {
            return Err(Invalid::new("query", format!("names more than one of {}", all_names())));
        }
        let value = get(spec.name).and_then(|(_, value)| *value).unwrap_or_default();
        if let Value::OneOf(choices) = spec.value
            && !choices.iter().any(|choice| choice.as_bytes() == value)
        {
            let named: Vec<_> = choices.iter().copied().filter(|choice| !choice.is_empty()).collect();
            return Err(Invalid::new(spec.name, format!("takes no value but {}", named.join(", "))));
        }
        let with = match spec.with.map(|parameter| (parameter, get(parameter[0]))) {
            Some(([name, value], None)) => {
                return Err(Invalid::new(spec.name, format!("needs {name}={value} besides")));
            }
            Some((_, Some((_, value)))) => value.unwrap_or_default(),
            None => b"",
        };
        let flags = spec.flags.iter().copied().filter(|flag| get(flag).is_some()).collect();
        let query = FilterQuery { spec, value: value.to_vec(), with: with.to_vec(), flags };
        query.word_if_any().map(|_| Some(query))
    }

    /// Refuses parameters that mean nothing, come twice, or say two things: right where something would be stored.
    /// `filter` is what [`FilterQuery::parse`] read of the same query.
    pub fn refuse_ambiguous(filter: Option<&Self>, pairs: &[Pair<'_>]) -> Result<(), Invalid> {
        for (at, (name, value)) in pairs.iter().enumerate() {
            if !filter.is_some_and(|filter| filter.spec.takes(name)) {
                return Err(Invalid::new(name, "is no parameter here"));
            }
            if pairs.iter().take(at).any(|(earlier, _)| earlier == name) {
                return Err(Invalid::new(name, "comes twice"));
            }
            let is_flag = filter.is_some_and(|filter| filter.has_name(name));
            if is_flag && value.is_some_and(|value| !value.is_empty()) {
                return Err(Invalid::new(name, "takes no value"));
            }
        }
        Ok(())
    }

    /// The parameters of a query that names this filter.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        let value = Some(self.value.as_slice()).filter(|value| !value.is_empty());
        let with = self.spec.with.map(|[name, _]| (name, Some(self.with.as_slice())));
        [(self.spec.name, value)].into_iter().chain(with).chain(self.flags.iter().map(|flag| (*flag, None)))
    }

    /// The kind of its answer; a number may also be had [in JSON](Answer::NumberInJson).
    pub fn answer(&self) -> Answer {
        (self.spec.answer)(self)
    }

    /// Whether compressed input is decompressed first.
    pub fn decompresses(&self) -> bool {
        self.has("decompress")
    }

    /// Makes the filter, to answer in this way.
    pub fn build(&self, answer: Answer) -> Result<Box<dyn Filter>, Invalid> {
        (self.spec.build)(self, answer)
    }

    fn has(&self, flag: &str) -> bool {
        self.has_name(flag.as_bytes())
    }

    fn has_name(&self, flag: &[u8]) -> bool {
        self.flags.iter().any(|have| have.as_bytes() == flag)
    }

    fn word_if_any(&self) -> Result<Option<Word>, Invalid> {
        matches!(self.spec.value, Value::Word(_)).then(|| self.word()).transpose()
    }

    fn word(&self) -> Result<Word, Invalid> {
        let matching = Matching { ignore_case: self.has("ignore-case"), substring: self.has("substring") };
        Word::new(&self.value, matching).map_err(|wrong| Invalid::new(self.spec.name, wrong.to_string()))
    }
}

/// The names of all filters: `search, replace and reverse`.
fn all_names() -> String {
    let names = FILTERS.each_ref().map(|spec| spec.name).join(", ");
    names.rsplit_once(", ").map_or(names.clone(), |(first, last)| format!("{first} and {last}"))
}

impl Invalid {
    fn new(parameter: impl AsRef<[u8]>, what: impl Into<String>) -> Self {
        Invalid { parameter: parameter.as_ref().to_vec(), what: what.into() }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", crate::error::shown(&self.parameter), self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row<'a> = &'a [(&'a str, Option<&'a str>)];

    fn pairs<'a>(row: Row<'a>) -> Vec<Pair<'a>> {
        row.iter().map(|(name, value)| (name.as_bytes(), value.map(str::as_bytes))).collect()
    }

    fn parse(row: Row<'_>) -> Result<Option<FilterQuery>, String> {
        FilterQuery::parse(&pairs(row)).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn a_filter_that_is_written_as_a_query_is_read_again() {
        let rows: [Row<'_>; 5] = [
            &[("search", Some("a b"))],
            &[("search", Some("a")), ("ignore-case", None), ("lines", None), ("decompress", None)],
            &[("replace", Some("a")), ("with", Some("")), ("substring", None)],
            &[("reverse", None)],
            &[("reverse", Some("lines"))],
        ];
        for row in rows {
            let query = parse(row).unwrap().unwrap();
            let written: Vec<_> = query.pairs().map(|(name, value)| (name.as_bytes(), value)).collect();
            assert_eq!(written, pairs(row));
            assert_eq!(FilterQuery::refuse_ambiguous(Some(&query), &written), Ok(()));
        }
    }

    #[test]
    fn what_is_wrong_with_a_query_names_the_parameter() {
        let rows: [(Row<'_>, &str); 5] = [
            (&[("search", Some(""))], "search: the word to search for is empty"),
            (
                &[("search", Some("a")), ("reverse", None)],
                "query: names more than one of search, replace and reverse",
            ),
            (&[("replace", Some("a"))], "replace: needs with=NEW besides"),
            (&[("reverse", Some("x"))], "reverse: takes no value but lines"),
            (&[("replace", None), ("with", Some("b"))], "replace: the word to search for is empty"),
        ];
        for (row, expected) in rows {
            assert_eq!(parse(row).err().as_deref(), Some(expected));
        }
    }

    #[test]
    fn every_row_of_the_table_can_be_asked_for_and_built_and_has_help_of_one_line() {
        for spec in &FILTERS {
            let value = matches!(spec.value, Value::Word(_)).then_some("word");
            let with = spec.with.map(|[name, _]| (name, Some("new")));
            let flags = spec.flags.iter().map(|flag| (*flag, None));
            let row: Vec<_> = [(spec.name, value)].into_iter().chain(with).chain(flags).collect();
            let query = parse(&row).unwrap().unwrap();
            assert_eq!(query.pairs().count(), row.len(), "{}", spec.name);
            assert!(query.build(query.answer()).is_ok(), "{}", spec.name);
            let [usage, does] = spec.help();
            assert!(usage.len() <= 24 && !does.contains('\n'), "{usage}: {does}");
        }
    }
}

//! A filter with its arguments: read from the parameters of a query or from words and flags, and written as
//! parameters again. `spec.rs` has the table of filters; `http` encodes the parameters.

use std::sync::Arc;

use super::spec::FilterArguments;
use super::{FILTERS, Filter, FilterSpec, OutputKind};
use crate::error::{Error, Result};

/// A parameter of a query, decoded: its name, and its value if it has one. `search=` has an empty value, `search` none.
pub type Parameter<'a> = (&'a [u8], Option<&'a [u8]>);

/// A filter and valid arguments for it.
#[derive(Clone, Debug)]
pub struct FilterQuery {
    /// Its row in the table.
    pub spec: &'static FilterSpec,
    arguments: FilterArguments,
    /// What it writes; a count is also available [in JSON](OutputKind::CountInJson).
    pub output: OutputKind,
    /// The filter with this output.
    pub filter: Arc<dyn Filter>,
    /// Whether compressed input is decompressed first.
    pub decompresses: bool,
}

impl FilterQuery {
    /// Makes a query of words, in the order of the table, and flags. Flags that the filter does not have are ignored; a word
    /// that cannot be searched for is a usage error.
    pub fn new(spec: &'static FilterSpec, words: Vec<Vec<u8>>, flags: &[&str]) -> Result<Self> {
        let flags = spec.flags.iter().map(|flag| flag.name).filter(|flag| flags.contains(flag)).collect();
        let arguments = FilterArguments { words, flags };
        let (output, decompresses) = ((spec.output)(&arguments), arguments.has("decompress"));
        let filter = (spec.build)(&arguments, output)?;
        Ok(FilterQuery { spec, arguments, output, filter, decompresses })
    }

    /// Reads the filter that a query names; `None` where it names none. Of a repeated parameter the first counts, and unknown
    /// parameters are ignored, unless `strict` refuses those that are unknown, repeated or contradictory: for requests
    /// whose result is stored.
    pub fn parse(parameters: &[Parameter<'_>], strict: bool) -> Result<Option<Self>> {
        let filter = FilterQuery::find(parameters)?;
        if strict {
            refuse_ambiguous(filter.as_ref().map(|filter| filter.spec), parameters)?;
        }
        Ok(filter)
    }

    fn find(parameters: &[Parameter<'_>]) -> Result<Option<Self>> {
        let get = |name: &str| {
            let found = parameters.iter().find(|(have, _)| *have == name.as_bytes());
            found.map(|(_, value)| value.unwrap_or_default())
        };
        let mut named = FILTERS.into_iter().filter_map(|spec| Some((spec, get(spec.name)?)));
        let Some((spec, value)) = named.next() else { return Ok(None) };
        if named.next().is_some() {
            return Err(Error::invalid("query", format!("names more than one of {}", all_names())));
        }
        let mut flags: Vec<_> = spec.parameters().filter(|flag| get(flag).is_some()).collect();
        if spec.words.is_empty() && !value.is_empty() {
            match spec.values().find(|choice| choice.as_bytes() == value) {
                Some(choice) => flags.push(choice),
                None => return Err(Error::invalid(spec.name, unknown_value(spec))),
            }
        }
        let mut words = Vec::new();
        for word in spec.words {
            let needs = || format!("needs {}={} besides", word.parameter, word.placeholder);
            let value = get(word.parameter).ok_or_else(|| Error::invalid(spec.name, needs()))?;
            words.push(value.to_vec());
        }
        let invalid = |error: Error| Error::invalid(spec.name, error.to_string());
        FilterQuery::new(spec, words, &flags).map(Some).map_err(invalid)
    }

    /// Returns a query for another filter, with the same flags and as many of the words as it takes.
    pub fn with_spec(&self, spec: &'static FilterSpec) -> Result<Self> {
        let words = self.arguments.words.iter().take(spec.words.len()).cloned().collect();
        FilterQuery::new(spec, words, &self.arguments.flags)
    }

    /// Returns the parameters of a query for this filter.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, Option<&[u8]>)> {
        let FilterArguments { words, flags } = &self.arguments;
        let value = || self.spec.values().find(|value| flags.contains(value)).map(str::as_bytes);
        let own = self.spec.words.is_empty().then(|| (self.spec.name, value()));
        let words = self.spec.words.iter().zip(words);
        let words = words.map(|(word, value)| (word.parameter, Some(value.as_slice())));
        let flags = self.spec.parameters().filter(|flag| flags.contains(flag)).map(|flag| (flag, None));
        own.into_iter().chain(words).chain(flags)
    }

    /// Returns the beginning of the shell's report.
    pub fn report(&self) -> String {
        (self.spec.report)(&self.arguments)
    }

    /// Builds the filter with another kind of output.
    pub fn build(&self, output: OutputKind) -> Result<Arc<dyn Filter>> {
        (self.spec.build)(&self.arguments, output)
    }
}

impl PartialEq for FilterQuery {
    fn eq(&self, other: &Self) -> bool {
        (self.spec, &self.arguments) == (other.spec, &other.arguments)
    }
}

/// Refuses parameters of a query for this filter that are unknown, repeated or contradictory.
fn refuse_ambiguous(spec: Option<&FilterSpec>, parameters: &[Parameter<'_>]) -> Result<()> {
    for (at, (name, value)) in parameters.iter().enumerate() {
        let is = |known: &str| known.as_bytes() == *name;
        let is_flag = spec.is_some_and(|spec| spec.parameters().any(is));
        if !is_flag
            && !spec.is_some_and(|spec| is(spec.name) || spec.words.iter().any(|word| is(word.parameter)))
        {
            return Err(Error::invalid(name, "is an unknown parameter"));
        }
        if parameters.iter().take(at).any(|(earlier, _)| earlier == name) {
            return Err(Error::invalid(name, "comes twice"));
        }
        if is_flag && value.is_some_and(|value| !value.is_empty()) {
            return Err(Error::invalid(name, "takes no value"));
        }
    }
    Ok(())
}

/// Returns the error text for an invalid value of a filter's own parameter.
fn unknown_value(spec: &FilterSpec) -> String {
    let values: Vec<_> = spec.values().collect();
    if values.is_empty() {
        "takes no value".to_owned()
    } else {
        format!("takes no value but {}", values.join(", "))
    }
}

/// Returns the names of all filters: `search, replace and reverse`.
fn all_names() -> String {
    let names = FILTERS.map(|spec| spec.name).join(", ");
    names.rsplit_once(", ").map_or(names.clone(), |(first, last)| format!("{first} and {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row<'a> = &'a [(&'a str, Option<&'a str>)];

    fn pairs<'a>(row: Row<'a>) -> Vec<Parameter<'a>> {
        row.iter().map(|(name, value)| (name.as_bytes(), value.map(str::as_bytes))).collect()
    }

    fn parse(row: Row<'_>) -> Result<Option<FilterQuery>, String> {
        FilterQuery::parse(&pairs(row), false).map_err(|error| error.to_string())
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
            assert!(FilterQuery::parse(&written, true).is_ok());
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
        for spec in FILTERS {
            let own = spec.words.is_empty().then_some((spec.name, spec.values().last()));
            let words = spec.words.iter().map(|word| (word.parameter, Some("word")));
            let flags = spec.parameters().map(|flag| (flag, None));
            let row: Vec<_> = own.into_iter().chain(words).chain(flags).collect();
            let query = parse(&row).unwrap().unwrap();
            assert_eq!(query.pairs().count(), row.len(), "{}", spec.name);
            assert!(query.build(query.output).is_ok(), "{}", spec.name);
            let [usage, does] = spec.help();
            assert!(usage.len() <= 24 && !does.contains('\n'), "{usage}: {does}");
        }
    }
}

//! Which filter a query names, and what its answer is called. A new operation of the house is a new arm here
//! and works for every method that moves bytes.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};

use super::limits::BLOCK;
use super::presence::Attended;
use crate::error::{Error, Result};
use crate::http::{Fields, Query, accept};
use crate::store::Name;
use crate::text::{Filter, Matching, ReadAt, Replace, Reverse, Search, Show, Source, Word, unpack};

/// A filter as a query names it.
pub struct Operation {
    filter: Box<dyn Filter>,
    decompress: bool,
    /// Whether the answer is a number, so that it is small and known only at the end.
    pub is_number: bool,
    /// What the answer is, where it is not of the source's own type.
    pub media_type: Option<&'static str>,
    /// What sets its answers apart from others on the same file.
    tag: u64,
}

/// The filters by the parameters that name them.
const FILTERS: [&str; 3] = ["search", "replace", "reverse"];

/// The parameters without a value.
const FLAGS: [&str; 4] = ["ignore-case", "substring", "lines", "decompress"];

/// The filter that a query names, first of all, for whoever counts.
pub fn filter_named(query: &Query) -> Option<&'static str> {
    FILTERS.into_iter().find(|name| query.has(name))
}

/// Media types of what a search answers, the favourite first.
const NUMBER_TYPES: [&str; 2] = ["text/plain", "application/json"];

impl Operation {
    /// The filter of a query; `None` where it names none. `strict` refuses parameters that mean nothing, as is
    /// right where something would be stored. Errors have status 400, or 406 for an `Accept` that fits nothing.
    pub fn of_query(query: &Query, fields: &Fields, strict: bool) -> Result<Option<Self>> {
        let (operation, known): (_, &[&str]) = match FILTERS.map(|name| query.has(name)) {
            [false, false, false] => (None, &[]),
            [true, false, false] => {
                (Some(search(query, fields)?), &["search", "ignore-case", "substring", "lines", "decompress"])
            }
            [false, true, false] => (Some(replace(query)?), &["replace", "with", "ignore-case", "substring"]),
            [false, false, true] => (Some(reverse(query)?), &["reverse"]),
            _ => {
                return Err(Error::status(
                    400,
                    "query",
                    "names more than one of search, replace and reverse",
                ));
            }
        };
        if strict {
            refuse_unfit(query, known)?;
        }
        Ok(operation)
    }

    /// The filter that changes nothing.
    pub fn identity() -> Self {
        Operation {
            filter: Box::new(Identity),
            decompress: false,
            is_number: false,
            media_type: None,
            tag: 0,
        }
    }

    /// Moves a stored file, which is called `name`, through the filter.
    pub fn run_on_content(
        &self,
        name: &Name,
        content: Attended<'_>,
        spool: Spooler<'_>,
        sink: &mut dyn Write,
    ) -> io::Result<()> {
        match self.decompress {
            true => {
                let (name, packed) = (name.shown(), ContentReader { content, offset: 0 });
                self.filter.run(Source::Stream { bytes: &mut unpack(packed, &name)?, spool }, sink)
            }
            false => self.filter.run(Source::File(&content), sink),
        }
    }

    /// Moves a body through the filter.
    pub fn run_on_stream(
        &self,
        bytes: &mut dyn Read,
        spool: Spooler<'_>,
        sink: &mut dyn Write,
    ) -> io::Result<()> {
        match self.decompress {
            true => self.filter.run(Source::Stream { bytes: &mut unpack(bytes, b"body")?, spool }, sink),
            false => self.filter.run(Source::Stream { bytes, spool }, sink),
        }
    }

    /// The entity tag of this filter's answer on a file with this tag (RFC 9110 §8.8.3).
    pub fn etag(&self, of_file: &str) -> String {
        format!("{}-{:x}\"", of_file.trim_end_matches('"'), self.tag)
    }
}

/// Refuses what may be meant otherwise than it would be taken.
fn refuse_unfit(query: &Query, known: &[&str]) -> Result<()> {
    for (at, name) in query.names().enumerate() {
        if !known.iter().any(|known| known.as_bytes() == name) {
            return Err(Error::status(400, name, "is no parameter here"));
        }
        if query.names().take(at).any(|earlier| earlier == name) {
            return Err(Error::status(400, name, "comes twice"));
        }
    }
    match FLAGS.into_iter().find(|flag| query.get(flag).is_some_and(|value| !value.is_empty())) {
        Some(flag) => Err(Error::status(400, flag, "takes no value")),
        None => Ok(()),
    }
}

/// Makes an empty file without a name.
pub type Spooler<'a> = &'a dyn Fn() -> io::Result<File>;

/// The word of a query parameter, with how it is to be found.
pub fn word(query: &Query, parameter: &str) -> Result<Word> {
    let matching = Matching { ignore_case: query.has("ignore-case"), substring: query.has("substring") };
    Word::new(query.get(parameter).unwrap_or_default(), matching)
        .map_err(|wrong| Error::status(400, parameter, wrong.to_string()))
}

fn search(query: &Query, fields: &Fields) -> Result<Operation> {
    let word = word(query, "search")?;
    let decompress = query.has("decompress");
    if query.has("lines") {
        let filter = Box::new(Search { word, show: Show::Lines });
        return Ok(Operation {
            filter,
            decompress,
            is_number: false,
            media_type: Some("text/plain"),
            tag: tag(query, ""),
        });
    }
    let media_type = number_type(fields)?;
    let show = if media_type == "application/json" { Show::Json } else { Show::Count };
    let filter = Box::new(Search { word, show });
    Ok(Operation {
        filter,
        decompress,
        is_number: true,
        media_type: Some(media_type),
        tag: tag(query, media_type),
    })
}

/// Which of the two forms of a number a client likes best.
pub fn number_type(fields: &Fields) -> Result<&'static str> {
    accept::media_type(fields, &NUMBER_TYPES)
        .and_then(|chosen| NUMBER_TYPES.into_iter().find(|offer| *offer == chosen))
        .ok_or_else(|| Error::status(406, "Accept", "fits neither text/plain nor application/json"))
}

fn replace(query: &Query) -> Result<Operation> {
    let Some(with) = query.get("with") else {
        return Err(Error::status(400, "replace", "needs with=NEW besides"));
    };
    let filter = Box::new(Replace { word: word(query, "replace")?, with: with.to_vec() });
    Ok(Operation { filter, decompress: false, is_number: false, media_type: None, tag: tag(query, "") })
}

fn reverse(query: &Query) -> Result<Operation> {
    let per_line = match query.get("reverse") {
        Some(b"") => false,
        Some(b"lines") => true,
        _ => return Err(Error::status(400, "reverse", "takes no value but lines")),
    };
    let filter = Box::new(Reverse { per_line });
    Ok(Operation { filter, decompress: false, is_number: false, media_type: None, tag: tag(query, "") })
}

/// The same for the same query, whatever the process.
fn tag(query: &Query, media_type: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (query, media_type).hash(&mut hasher);
    hasher.finish()
}

/// Bytes as they are.
struct Identity;

impl Filter for Identity {
    fn run(&self, source: Source<'_>, sink: &mut dyn Write) -> io::Result<()> {
        let mut block = vec![0; BLOCK];
        let mut offset = 0;
        let mut source = source;
        loop {
            let read = match &mut source {
                Source::Stream { bytes, .. } => bytes.read(&mut block)?,
                Source::File(file) => file.read_at(&mut block, offset)?,
            };
            if read == 0 {
                return Ok(());
            }
            sink.write_all(block.get(..read).unwrap_or_default())?;
            offset += read as u64;
        }
    }
}

/// A stored file from its beginning to its end.
struct ContentReader<'a> {
    content: Attended<'a>,
    offset: u64,
}

impl Read for ContentReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Target;

    fn of(target: &str, strict: bool) -> Result<Option<Operation>> {
        Operation::of_query(&Target::parse(target.as_bytes())?.query, &Fields::new(), strict)
    }

    #[test]
    fn a_query_names_one_filter_or_none() {
        for target in ["/f", "/f?x=1", "/f?with=b"] {
            assert!(of(target, false).unwrap().is_none(), "{target}");
        }
        for target in ["/f?search=a", "/f?replace=a&with=", "/f?reverse", "/f?reverse=lines", "/f?reverse=&x"]
        {
            assert!(of(target, false).unwrap().is_some(), "{target}");
        }
        for target in ["/f?search=", "/f?search", "/f?replace=a", "/f?reverse=x", "/f?search=a&reverse"] {
            assert_eq!(of(target, false).err().unwrap().http_status(), 400, "{target}");
        }
    }

    #[test]
    fn what_would_be_stored_takes_no_unknown_parameter() {
        for target in ["/f?x", "/f?reverse&lines", "/f?replace=a&with=b&lines", "/f?with=b"] {
            assert_eq!(of(target, true).err().unwrap().http_status(), 400, "{target}");
        }
        assert!(of("/f?replace=a&with=b&ignore-case&substring=", true).is_ok());
    }

    #[test]
    fn what_would_be_stored_takes_no_parameter_that_says_two_things() {
        let rows = [
            "/f?search=a&ignore-case=no",
            "/f?search=a&search=b",
            "/f?search=a&lines&lines",
            "/f?replace=a&with=b&with=c",
            "/f?reverse&reverse=lines",
        ];
        for target in rows {
            assert_eq!(of(target, true).err().unwrap().http_status(), 400, "{target}");
            assert!(of(target, false).is_ok(), "{target}");
        }
    }

    #[test]
    fn every_answer_has_a_tag_of_its_own() {
        let tag = |target: &str| of(target, false).unwrap().unwrap().etag("\"1\"");
        let all = ["/f?search=a", "/f?search=b", "/f?search=a&lines", "/f?reverse", "/f?reverse=lines"];
        let tags: std::collections::HashSet<_> = all.iter().map(|target| tag(target)).collect();
        assert_eq!(tags.len(), all.len());
        assert!(tag("/f?reverse").starts_with("\"1-") && tag("/f?reverse").ends_with('"'));
    }
}

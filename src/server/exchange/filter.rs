//! The filter of a request, ready to run on a stored file or a body, with the media type and the entity tag of its
//! result. The table of filters is in `text`; each works with every method that moves bytes.

use std::io::{self, Read, Write};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::http::{Fields, Query, accept};
use crate::io_block;
use crate::server::exchange::{BoundedDecoding, Coded, ScannedFile};
use crate::server::limits::BLOCK;
use crate::store::{Content, Name, SpoolFile, Spools};
use crate::text::{self, Compared, Filter, FilterQuery, OutputKind, ReadAt, Source};

/// A filter with its parameters, parsed from a query.
pub struct Operation {
    filter: Arc<dyn Filter>,
    decompress: bool,
    /// Whether the result is a number: small, and known only at the end.
    pub is_number: bool,
    /// The media type of the result, where it is not that of the source.
    pub media_type: Option<&'static str>,
    /// A hash that distinguishes its results from those of other filters on the same file.
    tag: u64,
}

/// What becomes of the result of a filter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ResultUse {
    /// It is sent.
    Sent,
    /// It is stored: unknown parameters of the query are refused.
    Stored,
    /// It is added to others: a count stays a plain number, whatever media type it is sent as.
    Added,
}

/// The media types of a number, the preferred first.
const NUMBER_TYPES: [&str; 2] = ["text/plain", JSON];
const JSON: &str = "application/json";

impl Operation {
    /// Parses the filter of a query; `None` where it names none. Errors have kind `Invalid`, or `NotAcceptable` where
    /// `Accept` allows no media type of the result.
    pub fn of_query(query: &Query, fields: &Fields, result: ResultUse) -> Result<Option<Self>> {
        let pairs: Vec<_> = query.pairs().collect();
        let named = FilterQuery::parse(&pairs, result == ResultUse::Stored)?;
        let Some(named) = named else { return Ok(None) };
        let (filter, media_type) = match named.output {
            OutputKind::Text => (named.filter, None),
            OutputKind::Lines => (named.filter, Some("text/plain")),
            // `Accept` is about the response, not about what is stored.
            OutputKind::Count | OutputKind::CountInJson if result == ResultUse::Stored => {
                (named.filter, Some("text/plain"))
            }
            OutputKind::Count | OutputKind::CountInJson => match number_type(fields)? {
                JSON if result != ResultUse::Added => (named.build(OutputKind::CountInJson)?, Some(JSON)),
                chosen => (named.filter, Some(chosen)),
            },
        };
        let is_number = named.output == OutputKind::Count;
        Ok(Some(Operation {
            filter,
            decompress: named.decompresses,
            is_number,
            media_type,
            // The type of a number is chosen by the client, that of lines is always the same.
            tag: tag(query, if is_number { media_type.unwrap_or_default() } else { "" }),
        }))
    }

    /// Returns the filter that changes nothing.
    pub fn identity() -> Self {
        Operation {
            filter: Arc::new(IdentityFilter),
            decompress: false,
            is_number: false,
            media_type: None,
            tag: 0,
        }
    }

    /// Runs the filter on a stored file that the result is to replace, and returns the number of changes.
    pub fn change_content(
        &self,
        name: &Name,
        content: &dyn Content,
        decoding: &BoundedDecoding<'_>,
        sink: &mut dyn Write,
    ) -> io::Result<u64> {
        let file = ScannedFile::new(content, decoding);
        match self.decompress {
            true => {
                let mut sink = Compared::new(&file, sink);
                self.run_on_content(name, content, decoding, &mut sink)?;
                Ok(u64::from(!sink.is_same()))
            }
            false => self.filter.change(&file, sink),
        }
    }

    /// Runs the filter on the stored file `name`.
    pub fn run_on_content(
        &self,
        name: &Name,
        content: &dyn Content,
        decoding: &BoundedDecoding<'_>,
        sink: &mut dyn Write,
    ) -> io::Result<()> {
        self.run_on_file(name, &ScannedFile::new(content, decoding), decoding, sink)
    }

    /// Runs the filter on the stored file `name`, which knows how it begins afterwards.
    pub fn run_on_file(
        &self,
        name: &Name,
        file: &ScannedFile<'_>,
        decoding: &BoundedDecoding<'_>,
        sink: &mut dyn Write,
    ) -> io::Result<()> {
        match self.decompress {
            true => {
                // A stored file may be larger than what clients may send.
                let most = decoding.server.limits.file_size.max(file.size());
                self.run_decoded(&name.shown(), &mut file.reader()?, most, decoding, sink)
            }
            false => self.filter.run(Source::File(file), sink),
        }
    }

    /// Runs the filter on a body.
    pub fn run_on_stream(
        &self,
        bytes: &mut dyn Read,
        decoding: &BoundedDecoding<'_>,
        sink: &mut dyn Write,
    ) -> io::Result<()> {
        match self.decompress {
            true => self.run_decoded(b"body", bytes, decoding.server.limits.file_size, decoding, sink),
            false => self.filter.run(Source::Stream { bytes, spool: &decoding.server.spools }, sink),
        }
    }

    /// Runs the filter on the bytes that a compressed file or body called `name` holds.
    fn run_decoded(
        &self,
        name: &[u8],
        bytes: &mut dyn Read,
        most: u64,
        decoding: &BoundedDecoding<'_>,
        sink: &mut dyn Write,
    ) -> io::Result<()> {
        decoding.run(&decoding.permit()?, Coded::Packed(name), bytes, most, |bytes| {
            self.filter.run(Source::Stream { bytes, spool: &decoding.server.spools }, sink)
        })
    }

    /// Returns the entity tag of the result on a file with this tag (RFC 9110 §8.8.3).
    pub fn etag(&self, of_file: &str) -> String {
        format!("{}-{:016x}\"", of_file.trim_end_matches('"'), self.tag)
    }
}

impl text::MakeSpool for Spools {
    fn make(&self) -> io::Result<Box<dyn text::SpoolStorage>> {
        Ok(Box::new(Spools::make(self)?))
    }
}

impl text::SpoolStorage for SpoolFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        SpoolFile::append(self, bytes)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        SpoolFile::read_at(self, buffer, offset)
    }

    fn clear(&mut self) -> io::Result<()> {
        SpoolFile::clear(self)
    }
}

/// Returns the media type of a number that the client prefers.
fn number_type(fields: &Fields) -> Result<&'static str> {
    accept::media_type(fields, &NUMBER_TYPES)
        .and_then(|chosen| NUMBER_TYPES.into_iter().find(|offer| *offer == chosen))
        .ok_or_else(|| Error::not_acceptable("Accept", "fits neither text/plain nor application/json"))
}

/// Hashes a query, independent of build and machine: eight bytes of the SHA-256 of its parameters, each prefixed by its
/// length.
fn tag(query: &Query, media_type: &str) -> u64 {
    let mut hasher = Sha256::new();
    let mut take = |part: Option<&[u8]>| {
        hasher.update(part.map_or(u64::MAX, |part| part.len() as u64).to_be_bytes());
        hasher.update(part.unwrap_or_default());
    };
    take(Some(media_type.as_bytes()));
    for (name, value) in query.pairs() {
        take(Some(name));
        take(value);
    }
    let first = hasher.finalize().first_chunk().copied();
    first.map_or(0, u64::from_be_bytes)
}

/// Copies bytes unchanged.
#[derive(Debug)]
struct IdentityFilter;

impl Filter for IdentityFilter {
    fn run(&self, source: Source<'_>, sink: &mut dyn Write) -> io::Result<()> {
        let bytes = match source {
            Source::Stream { bytes, .. } => Box::new(bytes),
            Source::File(file) => file.reader()?,
        };
        io_block::copy(&mut { bytes }, sink, BLOCK).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::http::Target;

    fn of(target: &str, strict: bool) -> Result<Option<Operation>> {
        let result = if strict { ResultUse::Stored } else { ResultUse::Sent };
        Operation::of_query(&Target::parse(target.as_bytes())?.query, &Fields::new(), result)
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
            assert_eq!(of(target, false).err().unwrap().kind(), ErrorKind::Invalid, "{target}");
        }
    }

    #[test]
    fn what_would_be_stored_takes_no_unknown_parameter() {
        for target in ["/f?x", "/f?reverse&lines", "/f?replace=a&with=b&lines", "/f?with=b"] {
            assert_eq!(of(target, true).err().unwrap().kind(), ErrorKind::Invalid, "{target}");
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
            assert_eq!(of(target, true).err().unwrap().kind(), ErrorKind::Invalid, "{target}");
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

    /// Other builds and machines must compute the same: these sums are from sha256sum(1).
    #[test]
    fn the_tag_of_an_answer_is_the_same_from_every_build() {
        let rows = [
            ("/f?reverse", "183d6841327cd79b"),
            ("/f?search=a&lines", "329ad159c1667eeb"),
            ("/f?search=a&lines=", "514b12d1a80e87b6"),
        ];
        for (target, digits) in rows {
            assert_eq!(
                of(target, false).unwrap().unwrap().etag("\"1\""),
                format!("\"1-{digits}\""),
                "{target}"
            );
        }
    }
}

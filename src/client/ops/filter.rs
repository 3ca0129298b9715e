//! Applies one filter from a source to a sink. Their locations determine the method, as in the table of
//! docs/protocol.md. The query describes the filter, and the server runs it.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use serde_json::Value;

use crate::client::ops::list::each_line;
use crate::client::progress::display;
use crate::client::{BodySource, Client, Operand, Precondition, RemoteName, ServerResponse, Tag};
use crate::error::{Error, Result, shown};
use crate::http::Query;
use crate::http::json_name::json_name;

/// The field in which a server says how much a filter changed in place.
const CHANGED: &str = "Cfp-Changed";

impl Client {
    /// Runs a filter and copies its result to a local sink.
    pub fn filter_to(
        &mut self,
        source: &Operand,
        query: &Query,
        sink: &mut dyn Write,
        name: &str,
    ) -> Result<()> {
        self.filtered(source, query)?.copy_to(sink, name)
    }

    /// Runs a filter and stores its result under a name on the server. From a stored file to a stored file the bytes
    /// never leave the server. If source and target are the same, returns the number of changes, if the server sends
    /// it.
    pub fn filter_into(
        &mut self,
        source: &Operand,
        query: &Query,
        target: &RemoteName,
        precondition: &Precondition,
    ) -> Result<Option<u64>> {
        if target.directory {
            return Err(Error::is_directory(target.shown(), "is a directory: name the file in it"));
        }
        let answer = match source {
            // Only the version that was seen is filtered, so that a filter is never applied to its own result.
            Operand::Stored(stored) if stored == target && precondition.tag.is_none() => {
                let precondition =
                    Precondition { tag: self.stat(stored)?.etag.and_then(Tag::from_server), ..*precondition };
                self.transfer("COPY", stored, target, query, &precondition)?
            }
            Operand::Stored(stored) => self.transfer("COPY", stored, target, query, precondition)?,
            local => {
                self.put(open(local)?, target, query, precondition)?;
                None
            }
        };
        let changed = answer.as_ref().and_then(|fields| fields.get_text(CHANGED));
        Ok(changed.and_then(|digits| digits.parse().ok()))
    }

    /// Returns the response to a filter on a source.
    fn filtered(&mut self, source: &Operand, query: &Query) -> Result<ServerResponse<'_>> {
        if let Operand::Stored(stored) = source {
            return self.get(stored, query);
        }
        self.post(open(source)?, query).map_err(|error| match error {
            // The server has no name for the bytes that were sent.
            Error::Failed { kind, name, what } if name == "body" => {
                Error::new(kind, source.shown().as_bytes(), what)
            }
            other => other,
        })
    }

    /// Counts the occurrences of a word in one file.
    pub fn count(&mut self, source: &Operand, query: &Query) -> Result<u64> {
        let answer = self.filtered(source, query)?.text(64)?;
        number(&answer).map_err(|error| self.no_cfpd(error))
    }

    /// Finds the lines with a word in the files beneath a directory, each after the name of its file, with one request.
    pub fn lines_beneath(
        &mut self,
        directory: &RemoteName,
        query: &Query,
        sink: &mut dyn Write,
        name: &str,
    ) -> Result<()> {
        let call = self.call("GET", &directory.clone().as_directory(), query)?;
        self.send(&call)?.check()?.copy_to(sink, name)
    }

    /// Counts the occurrences of a word in each file beneath a directory, in the order of a walk, with one request.
    /// Returns also the server's errors for files it cannot read.
    pub fn count_beneath(&mut self, name: &RemoteName, query: &Query) -> Result<Counts> {
        let mut query = query.clone();
        if display::is_shown() {
            query.push("progress", None);
        }
        let call = self.call("GET", &name.clone().as_directory(), &query)?;
        let answer = self.send(&call.with("Accept", "application/json"))?.check()?;
        let bad = || Error::bad_response("answer", "holds a line that is not a count");
        answer.read(|body| {
            let (mut counts, mut unreadable, mut utf16, mut is_complete) =
                (Vec::new(), Vec::new(), Vec::new(), false);
            each_line(body, |line| {
                let object: Value = serde_json::from_slice(&line).map_err(|_| bad())?;
                match (json_name(&object), object.get("count").and_then(Value::as_u64)) {
                    (Some(file), Some(count)) => {
                        display::count(0);
                        let file = RemoteName::parse(&file);
                        if object.get("utf16") == Some(&Value::Bool(true)) {
                            utf16.push(file.clone());
                        }
                        counts.push((file, count));
                    }
                    (None, None) if object.get("error").is_some() => {
                        let said = object.get("error").and_then(Value::as_str).unwrap_or_default();
                        unreadable.push(shown(RemoteName::shown_as_typed(said).as_bytes()));
                    }
                    (None, None) if object.get("files").is_some() => {
                        display::add_total(object.get("files").and_then(Value::as_u64).unwrap_or(0), 0);
                    }
                    // The last line, which is missing in an incomplete list.
                    (None, None) if object.get("total").is_some() => is_complete = true,
                    _ => return Err(bad()),
                }
                Ok(())
            })?;
            if !is_complete {
                return Err(Error::interrupted("answer", "ended before its total"));
            }
            // The counts come in the order in which the threads of the server finish.
            counts.sort_by(|(one, _): &(RemoteName, u64), (other, _)| one.components.cmp(&other.components));
            utf16.sort_by(|one, other| one.components.cmp(&other.components));
            Ok(Counts { counts, utf16, unreadable })
        })
    }
}

/// Parses the number in the response to a search.
pub fn number(answer: &[u8]) -> Result<u64> {
    let digits = answer.strip_suffix(b"\n").unwrap_or(answer);
    let is_number = digits.iter().all(u8::is_ascii_digit);
    let number =
        std::str::from_utf8(digits).ok().filter(|_| is_number).and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| Error::bad_response("answer", "is not a number"))
}

/// Adds counts, of which a server may send any.
pub fn add(total: u64, count: u64) -> Result<u64> {
    total.checked_add(count).ok_or_else(|| Error::bad_response("answer", "has a count that is too large"))
}

/// The result of a search of a directory.
#[derive(Debug)]
pub struct Counts {
    /// The files, and the count of each.
    pub counts: Vec<(RemoteName, u64)>,
    /// The files that begin with the byte order mark of UTF-16.
    pub utf16: Vec<RemoteName>,
    /// The server's errors for files it cannot read, one line each.
    pub unreadable: Vec<String>,
}

/// Opens a local source.
pub fn open(source: &Operand) -> Result<BodySource> {
    match source {
        Operand::Standard => BodySource::stdin(),
        Operand::Local(path) => BodySource::open(path),
        Operand::Stored(name) => Err(Error::not_found(name.shown(), "is on the server")),
    }
}

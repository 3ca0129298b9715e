//! Lists: the entries of a directory on the server, from JSON with one object a line.

use std::io::{BufRead, Read};

use serde_json::Value;

use crate::client::progress::display;
use crate::client::{Client, RemoteName};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Query;
use crate::http::json_name::{json_name, with_name};
use crate::io_block::BlockReader;

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// The name beneath the listed directory, with a final slash for a directory.
    pub name: RemoteName,
    /// Whether it is a symbolic link, if the server says so.
    pub is_link: bool,
    /// The size in bytes.
    pub size: u64,
    /// The modification time (RFC 3339); empty if the server does not send it.
    pub modified: String,
    /// The entity tag, if the server sends it.
    pub etag: Option<String>,
}

impl ListEntry {
    fn parse(json: &[u8]) -> Result<Self> {
        let bad = || Error::bad_response("list", "holds a line that is not an entry");
        let object: Value = serde_json::from_slice(json).map_err(|_| bad())?;
        let text = |key: &str| object.get(key).and_then(Value::as_str);
        let below = json_name(&object).filter(|name| !name.starts_with(b"/")).ok_or_else(bad)?;
        let mut name = RemoteName::parse(&below);
        name.directory = text("type") == Some("directory");
        name.refuse_escape()?;
        let size = object.get("size").and_then(Value::as_u64).unwrap_or(0);
        Ok(ListEntry {
            name,
            is_link: object.get("link").and_then(Value::as_bool) == Some(true),
            size,
            modified: text("mtime").unwrap_or_default().to_owned(),
            etag: text("etag").map(str::to_owned),
        })
    }
}

/// Formats a JSON object with a name, as the server does, and a newline.
pub fn object(name: &[u8], rest: &[(&str, Value)]) -> String {
    let members = rest.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    format!("{}\n", with_name(Value::Object(members), name))
}

/// How much of a list is read at once, in bytes.
const BLOCK: usize = 64 * 1024;
/// The longest line of a list, in bytes. The longest path has 4096, each of them six in JSON and three more
/// percent-encoded.
const LINE_MAX: u64 = 1024 * 1024;

/// Passes each non-empty line of a body to `act`, without its newline. A line longer than `LINE_MAX` is an error.
pub fn each_line(body: &mut dyn Read, mut act: impl FnMut(Vec<u8>) -> Result<()>) -> Result<()> {
    let mut body = BlockReader::new(BLOCK, body);
    loop {
        let mut line = Vec::new();
        let read = body.by_ref().take(LINE_MAX).read_until(b'\n', &mut line);
        match read.map_err(|error| Error::io("list", error))? {
            0 => return Ok(()),
            _ if line.last() == Some(&b'\n') => drop(line.pop()),
            read if read as u64 == LINE_MAX => {
                return Err(Error::bad_response(
                    "list",
                    format!("holds a line of more than {LINE_MAX} bytes"),
                ));
            }
            _ => {}
        }
        if !line.is_empty() {
            act(line)?;
        }
    }
}

impl Client {
    /// Says of an answer that makes no sense that the server may be another program.
    pub(crate) fn no_cfpd(&self, error: Error) -> Error {
        match error {
            Error::Failed { kind: ErrorKind::BadResponse, name, what } if name != self.url.shown => {
                let server = &self.url.shown;
                Error::bad_response(name, format!("{what}: {server} may be no cfpd, name another with -s"))
            }
            error => error,
        }
    }

    /// Returns the entry of a file, or `None` for a directory, whose entries a list has.
    pub fn find_file(&mut self, name: &RemoteName) -> Result<Option<ListEntry>> {
        let found = if name.directory { None } else { Some(self.stat(name)?) };
        Ok(found.filter(|entry| !entry.name.directory))
    }

    /// Lists the entries of a directory, sorted by the bytes of the names without a final slash; with `recursive` all
    /// beneath it, the entries of a directory after it.
    pub fn list(&mut self, name: &RemoteName, recursive: bool) -> Result<Vec<ListEntry>> {
        self.list_chosen(name, recursive, Query::default())
    }

    /// Lists the entries that the globs of a query choose.
    pub fn list_chosen(
        &mut self,
        name: &RemoteName,
        recursive: bool,
        mut query: Query,
    ) -> Result<Vec<ListEntry>> {
        if recursive {
            query.push("recursive", None);
        }
        let call = self.call("GET", &name.clone().as_directory(), &query)?;
        let answer = self.send(&call.with("Accept", "application/json"))?.check()?;
        if answer.ends_by_close() {
            let what = "does not say where it ends, and may be incomplete";
            return Err(self.no_cfpd(Error::bad_response("list", what)));
        }
        let listed = answer.read(|body| {
            let mut entries = Vec::new();
            each_line(body, |line| {
                entries.push(ListEntry::parse(&line)?);
                display::list();
                Ok(())
            })?;
            Ok(entries)
        });
        let mut entries = listed.map_err(|error| self.no_cfpd(error))?;
        entries.sort_by(|one, other| one.name.components.cmp(&other.name.components));
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn an_entry_is_read_whatever_bytes_its_name_holds() {
        let rows: [(&str, &[u8]); 4] = [
            (r#"{"name":"a/b.txt","type":"file","size":7,"mtime":"2026-01-02T03:04:05Z"}"#, b"a/b.txt"),
            (r#"{"name":"d","type":"directory","size":0}"#, b"d/"),
            (r#"{"name":"line\nbreak","type":"file"}"#, b"line\nbreak"),
            (r#"{"name":"\ufffd%","name_bytes":"%FF%25","type":"file"}"#, b"\xff%"),
        ];
        for (json, name) in rows {
            assert_eq!(ListEntry::parse(json.as_bytes()).unwrap().name.bare(), name);
        }
    }

    #[test]
    fn a_server_that_tells_nonsense_or_a_way_out_is_at_fault() {
        for json in ["[", "{}", r#"{"name":"../x","type":"file"}"#, r#"{"name":"a","name_bytes":"a%00"}"#] {
            assert_eq!(
                ListEntry::parse(json.as_bytes()).unwrap_err().kind(),
                ErrorKind::BadResponse,
                "{json}"
            );
        }
    }
}

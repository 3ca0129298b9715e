//! GET of a directory: its list as HTML, JSON or text, streamed as the directory is read.

use std::io::{self, Write};

use serde_json::json;

use crate::error::{Error, Result};
use crate::http::json_name::with_name;
use crate::http::time::rfc3339;
use crate::http::{Query, accept};
use crate::server::auth::rights::AuthorizedStore;
use crate::server::exchange::{ClientLiveness, Exchange, send_lines};
use crate::server::limits::GLOBS_MAX;
use crate::server::net::Stream;
use crate::server::page::{ListPage, POLICY, Viewer};
use crate::store::{Detail, Entries, Entry, Kind, Name};
use crate::text::Globs;

/// The media types of a list in order of preference, with their names for `?format`.
const FORMATS: [(&str, &str); 3] =
    [("html", "text/html"), ("json", "application/json"), ("text", "text/plain")];

/// Sends the list of a directory.
pub fn answer(exchange: &mut Exchange<'_>, store: &AuthorizedStore, name: &Name) -> Result<()> {
    let media_type = media_type_of(exchange)?;
    let globs = globs(&exchange.query)?;
    let is_page = media_type == "text/html" && accept::names(&exchange.request.fields, media_type);
    let detail = match media_type {
        "application/json" => Detail::Metadata,
        "text/html" if !is_page => Detail::Sizes,
        _ => Detail::Names,
    };
    let entries = store.reader().list(name, exchange.query.has("recursive"), detail)?;
    let entries = included(entries, globs, exchange.stream);
    let target = exchange.target;
    let may = if is_page { store.offers_in(name) } else { String::new() };
    let may_with = |entry: &[u8], is_directory: bool| store.offers_on(name, entry, is_directory);
    let meta_of = |entry: &[u8], is_directory: bool| store.reader().listed(name, entry, is_directory);
    let viewer = || Viewer {
        target,
        is_filtered: exchange.query.has("include") || exchange.query.has("exclude"),
        user: store.principal().user.as_deref(),
        may_log_in: store.may_log_in() && !store.may_do_all(),
        may: &may,
        may_with: (!store.offers_the_same_beneath(name)).then_some(&may_with),
        meta_of: &meta_of,
    };
    let page = ListPage { name, viewer: is_page.then(viewer) };
    let policy = if is_page { POLICY } else { "default-src 'none'" };
    send_lines(exchange, name, media_type, policy, |out| match media_type {
        "text/html" => page.write(entries, out),
        _ => write_lines(entries, media_type == "application/json", out),
    })
}

/// Returns the media type of the list: that of `?format`, for clients that cannot set `Accept`. Errors have kind `Invalid` or
/// `NotAcceptable`.
fn media_type_of(exchange: &Exchange<'_>) -> Result<&'static str> {
    let Some(wanted) = exchange.query.get("format") else {
        return accept::media_type(&exchange.request.fields, &FORMATS.map(|(_, media_type)| media_type))
            .ok_or_else(|| {
                Error::not_acceptable("Accept", "fits neither text/html, application/json nor text/plain")
            });
    };
    let found = FORMATS.into_iter().find(|(short, _)| short.as_bytes() == wanted);
    found
        .map(|(_, media_type)| media_type)
        .ok_or_else(|| Error::invalid("format", "is neither html, json nor text"))
}

/// Returns the include and exclude globs of the query. Errors have kind `Invalid`.
pub fn globs(query: &Query) -> Result<Globs> {
    let count = query.get_all("include").chain(query.get_all("exclude")).count();
    match count > GLOBS_MAX {
        true => Err(Error::invalid("query", format!("has more than {GLOBS_MAX} globs"))),
        false => Globs::new(query.get_all("include"), query.get_all("exclude")),
    }
}

/// Returns the entries that the globs select. Ends with an error when the client has disconnected, which nothing else would notice
/// while no entry is selected.
pub fn included<'a>(entries: Entries<'a>, globs: Globs, client: &'a Stream) -> Entries<'a> {
    let liveness = ClientLiveness::new(client);
    let connected = move |entry| match liveness.check_connected() {
        Ok(()) => entry,
        Err(error) => Err(Error::io("client", error)),
    };
    Box::new(entries.map(connected).filter(move |entry| match entry {
        Ok(entry) => globs.includes(&entry.name, entry.kind == Kind::Directory),
        Err(_) => true,
    }))
}

fn write_lines(
    entries: impl Iterator<Item = Result<Entry>>,
    json: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    for entry in entries {
        let entry = entry?;
        if json { out.write_all(json_line(&entry).as_bytes())? } else { out.write_all(&text_line(&entry))? }
    }
    Ok(())
}

/// Returns the line of an entry: its name, with a slash where it is a directory.
fn text_line(entry: &Entry) -> Vec<u8> {
    let mut line = entry.name.clone();
    line.extend_from_slice(if entry.kind == Kind::Directory { b"/\n" } else { b"\n" });
    line
}

fn json_line(entry: &Entry) -> String {
    let kind = if entry.kind == Kind::Directory { "directory" } else { "file" };
    let mut object = match &entry.meta {
        Some(meta) => json!({
            "type": kind,
            "size": meta.size,
            "mtime": rfc3339(meta.modified),
            "etag": meta.etag,
        }),
        None => json!({ "type": kind }),
    };
    if let Some(members) = object.as_object_mut().filter(|_| entry.is_link) {
        members.insert("link".to_owned(), true.into());
    }
    format!("{}\n", with_name(object, &entry.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Meta;
    use std::time::SystemTime;

    fn entry(name: &[u8], kind: Kind) -> Entry {
        let meta = Meta { kind, size: 3, modified: SystemTime::UNIX_EPOCH, etag: "\"1\"".to_owned() };
        Entry {
            name: name.to_vec(),
            kind,
            is_link: false,
            stat: Some(meta.stat()),
            meta: Some(meta),
            properties: Vec::new(),
        }
    }

    #[test]
    fn a_name_is_told_in_every_form() {
        assert_eq!(text_line(&entry(b"d/e", Kind::Directory)), b"d/e/\n");
        assert_eq!(
            json_line(&entry("é\"".as_bytes(), Kind::File)),
            "{\"etag\":\"\\\"1\\\"\",\"mtime\":\"1970-01-01T00:00:00Z\",\"name\":\"é\\\"\",\"size\":3,\"type\":\"file\"}\n"
        );
        assert!(json_line(&entry(b"\xff.", Kind::File)).contains("\"name_bytes\":\"%FF%2E\""));
        let link = Entry { is_link: true, ..entry(b"l", Kind::Directory) };
        assert!(json_line(&link).contains("\"link\":true"));
    }
}

//! GET of a directory: its list, for a browser, a program or a shell, streamed while it is read.

use std::io::Write;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::{Value, json};

use crate::error::{Error, Result, shown};
use crate::http::condition::Validators;
use crate::http::time::rfc3339;
use crate::http::{Fields, Query, accept, target};
use crate::server::exchange::Exchange;
use crate::server::representation::is_not_modified;
use crate::server::rights::View;
use crate::store::{Entry, Kind, Name};

/// What a list can be, the favourite first.
const FORMS: [&str; 3] = ["text/plain", "application/json", "text/html"];

/// Answers what is in a directory.
pub fn answer(exchange: &mut Exchange<'_>, view: &View<'_>, name: &Name, query: &Query) -> Result<()> {
    let Some(form) = accept::media_type(&exchange.request.fields, &FORMS) else {
        return Err(Error::status(406, "Accept", "fits neither text/plain, application/json nor text/html"));
    };
    let recursive = query.has("recursive");
    let entries = view.reader().list(name, recursive)?;
    let mut fields = Fields::new();
    fields.push(
        "Content-Type",
        if form == "application/json" { form.to_owned() } else { format!("{form}; charset=utf-8") },
    );
    fields.push("Vary", "Accept, Accept-Encoding");
    fields.push("X-Content-Type-Options", "nosniff");
    fields.push("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
    let coding = accept::coding(&exchange.request.fields);
    // It stands, but has no version of its own.
    if is_not_modified(exchange.request, name, Validators::default())? {
        return exchange.reply.empty(304, fields);
    }
    exchange.reply.lines(fields, coding, |out| {
        if form == "text/html" {
            out.write_all(html_head(name).as_bytes())?;
        }
        for entry in entries {
            let entry = entry?;
            match form {
                "text/html" => out.write_all(html_row(&entry).as_bytes())?,
                "application/json" => out.write_all(json_line(&entry).as_bytes())?,
                _ => out.write_all(&text_line(&entry))?,
            }
        }
        if form == "text/html" {
            out.write_all(b"</table>\n")?;
        }
        Ok(())
    })
}

fn text_line(entry: &Entry) -> Vec<u8> {
    let mut line = entry.name.clone();
    line.extend_from_slice(if entry.meta.kind == Kind::Directory { b"/\n" } else { b"\n" });
    line
}

fn json_line(entry: &Entry) -> String {
    let object = json!({
        "type": if entry.meta.kind == Kind::Directory { "directory" } else { "file" },
        "size": entry.meta.size,
        "mtime": rfc3339(entry.meta.modified),
        "etag": entry.meta.etag,
    });
    format!("{}\n", with_name(object, &entry.name))
}

/// Gives an object its name; one that is no UTF-8 is there twice: readable, and exactly, percent-encoded.
pub fn with_name(mut object: Value, name: &[u8]) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.insert("name".to_owned(), String::from_utf8_lossy(name).into());
        if std::str::from_utf8(name).is_err() {
            let exact = percent_encode(name, NON_ALPHANUMERIC).to_string();
            members.insert("name_bytes".to_owned(), exact.into());
        }
    }
    object
}

fn html_head(name: &Name) -> String {
    let title = escaped(&name.shown());
    let up = if name.components().is_empty() { "" } else { "<tr><td><a href=\"../\">../</a>\n" };
    format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>body{{font:1rem/1.5 monospace}}td{{padding-right:2em}}td+td{{text-align:right}}</style>\n\
         <h1>{title}</h1>\n<table>\n{up}"
    )
}

fn html_row(entry: &Entry) -> String {
    let directory = entry.meta.kind == Kind::Directory;
    let parts: Vec<&[u8]> = entry.name.split(|&byte| byte == b'/').collect();
    let path = target::encode(&parts, directory, &Query::default());
    // Relative, and never mistaken for a scheme.
    let href = format!(".{}", String::from_utf8_lossy(&path));
    let label = escaped(text_line(entry).trim_ascii_end());
    let size = if directory { String::new() } else { entry.meta.size.to_string() };
    format!("<tr><td><a href=\"{href}\">{label}</a><td>{size}<td>{}\n", rfc3339(entry.meta.modified))
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for char in shown(bytes).chars() {
        match char {
            '<' => text += "&lt;",
            '>' => text += "&gt;",
            '&' => text += "&amp;",
            '"' => text += "&quot;",
            char => text.push(char),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Meta;
    use std::time::SystemTime;

    fn entry(name: &[u8], kind: Kind) -> Entry {
        let meta = Meta { kind, size: 3, modified: SystemTime::UNIX_EPOCH, etag: "\"1\"".to_owned() };
        Entry { name: name.to_vec(), meta }
    }

    #[test]
    fn a_name_is_told_in_every_form() {
        assert_eq!(text_line(&entry(b"d/e", Kind::Directory)), b"d/e/\n");
        assert_eq!(
            json_line(&entry("é\"".as_bytes(), Kind::File)),
            "{\"etag\":\"\\\"1\\\"\",\"mtime\":\"1970-01-01T00:00:00Z\",\"name\":\"é\\\"\",\"size\":3,\"type\":\"file\"}\n"
        );
        assert!(json_line(&entry(b"\xff.", Kind::File)).contains("\"name_bytes\":\"%FF%2E\""));
    }

    #[test]
    fn a_name_cannot_leave_its_cell() {
        let row = html_row(&entry(b"javascript:<b>\"&", Kind::File));
        assert!(row.contains("href=\"./javascript:%3Cb%3E%22%26\""), "{row}");
        assert!(row.contains(">javascript:&lt;b&gt;&quot;&amp;</a>"), "{row}");
    }
}

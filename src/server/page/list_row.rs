//! One row of a list: an entry of a directory, small, since many are in memory to be sorted.

use std::time::SystemTime;

use crate::http::time::rfc3339;
use crate::http::{Query, target};
use crate::server::page::html::{escaped, marked};
use crate::server::page::size::human;
use crate::store::{Entry, Kind, Meta};

/// The part of an entry that a page shows.
pub struct ListRow {
    /// With a final slash for a directory.
    pub name: Box<[u8]>,
    /// The size of a file.
    pub size: Option<u64>,
    modified: Option<SystemTime>,
}

impl ListRow {
    /// Returns the row of an entry.
    pub fn of(entry: Entry) -> Self {
        let (mut name, stat) = (entry.name, entry.stat);
        name.extend((entry.kind == Kind::Directory).then_some(b'/'));
        let size = stat.filter(|_| entry.kind == Kind::File).map(|stat| stat.size);
        ListRow { name: name.into(), size, modified: stat.map(|stat| stat.modified) }
    }

    /// Adds the metadata, where the list was read without it.
    pub fn describe(&mut self, meta: &Meta) {
        self.size = (meta.kind == Kind::File).then_some(meta.size);
        self.modified = Some(meta.modified);
    }

    /// Returns whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.name.ends_with(b"/")
    }

    /// Returns the components of its name, without the empty one after a final slash.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.path().split(|&byte| byte == b'/')
    }

    /// Returns its name without a final slash.
    pub fn path(&self) -> &[u8] {
        self.name.strip_suffix(b"/").unwrap_or(&self.name)
    }

    /// Returns the row for a program, with the exact size. lftp takes the columns for text: it expects the time before the size, in the
    /// format of Apache's list, and white space between them.
    pub fn plain(&self) -> String {
        let size = self.size.map_or_else(|| "-".to_owned(), |size| size.to_string());
        let modified = self.modified.map(rfc3339).map_or_else(String::new, |time| to_minute(&time));
        format!("<tr><td><a href=\"{}\">{}</a> <td>{modified} <td>{size}\n", self.href(), escaped(&self.name))
    }

    /// Returns the row for a person, with the entity tag of a file; `may` is what may be done with this entry, where not all entries
    /// allow the same.
    pub fn page(&self, etag: &str, may: Option<&str>) -> String {
        let etag = match self.is_directory() {
            true => String::new(),
            false => format!(" data-etag=\"{}\"", escaped(etag.trim_matches('"').as_bytes())),
        };
        let may = may.map_or_else(String::new, |may| format!(" data-may=\"{may}\""));
        let size = |size: u64| format!("<data value=\"{size}\">{}</data>", human(size));
        let (href, label) = (self.href(), marked(&self.name));
        let (size, modified) = (self.size.map_or_else(String::new, size), self.modified.map(rfc3339));
        let modified = modified.map_or_else(String::new, |time| {
            format!("<time datetime=\"{time}\">{}</time>", to_minute(&time))
        });
        format!("<tr{etag}{may}><td><a href=\"{href}\">{label}</a><td>{size}<td>{modified}\n")
    }

    /// Returns the relative URL. It begins with `./` only where the first component has a colon, and would be taken for a scheme
    /// (RFC 3986 §4.2): some programs do not find links that begin so.
    fn href(&self) -> String {
        let parts: Vec<_> = self.components().collect();
        let path = target::encode(&parts, self.is_directory(), &Query::default());
        let has_colon = parts.first().is_some_and(|first| first.contains(&b':'));
        let path = path.strip_prefix(b"/").unwrap_or(&path);
        format!("{}{}", if has_colon { "./" } else { "" }, String::from_utf8_lossy(path))
    }
}

/// A time in the format of RFC 3339, to the minute and as a person writes it.
fn to_minute(time: &str) -> String {
    let (day, clock) = (time.get(..10).unwrap_or_default(), time.get(11..16).unwrap_or_default());
    format!("{day} {clock}")
}

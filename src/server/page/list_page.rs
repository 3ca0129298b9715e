//! The list of a directory as an HTML page, for browsers and for programs that follow its links (wget, rclone, lftp).
//! Sorted by name up to a limit, so that memory is bounded.

use std::io::{self, Write};

use crate::error::{Result, shown};
use crate::http::time::rfc3339;
use crate::http::{Query, target};
use crate::server::limits::LIST_SORTED_MAX;
use crate::store::{Entry, Kind, Name};

/// Writes the page of a directory.
pub fn write(
    name: &Name,
    entries: impl Iterator<Item = Result<Entry>>,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut entries = entries.map(|entry| entry.map(ListRow::of));
    let mut first = entries.by_ref().take(LIST_SORTED_MAX).collect::<Result<Vec<_>>>()?;
    // One entry past the limit: send the list unsorted.
    let next = entries.next().transpose()?;
    if next.is_none() {
        first.sort_unstable_by(|one, other| components(&one.name).cmp(components(&other.name)));
    }
    out.write_all(head(name, next.is_none()).as_bytes())?;
    for row in first.into_iter().chain(next) {
        out.write_all(row.html().as_bytes())?;
    }
    for row in entries {
        out.write_all(row?.html().as_bytes())?;
    }
    out.write_all(b"</table>\n")
}

/// The part of an entry that the page shows; small, since many are in memory to be sorted.
struct ListRow {
    /// With a final slash for a directory.
    name: Box<[u8]>,
    size: Option<u64>,
    modified: Option<std::time::SystemTime>,
}

impl ListRow {
    fn of(entry: Entry) -> Self {
        let (mut name, meta) = (entry.name, entry.meta.as_ref());
        name.extend((entry.kind == Kind::Directory).then_some(b'/'));
        let size = meta.filter(|meta| meta.kind == Kind::File).map(|meta| meta.size);
        ListRow { name: name.into(), size, modified: meta.map(|meta| meta.modified) }
    }

    fn html(&self) -> String {
        let parts: Vec<_> = components(&self.name).collect();
        let path = target::encode(&parts, self.name.ends_with(b"/"), &Query::default());
        // Relative: a name like `javascript:x` is no URL.
        let href = format!(".{}", String::from_utf8_lossy(&path));
        let size = self.size.map_or_else(String::new, |size| size.to_string());
        let (label, modified) = (escaped(&self.name), self.modified.map_or_else(String::new, rfc3339));
        format!("<tr><td><a href=\"{href}\">{label}</a><td>{size}<td>{modified}\n")
    }
}

/// The components of a name, without the empty one after a final slash.
fn components(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    name.strip_suffix(b"/").unwrap_or(name).split(|&byte| byte == b'/')
}

fn head(name: &Name, is_sorted: bool) -> String {
    let title = escaped(&name.shown());
    let up = if name.components().is_empty() { "" } else { "<tr><td><a href=\"../\">../</a>\n" };
    let remark = match is_sorted {
        true => String::new(),
        false => format!("<p>More than {LIST_SORTED_MAX} names, in no order.\n"),
    };
    format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>body{{font:1rem/1.5 monospace}}td{{padding-right:2em}}td+td{{text-align:right}}</style>\n\
         <h1>{title}</h1>\n{remark}<table>\n{up}"
    )
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
        Entry { name: name.to_vec(), kind, meta: Some(meta) }
    }

    fn page(entries: impl Iterator<Item = Entry>) -> String {
        let mut out = Vec::new();
        write(&Name::root(), entries.map(Ok), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_name_cannot_leave_its_cell() {
        let row = page([entry(b"javascript:<b>\"&", Kind::File)].into_iter());
        assert!(row.contains("href=\"./javascript:%3Cb%3E%22%26\""), "{row}");
        assert!(row.contains(">javascript:&lt;b&gt;&quot;&amp;</a>"), "{row}");
    }

    #[test]
    fn a_page_is_sorted_up_to_its_limit_and_says_where_it_is_not() {
        let labels = |page: &str| {
            let rows = page.lines().filter_map(|line| line.split("\"./").nth(1)?.split("\">").nth(1));
            rows.filter_map(|row| row.split('<').next().map(str::to_owned)).collect::<Vec<_>>()
        };
        let few =
            [(&b"b"[..], Kind::File), (b"a/z", Kind::File), (b"a-", Kind::File), (b"a", Kind::Directory)];
        let few = page(few.into_iter().map(|(name, kind)| entry(name, kind)));
        assert_eq!(labels(&few), ["a/", "a/z", "a-", "b"]);
        assert!(!few.contains("in no order"));
        let numbered =
            |count| page((0..count).rev().map(|at| entry(format!("{at:06}").as_bytes(), Kind::File)));
        let most = numbered(LIST_SORTED_MAX);
        assert!(labels(&most).is_sorted() && !most.contains("in no order"));
        let more = numbered(LIST_SORTED_MAX + 2);
        assert!(
            labels(&more).iter().rev().is_sorted() && more.contains("More than 100000 names, in no order.")
        );
        assert_eq!(labels(&more).len(), LIST_SORTED_MAX + 2);
    }
}

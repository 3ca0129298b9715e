//! The list of a directory as an HTML page. A browser, which asks for HTML by name, gets the page of a person: the list with
//! everything around it. A program that follows links (wget, rclone, lftp) gets the links of the list and no others.
//! Sorted by name up to a limit, so that memory is bounded.

use std::io::{self, Write};

use crate::error::Result;
use crate::http::{Query, target};
use crate::server::limits::{LIST_SORTED_BYTES_MAX, LIST_SORTED_MAX};
use crate::server::page::html::{FILES_AT, document_head, escaped, marked, root_of};
use crate::server::page::list_row::ListRow;
use crate::server::page::size::human;
use crate::server::page::viewer::Viewer;
use crate::store::{Entry, Name};

/// How many rows one element holds: a browser lays out and paints only those elements that are in view.
const ROWS_TOGETHER: u64 = 100;

/// The list of a directory.
pub struct ListPage<'a> {
    /// The directory.
    pub name: &'a Name,
    /// The person who looks at it; none for a program.
    pub viewer: Option<Viewer<'a>>,
}

/// What a list has, for the line below it.
#[derive(Default)]
struct Count {
    files: u64,
    directories: u64,
    bytes: u64,
}

impl ListPage<'_> {
    /// Writes the page.
    pub fn write(
        &self,
        entries: impl Iterator<Item = Result<Entry>>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let mut entries = entries.map(|entry| entry.map(ListRow::of));
        let (mut first, mut bytes, mut next) = (Vec::new(), 0, None);
        for row in entries.by_ref() {
            let row = row?;
            bytes += row.name.len();
            if first.len() == LIST_SORTED_MAX || bytes > LIST_SORTED_BYTES_MAX {
                // One past the limits: send the list unsorted.
                next = Some(row);
                break;
            }
            first.push(row);
        }
        if next.is_none() {
            first.sort_unstable_by(|one, other| one.components().cmp(other.components()));
        }
        let remark = match next.is_none() {
            true => String::new(),
            false if first.len() < LIST_SORTED_MAX => "<p>Too many long names, in no order.\n".to_owned(),
            false => format!("<p>More than {LIST_SORTED_MAX} names, in no order.\n"),
        };
        let rows = first.into_iter().chain(next).map(Ok).chain(entries);
        match &self.viewer {
            None => self.write_plain(&remark, rows, out),
            Some(viewer) => self.write_page(viewer, &remark, rows, out),
        }
    }

    fn write_plain(
        &self,
        remark: &str,
        rows: impl Iterator<Item = Result<ListRow>>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let title = escaped(&self.name.shown());
        let up = if self.name.components().is_empty() { "" } else { "<tr><td><a href=\"../\">../</a>\n" };
        write!(
            out,
            "<!doctype html>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<h1>{title}</h1>\n{remark}\
             <table>\n{up}"
        )?;
        for row in rows {
            out.write_all(row?.plain().as_bytes())?;
        }
        out.write_all(b"</table>\n")
    }

    fn write_page(
        &self,
        viewer: &Viewer<'_>,
        remark: &str,
        rows: impl Iterator<Item = Result<ListRow>>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        out.write_all(self.head(viewer, remark).as_bytes())?;
        let (mut count, mut at) = (Count::default(), 0);
        for row in rows {
            let mut row = row?;
            // It was deleted since the names were read.
            let Some(meta) = (viewer.meta_of)(row.path(), row.is_directory()) else { continue };
            row.describe(&meta);
            if at % ROWS_TOGETHER == 0 {
                out.write_all(b"<tbody>\n")?;
            }
            at += 1;
            count.add(&row);
            let may = viewer.may_with.map(|may| may(row.path(), row.is_directory()));
            out.write_all(row.page(&meta.etag, may.as_deref()).as_bytes())?;
        }
        out.write_all(self.foot(viewer, &count).as_bytes())
    }

    fn head(&self, viewer: &Viewer<'_>, remark: &str) -> String {
        let root = root_of(viewer.target);
        let last = self.name.components().last().map_or("Files".to_owned(), |last| marked(last));
        let may = viewer.may;
        format!(
            "{}<script type=\"module\" src=\"{root}{FILES_AT}page.js\"></script>\n\
             <header>\n<nav aria-label=\"Path\"><ol>\n{}</ol></nav>\n{}</header>\n\
             <main data-root=\"{root}\" data-may=\"{may}\"{}>\n<h1>{last}</h1>\n{}{remark}\
             <table>\n<thead><tr><th scope=\"col\">Name<th scope=\"col\">Size<th scope=\"col\">Modified (UTC)\n",
            document_head(&self.name.shown(), &root),
            self.breadcrumbs(&root),
            viewer.account(self.name, &root),
            viewer.user.map_or_else(String::new, |user| format!(" data-user=\"{}\"", escaped(user))),
            viewer.search_form(),
        )
    }

    /// Links to the directories above, from the root down; the last one is this one.
    fn breadcrumbs(&self, root: &str) -> String {
        let components = self.name.components();
        let mut crumbs = String::new();
        for (at, component) in
            [&b"Files"[..]].into_iter().chain(components.iter().map(Vec::as_slice)).enumerate()
        {
            let label = marked(component);
            if at == components.len() {
                return crumbs + &format!("<li><span aria-current=\"page\">{label}</span>\n");
            }
            let up = target::encode(components.get(..at).unwrap_or_default(), true, &Query::default());
            let href = String::from_utf8_lossy(up.get(1..).unwrap_or_default()).into_owned();
            crumbs += &format!("<li><a href=\"{root}{href}\">{label}</a>\n");
        }
        crumbs
    }

    fn foot(&self, viewer: &Viewer<'_>, count: &Count) -> String {
        let empty = match count.files + count.directories {
            0 if viewer.is_filtered => NOTHING_SELECTED,
            0 if viewer.may_do("create") => {
                "<p id=\"empty\">Nothing is here yet. Drop files on this page, or store one from a shell: \
                 <code>cfp-put FILE</code>\n"
            }
            0 => "<p id=\"empty\">Nothing is here that you may see.\n",
            _ => "",
        };
        let archives = match viewer.may_do("read") && count.files + count.directories > 0 {
            true => ARCHIVE_LINKS,
            false => "",
        };
        format!("</table>\n{empty}<p id=\"count\">{}\n{archives}</main>\n", count.shown())
    }
}

const NOTHING_SELECTED: &str = "<p id=\"empty\">Nothing matches <code>include</code> and <code>exclude</code> of this URL. \
    <a href=\"./\">Show everything</a>\n";
const ARCHIVE_LINKS: &str = "<p id=\"archives\">Download all of it: <a href=\"?archive=zip\" download>.zip</a> \
    <a href=\"?archive=tar.zst\" download>.tar.zst</a>\n";

impl Count {
    fn add(&mut self, row: &ListRow) {
        match row.is_directory() {
            true => self.directories += 1,
            false => self.files += 1,
        }
        self.bytes = self.bytes.saturating_add(row.size.unwrap_or(0));
    }

    fn shown(&self) -> String {
        let files = if self.files == 1 { "file" } else { "files" };
        let directories = if self.directories == 1 { "directory" } else { "directories" };
        let bytes = human(self.bytes);
        format!("{} {directories}, {} {files}, {bytes}", self.directories, self.files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Kind, Meta};
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

    fn written(viewer: Option<Viewer<'_>>, entries: impl Iterator<Item = Entry>) -> String {
        let mut out = Vec::new();
        let name = Name::new(vec![b"d".to_vec(), b"<e>".to_vec()], true).unwrap();
        ListPage { name: &name, viewer }.write(entries.map(Ok), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn page(entries: impl Iterator<Item = Entry>) -> String {
        written(None, entries)
    }

    fn viewer() -> Viewer<'static> {
        let meta_of = &|name: &[u8], is_directory: bool| {
            entry(name, if is_directory { Kind::Directory } else { Kind::File }).meta
        };
        let target = b"/d/%3Ce%3E/";
        Viewer {
            target,
            is_filtered: false,
            user: None,
            may_log_in: true,
            may: "read",
            may_with: None,
            meta_of,
        }
    }

    #[test]
    fn a_name_cannot_leave_its_cell() {
        let one = || [entry(b"javascript:<b>\"&", Kind::File)].into_iter();
        for row in [page(one()), written(Some(viewer()), one())] {
            assert!(row.contains("href=\"./javascript:%3Cb%3E%22%26\""), "{row}");
            assert!(row.contains(">javascript:&lt;b&gt;&quot;&amp;</a>"), "{row}");
            assert!(!row.contains("<e>") && !row.contains("<b>"), "{row}");
        }
    }

    #[test]
    fn a_program_gets_no_links_but_those_of_the_list() {
        let entries = || [entry(b"f", Kind::File)].into_iter();
        assert_eq!(page(entries()).matches("href").count(), 2);
        assert!(!page(entries()).contains("src="));
        let full = written(Some(viewer()), entries());
        for link in ["../../.cfpd/page/style.css", "../../?login=%2Fd%2F", "?archive=zip", "../../d/"] {
            assert!(full.contains(&format!("=\"{link}")), "{link}: {full}");
        }
    }

    #[test]
    fn a_page_offers_what_its_viewer_may_do_and_says_what_is_there() {
        let both = || [entry(b"f", Kind::File), entry(b"e", Kind::Directory)].into_iter();
        let with = |may, user| Viewer { may, user, ..viewer() };
        let reader = written(Some(with("read", None)), both());
        assert!(reader.contains("1 directory, 1 file, 3 B") && reader.contains(">Log in<"), "{reader}");
        assert!(reader.contains("data-may=\"read\"") && reader.contains("type=\"search\""), "{reader}");
        let lister = written(Some(with("", Some(&b"bob"[..]))), both());
        assert!(!lister.contains("archive") && !lister.contains("type=\"search\""), "{lister}");
        assert!(lister.contains("?logout") && lister.contains("data-user=\"bob\""), "{lister}");
        let may = |name: &[u8], _: bool| if name == b"f" { "read" } else { "" }.to_owned();
        let mixed = written(Some(Viewer { may_with: Some(&may), ..viewer() }), both());
        assert!(mixed.contains("<tr data-etag=\"1\" data-may=\"read\"><td><a href=\"f\">"), "{mixed}");
        let empty =
            |may, is_filtered| written(Some(Viewer { is_filtered, ..with(may, None) }), [].into_iter());
        assert!(empty("create", false).contains("Drop files"));
        assert!(empty("read", false).contains("that you may see"));
        for may in ["create", "read"] {
            let selected = empty(may, true);
            assert!(selected.contains(NOTHING_SELECTED) && !selected.contains("Drop files"), "{selected}");
        }
    }

    #[test]
    fn a_page_is_sorted_up_to_its_limit_and_says_where_it_is_not() {
        let labels = |page: &str| {
            let rows =
                page.lines().filter_map(|line| line.strip_prefix("<tr><td><a href=\"")?.split("\">").nth(1));
            let labels = rows.filter_map(|row| row.split('<').next().map(str::to_owned));
            labels.filter(|label| label != "../").collect::<Vec<_>>()
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
        let long = LIST_SORTED_BYTES_MAX / 1000 + 2;
        let long = page((0..long).map(|at| entry(format!("{at:01000}").as_bytes(), Kind::File)));
        assert!(long.contains("Too many long names, in no order."));
    }
}

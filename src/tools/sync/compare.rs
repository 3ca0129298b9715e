//! Compares the entries of one directory in both trees, and decides what is to be done about each name. It does nothing
//! itself.

use std::cmp::Ordering;

use super::rules::Rules;
use super::tree::{EntryKind, TreeEntry};

/// A name, and its entry in FROM and in TO.
type Pair = (Vec<u8>, Option<TreeEntry>, Option<TreeEntry>);

/// What is to be done about a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing: it is not covered, or only TO has it.
    Leave,
    /// Nothing: it is the same in both.
    Same,
    /// It cannot be sent.
    Skip(&'static str),
    /// The file is sent if its content differs.
    Compare,
    /// The file is sent.
    Send,
    /// The directory is compared.
    Enter,
    /// It is deleted from TO.
    Delete,
    /// What TO has is deleted, then FROM's is sent.
    Replace,
    /// The two are of different kinds, and what TO has stays.
    Block,
}

/// Merges the sorted entries of both trees by name.
pub(super) fn merge(from: Vec<TreeEntry>, to: Vec<TreeEntry>) -> impl Iterator<Item = Pair> {
    let (mut from, mut to) = (from.into_iter().peekable(), to.into_iter().peekable());
    std::iter::from_fn(move || {
        let order = match (from.peek(), to.peek()) {
            (Some(one), Some(other)) => one.name.cmp(&other.name),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        let one = if order.is_le() { from.next() } else { None };
        let other = if order.is_ge() { to.next() } else { None };
        let name = one.as_ref().or(other.as_ref())?.name.clone();
        Some((name, one, other))
    })
}

/// Decides about the name with this path in both trees.
pub(super) fn decide(
    path: &[u8],
    from: Option<&TreeEntry>,
    to: Option<&TreeEntry>,
    rules: &Rules,
) -> Decision {
    let covers = |entry: &TreeEntry| rules.covers_some(path, entry.is_directory());
    match (from, to) {
        (None, Some(to)) if rules.deletes && covers(to) => Decision::Delete,
        (None, _) => Decision::Leave,
        (Some(from), _) if !covers(from) => Decision::Leave,
        (Some(from), to) => match (from.kind, to) {
            (EntryKind::Other(why), _) => Decision::Skip(why),
            (EntryKind::Directory, None) => Decision::Enter,
            (EntryKind::Directory, Some(to)) if to.is_directory() => Decision::Enter,
            (EntryKind::File, None) => Decision::Send,
            (EntryKind::File, Some(to)) if to.kind == EntryKind::File => differ(from, to, rules),
            (_, Some(to)) if rules.deletes && covers(to) => Decision::Replace,
            _ => Decision::Block,
        },
    }
}

/// Decides about a file that both trees have.
fn differ(from: &TreeEntry, to: &TreeEntry, rules: &Rules) -> Decision {
    match () {
        () if from.size != to.size => Decision::Send,
        () if rules.compares_digests => Decision::Compare,
        () if from.seconds() == to.seconds() => Decision::Same,
        () => Decision::Send,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::glob_arguments::GlobArguments;

    fn entry(name: &str, kind: EntryKind, size: u64, modified: &str) -> TreeEntry {
        let (name, modified, version) = (name.into(), modified.to_owned(), String::new());
        TreeEntry { name, kind, size, modified, version, is_link: false }
    }

    #[test]
    fn two_sorted_lists_are_merged_by_name() {
        let list = |names: &str| {
            names.chars().map(|name| entry(&name.to_string(), EntryKind::File, 0, "")).collect::<Vec<_>>()
        };
        let rows = [
            ("abd", "bc", "a< b= c> d<"),
            ("", "ab", "a> b>"),
            ("ab", "", "a< b<"),
            ("", "", ""),
            ("a", "a", "a="),
        ];
        for (from, to, merged) in rows {
            let mark = |(name, from, to): Pair| {
                let side = match (from.is_some(), to.is_some()) {
                    (true, true) => '=',
                    (true, false) => '<',
                    _ => '>',
                };
                format!("{}{side}", String::from_utf8(name).unwrap())
            };
            let found: Vec<_> = merge(list(from), list(to)).map(mark).collect();
            assert_eq!(found.join(" "), merged);
        }
    }

    #[test]
    fn what_is_done_depends_on_both_entries_and_the_rules() {
        const EARLY: &str = "2026-01-02T03:04:05Z";
        const LATE: &str = "2026-01-02T03:04:06Z";
        let file = |size, time| Some(entry("f", EntryKind::File, size, time));
        let directory = || Some(entry("f", EntryKind::Directory, 0, EARLY));
        let other = || Some(entry("f", EntryKind::Other("is strange"), 0, EARLY));
        // The decision without and with --delete, and with --checksum.
        let rows = [
            (file(1, EARLY), None, [Decision::Send, Decision::Send, Decision::Send]),
            (file(1, EARLY), file(1, EARLY), [Decision::Same, Decision::Same, Decision::Compare]),
            (file(1, EARLY), file(1, LATE), [Decision::Send, Decision::Send, Decision::Compare]),
            (file(1, LATE), file(1, EARLY), [Decision::Send, Decision::Send, Decision::Compare]),
            (file(1, EARLY), file(2, EARLY), [Decision::Send, Decision::Send, Decision::Send]),
            (
                file(1, EARLY),
                file(1, "2026-01-02T03:04:05.7Z"),
                [Decision::Same, Decision::Same, Decision::Compare],
            ),
            (file(1, EARLY), directory(), [Decision::Block, Decision::Replace, Decision::Block]),
            (directory(), file(1, EARLY), [Decision::Block, Decision::Replace, Decision::Block]),
            (directory(), other(), [Decision::Block, Decision::Replace, Decision::Block]),
            (directory(), directory(), [Decision::Enter, Decision::Enter, Decision::Enter]),
            (directory(), None, [Decision::Enter, Decision::Enter, Decision::Enter]),
            (None, file(1, EARLY), [Decision::Leave, Decision::Delete, Decision::Leave]),
            (None, directory(), [Decision::Leave, Decision::Delete, Decision::Leave]),
            (None, other(), [Decision::Leave, Decision::Delete, Decision::Leave]),
            (
                other(),
                file(1, EARLY),
                [Decision::Skip("is strange"), Decision::Skip("is strange"), Decision::Skip("is strange")],
            ),
        ];
        for (from, to, decisions) in &rows {
            let flags = [(false, false), (true, false), (false, true)];
            for ((deletes, digests), expected) in flags.into_iter().zip(decisions) {
                let rules = Rules::new(&GlobArguments::default(), deletes, digests).unwrap();
                assert_eq!(decide(b"f", from.as_ref(), to.as_ref(), &rules), *expected, "{from:?} {to:?}");
            }
        }
    }

    #[test]
    fn what_is_not_covered_is_neither_sent_nor_deleted() {
        let globs = GlobArguments { include: vec!["*.txt".into()], exclude: vec!["old*".into()] };
        let rules = Rules::new(&globs, true, false).unwrap();
        let file = entry("", EntryKind::File, 1, "");
        let directory = entry("", EntryKind::Directory, 0, "");
        let rows = [
            ("a.txt", &file, Decision::Send, Decision::Delete),
            ("a.md", &file, Decision::Leave, Decision::Leave),
            ("old.txt", &file, Decision::Leave, Decision::Leave),
            // Something in it may be covered.
            ("d", &directory, Decision::Enter, Decision::Delete),
            ("old", &directory, Decision::Leave, Decision::Leave),
        ];
        for (path, entry, sent, deleted) in rows {
            assert_eq!(decide(path.as_bytes(), Some(entry), None, &rules), sent, "{path}");
            assert_eq!(decide(path.as_bytes(), None, Some(entry), &rules), deleted, "{path}");
        }
        let other = entry("", EntryKind::Other("is strange"), 0, "");
        let rows = [
            ("a.txt", &file, &directory, Decision::Replace),
            ("a.txt", &directory, &file, Decision::Replace),
            ("a.txt", &file, &other, Decision::Replace),
            // Something in the directory may be covered, but the file in its place is not.
            ("d", &directory, &file, Decision::Block),
            ("d", &directory, &other, Decision::Block),
            ("d", &file, &directory, Decision::Leave),
            ("old", &directory, &file, Decision::Leave),
            ("old.txt", &file, &directory, Decision::Leave),
        ];
        for (path, from, to, decision) in rows {
            assert_eq!(decide(path.as_bytes(), Some(from), Some(to), &rules), decision, "{path}");
        }
    }
}

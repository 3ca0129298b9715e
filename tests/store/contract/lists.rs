//! `list`, on every engine.

use cfp::store::{Detail, Entry, Meta};

use super::New;
use crate::store::sandbox::name;

contract!(a_directory_comes_before_what_is_in_it, a_list_with_less_detail_has_the_same_entries);

fn a_directory_comes_before_what_is_in_it(new: New) {
    let sandbox = new().with(&["a/b/c/d", "a/x", "b/c/d", "z"]);
    let mut known = vec![Vec::new()];
    for entry in sandbox.store.list(&name("/"), true, Detail::Metadata).unwrap() {
        let entry = entry.unwrap().name;
        let above =
            entry.iter().rposition(|&byte| byte == b'/').map_or(Vec::new(), |slash| entry[..slash].to_vec());
        assert!(known.contains(&above), "{}", entry.escape_ascii());
        known.push(entry);
    }
    assert_eq!(known.len(), 10);
}

fn a_list_with_less_detail_has_the_same_entries(new: New) {
    let sandbox = new().with(&["a/b/c", "a/x", "z", "e/"]);
    for recursive in [false, true] {
        let list = |detail| {
            let entries = sandbox.store.list(&name("/"), recursive, detail).unwrap();
            let mut entries: Vec<_> = entries.map(|entry| entry.unwrap()).collect();
            entries.sort_by(|one, other| one.name.cmp(&other.name));
            entries
        };
        let (names, sizes, whole) = (list(Detail::Names), list(Detail::Sizes), list(Detail::Metadata));
        assert!(names.iter().all(|entry| entry.stat.is_none() && entry.meta.is_none()));
        assert!(sizes.iter().all(|entry| entry.stat.is_some() && entry.meta.is_none()));
        let stats = |entries: &[Entry]| entries.iter().map(|entry| entry.stat).collect::<Vec<_>>();
        assert_eq!(stats(&sizes), stats(&whole));
        assert!(whole.iter().all(|entry| entry.stat == entry.meta.as_ref().map(Meta::stat)));
        assert!(whole.iter().all(|entry| entry.meta.as_ref().is_some_and(|meta| meta.kind == entry.kind)));
        let known = |entries: &[Entry]| {
            entries.iter().map(|entry| (entry.name.clone(), entry.kind)).collect::<Vec<_>>()
        };
        assert_eq!(known(&names), known(&whole));
        assert_eq!(known(&sizes), known(&whole));
    }
}

//! `list`, on every engine.

use super::New;
use crate::store::sandbox::name;

contract!(a_directory_comes_before_what_is_in_it);

fn a_directory_comes_before_what_is_in_it(new: New) {
    let sandbox = new().with(&["a/b/c/d", "a/x", "b/c/d", "z"]);
    let mut known = vec![Vec::new()];
    for entry in sandbox.store.list(&name("/"), true).unwrap() {
        let entry = entry.unwrap().name;
        let above =
            entry.iter().rposition(|&byte| byte == b'/').map_or(Vec::new(), |slash| entry[..slash].to_vec());
        assert!(known.contains(&above), "{}", entry.escape_ascii());
        known.push(entry);
    }
    assert_eq!(known.len(), 10);
}

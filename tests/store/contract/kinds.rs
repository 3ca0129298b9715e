//! The kinds of errors, on every engine.

use cfp::error::{ErrorKind, Result};
use cfp::store::Detail;

use super::New;
use crate::store::sandbox::{Verbs, any, name, unwatched};

contract!(an_error_has_the_kind_that_the_contract_says);

fn an_error_has_the_kind_that_the_contract_says(new: New) {
    use ErrorKind::{AlreadyExists, Conflict, Forbidden, IsDirectory, NoParent, NoSpace, NotFound};
    let sandbox = new().with(&["f", "d/in"]);
    let kind = |done: Result<()>| done.unwrap_err().kind();
    let create = |path: &str, size| kind(sandbox.store.create(&name(path), size, &|_| Ok(())).map(drop));
    let rows = [
        (kind(sandbox.meta("/no").map(drop)), NotFound),
        (kind(sandbox.open("/d").map(drop)), IsDirectory),
        (kind(sandbox.open("/f/").map(drop)), NotFound),
        (kind(sandbox.store.list(&name("/f"), false, Detail::Metadata).map(drop)), NotFound),
        (create("/", None), Forbidden),
        (create("/d", None), IsDirectory),
        (create("/new/", None), Conflict),
        (create("/no/f", None), NoParent),
        (create("/huge", Some(u64::MAX)), NoSpace),
        (kind(sandbox.copy("/d", "/new").map(drop)), IsDirectory),
        (kind(sandbox.copy("/f", "/f").map(drop)), Forbidden),
        (kind(sandbox.copy("/d/", "/d/d/").map(drop)), Conflict),
        (kind(sandbox.rename("/f", "/d").map(drop)), IsDirectory),
        (kind(sandbox.rename("/no", "/f").map(drop)), NotFound),
        (kind(sandbox.store.delete(&name("/d"), &any, &unwatched).map(drop)), IsDirectory),
        (kind(sandbox.make_directory("/d/")), AlreadyExists),
        (kind(sandbox.make_directory("/no/d/")), NoParent),
        (kind(sandbox.store.resume(b"unknown").map(drop)), NotFound),
    ];
    for (row, (found, wanted)) in rows.into_iter().enumerate() {
        assert_eq!(found, wanted, "row {row}");
    }
}

//! `create_partial` and `resume`, on every engine.

use std::io::{Read, Write};

use cfp::error::ErrorKind;
use cfp::store::{CompletedUpload, Partial};

use super::New;
use crate::store::sandbox::{Verbs, any, name, never, status};

contract!(
    what_was_written_stays_and_is_gone_on_with,
    an_upload_is_held_by_one_at_a_time,
    a_commit_and_a_removal_are_its_end,
    what_became_of_a_committed_upload_is_known_and_of_no_other
);

fn all_of(partial: &dyn Partial) -> Vec<u8> {
    let mut bytes = Vec::new();
    partial.reader().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn what_was_written_stays_and_is_gone_on_with(new: New) {
    let sandbox = new().with(&["d/"]);
    let mut begun = sandbox.store.create_partial(&name("/d/f"), None, &|_| Ok(()), b"note").unwrap().unwrap();
    begun.write_all(b"one two").unwrap();
    begun.sync().unwrap();
    let id = begun.id().to_owned();
    drop(begun);
    assert_eq!(sandbox.everything(), ["d"]);
    let mut resumed = sandbox.store.resume(id.as_bytes()).unwrap();
    assert_eq!((resumed.metadata(), resumed.size().unwrap()), (b"note".as_slice(), 7));
    assert_eq!(resumed.name(), &name("/d/f"));
    assert_eq!(all_of(resumed.as_ref()), b"one two");
    resumed.truncate(4).unwrap();
    resumed.set_metadata(b"other").unwrap();
    drop(resumed);
    let mut resumed = sandbox.store.resume(id.as_bytes()).unwrap();
    assert_eq!((resumed.metadata(), resumed.size().unwrap()), (b"other".as_slice(), 4));
    resumed.write_all(b"three").unwrap();
    assert!(resumed.commit(None, &any).unwrap().created);
    assert_eq!(sandbox.get("/d/f").unwrap(), b"one three");
}

fn an_upload_is_held_by_one_at_a_time(new: New) {
    let sandbox = new();
    let begun = sandbox.store.create_partial(&name("/f"), Some(3), &|_| Ok(()), b"").unwrap().unwrap();
    let id = begun.id().to_owned();
    assert_eq!(sandbox.store.resume(id.as_bytes()).err().unwrap().kind(), ErrorKind::Busy);
    drop(begun);
    sandbox.store.resume(id.as_bytes()).unwrap();
}

fn a_commit_and_a_removal_are_its_end(new: New) {
    let sandbox = new().with(&["f"]);
    let begin = || sandbox.store.create_partial(&name("/f"), None, &|_| Ok(()), b"").unwrap().unwrap();
    let (refused, removed) = (begin(), begin());
    let ids = [refused.id().to_owned(), removed.id().to_owned()];
    assert_eq!(status(refused.commit(None, &never)), 412);
    removed.remove();
    for id in ids {
        assert_eq!(status(sandbox.store.resume(id.as_bytes())), 404);
    }
    assert_eq!(sandbox.get("/f").unwrap(), b"f");
}

fn what_became_of_a_committed_upload_is_known_and_of_no_other(new: New) {
    let sandbox = new();
    let begin = || sandbox.store.create_partial(&name("/f"), None, &any, b"").unwrap().unwrap();
    let [mut stored, refused, removed] = [0; 3].map(|_| begin());
    let ids = [&stored, &refused, &removed].map(|upload| upload.id().to_owned());
    let known = |id: &str| sandbox.store.completed(id.as_bytes()).unwrap();
    assert!(ids.iter().all(|id| known(id).is_none()));
    stored.write_all(b"text").unwrap();
    let etag = stored.commit(None, &any).unwrap().meta.etag;
    assert_eq!(status(refused.commit(None, &never)), 412);
    removed.remove();
    let expected = CompletedUpload { name: name("/f"), size: 4, etag };
    assert_eq!(ids.map(|id| known(&id)), [Some(expected), None, None]);
    assert_eq!(known("unknown"), None);
}

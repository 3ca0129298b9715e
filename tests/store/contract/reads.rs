//! `meta` and `open`, on every engine.

use std::io::Read;

use cfp::error::ErrorKind;
use cfp::store::{Kind, Store};

use super::{New, Subject};
use crate::store::sandbox::{Verbs, all_of, name, put, status};

contract!(
    meta_and_open_answer_by_what_stands_there,
    a_tag_changes_with_the_content_and_not_with_the_name,
    no_two_quick_writes_of_one_size_have_the_same_tag,
    a_range_is_read_to_its_end_or_that_of_the_content,
    a_reader_keeps_the_old_bytes_whole_whatever_happens_to_the_name,
    an_engine_is_shared_between_threads
);

fn meta_and_open_answer_by_what_stands_there(new: New) {
    let sandbox = new().with(&["f", "d/", "d/f"]);
    let rows = [
        ("/", Ok(Kind::Directory), 409),
        ("/f", Ok(Kind::File), 200),
        ("/d", Ok(Kind::Directory), 409),
        ("/d/", Ok(Kind::Directory), 409),
        ("/d/f", Ok(Kind::File), 200),
        ("/f/", Err(404), 404),
        ("/f/f", Err(404), 404),
        ("/no", Err(404), 404),
        ("/no/f", Err(404), 404),
    ];
    for (path, kind, opened) in rows {
        let meta = sandbox.meta(path).map(|meta| meta.kind).map_err(|error| cfp::server::status_of(&error));
        assert_eq!((meta, status(sandbox.open(path))), (kind, opened), "{path}");
    }
    assert_eq!(sandbox.meta("/d/no").unwrap_err().to_string(), "/d/no: is not there");
    for long in ["/a".repeat(4000), format!("/{}", "a".repeat(256))] {
        let wrong = sandbox.meta(&long).unwrap_err();
        assert_eq!((wrong.kind(), wrong.to_string().len() < 160), (ErrorKind::NotFound, true));
        assert_eq!(status(sandbox.open(&long)), 404);
        assert_eq!(status(sandbox.delete(&long)), 404);
    }
}

fn a_tag_changes_with_the_content_and_not_with_the_name(new: New) {
    let sandbox = new();
    let first = sandbox.put("/f", b"one").unwrap().meta;
    assert_eq!(sandbox.meta("/f").unwrap(), first);
    assert_eq!(sandbox.open("/f").unwrap().meta(), &first);
    assert_eq!(sandbox.rename("/f", "/g").unwrap().meta, first);
    assert_eq!(sandbox.meta("/g").unwrap(), first);
}

fn no_two_quick_writes_of_one_size_have_the_same_tag(new: New) {
    let sandbox = new();
    let mut tags = std::collections::HashSet::new();
    for round in 0..500 {
        assert!(tags.insert(sandbox.put("/f", b"same").unwrap().meta.etag), "round {round}");
    }
}

fn a_range_is_read_to_its_end_or_that_of_the_content(new: New) {
    let sandbox = new();
    let all: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    sandbox.put("/f", &all).unwrap();
    let content = sandbox.open("/f").unwrap();
    let size = content.meta().size;
    let ranges = [
        (0, size),
        (0, 0),
        (0, 1),
        (7, 70_000),
        (size - 1, size),
        (size - 5, size + 5),
        (size, size),
        (size, u64::MAX),
        (u64::MAX, u64::MAX),
    ];
    for (start, end) in ranges {
        let within = |offset: u64| usize::try_from(offset.min(size)).unwrap();
        let wanted = &all[within(start)..within(end)];
        let mut bytes = Vec::new();
        content.reader(start..end).unwrap().read_to_end(&mut bytes).unwrap();
        assert!(bytes == wanted, "{start}..{end}");
        // Other reads do not move a reader.
        let mut one = content.reader(start..end).unwrap();
        let mut first = vec![0; wanted.len() / 2];
        one.read_exact(&mut first).unwrap();
        let mut at = [0; 16];
        let read = content.read_at(&mut at, start).unwrap();
        assert!(all[within(start)..].starts_with(&at[..read]), "{start}");
        assert_eq!(read > 0, start < size);
        let mut rest = Vec::new();
        one.read_to_end(&mut rest).unwrap();
        assert!([first, rest].concat() == wanted, "{start}..{end}");
    }
}

fn a_reader_keeps_the_old_bytes_whole_whatever_happens_to_the_name(new: New) {
    type Happening = (&'static str, fn(&Subject));
    let happenings: [Happening; 5] = [
        ("replaced", |sandbox| drop(sandbox.put("/d/f", b"new").unwrap())),
        ("renamed", |sandbox| drop(sandbox.rename("/d/f", "/g").unwrap())),
        ("renamed onto", |sandbox| drop(sandbox.rename("/h", "/d/f").unwrap())),
        ("deleted", |sandbox| sandbox.delete("/d/f").unwrap()),
        ("deleted with its directory", |sandbox| sandbox.delete("/d/").unwrap()),
    ];
    let old: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    for (what, happen) in happenings {
        let sandbox = new().with(&["d/", "h"]);
        sandbox.put("/d/f", &old).unwrap();
        let content = sandbox.open("/d/f").unwrap();
        let mut begin = [0; 1000];
        content.read_at(&mut begin, 0).unwrap();
        happen(&sandbox);
        assert!(all_of(content.as_ref()) == old, "{what}");
    }
}

fn an_engine_is_shared_between_threads(new: New) {
    let sandbox = new();
    let store: &dyn Store = sandbox.store.as_ref();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                let path = format!("/{thread}");
                put(store, &path, path.as_bytes()).unwrap();
                assert_eq!(all_of(store.open(&name(&path)).unwrap().as_ref()), path.as_bytes());
            });
        }
    });
}

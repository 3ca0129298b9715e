//! `meta` and `open`.

use std::fs;
use std::io;

use cfp::error::ErrorKind;
use cfp::store::{Kind, Local, Store};

use super::sandbox::{Sandbox, all_of, name, put, status};

#[test]
fn meta_and_open_answer_by_what_stands_there() {
    let sandbox = Sandbox::new().with(&["f", "d/", "d/f"]);
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
        assert_eq!((wrong.kind(), wrong.to_string().len() < 80), (ErrorKind::NotFound, true));
        assert_eq!(status(sandbox.open(&long)), 404);
        assert_eq!(status(sandbox.delete(&long)), 404);
    }
}

#[test]
fn the_root_must_be_a_directory_and_is_named_as_it_was_given() {
    let sandbox = Sandbox::new().with(&["f"]);
    for wrong in ["f", "no"] {
        let path = sandbox.path(wrong);
        let error = Local::open(&path).err().unwrap();
        assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_root_that_was_renamed_is_read_as_before_and_takes_nothing_new() {
    let sandbox = Sandbox::new().with(&["f"]);
    fs::rename(sandbox.path(""), sandbox.outside("moved")).unwrap();
    assert_eq!(sandbox.get("/f").unwrap(), b"f");
    assert_eq!(status(sandbox.put("/g", b"g")), 503);
    assert!(!sandbox.outside("moved/g").exists());
}

#[test]
fn a_tag_changes_with_the_content_and_not_with_the_name() {
    let sandbox = Sandbox::new();
    let first = sandbox.put("/f", b"one").unwrap().meta;
    assert_eq!(sandbox.meta("/f").unwrap(), first);
    assert_eq!(sandbox.open("/f").unwrap().meta(), &first);
    assert_eq!(sandbox.rename("/f", "/g").unwrap().meta, first);
    assert_eq!(sandbox.meta("/g").unwrap(), first);
}

#[test]
fn no_two_quick_writes_of_one_size_have_the_same_tag() {
    let sandbox = Sandbox::new();
    let mut tags = std::collections::HashSet::new();
    for round in 0..500 {
        assert!(tags.insert(sandbox.put("/f", b"same").unwrap().meta.etag), "round {round}");
    }
}

#[test]
fn a_reader_keeps_the_old_bytes_whole_whatever_happens_to_the_name() {
    type Happening = (&'static str, fn(&Sandbox));
    let happenings: [Happening; 5] = [
        ("replaced", |sandbox| drop(sandbox.put("/d/f", b"new").unwrap())),
        ("renamed", |sandbox| drop(sandbox.rename("/d/f", "/g").unwrap())),
        ("renamed onto", |sandbox| drop(sandbox.rename("/h", "/d/f").unwrap())),
        ("deleted", |sandbox| sandbox.delete("/d/f").unwrap()),
        ("deleted with its directory", |sandbox| sandbox.delete("/d/").unwrap()),
    ];
    let old: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    for (what, happen) in happenings {
        let sandbox = Sandbox::new().with(&["d/", "h"]);
        sandbox.put("/d/f", &old).unwrap();
        let content = sandbox.open("/d/f").unwrap();
        let mut begin = [0; 1000];
        content.read_at(&mut begin, 0).unwrap();
        happen(&sandbox);
        assert!(all_of(content.as_ref()) == old, "{what}");
    }
}

#[test]
fn a_file_that_another_program_changes_in_place_never_ends_early_or_late() {
    let sandbox = Sandbox::new().with(&["f"]);
    fs::write(sandbox.path("f"), "0123456789").unwrap();
    let content = sandbox.open("/f").unwrap();
    let mut buffer = [0; 100];
    fs::write(sandbox.path("f"), "0123456789abcdef").unwrap();
    assert_eq!(content.read_at(&mut buffer, 0).unwrap(), 10);
    assert_eq!(content.read_at(&mut buffer, 10).unwrap(), 0);
    assert_eq!(content.read_at(&mut buffer, u64::MAX).unwrap(), 0);
    fs::write(sandbox.path("f"), "01234").unwrap();
    assert_eq!(content.read_at(&mut buffer, 0).unwrap(), 5);
    let wrong = content.read_at(&mut buffer, 5).unwrap_err();
    assert_eq!(wrong.to_string(), "/f: became shorter while it was read");
    assert_eq!(content.read_at(&mut [], 5).unwrap(), 0);
}

#[test]
fn a_content_hands_out_its_descriptor() {
    let sandbox = Sandbox::new().with(&["f"]);
    let content = sandbox.open("/f").unwrap();
    assert_eq!(io::read_to_string(content.descriptor().unwrap()).unwrap(), "f");
}

#[test]
fn a_spool_has_no_name() {
    let sandbox = Sandbox::new();
    let mut spool = sandbox.store.spools().make().unwrap();
    assert_eq!(sandbox.everything(), [""; 0]);
    spool.append(b"by").unwrap();
    spool.append(b"tes").unwrap();
    let mut back = [0; 8];
    assert_eq!((spool.read_at(&mut back, 1).unwrap(), &back[..4]), (4, b"ytes".as_slice()));
    spool.clear().unwrap();
    assert_eq!((spool.size(), spool.read_at(&mut back, 0).unwrap()), (0, 0));
}

#[test]
fn an_engine_is_shared_between_threads() {
    let sandbox = Sandbox::new();
    let store: &dyn Store = &sandbox.store;
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

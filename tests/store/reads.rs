//! `meta` and `open`.

use std::fs;
use std::io;

use cfp::store::Local;

use super::sandbox::{Sandbox, Verbs, status};

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

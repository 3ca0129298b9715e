//! The pictures of the page in docs/pictures, which `make pictures` takes anew (with `CFP_PICTURES=write`); without it they are
//! taken all the same, and thrown away.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::browser::{Browser, Setup};
use crate::common::Sandbox;

/// A directory as somebody may have one.
fn shelf() -> Sandbox {
    let sandbox = Sandbox::new();
    let text =
        "The lamp was lit before the ship came in.\nNo light on the coast but the lamp on the tower.\n";
    let names = [
        ("letters/1851-03-02 to the harbour master.txt", 2),
        ("letters/1851-03-09 from the keeper.txt", 1),
        ("letters/1852-11-20 about the lamp.txt", 3),
        ("letters/drawings/tower.txt", 40),
        ("letters/index.html", 30),
        ("letters/log of the lighthouse.txt", 2900),
        ("letters/scans/p1.txt", 1),
    ];
    for (at, (name, size)) in names.into_iter().enumerate() {
        let path = sandbox.keep(name, text.repeat(size));
        let then = UNIX_EPOCH + Duration::from_secs(1_764_000_000 + 86_399 * at as u64);
        fs::File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
    }
    for directory in ["letters/drawings", "letters/scans"] {
        let directory = fs::File::open(sandbox.root().join(directory)).unwrap();
        directory.set_modified(UNIX_EPOCH + Duration::from_secs(1_764_100_000)).unwrap();
    }
    sandbox
}

fn keep(name: &str, picture: &[u8]) {
    assert!(picture.starts_with(b"\x89PNG"), "{name}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures").join(name);
    match std::env::var_os("CFP_PICTURES").is_some_and(|value| value == "write") {
        true => fs::write(path, picture).unwrap(),
        false => assert!(path.is_file(), "docs/pictures/{name}: make pictures"),
    }
}

#[test]
fn pictures_of_the_page_are_taken() {
    let sandbox = shelf();
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.resize(960, 660);
    browser.open("/letters/");
    browser.until("document.querySelector('button.more')");
    keep("page.png", &browser.picture());
    drop(browser);
    let Some(mut browser) = Browser::with(&sandbox, Setup { dark: true, ..Setup::default() }) else { return };
    browser.resize(390, 780);
    browser.open("/letters/");
    browser.open_panel("1852-11-20 about the lamp.txt");
    browser.open_part("search");
    browser.fill("#panel .search label:nth-of-type(1) input", "lamp");
    browser.click("#panel .search button.main");
    browser.until("!document.querySelector('#panel .search pre').hidden");
    browser.run("document.querySelector('#panel').scrollTo(0, 0)", serde_json::json!([]));
    keep("page-phone.png", &browser.picture());
}

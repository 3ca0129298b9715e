//! The search field: names and contents, by the server's own search, as they come.

use serde_json::json;

use super::browser::Browser;
use crate::common::Sandbox;

const NAMES: &str = "[...document.querySelectorAll('#results ul')].map((list) => [...list.children].map((one) => one.textContent).sort())";

fn look_for(browser: &mut Browser, word: &str) {
    browser.fill("#word", word);
    browser.click("#search button");
    browser.until(
        "document.querySelector('#results [role=status]').textContent.endsWith('searched.')
        && !document.querySelector('#results [role=status]').textContent.startsWith('Searching')",
    );
}

#[test]
fn names_and_contents_are_searched_and_a_click_shows_the_lines() {
    let sandbox = Sandbox::new();
    for (name, text) in [
        ("d/lamp.txt", "nothing\n"),
        ("d/e/a [b]*.txt", "a lamp\nno light\nthe lamp and a lamp\n"),
        ("d/lamps/x", "Lamp\n"),
        ("d/%41", "100% a*b, c\n"),
        ("other", "lamp\n"),
    ] {
        sandbox.keep(name, text);
    }
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/d/");
    look_for(&mut browser, "lamp");
    assert_eq!(browser.value(NAMES), json!([["lamp.txt", "lamps/"], ["e/a [b]*.txt 3"]]));
    let state = browser.text("document.querySelector('#results [role=status]').textContent");
    assert_eq!(state, "2 names, 3 occurrences in 1 file; 4 files searched.");
    browser.click("#results ul:last-of-type a");
    browser.until(
        "document.querySelector('#panel .search pre').textContent === 'a lamp\\nthe lamp and a lamp\\n'",
    );
    assert_eq!(
        browser.text("document.querySelector('#panel .search output').textContent"),
        "“lamp” occurs 3 times."
    );
    browser.click("#panel .close");
    // Case, and a part of a word.
    browser.click("#search label:nth-of-type(2)");
    look_for(&mut browser, "LAMP");
    assert_eq!(browser.value(NAMES), json!([["lamp.txt", "lamps/"], ["e/a [b]*.txt 3", "lamps/x 1"]]));
    look_for(&mut browser, "amp");
    assert_eq!(browser.value(NAMES), json!([["lamp.txt", "lamps/"], []]));
    browser.click("#search label:nth-of-type(3)");
    look_for(&mut browser, "amp");
    assert_eq!(browser.value(NAMES), json!([["lamp.txt", "lamps/"], ["e/a [b]*.txt 3", "lamps/x 1"]]));
    // What means something in a glob or in a URL is a letter like any other.
    for (word, found) in [
        ("[b]*", json!([["e/a [b]*.txt"], []])),
        ("%41", json!([["%41"], []])),
        ("0% a*b, c", json!([[], ["%41 1"]])),
    ] {
        look_for(&mut browser, word);
        assert_eq!(browser.value(NAMES), found, "{word}");
    }
    assert_eq!(browser.said(), [""; 0]);
}

#[test]
fn more_than_a_thousand_are_counted_and_the_page_says_that_it_leaves_some_out() {
    let sandbox = Sandbox::new();
    (0..1000).for_each(|at| drop(sandbox.keep(&format!("d/lamp{at}"), "lamp\n")));
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    let notes = "[...document.querySelectorAll('#results .note')].map((note) => note.textContent)";
    let shown = "[...document.querySelectorAll('#results ul')].map((list) => list.children.length)";
    browser.open("/d/");
    look_for(&mut browser, "lamp");
    assert_eq!((browser.value(notes), browser.value(shown)), (json!([]), json!([1000, 1000])));
    sandbox.keep("d/lamp", "a lamp\n");
    look_for(&mut browser, "lamp");
    let state = browser.text("document.querySelector('#results [role=status]').textContent");
    assert_eq!(state, "1001 names, 1001 occurrences in 1001 files; 1001 files searched.");
    let only = "Only the first 1000 are shown.";
    assert_eq!((browser.value(notes), browser.value(shown)), (json!([only, only]), json!([1000, 1000])));
}

#[test]
fn what_is_found_is_shown_while_the_search_goes_on_and_can_be_stopped() {
    let sandbox = Sandbox::with(&["--scan-jobs", "2"]);
    sandbox.keep("a", "lamp\n");
    // Holes take long to search, and no room.
    for number in 0..20 {
        let path = sandbox.keep(&format!("big/{number}"), "");
        std::fs::File::options().write(true).open(path).unwrap().set_len(1 << 33).unwrap();
    }
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/");
    browser.fill("#word", "lamp");
    browser.click("#search button");
    browser.until("document.querySelector('#results ul:last-of-type li')?.textContent === 'a 1'");
    assert!(
        browser.text("document.querySelector('#results [role=status]').textContent").starts_with("Searching")
    );
    browser.click("#results div button");
    browser.until("document.querySelector('#results [role=status]').textContent.startsWith('Stopped')");
    assert_eq!(browser.value("document.querySelectorAll('#results div button').length"), 1);
}

//! From a phone to a wall: nothing sticks out, and what is touched is large enough.

use super::browser::{Browser, Setup};
use crate::common::Sandbox;

/// What is wider than the window, or a control that is smaller than 24 pixels (WCAG 2.5.8).
const WRONG: &str = "(() => {
    const wide = document.scrollingElement.scrollWidth > document.documentElement.clientWidth ? ['the document is wider than the window'] : []
    const shown = [...document.querySelectorAll('button, input, summary, nav a, td a, dialog')].filter((one) => one.checkVisibility())
    for (const one of shown) {
      const { left, right, width, height } = one.getBoundingClientRect()
      const isBox = one.type === 'checkbox'
      if (left < -1 || right > document.documentElement.clientWidth + 1) wide.push(`${one.outerHTML.slice(0, 80)} sticks out`)
      if (!isBox && (width < 24 || height < 24)) wide.push(`${one.outerHTML.slice(0, 80)} is ${width} by ${height}`)
    }
    return wide })()";

#[test]
fn nothing_sticks_out_from_a_phone_to_a_wall() {
    let sandbox = Sandbox::new();
    let long = "a-very-long-name-without-a-space-".repeat(7);
    sandbox.keep(&format!("{long}/{long}"), "lamp\n".repeat(50) + &"x".repeat(2000));
    sandbox.keep("short", "lamp\n");
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    for (width, height) in [(320, 640), (768, 1024), (3840, 2160)] {
        browser.resize(width, height);
        for path in ["/".to_owned(), format!("/{long}/"), format!("/{long}/none")] {
            browser.go(&path);
            if !path.ends_with("none") {
                browser.until("document.querySelector('button.more')");
            }
            assert_eq!(browser.value(WRONG), serde_json::json!([]), "{path} at {width}");
        }
        browser.open("/");
        browser.fill("#word", "lamp");
        browser.click("#search button");
        browser.until("document.querySelectorAll('#results ul:last-of-type li').length === 2");
        browser.open_panel(&format!("{long}/"));
        assert_eq!(browser.value(WRONG), serde_json::json!([]), "panel of a directory at {width}");
        browser.open(&format!("/{long}/"));
        browser.open_panel(&long);
        for part in ["view-part", "search", "replace", "reverse", "rename", "delete"] {
            if part != "view-part" {
                browser.open_part(part);
            }
            assert_eq!(browser.value(WRONG), serde_json::json!([]), "{part} at {width}");
        }
    }
}

#[test]
fn the_page_is_light_or_dark_as_its_reader_likes_it() {
    let sandbox = Sandbox::new();
    let mut colours = Vec::new();
    for dark in [false, true] {
        let Some(mut browser) = Browser::with(&sandbox, Setup { dark, ..Setup::default() }) else { return };
        browser.open("/");
        assert_eq!(browser.value("matchMedia('(prefers-color-scheme: dark)').matches"), dark);
        colours.push(browser.text("getComputedStyle(document.documentElement).backgroundColor"));
    }
    assert_eq!(colours, ["rgb(255, 255, 255)", "rgb(22, 25, 29)"]);
}

#[test]
fn everything_is_done_with_a_keyboard() {
    const ENTER: &str = "\u{e007}";
    const TAB: &str = "\u{e004}";
    let sandbox = Sandbox::new();
    sandbox.keep("f", "a lamp\n");
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/");
    browser.until("document.querySelector('button.more')");
    let tab_to = |browser: &mut Browser, expression: &str| {
        for _ in 0..30 {
            browser.keys(&[TAB]);
            if browser.value(expression) == true {
                return;
            }
        }
        panic!("no way to {expression}");
    };
    tab_to(&mut browser, "document.activeElement.matches('td a')");
    browser.keys(&[ENTER]);
    browser.until("document.querySelector('#panel[open]')");
    tab_to(
        &mut browser,
        "document.activeElement.textContent === 'Search' && document.activeElement.matches('summary')",
    );
    browser.keys(&[ENTER, TAB, "l", "a", "m", "p", ENTER]);
    browser.until("document.querySelector('#panel .search output').textContent === '“lamp” occurs once.'");
    browser.keys(&["\u{e00c}"]);
    // The focus is back where it was.
    browser.until("!document.querySelector('#panel') && document.activeElement.matches('td a')");
}

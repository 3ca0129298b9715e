//! Accessibility: axe-core finds nothing serious in any state of the page.

use serde_json::json;

use super::browser::{Browser, Setup};
use crate::common::{Sandbox, need};

/// What axe finds that keeps somebody away.
fn check(browser: &mut Browser, axe: &str, state: &str) {
    if browser.value("typeof axe") == "undefined" {
        browser.run(&format!("{axe}\nwindow.axe = axe"), json!([]));
    }
    browser.run(
        "window.found = null
         axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => {
           window.found = violations.map(({ id, impact, nodes }) => [impact, id, nodes[0].html.slice(0, 200), nodes[0].failureSummary])
         })",
        json!([]),
    );
    let found = browser.until("window.found");
    let serious: Vec<_> =
        found.as_array().unwrap().iter().filter(|one| one[0] == "serious" || one[0] == "critical").collect();
    assert!(serious.is_empty(), "{state}: {serious:#?}");
}

#[test]
fn nothing_keeps_anybody_away() {
    let Some(modules) = need::package("node_modules", "axe-core") else { return };
    let axe = std::fs::read_to_string(modules.join("axe-core/axe.min.js")).unwrap();
    let sandbox = Sandbox::new();
    sandbox.keep("d/a.txt", "a lamp\n");
    sandbox.keep("d/b\u{202e}.txt", "a lamp\n");
    sandbox.keep("d/e/f", "a lamp\n");
    std::fs::create_dir(sandbox.root().join("empty")).unwrap();
    for dark in [false, true] {
        let Some(mut browser) = Browser::with(&sandbox, Setup { dark, ..Setup::default() }) else { return };
        let check =
            |browser: &mut Browser, state: &str| check(browser, &axe, &format!("{state}, dark: {dark}"));
        browser.go("/none");
        check(&mut browser, "an error");
        browser.open("/empty/");
        check(&mut browser, "an empty directory");
        browser.open("/d/");
        browser.until("document.querySelector('button.more')");
        check(&mut browser, "a list");
        browser.fill("#word", "lamp");
        browser.click("#search button");
        browser.until("document.querySelectorAll('#results ul:last-of-type li').length === 3");
        check(&mut browser, "results");
        browser.open_panel("a.txt");
        for part in ["view-part", "search", "replace", "reverse", "rename", "copy", "delete"] {
            if part != "view-part" {
                browser.open_part(part);
            }
            check(&mut browser, part);
        }
        browser.click("#panel button.danger");
        check(&mut browser, "a question");
        browser.keys(&["\u{e00c}"]);
        browser.resize(320, 640);
        check(&mut browser, "a phone");
    }
}

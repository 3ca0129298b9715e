//! The page beneath a path of another site: everything that it loads, links and changes has the path. And a
//! path with more slashes than it needs.

use serde_json::json;

use super::browser::Browser;
use crate::common::{Sandbox, need};

#[test]
fn everything_is_done_beneath_a_prefix() {
    let sandbox = Sandbox::with(&["--prefix", "/files"]);
    sandbox.keep("d/f.txt", "a lamp\n");
    let small = sandbox.write("small", "small\n");
    let large = sandbox.write("large", vec![b'x'; 3_000_000]);
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    // Without its slash the browser is led to it.
    browser.go("");
    browser.until("location.pathname === '/files/' && document.documentElement.dataset.ready !== undefined");
    browser.click("td a[href='d/']");
    browser
        .until("location.pathname === '/files/d/' && document.documentElement.dataset.ready !== undefined");
    browser.choose_files("Upload files", &[&small, &large]);
    browser.until_said("2 files are stored.");
    assert_eq!(
        (sandbox.stored("d/small"), sandbox.stored("d/large").len()),
        (b"small\n".to_vec(), 3_000_000)
    );
    browser.fill("#word", "lamp");
    browser.click("#search button");
    browser.until("document.querySelector('#results ul:last-of-type li')");
    browser.click("#results ul:last-of-type a");
    browser.until("document.querySelector('#panel .search pre').textContent === 'a lamp\\n'");
    browser.open_part("replace");
    browser.fill("#panel .replace label:nth-of-type(1) input", "lamp");
    browser.fill("#panel .replace label:nth-of-type(2) input", "torch");
    browser.click("#panel .replace form button:first-of-type");
    browser.click("#panel .replace form button:last-of-type");
    browser.until("document.querySelector('#panel .replace output').textContent === '1 replaced.'");
    assert_eq!(sandbox.stored("d/f.txt"), b"a torch\n");
    if need::programs(&["curl"]) {
        browser.open_part("view-part");
        for kind in ["shell", "curl"] {
            let css = format!("document.querySelector('#panel .view-part .{kind}').textContent");
            let line = browser.text(&css);
            sandbox.sh(&line).success().stdout("a torch\n");
        }
    }
    browser.click("#panel .close");
    browser.open_panel("f.txt");
    browser.open_part("rename");
    browser.fill("#panel .rename input", "../moved.txt");
    browser.click("#panel .rename button.main");
    browser.until_said("f.txt is renamed to ../moved.txt.");
    assert_eq!(sandbox.stored("moved.txt"), b"a torch\n");
    browser.go("/d/none");
    browser.until("getComputedStyle(document.querySelector('.error li')).paddingTop === '4px'");
    browser.click("a[href='../']");
    browser.until("location.pathname === '/files/'");
    assert_eq!(browser.said(), [""; 0]);
    let loaded = "performance.getEntriesByType('resource').every(({ name }) => name.startsWith(location.origin + '/files/'))";
    assert_eq!(browser.value(loaded), json!(true));
}

#[test]
fn a_path_that_begins_with_two_slashes_is_no_host() {
    let sandbox = Sandbox::new();
    sandbox.keep("d/f.txt", "a lamp\n");
    let file = sandbox.write("small", "small\n");
    let large = sandbox.write("large", vec![b'x'; 3_000_000]);
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("//d/");
    assert_eq!(browser.text("location.pathname"), "//d/");
    browser.choose_files("Upload files", &[&file, &large]);
    browser.until_said("2 files are stored.");
    assert_eq!(
        (sandbox.stored("d/small"), sandbox.stored("d/large").len()),
        (b"small\n".to_vec(), 3_000_000)
    );
    browser.open_panel("f.txt");
    browser.until("document.querySelector('#panel pre').textContent === 'a lamp\\n'");
    let line = browser.text("document.querySelector('#panel .view-part .shell').textContent");
    sandbox.sh(&line).success().stdout("a lamp\n");
    browser.open_part("search");
    browser.fill("#panel .search label:nth-of-type(1) input", "lamp");
    browser.click("#panel .search button.main");
    browser.until("document.querySelector('#panel .search pre').textContent === 'a lamp\\n'");
    browser.open_part("rename");
    browser.fill("#panel .rename input", "g.txt");
    browser.click("#panel .rename button.main");
    browser.until_said("f.txt is renamed to g.txt.");
    assert_eq!(browser.text("document.activeElement.textContent"), "g.txt");
    assert_eq!(sandbox.stored("d/g.txt"), b"a lamp\n");
    assert_eq!(browser.said(), [""; 0]);
}

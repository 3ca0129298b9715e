//! Uploads through the page: files and folders, chosen and dropped, several at once, taken back, and resumed after a cut.

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use super::browser::Browser;
use crate::common::proxy::Proxy;
use crate::common::watch::Watch;
use crate::common::{Sandbox, need};

const STATES: &str = "[...document.querySelectorAll('#uploads li')].map((line) => line.querySelector('.name').textContent + ': ' + line.querySelector('.state').textContent).sort()";

/// The upload of the browser at so many bytes a second, so that something can happen meanwhile.
fn slow_down(browser: &mut Browser, rate: i64) {
    browser.devtools("Network.enable", json!({}));
    let conditions =
        json!({ "offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": rate });
    browser.devtools("Network.emulateNetworkConditions", conditions);
}

/// What is stored, and what is left of uploads.
fn stored(sandbox: &Sandbox) -> Vec<String> {
    let mut all = sandbox.all_stored();
    all.retain(|name| !name.starts_with(".cfpd-uploads"));
    all
}

#[test]
fn several_files_are_stored_at_once_with_their_times_and_hostile_names() {
    let sandbox = Sandbox::new();
    sandbox.keep("d/old.txt", "old\n");
    sandbox.keep("d/kept.txt", "old\n");
    let names = ["a b.txt", "<b>&\"'.txt", "%41#?.txt", "\u{e9}\u{202e}.txt", "empty"];
    let mut paths: Vec<_> =
        names.iter().map(|name| sandbox.write(name, if *name == "empty" { "" } else { name })).collect();
    let then = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(&paths[0]).unwrap().set_modified(then).unwrap();
    let large: Vec<u8> = (0..3_000_000_u32).map(|at| (at >> 8) as u8).collect();
    paths.push(sandbox.write("large", &large));
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/d/");
    browser.choose_files("Upload files", &paths.iter().map(|path| path.as_path()).collect::<Vec<_>>());
    browser.until_said("6 files are stored.");
    for name in names.iter().filter(|name| **name != "empty") {
        assert_eq!(sandbox.stored(&format!("d/{name}")), name.as_bytes());
    }
    assert_eq!(sandbox.stored("d/empty"), b"");
    assert!(sandbox.stored("d/large") == large);
    let modified = fs::metadata(sandbox.root().join("d/a b.txt")).unwrap().modified().unwrap();
    assert_eq!(modified.duration_since(UNIX_EPOCH).unwrap().as_secs(), 1_000_000_000);
    // The list is loaded again, with all of them.
    browser.until("document.querySelectorAll('tbody tr').length === 8");
    // What is there already is not replaced without a yes.
    let new = ["old.txt", "kept.txt"].map(|name| sandbox.write(name, "new\n"));
    browser.choose_files("Upload files", &[&new[0]]);
    browser.click("dialog.question button.main");
    browser.until_said("1 file is stored.");
    assert_eq!(sandbox.stored("d/old.txt"), b"new\n");
    browser.choose_files("Upload files", &[&new[1]]);
    browser.click("dialog.question button:first-of-type");
    browser
        .until("document.querySelector('#uploads li:last-child .state').textContent.startsWith('Skipped')");
    assert_eq!(sandbox.stored("d/kept.txt"), b"old\n");
    sandbox.keep("d/taken/f", "old\n");
    browser.choose_files("Upload files", &[&sandbox.write("taken", "new\n")]);
    browser.until("document.querySelector('#uploads li:last-child .state').textContent === 'Skipped: a directory of this name is there'");
    assert_eq!(browser.said(), [""; 0]);
}

#[test]
fn a_folder_is_stored_as_it_is() {
    let sandbox = Sandbox::new();
    for name in ["tree/a", "tree/b/c", "tree/b/d e/f", "tree/%/g"] {
        sandbox.write(name, name);
    }
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/");
    browser.choose_files("Upload folder", &[&sandbox.work().join("tree")]);
    browser.until_said("4 files are stored.");
    for name in ["tree/a", "tree/b/c", "tree/b/d e/f", "tree/%/g"] {
        assert_eq!(sandbox.stored(name), name.as_bytes());
    }
}

#[test]
fn a_folder_that_was_deleted_since_is_made_again() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/a/b", "b\n");
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/");
    let tree = sandbox.work().join("tree");
    browser.choose_files("Upload folder", &[&tree]);
    browser.until("document.querySelector('#uploads li.done')");
    fs::remove_dir_all(sandbox.root().join("tree")).unwrap();
    browser.choose_files("Upload folder", &[&tree]);
    browser.until("document.querySelectorAll('#uploads li:is(.done, .failed)').length === 2");
    assert_eq!(browser.value(STATES), json!(["tree/a/b: Stored", "tree/a/b: Stored"]));
    assert_eq!(sandbox.stored("tree/a/b"), b"b\n");
}

#[test]
fn what_is_dropped_on_the_page_is_stored_folders_too() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("one.txt", "one\n");
    sandbox.write("tree/b/c", "c\n");
    fs::create_dir(sandbox.work().join("tree/hollow")).unwrap();
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/");
    let dropped = [&file, &sandbox.work().join("tree")];
    browser.drag_files(&["dragEnter", "dragOver", "dragOver"], &dropped);
    browser.until("document.documentElement.classList.contains('dropping')");
    browser.drag_files(&["drop"], &dropped);
    browser.until_said("2 files are stored.");
    browser.until("document.querySelector(\"a[href='tree/']\")");
    assert_eq!((sandbox.stored("one.txt"), sandbox.stored("tree/b/c")), (b"one\n".to_vec(), b"c\n".to_vec()));
    assert!(sandbox.root().join("tree/hollow").is_dir());
}

#[test]
fn an_upload_shows_how_far_it_is_and_can_be_taken_back() {
    let sandbox = Sandbox::new();
    let large = sandbox.write("large", vec![b'x'; 40_000_000]);
    let small = sandbox.write("small", "text");
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/");
    slow_down(&mut browser, 2_000_000);
    browser.choose_files("Upload files", &[&large, &small]);
    // The small one does not wait for the large one.
    browser.until("document.querySelector('#uploads li:nth-child(2)').className === 'done'");
    browser.until("document.querySelector('#uploads progress').value > 1e6 && /^\\d+ %$/.test(document.querySelector('#uploads .state').textContent)");
    browser.click("#uploads li:first-child button");
    browser.until("document.querySelector('#uploads .state').textContent === 'Cancelled'");
    slow_down(&mut browser, -1);
    assert_eq!(browser.value(STATES), json!(["large: Cancelled", "small: Stored"]));
    // Nothing of it is kept, and nothing was ever seen.
    let mut watch = Watch::new(&sandbox);
    watch.until("the end of what was sent", |_| stored(&sandbox) == ["small"]);
}

#[test]
fn a_small_file_whose_answer_was_lost_is_stored_once_and_said_to_be() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("small", "text\n");
    let proxy = Proxy::losing_answer_to(sandbox.address(), "PUT");
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open(&format!("{}/", proxy.url));
    browser.choose_files("Upload files", &[&file]);
    browser.until("document.querySelector('#uploads li:is(.done, .failed)')");
    assert_eq!(browser.value(STATES), json!(["small: Stored"]));
    let sent = String::from_utf8_lossy(&proxy.requests()).matches("PUT /small ").count();
    assert_eq!((sent, sandbox.stored("small")), (2, b"text\n".to_vec()));
}

#[test]
fn an_upload_goes_on_where_it_was_after_a_cut_and_after_a_reload() {
    if !need::attributes() {
        return;
    }
    let mut sandbox = Sandbox::with(&["--log", "log"]);
    let content: Vec<u8> = (0..60_000_000_u32).map(|at| (at >> 6) as u8).collect();
    let file = sandbox.write("large", &content);
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/");
    slow_down(&mut browser, 3_000_000);
    browser.choose_files("Upload files", &[&file]);
    browser.until("document.querySelector('#uploads progress').value > 4e6");
    sandbox.kill();
    browser
        .until("document.querySelector('#uploads .state').textContent.startsWith('The connection was cut')");
    sandbox.start_again();
    browser.until("document.querySelector('#uploads progress').value > 8e6");
    // The page is left in the middle; the same file is chosen once more.
    browser.open("/?again");
    slow_down(&mut browser, -1);
    browser.choose_files("Upload files", &[&file]);
    browser.until_said("1 file is stored.");
    assert!(sandbox.stored("large") == content, "what is stored differs");
    Watch::new(&sandbox).until_log("log", |log| log.matches("\"PATCH /.cfpd/uploads/").count() >= 2);
    let log = fs::read_to_string(sandbox.work().join("log")).unwrap();
    assert_eq!(log.matches("\"PUT /large ").count(), 1, "{log}");
    assert_eq!(stored(&sandbox), ["large"]);
}

//! The panel of a file: it is shown, searched, changed, renamed, copied and deleted.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde_json::json;

use super::browser::{Browser, Setup};
use crate::common::Sandbox;
use crate::webdav::locker::Locker;

/// One red pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\0\0\0\x0cIDATx\x9cc\xf8\xcf\xc0\0\0\x03\x01\x01\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82";

/// A second of silence.
fn wave() -> Vec<u8> {
    let mut file =
        b"RIFF\x64\x1f\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x40\x1f\0\0"
            .to_vec();
    file.resize(44 + 8000, 0x80);
    file
}

fn pdf() -> &'static [u8] {
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj \
      3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj trailer<</Root 1 0 R>>"
}

#[test]
fn a_file_is_shown_as_what_it_is() {
    let sandbox = Sandbox::new();
    let script = "<script>document.body.remove()</script>\n";
    let svg =
        "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><script>parent.alert(1)</script></svg>";
    let rows: [(&str, &[u8], &str); 9] = [
        ("a.txt", b"one\ntwo\n", "document.querySelector('#panel pre').textContent === 'one\\ntwo\\n'"),
        (
            "b.html",
            script.as_bytes(),
            "document.querySelector('#panel pre').textContent.startsWith('<script>')",
        ),
        ("c.png", PNG, "document.querySelector('#panel .view img').naturalWidth === 1"),
        ("d.svg", svg.as_bytes(), "document.querySelector('#panel .view img').naturalWidth === 9"),
        ("e.wav", &wave(), "document.querySelector('#panel .view audio').duration === 1"),
        ("f.mp4", b"\0\0\0\x18ftypmp42", "document.querySelector('#panel .view video').controls"),
        ("g.pdf", pdf(), "document.querySelector('#panel .view iframe').src.startsWith('blob:')"),
        (
            "h.zip",
            b"PK\x03\x04",
            "document.querySelector('#panel .view p').textContent.includes('application/zip')",
        ),
        ("i.json", b"{\"a\": 1}", "document.querySelector('#panel pre').textContent === '{\"a\": 1}'"),
    ];
    rows.iter().for_each(|(name, content, _)| drop(sandbox.keep(name, content)));
    sandbox.keep("j.txt", "0123456789\n".repeat(100_000));
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    for (name, _, is_shown) in rows {
        browser.open("/");
        browser.click(&format!("td a[href='{name}']"));
        browser.until(is_shown);
        let link = browser.text("document.querySelector('#panel .links a[download]').getAttribute('href')");
        assert!(link.ends_with(&format!("/{name}")));
        if name != "f.mp4" {
            assert_eq!(browser.said(), [""; 0], "{name}");
        }
    }
    browser.open("/");
    browser.open_panel("j.txt");
    browser.until("document.querySelector('#panel .note')");
    assert_eq!(browser.value("document.querySelector('#panel pre').textContent.length"), 256 * 1024);
}

#[test]
fn words_are_counted_replaced_and_reversed_where_the_file_is() {
    let sandbox = Sandbox::new();
    sandbox.keep("f.txt", "a lamp\nLamp, lamps\nlamp\n");
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/");
    browser.open_panel("f.txt");
    browser.open_part("search");
    browser.fill("#panel .search label:nth-of-type(1) input", "lamp");
    browser.click("#panel .search button.main");
    browser.until("document.querySelector('#panel .search output').textContent === '“lamp” occurs 2 times.'");
    browser.until("document.querySelector('#panel .search pre').textContent === 'a lamp\\nlamp\\n'");
    browser.click("#panel .search label:nth-of-type(2)");
    browser.click("#panel .search label:nth-of-type(3)");
    browser.click("#panel .search button.main");
    browser.until("document.querySelector('#panel .search output').textContent === '“lamp” occurs 4 times.'");
    // First how many, then it is done.
    browser.open_part("replace");
    browser.fill("#panel .replace label:nth-of-type(1) input", "lamp");
    browser.fill("#panel .replace label:nth-of-type(2) input", "torch & co");
    browser.click("#panel .replace form button:first-of-type");
    browser
        .until("document.querySelector('#panel .replace output').textContent === '“lamp” occurs 2 times.'");
    assert_eq!(sandbox.stored("f.txt"), b"a lamp\nLamp, lamps\nlamp\n");
    browser.click("#panel .replace form button:last-of-type");
    browser.until("document.querySelector('#panel .replace output').textContent === '2 replaced.'");
    assert_eq!(sandbox.stored("f.txt"), b"a torch & co\nLamp, lamps\ntorch & co\n");
    // A file that changed since it was counted stays as it is.
    browser.fill("#panel .replace label:nth-of-type(1) input", "torch");
    browser.click("#panel .replace form button:first-of-type");
    browser
        .until("document.querySelector('#panel .replace output').textContent === '“torch” occurs 2 times.'");
    sandbox.sh("printf 'torch\\n' | curl -fsS -T - \"$CFP_SERVER/f.txt\"").success();
    browser.click("#panel .replace form button:last-of-type");
    browser.until_said("is not as the condition says");
    // It is in front of the panel, which fills a phone. It takes no clicks; without that the document tells what is in front.
    browser.resize(420, 720);
    browser.until(
        "(() => { const said = document.getElementById('said'), box = said.getBoundingClientRect()
        said.style.pointerEvents = 'auto'
        return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === said })()",
    );
    browser.resize(1000, 800);
    assert_eq!(sandbox.stored("f.txt"), b"torch\n");
    sandbox.sh("printf 'one two\\nthree\\n' | curl -fsS -T - \"$CFP_SERVER/f.txt\"").success();
    browser.open_part("reverse");
    browser.click("#panel .reverse label");
    browser.click("#panel .reverse button.main");
    browser.until("document.querySelector('#panel .reverse pre').textContent === 'two one\\nthree\\n'");
    browser.click("#panel .reverse label");
    browser.click("#panel .reverse form button:last-of-type");
    browser.until("document.querySelector('#panel .reverse output').textContent.includes('are reversed')");
    assert_eq!(sandbox.stored("f.txt"), b"three two\none\n");
}

#[test]
fn what_another_client_has_locked_stays_and_the_page_says_why() {
    let sandbox = Sandbox::new();
    sandbox.keep("f.txt", "one two\n");
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/");
    browser.open_panel("f.txt");
    browser.open_part("reverse");
    Locker::at(sandbox.address()).lock("/f.txt", &[]);
    browser.click("#panel .reverse form button:last-of-type");
    browser.until_said("is locked by another client");
    assert_eq!(sandbox.stored("f.txt"), b"one two\n");
}

#[test]
fn names_are_given_changed_copied_and_taken_away() {
    let sandbox = Sandbox::new();
    sandbox.keep("d/a.txt", "text\n");
    sandbox.keep("d/taken", "other\n");
    sandbox.keep("d/sub/f", "text\n");
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/d/");
    let name = |browser: &mut Browser, entry: &str, part: &str, name: &str| {
        browser.open_panel(entry);
        browser.open_part(part);
        browser.fill(&format!("#panel .{part} input"), name);
        browser.click(&format!("#panel .{part} button.main"));
    };
    name(&mut browser, "a.txt", "rename", "b <i>%2F?#.txt");
    browser.until_said("a.txt is renamed to b <i>%2F?#.txt.");
    assert_eq!(browser.names(), ["b <i>%2F?#.txt", "sub/", "taken"]);
    assert_eq!(browser.text("document.activeElement.textContent"), "b <i>%2F?#.txt");
    name(&mut browser, "b <i>%2F?#.txt", "copy", "sub/c");
    browser.until_said("is copied to sub/c");
    // What stands at the name stays.
    name(&mut browser, "b <i>%2F?#.txt", "rename", "taken");
    browser.until_said("/d/taken: exists already");
    browser.click("#panel .close");
    name(&mut browser, "sub/", "copy", "sub 2");
    browser.until_said("sub is copied to sub 2.");
    name(&mut browser, "sub/", "rename", "../moved");
    browser.until_said("sub is renamed to ../moved.");
    browser.click("#tools > button");
    browser.fill("dialog.question input", "n\u{e9}w");
    browser.click("dialog.question button.main");
    browser.until_said("n\u{e9}w/ is made.");
    // Nothing is deleted without a yes.
    browser.open_panel("sub 2/");
    browser.open_part("delete");
    browser.click("#panel button.danger");
    assert!(
        browser
            .text("document.querySelector('dialog.question p').textContent")
            .contains("with everything in it: sub 2")
    );
    browser.click("dialog.question button:first-of-type");
    browser.until("!document.querySelector('dialog.question')");
    assert!(sandbox.root().join("d/sub 2/f").exists());
    browser.click("#panel button.danger");
    browser.click("dialog.question button.danger");
    browser.until_said("sub 2 is deleted.");
    assert_eq!(
        sandbox.all_stored(),
        ["d", "d/b <i>%2F?#.txt", "d/n\u{e9}w", "d/taken", "moved", "moved/c", "moved/f"]
    );
    assert_eq!(sandbox.stored("d/taken"), b"other\n");
    assert_eq!(browser.value("document.querySelectorAll('td a > i').length"), json!(0));
}

#[test]
fn a_version_that_came_meanwhile_is_neither_deleted_nor_renamed() {
    let sandbox = Sandbox::new();
    sandbox.keep("f.txt", "one two\n");
    sandbox.keep("taken", "other\n");
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/");
    let delete = |browser: &mut Browser| {
        browser.open_part("delete");
        browser.click("#panel button.danger");
        browser.click("dialog.question button.danger");
    };
    let rename = |browser: &mut Browser, name: &str| {
        browser.open_part("rename");
        browser.fill("#panel .rename input", name);
        browser.click("#panel .rename button.main");
    };
    for (text, part) in [("three\n", "delete"), ("three and four\n", "rename")] {
        browser.open_panel("f.txt");
        sandbox.sh(&format!("printf '{text}' | curl -fsS -T - \"$CFP_SERVER/f.txt\"")).success();
        match part {
            "delete" => delete(&mut browser),
            _ => rename(&mut browser, "g.txt"),
        }
        browser.until("document.getElementById('said').textContent !== ''");
        let said = browser.text("document.getElementById('said').textContent");
        assert_eq!(said, "f.txt has changed meanwhile and stays as it is: look at it again.");
        browser.until("!document.querySelector('#panel')");
        assert_eq!(sandbox.stored("f.txt"), text.as_bytes());
        // The list shows the new version.
        let size = browser.value("Number(document.querySelector('tr:has(a[href=\"f.txt\"]) data').value)");
        assert_eq!(size, text.len());
        browser.run("document.getElementById('said').textContent = ''", json!([]));
    }
    // A name that is taken is another matter, and what the panel itself has changed is known to it.
    browser.open_panel("f.txt");
    rename(&mut browser, "taken");
    browser.until_said("/taken: exists already");
    browser.open_part("reverse");
    browser.click("#panel .reverse form button:last-of-type");
    browser.until("document.querySelector('#panel .reverse output').textContent.includes('are reversed')");
    rename(&mut browser, "g.txt");
    browser.until_said("f.txt is renamed to g.txt.");
    browser.open_panel("g.txt");
    delete(&mut browser);
    browser.until_said("g.txt is deleted.");
    assert_eq!(sandbox.all_stored(), ["taken"]);
}

#[test]
fn a_new_name_has_the_focus_whatever_the_browser_escapes_in_it() {
    let sandbox = Sandbox::new();
    sandbox.keep("d/f", "text\n");
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/d/");
    let focus = "document.activeElement.textContent";
    for (entry, part, name) in [("f", "copy", "it's: (1)=!*\u{e9}[]|%41"), ("f", "rename", "'f'")] {
        browser.open_panel(entry);
        browser.open_part(part);
        browser.fill(&format!("#panel .{part} input"), name);
        browser.click(&format!("#panel .{part} button.main"));
        browser.until_said(&format!("to {name}."));
        assert_eq!(browser.text(focus), name);
    }
    browser.click("#tools > button");
    browser.fill("dialog.question input", "(2)");
    browser.click("dialog.question button.main");
    browser.until_said("(2)/ is made.");
    assert_eq!(browser.text(focus), "(2)/");
}

#[test]
fn a_name_with_what_cannot_be_seen_is_suggested_as_it_is_or_not_at_all() {
    let sandbox = Sandbox::new();
    let names: [&[u8]; 5] = [
        "\u{2764}\u{fe0f}.txt".as_bytes(),
        "\u{feff}\u{646}\u{200c}\u{627}".as_bytes(),
        b"a\\x41.txt",
        b"caf\xe9.txt",
        b"line\nbreak",
    ];
    for name in names {
        std::fs::write(sandbox.root().join(OsStr::from_bytes(name)), "text\n").unwrap();
    }
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/");
    let rows = [
        ("\u{2764}\\xef\\xb8\\x8f.txt", "\u{2764}\u{fe0f}.txt", "\u{2764}\u{fe0f} copy.txt"),
        (
            "\\xef\\xbb\\xbf\u{646}\\xe2\\x80\\x8c\u{627}",
            "\u{feff}\u{646}\u{200c}\u{627}",
            "\u{feff}\u{646}\u{200c}\u{627} copy",
        ),
        ("a\\x41.txt", "a\\x41.txt", "a\\x41 copy.txt"),
        ("caf\\xe9.txt", "", ""),
        ("line\\x0abreak", "", ""),
    ];
    for (shown, name, copy) in rows {
        browser.open_panel(shown);
        let mut field = |part| browser.text(&format!("document.querySelector('#panel .{part} input').value"));
        assert_eq!([field("rename"), field("copy")], [name, copy], "{shown}");
        browser.click("#panel .close");
        browser.until("!document.querySelector('#panel')");
    }
    browser.open_panel(rows[0].0);
    browser.open_part("copy");
    browser.click("#panel .copy button.main");
    browser.until_said("\u{2764}\\xef\\xb8\\x8f.txt is copied to \u{2764}\\xef\\xb8\\x8f copy.txt.");
    assert_eq!(sandbox.stored("\u{2764}\u{fe0f} copy.txt"), b"text\n");
}

#[test]
fn the_lines_are_copied_also_where_a_browser_has_no_clipboard_for_scripts() {
    let sandbox = Sandbox::with(&["--host", "cfp.test"]);
    sandbox.keep("f.txt", "text\n");
    let Some(mut browser) = Browser::with(&sandbox, Setup { host: Some("cfp.test"), ..Setup::default() })
    else {
        return;
    };
    browser.open("/");
    // Plain HTTP to a host that is not loopback.
    assert_eq!(browser.value("window.isSecureContext || 'clipboard' in navigator"), false);
    browser.open_panel("f.txt");
    browser.click("#panel .view-part .command button");
    browser.until_said("Copied.");
    browser.open_part("search");
    browser.click("#panel .search label:nth-of-type(1) input");
    browser.paste();
    let line = browser.text("document.querySelector('#panel .view-part .shell').textContent");
    assert_eq!(
        browser.text("document.querySelector('#panel .search label:nth-of-type(1) input').value"),
        line
    );
    assert_eq!(line, format!("cfp-cat -s {} -- :f.txt", browser.url));
    assert_eq!(browser.said(), [""; 0]);
}

#[test]
fn a_directory_is_downloaded_as_an_archive_from_its_list_and_its_panel() {
    let sandbox = Sandbox::new();
    sandbox.keep("d/a&b/f", "text\n");
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/d/");
    let hrefs = |browser: &mut Browser, place: &str| {
        browser.value(&format!(
            "[...document.querySelectorAll('{place} a[download]')].map((a) => new URL(a.href).pathname + new URL(a.href).search)"
        ))
    };
    let of_list = hrefs(&mut browser, "#archives");
    assert_eq!(of_list, json!(["/d/?archive=zip", "/d/?archive=tar.zst"]));
    browser.open_panel("a&b/");
    let of_panel = hrefs(&mut browser, "#panel");
    assert_eq!(of_panel, json!(["/d/a%26b/?archive=zip", "/d/a%26b/?archive=tar.zst"]));
    let magic = "const [href] = arguments; window.magic = null
        fetch(href).then((answer) => answer.arrayBuffer())
            .then((bytes) => { window.magic = [...new Uint8Array(bytes, 0, 4)] })";
    for (href, start) in [(&of_panel[0], [0x50, 0x4b, 3, 4]), (&of_panel[1], [0x28, 0xb5, 0x2f, 0xfd])] {
        browser.run(magic, json!([href]));
        assert_eq!(browser.until("window.magic"), json!(start), "{href}");
    }
}

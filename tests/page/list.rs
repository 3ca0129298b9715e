//! The list: what stands there, in which order, and what hostile names come to.

use super::browser::{Browser, Setup};
use crate::common::Sandbox;
use serde_json::json;

/// Names that would be markup, look like another name, or look like nothing; with how they are shown.
const HOSTILE: [(&str, &str); 6] = [
    ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
    ("a\u{202e}gpj.exe", "a\\xe2\\x80\\xaegpj.exe"),
    ("b\u{200b}c", "b\\xe2\\x80\\x8bc"),
    ("javascript:alert(1)", "javascript:alert(1)"),
    ("line\nbreak", "line\\x0abreak"),
    ("\u{feff}", "\\xef\\xbb\\xbf"),
];

fn hostile() -> Sandbox {
    let sandbox = Sandbox::new();
    HOSTILE.iter().for_each(|(name, _)| drop(sandbox.keep(&format!("d/{name}"), "one word\n")));
    sandbox
}

#[test]
fn names_are_text_and_what_cannot_be_seen_is_shown_as_such() {
    let sandbox = hostile();
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/d/");
    let mut shown: Vec<_> = HOSTILE.iter().map(|(_, shown)| (*shown).to_owned()).collect();
    let mut names = browser.names();
    names.sort();
    shown.sort();
    assert_eq!(names, shown);
    assert_eq!(browser.value("document.querySelectorAll('main img, main script').length"), 0);
    assert_eq!(browser.value("document.querySelectorAll('td i').length"), 4);
    // Each is what its link leads to.
    for (_, shown) in HOSTILE {
        browser.open_panel(shown);
        browser.until("document.querySelector('#panel pre')?.textContent === 'one word\\n'");
        assert_eq!(browser.text("document.querySelector('#panel h2').textContent"), shown);
        browser.keys(&["\u{e00c}"]);
        browser.until("!document.querySelector('#panel')");
    }
    // What is found is shown in the same way, by the script.
    browser.fill("#word", "word");
    browser.click("#search button");
    browser.until("document.querySelectorAll('#results ul:last-of-type li').length === 6");
    let found = browser.value(
        "[...document.querySelectorAll('#results ul:last-of-type a')].map((a) => a.textContent).sort()",
    );
    assert_eq!(found, json!(shown));
    assert_eq!(browser.said(), [""; 0]);
}

#[test]
fn a_list_has_what_a_person_looks_for() {
    let sandbox = Sandbox::new();
    for (name, size) in [("d/b.txt", 2000), ("d/a.txt", 30), ("d/c.txt", 100), ("d/e/f", 1), ("d/empty/x", 1)]
    {
        sandbox.keep(name, vec![b'x'; size]);
    }
    std::fs::remove_file(sandbox.root().join("d/empty/x")).unwrap();
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/d/");
    assert_eq!(browser.names(), ["a.txt", "b.txt", "c.txt", "e/", "empty/"]);
    assert_eq!(
        browser.text("document.querySelector('#count').textContent.trim()"),
        "2 directories, 3 files, 2.0 KiB"
    );
    let heads = "[...document.querySelectorAll('thead th')].map((head) => head.textContent)";
    assert_eq!(browser.value(heads), json!(["Name", "Size", "Modified"]));
    assert_eq!(browser.text("document.querySelector('tbody tr:nth-child(2) data').textContent"), "1.9 KiB");
    // Dates are those of the reader's place and language, with the exact one beside.
    let local = "(() => { const time = document.querySelector('tbody time'); return time.title === time.dateTime
        && time.textContent === new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(time.dateTime)) })()";
    browser.until(local);
    for (column, names) in [
        ("2", ["b.txt", "c.txt", "a.txt", "e/", "empty/"]),
        ("2", ["e/", "empty/", "a.txt", "c.txt", "b.txt"]),
        ("1", ["a.txt", "b.txt", "c.txt", "e/", "empty/"]),
        ("1", ["empty/", "e/", "c.txt", "b.txt", "a.txt"]),
    ] {
        browser.click(&format!("thead th:nth-child({column}) button"));
        assert_eq!(browser.names(), names, "by column {column}");
    }
    assert_eq!(browser.text("document.querySelector('thead th').ariaSort"), "descending");
    for (name, day) in [("a.txt", 3), ("b.txt", 1), ("c.txt", 2), ("e", 5), ("empty", 4)] {
        sandbox.sh(&format!("touch -d 2001-02-0{day} ../root/d/{name}")).success();
    }
    browser.open("/d/");
    for names in [["e/", "empty/", "a.txt", "c.txt", "b.txt"], ["b.txt", "c.txt", "a.txt", "empty/", "e/"]] {
        browser.click("thead th:nth-child(3) button");
        assert_eq!(browser.names(), names, "by time");
    }
    // Nothing comes from elsewhere, and no script or style stands in the page itself.
    let foreign =
        "performance.getEntriesByType('resource').filter(({ name }) => !name.startsWith(location.origin))";
    assert_eq!(browser.value(foreign), json!([]));
    assert!(
        browser.value("performance.getEntriesByType('resource').length").as_u64().unwrap() > 5,
        "the page loads its scripts"
    );
    assert_eq!(browser.value("document.querySelectorAll('style, [style], script:not([src])').length"), 0);
    // Breadcrumbs lead up, directories down.
    browser.click("td a[href='empty/']");
    browser
        .until("location.pathname === '/d/empty/' && document.documentElement.dataset.ready !== undefined");
    assert!(browser.text("document.querySelector('#empty').textContent").contains("Drop files on this page"));
    assert_eq!(
        browser.text("document.querySelector('nav').textContent.replace(/\\s+/g, ' ').trim()"),
        "Files d empty"
    );
    // Globs that select nothing do not make a directory empty.
    browser.open("/d/?include=*.md");
    assert!(
        browser.text("document.querySelector('#empty').textContent").starts_with("Nothing matches include")
    );
    browser.click("#empty a");
    browser.until("location.search === '' && document.documentElement.dataset.ready !== undefined");
    assert_eq!(browser.names().len(), 5);
    browser.open("/d/empty/");
    browser.click("nav a[href='../../d/']");
    browser.until("location.pathname === '/d/' && document.documentElement.dataset.ready !== undefined");
    assert_eq!(browser.said(), [""; 0]);
}

#[test]
fn without_a_script_everything_can_be_read() {
    let sandbox = hostile();
    sandbox.keep("d/deep/notes.txt", "a word and a word\n");
    let Some(mut browser) = Browser::with(&sandbox, Setup { without_scripts: true, ..Setup::default() })
    else {
        return;
    };
    browser.go("/d/");
    // The driver's own scripts run all the same.
    assert_eq!(browser.value("document.documentElement.dataset.ready"), json!(null));
    assert_eq!(browser.names().len(), HOSTILE.len() + 1);
    assert_eq!(browser.value("document.querySelectorAll('main button').length"), 1);
    browser.fill("#word", "word");
    browser.click("#search button");
    browser.until("location.search === '?search=word'");
    assert!(browser.text("document.body.textContent").contains("2 deep/notes.txt"));
    browser.go("/d/");
    browser.click("td a[href='deep/']");
    browser.click("td a[href='notes.txt']");
    browser.until("document.body.textContent === 'a word and a word\\n'");
    assert_eq!(browser.said(), [""; 0]);
}

/// Notes when the first row is there.
const WATCH: &str = "const timer = setInterval(() => {
      if (document.querySelector('tbody tr')) { window.firstRow = performance.now(); clearInterval(timer) }
    }, 5)";
/// Scrolls 200 frames down, and keeps the times between them in order.
const SCROLL: &str = "const gaps = []
    let last = performance.now()
    const step = (now) => {
      scrollBy({ top: 400, behavior: 'instant' })
      gaps.push(now - last)
      last = now
      if (gaps.length < 200) requestAnimationFrame(step)
      else window.gaps = gaps.sort((one, other) => one - other).map(Math.round)
    }
    requestAnimationFrame(step)";

/// Rows are laid out and worked on when they come into view: the page does not wait for all of them.
#[test]
fn a_hundred_thousand_names_are_worked_on_where_they_are_seen() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.root().join("d")).unwrap();
    let first = sandbox.keep("d/n000000", "");
    // A link is made faster than a file.
    (1..100_000).for_each(|at| {
        let name = format!("d/n{at:06}");
        if std::fs::hard_link(&first, sandbox.root().join(&name)).is_err() {
            sandbox.keep(&name, "");
        }
    });
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH }));
    browser.open("/d/");
    browser.until("document.querySelector('tbody tr button.more')");
    assert_eq!(browser.value("document.querySelectorAll('tbody tr').length"), 100_000);
    // Figures for docs/benchmarks.md, seen with --nocapture.
    let times = "[window.firstRow, performance.getEntriesByName('first-contentful-paint')[0].startTime,
        performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd].map(Math.round)";
    eprintln!("ms to the first row, to the first paint, to all rows: {}", browser.value(times));
    browser.run(SCROLL, json!([]));
    let gaps = browser.until("window.gaps");
    eprintln!("ms between frames while scrolling, median and 90 %: {}, {}", gaps[100], gaps[180]);
    browser.run("scrollTo(0, 0)", json!([]));
    assert_eq!(browser.text("document.querySelector('tbody a').textContent"), "n000000");
    let worked_on = "document.querySelectorAll('button.more').length";
    assert!(browser.value(worked_on).as_u64().unwrap() < 5000);
    browser.run(
        "document.querySelector('tbody:last-of-type').scrollIntoView({ behavior: 'instant' })",
        json!([]),
    );
    browser.until("document.querySelector('tbody:last-of-type button.more')");
    assert!(browser.value(worked_on).as_u64().unwrap() < 10_000);
    browser.click("thead th:nth-child(1) button");
    assert_eq!(browser.text("document.querySelector('tbody a').textContent"), "n099999");
    assert_eq!(browser.value("document.querySelectorAll('tbody tr').length"), 100_000);
}

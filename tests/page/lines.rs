//! The lines for a shell and for curl: what the panel shows is run as it stands, with names that a shell would take apart.

use serde_json::json;

use super::browser::Browser;
use crate::common::{Sandbox, need};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

const NAMES: [&[u8]; 7] = [
    b"plain.txt",
    b"-rf it's $HOME `x` \"y\" \\n.txt",
    b"a\nb\tc",
    "r\u{202e}l\u{200b}'.txt".as_bytes(),
    b"caf\xe9 [1]{2}*?.txt",
    b"%41#&;=+.txt",
    "\u{e9}\u{1f600}!".as_bytes(),
];

#[test]
fn each_line_does_in_a_shell_what_the_panel_does() {
    if !need::programs(&["bash", "curl"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let place = sandbox.root().join("d -x 'y'");
    std::fs::create_dir(&place).unwrap();
    let text = "it's a lamp\nno light\n";
    NAMES.iter().for_each(|name| std::fs::write(place.join(OsStr::from_bytes(name)), text).unwrap());
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/d%20-x%20'y'/");
    let hrefs = browser.value("[...document.querySelectorAll('tbody a')].map((a) => a.textContent)");
    for shown in hrefs.as_array().unwrap() {
        let shown = shown.as_str().unwrap();
        browser.open_panel(shown);
        let mut lines = |part: &str, fill: &[(u32, &str)]| {
            browser.open_part(part);
            for (at, word) in fill {
                browser.fill(&format!("#panel .{part} form label:nth-of-type({at}) input"), word);
            }
            ["shell", "curl"].map(|kind| {
                browser.text(&format!("document.querySelector('#panel .{part} .{kind}').textContent"))
            })
        };
        let bash = |line: &str, said: &str| {
            let line = line.replacen("curl ", "curl -fsS ", 1);
            sandbox.run("bash", ["-c", &line]).success().stdout(said.to_owned());
        };
        let word = "it's";
        lines("search", &[(1, word)]).iter().for_each(|line| bash(line, "it's a lamp\n"));
        let [tool, curl] = lines("replace", &[(1, word), (2, "-'\"$x\\")]);
        let count = |word: &str| {
            std::fs::read_dir(&place)
                .unwrap()
                .filter(|entry| {
                    std::fs::read_to_string(entry.as_ref().unwrap().path()).unwrap().contains(word)
                })
                .count()
        };
        let before = count("-'\"$x\\ a lamp");
        sandbox.run("bash", ["-c", &tool]).success();
        assert_eq!(count("-'\"$x\\ a lamp"), before + 1, "{tool}");
        let [back, curl_back] = lines("replace", &[(1, "-'\"$x\\"), (2, word)]);
        bash(&curl_back, "");
        assert_eq!(count("-'\"$x\\ a lamp"), before, "{curl_back}");
        bash(&curl, "");
        sandbox.run("bash", ["-c", &back]).success();
        assert_eq!(count("-'\"$x\\ a lamp"), before, "{curl} {back}");
        let [tool, curl] = lines("reverse", &[]);
        sandbox.run("bash", ["-c", &tool]).success();
        assert_eq!(count("light no lamp"), 1, "{tool}");
        bash(&curl, "");
        assert_eq!(count("light no lamp"), 0, "{curl}");
        browser.open_part("view-part");
        let view = ["shell", "curl"].map(|kind| {
            browser.text(&format!("document.querySelector('#panel .view-part .{kind}').textContent"))
        });
        view.iter().for_each(|line| bash(line, text));
        browser.click("#panel .close");
        browser.until("!document.querySelector('#panel')");
    }
    assert_eq!(hrefs.as_array().unwrap().len(), NAMES.len());
    assert_eq!(browser.value("getSelection().toString()"), json!(""));
}

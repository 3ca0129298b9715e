//! Readers see one version: a download, a search or a copy that runs while the name is replaced, moved or deleted
//! delivers the version it began with, whole.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cfp::http::framing::of_response;

use super::history::{content, number_of};
use crate::common::Sandbox;
use crate::common::client::{Client, head};

/// More than the buffers of two sockets hold, in lines that say which version they are of.
fn large(version: &str) -> Vec<u8> {
    format!("{version} word in a line that is longer than its one word would need it to be\n")
        .repeat(160_000)
        .into()
}

#[test]
fn a_slow_download_ends_with_the_version_it_began_with() {
    let sandbox = Sandbox::with(&["--no-sync"]);
    let (old, new) = (large("old"), large("new"));
    let filtered: Vec<u8> = String::from_utf8(old.clone()).unwrap().replace("word", "change").into();
    // What is done to the name in the middle of the download; each leaves it free or replaced.
    let changes: [(&str, &str, Option<&[u8]>); 5] = [
        ("PUT", "/f", Some(&new)),
        ("MOVE", "/f", None),
        ("DELETE", "/f", None),
        ("COPY", "/f?replace=old&with=new", None),
        ("DELETE", "/d/", None),
    ];
    for (target, expected, count) in [("", &old, changes.len()), ("?replace=word&with=change", &filtered, 1)]
    {
        for (method, changed, body) in changes.into_iter().take(count) {
            let name = if changed == "/d/" { "d/f" } else { "f" };
            sandbox.keep(name, &old);
            let mut reader = Client::connect(sandbox.address()).unwrap();
            reader.send(&head("GET", &format!("/{name}{target}"), &[])).unwrap();
            let answer = reader.head().unwrap();
            let mut begin = vec![0; 1000];
            let mut body_of = reader.body(of_response(&answer, "GET").unwrap());
            body_of.read_exact(&mut begin).unwrap();

            let mut writer = Client::connect(sandbox.address()).unwrap();
            let to = if method == "MOVE" { "/elsewhere" } else { "/f" };
            let to = [("Destination", to)];
            let fields = if matches!(method, "MOVE" | "COPY") { &to[..] } else { &[] };
            let status = writer.ask(method, changed, fields, body).unwrap().status;
            assert!(matches!(status, 201 | 204), "{method} {changed}: {status}");

            body_of.read_to_end(&mut begin).unwrap();
            assert!(begin == *expected, "{method} {changed} during GET /{name}{target}");
        }
    }
}

/// Says that it is over when it is dropped, be it by a panic.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Readers of all kinds while two contents, and nothing, take turns under the name.
#[test]
fn downloads_searches_and_copies_see_one_version_while_the_name_changes() {
    let sandbox = Sandbox::with(&["--no-sync"]);
    sandbox.keep("d/f", content(1));
    let is_over = AtomicBool::new(false);
    let ask = |method: &str, target: &str, fields: &[(&str, &str)], body: Option<&[u8]>| {
        let answer = Client::connect(sandbox.address()).unwrap().ask(method, target, fields, body).unwrap();
        assert!(matches!(answer.status, 200 | 201 | 204 | 404), "{method} {target}: {}", answer.text());
        answer
    };
    // Two words are in the one content only, and one of them in the other's reverse.
    let searched = ["1x7 1x8", "2x7 2x8"].map(|word| format!("/d/?search={}", word.replace(' ', "%20")));
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ending = Ending(&is_over);
            for turn in 0..60 {
                ask("PUT", "/d/f", &[], Some(&content(turn % 2 + 1)));
                ask("COPY", "/d/f?reverse", &[("Destination", "/d/f")], None);
                ask("MOVE", "/d/f", &[("Destination", "/d/g")], None);
                ask("MOVE", "/d/g", &[("Destination", "/d/f")], None);
                ask("DELETE", "/d/f", &[], None);
            }
        });
        let until_over = |read: &dyn Fn()| {
            while !is_over.load(Ordering::SeqCst) {
                read();
            }
        };
        scope.spawn(move || {
            until_over(&|| {
                let found = ask("GET", "/d/f", &[], None);
                assert!(found.status == 404 || number_of(&found.body).abs() <= 2);
            });
        });
        scope.spawn(move || {
            until_over(&|| {
                if ask("COPY", "/d/f", &[("Destination", "/copy")], None).status != 404 {
                    number_of(&ask("GET", "/copy", &[], None).body);
                }
            });
        });
        scope.spawn(move || {
            until_over(&|| {
                for target in &searched {
                    let total = ask("GET", target, &[], None).text();
                    let total = total.lines().last().unwrap().to_owned();
                    // A walk may meet a file twice that was moved meanwhile; half a file it never meets.
                    assert!(["0 total", "1 total", "2 total"].contains(&&*total), "{total}");
                }
            });
        });
    });
}

//! Rights on the page: what a user may not do is not offered, who may log in is told how, and the page of another site gets
//! nothing done.

use serde_json::json;

use super::browser::Browser;
use crate::common::Sandbox;

const TOOLS: &str = "[...document.querySelectorAll('#tools button')].map((button) => button.textContent)";
const PARTS: &str = "[...document.querySelectorAll('#panel summary')].map((part) => part.textContent)";

/// A login as a person does it at the prompt of the browser, which no driver reaches: by the link's URL with name and password.
fn log_in(browser: &mut Browser, user: &str, password: &str) {
    let target = browser
        .text("(() => { const a = document.querySelector('#account a'); return a.pathname + a.search })()");
    let address = browser.url.replace("http://", &format!("http://{user}:{password}@"));
    browser.go(&format!("{address}{target}"));
    // Only where the URL has no name of its own is the one that was typed before sent at once.
    let path = browser.text("location.pathname");
    browser.open(&path);
    assert_eq!(browser.text("document.querySelector('main').dataset.user"), user);
}

fn close_panel(browser: &mut Browser) {
    browser.click("#panel .close");
    browser.until("!document.querySelector('#panel')");
}

#[test]
fn a_page_offers_what_its_reader_may_do_and_a_login() {
    let rules = "allow all alice /\nallow list,read,create bob /pub/\nallow list,read * /pub/\n";
    let sandbox = Sandbox::guarded(&[], rules);
    sandbox.keep("pub/a.txt", "text\n");
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/pub/");
    assert_eq!(browser.value(TOOLS), json!([]));
    browser.open_panel("a.txt");
    assert_eq!(browser.value(PARTS), json!(["View", "Search", "Reverse"]));
    close_panel(&mut browser);
    log_in(&mut browser, "bob", "builder");
    assert_eq!(browser.text("location.pathname"), "/pub/");
    browser.until("document.documentElement.dataset.ready !== undefined");
    assert_eq!(browser.value(TOOLS), json!(["Upload files", "Upload folder", "New directory"]));
    browser.open_panel("a.txt");
    assert_eq!(browser.value(PARTS), json!(["View", "Search", "Reverse", "Copy"]));
    close_panel(&mut browser);
    // What was typed is sent with every request beneath the root from now on, until it is forgotten.
    browser.open("/pub/");
    assert_eq!(browser.text("document.querySelector('#account span').textContent"), "bob");
    browser.click("#account a");
    browser.until("document.querySelector('main').dataset.user === undefined && document.querySelector('#account a').textContent === 'Log in'");
    log_in(&mut browser, "alice", "wonderland");
    browser.open("/pub/");
    browser.open_panel("a.txt");
    assert_eq!(
        browser.value(PARTS),
        json!(["View", "Search", "Replace", "Reverse", "Rename", "Copy", "Delete"])
    );
    // The lines to copy name the user.
    let line = browser.text("document.querySelector('#panel .shell').textContent");
    assert!(line.contains(" -u alice "), "{line}");
    close_panel(&mut browser);
    browser.click("#tools > button");
    browser.fill("dialog.question input", "made");
    browser.click("dialog.question button.main");
    browser.until("document.querySelector(\"a[href='made/']\")");
    assert!(sandbox.root().join("pub/made").is_dir());
}

#[test]
fn an_entry_with_rights_of_its_own_offers_those() {
    let rules = "deny read * /d/secret\nallow delete * /d/old\nallow list,read * /\n";
    let sandbox = Sandbox::prepared(&["--access", "access"], |root| {
        std::fs::write(root.with_file_name("work").join("access"), rules).unwrap();
    });
    ["secret", "old", "plain"].iter().for_each(|name| drop(sandbox.keep(&format!("d/{name}"), "text\n")));
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/d/");
    for (name, parts) in [
        ("plain", json!(["View", "Search", "Reverse"])),
        ("old", json!(["View", "Search", "Reverse", "Delete"])),
        ("secret", json!([])),
    ] {
        browser.open_panel(name);
        assert_eq!(browser.value(PARTS), parts, "{name}");
        close_panel(&mut browser);
    }
    browser.open_panel("old");
    browser.open_part("delete");
    browser.click("#panel button.danger");
    browser.click("dialog.question button.danger");
    browser.until_said("old is deleted");
    assert!(!sandbox.root().join("d/old").exists());
}

#[test]
fn a_read_only_server_offers_nothing_that_writes() {
    let sandbox = Sandbox::with(&["--read-only"]);
    sandbox.keep("a.txt", "text\n");
    let dropped = sandbox.write("dropped.txt", "new\n");
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.open("/");
    assert_eq!(browser.value(TOOLS), json!([]));
    assert_eq!(browser.value("document.querySelector('#account')"), json!(null));
    browser.open_panel("a.txt");
    assert_eq!(browser.value(PARTS), json!(["View", "Search", "Reverse"]));
    // A file that is dropped is not opened in place of the page.
    browser.drag_files(&["dragEnter", "dragOver", "dragOver", "drop"], &[&dropped]);
    browser.until_said("Nothing is stored: you may not create files here.");
    assert_eq!(sandbox.all_stored(), ["a.txt"]);
}

#[test]
fn the_page_of_another_site_changes_nothing_and_shows_nothing() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text\n");
    // Another port is another origin, and another name another site; a file that is stored runs no script, this page does.
    let foreign = serve("<!doctype html><title>foreign</title><iframe></iframe>");
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    let url = browser.url.clone();
    for host in ["127.0.0.1", "localhost"] {
        browser.go(&format!("http://{host}:{foreign}/"));
        let script = "window.ended = 0
            const [url] = arguments
            const requests = [['PUT', '/new'], ['DELETE', '/f'], ['MKCOL', '/d/'], ['PATCH', '/f']]
                .map(([method, path]) => fetch(url + path, { method, body: method === 'PUT' ? 'x' : undefined }))
            requests.push(fetch(url + '/new', { method: 'POST', mode: 'no-cors', body: 'x' }))
            requests.forEach((request) => request.catch(() => {}).finally(() => { window.ended += 1 }))
            const frame = document.querySelector('iframe')
            frame.addEventListener('load', () => { window.framed = true })
            frame.src = url + '/'";
        browser.run(script, json!([url]));
        browser.until("window.ended === 5 && window.framed");
        assert_eq!((sandbox.all_stored(), sandbox.stored("f")), (vec!["f".to_owned()], b"text\n".to_vec()));
        let said = browser.said().join("\n");
        assert!(said.contains("frame-ancestors"), "{said}");
    }
}

/// Serves this page to whoever asks, and returns the port; it ends with the test program.
fn serve(page: &'static str) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut head = [0; 4096];
            let _ = std::io::Read::read(&mut client, &mut head);
            let length = page.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{page}"
            );
            let _ = std::io::Write::write_all(&mut client, answer.as_bytes());
        }
    });
    port
}

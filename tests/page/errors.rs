//! Errors where a browser navigates: pages with a way back. Programs get their line as before.

use super::browser::Browser;
use crate::common::Sandbox;
use crate::common::raw::request;

const ACCEPT: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n";

#[test]
fn a_name_that_is_not_there_is_a_page_with_a_way_back() {
    let sandbox = Sandbox::new();
    sandbox.keep("d/f", "text\n");
    let Some(mut browser) = Browser::new(&sandbox) else { return };
    browser.go("/d/%3Cb%3Enone%E2%80%AE");
    assert_eq!(browser.text("document.querySelector('h1').textContent"), "404 Not Found");
    let line = browser.text("document.querySelector('main p').textContent.trim()");
    assert_eq!(line, "/d/<b>none\\xe2\\x80\\xae: is not there");
    assert_eq!(browser.value("document.querySelectorAll('b').length"), 0);
    // The page has its style: the file is found from there.
    browser.until("getComputedStyle(document.querySelector('.error li')).paddingTop === '4px'");
    browser.click("a[href='./']");
    browser.until("location.pathname === '/d/' && document.documentElement.dataset.ready !== undefined");
    assert_eq!(browser.names(), ["f"]);
    assert_eq!(browser.said(), [""; 0]);
}

#[test]
fn who_may_not_is_told_on_a_page_how_to_log_in() {
    let sandbox = Sandbox::guarded(&[], "allow all alice /\nallow list,read bob /pub/\n");
    sandbox.keep("pub/f", "text\n");
    let mut raw = sandbox.connect();
    let nobody = raw.ask(request("GET", "/pub/", ACCEPT));
    assert_eq!((nobody.status, nobody.field("content-type")), (401, "text/html; charset=utf-8"));
    assert!(nobody.field("www-authenticate").starts_with("Basic "));
    assert!(nobody.field("content-security-policy").starts_with("default-src 'none'; script-src 'self';"));
    assert!(nobody.text().contains("<a href=\"../?login=%2Fpub%2F\">Log in</a>"), "{}", nobody.text());
    // The password is `builder`.
    let bob = format!("{ACCEPT}Authorization: Basic Ym9iOmJ1aWxkZXI=\r\n");
    let refused = raw.ask(request("GET", "/other", &bob));
    assert_eq!((refused.status, refused.field("www-authenticate")), (403, ""));
    assert!(refused.text().contains("<p>/other: bob may not read it\n"), "{}", refused.text());
    // Programs and scripts are told as before.
    for accept in ["", "Accept: */*\r\n", "Accept: text/plain, */*\r\n"] {
        let plain = raw.ask(request("GET", "/pub/", accept));
        assert_eq!((plain.status, plain.field("content-type")), (401, "text/plain; charset=utf-8"));
    }
}

#[test]
fn a_login_leads_back_to_where_it_was_asked_for_and_nowhere_else() {
    let sandbox = Sandbox::guarded(&[], "allow all alice /\nallow list,read * /pub/\n");
    let mut raw = sandbox.connect();
    // The password is `wonderland`.
    let alice = format!("{ACCEPT}Authorization: Basic YWxpY2U6d29uZGVybGFuZA==\r\n");
    let rows = [
        ("/?login=%2Fpub%2F", "./pub/"),
        ("/?login=%2Fpub%2Fa%20b%3Fx", "./pub/a%20b"),
        ("/?login=%2F%2Fevil.example%2F", "./evil.example/"),
        ("/?login=https%3A%2F%2Fevil.example%2F", "./"),
        ("/?login=http%3A%2F%2Fevil.example%2Fd%2F", "./d/"),
        ("/?login=%0D%0AX%3A%20y", "./"),
        ("/?login", "./"),
    ];
    for (target, location) in rows {
        assert_eq!(raw.ask(request("GET", target, ACCEPT)).status, 401, "{target}");
        let known = raw.ask(request("GET", target, &alice));
        assert_eq!((known.status, known.field("location")), (303, location), "{target}");
    }
    let out = raw.ask(request("GET", "/?logout", &alice));
    assert_eq!((out.status, out.field("www-authenticate")), (401, "Basic realm=\"cfpd\", charset=\"UTF-8\""));
    let script = alice.replace(ACCEPT, "Accept: application/json\r\n");
    let silent = raw.ask(request("GET", "/?logout", &script));
    assert_eq!((silent.status, silent.field("www-authenticate")), (401, "Logout"));
    assert_eq!(raw.ask(request("GET", "/?logout", ACCEPT)).status, 303);
}

#[test]
fn the_files_of_the_page_are_for_anybody_and_are_asked_for_again_by_their_tag() {
    let sandbox = Sandbox::guarded(&[], "allow all alice /\n");
    let mut raw = sandbox.connect();
    for (name, media_type) in [
        ("style.css", "text/css; charset=utf-8"),
        ("page.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let target = format!("/.cfpd/page/{name}");
        let file = raw.ask(request("GET", &target, ""));
        assert_eq!((file.status, file.field("content-type")), (200, media_type));
        assert_eq!(
            (file.field("cache-control"), file.field("x-content-type-options")),
            ("no-cache", "nosniff")
        );
        let again = format!("If-None-Match: {}\r\n", file.field("etag"));
        assert_eq!(raw.ask(request("GET", &target, &again)).status, 304);
        let head = raw.ask(request("HEAD", &target, ""));
        assert_eq!(head.field("content-length"), file.body.len().to_string());
        let changed = raw.ask(request("GET", &target, "If-Match: \"another\"\r\n"));
        let line = format!("{target}: is not as the condition says\n");
        assert_eq!((changed.status, changed.text()), (412, line));
        let options = raw.ask(request("OPTIONS", &target, ""));
        assert_eq!((options.status, options.field("allow")), (200, "GET, HEAD, OPTIONS"));
        assert_eq!(raw.ask(request("DELETE", &target, "")).status, 403);
    }
    assert_eq!(raw.ask(request("OPTIONS", "/.cfpd/page/none.js", "")).status, 404);
    assert_eq!(raw.ask(request("GET", "/.cfpd/page/none.js", "")).status, 404);
    assert_eq!(raw.ask(request("GET", "/.cfpd/page/", "")).status, 404);
}

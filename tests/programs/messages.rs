//! Messages say what is wrong with what, as the user typed it, and what to do next.

use std::fs;

use super::stranger::Stranger;
use crate::common::Sandbox;

/// Runs a tool that fails with this exit code, and tells its one line without its name.
fn said(sandbox: &Sandbox, argv: &[&str], code: i32) -> String {
    let ended = sandbox.run(argv[0], &argv[1..]).code(code);
    let stderr = String::from_utf8_lossy(&ended.get_output().stderr).into_owned();
    assert_eq!(stderr.lines().count(), 1, "{argv:?}: {stderr}");
    stderr.strip_prefix(argv[0]).unwrap().trim_start_matches(": ").trim_end().to_owned()
}

#[test]
fn without_a_server_a_tool_says_how_to_get_one() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "text");
    let advice = "is cfpd running? start one, or name another with -s";
    for argv in
        [&["cfp-ls"][..], &["cfp-put", "f"], &["cfp-get", "f"], &["cfp-search", "w", ":f"], &["cfp-rm", "f"]]
    {
        let line = said(&sandbox, &[argv, &["-s", "http://127.0.0.1:1"]].concat(), 3);
        assert!(line.starts_with("http://127.0.0.1:1: ") && line.ends_with(advice), "{line}");
    }
    // A URL names its server itself.
    let line = said(&sandbox, &["cfp-get", "http://127.0.0.1:1/f"], 3);
    assert!(!line.contains("cfpd"), "{line}");
}

#[test]
fn a_server_that_is_no_cfpd_is_named() {
    let sandbox = Sandbox::new();
    for (argv, answer) in [(&["cfp-ls"][..], "<p>hello\n"), (&["cfp-search", "w", ":f"], "<p>hello\n")] {
        let stranger = Stranger::new();
        let url = stranger.url();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", answer.len());
        let server = stranger.answer(&[head + answer]);
        let line = said(&sandbox, &[argv, &["-s", &url]].concat(), 3);
        assert!(line.ends_with(&format!("{url} may be no cfpd, name another with -s")), "{line}");
        server.join().unwrap();
    }
    // A method that it does not have, and what it says in a form of its own.
    sandbox.write("f", "");
    for (argv, head) in [
        (["cfp-put", "f"], "405 Method Not Allowed\r\nAllow: GET"),
        (["cfp-rm", "f"], "501 Unsupported method ('DELETE')\r\nServer: x"),
    ] {
        let stranger = Stranger::new();
        let url = stranger.url();
        let answer = format!("HTTP/1.1 {head}\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p>\n");
        let server = stranger.answer(&[answer]);
        let code = if argv[0] == "cfp-put" { 2 } else { 3 };
        let line = said(&sandbox, &[&argv[..], &["-s", &url]].concat(), code);
        assert!(line.starts_with(":f: "), "{line}");
        assert!(line.ends_with(&format!(": {url} may be no cfpd, name another with -s")), "{line}");
        server.join().unwrap();
    }
}

#[test]
fn a_redirect_to_another_server_is_no_directory() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "");
    for argv in [&["cfp-ls"][..], &["cfp-ls", "f"], &["cfp-put", "f"], &["cfp-rm", "f"], &["cfp-cat", ":f"]] {
        for (status, to) in [
            ("301 Moved Permanently", "https://files.example.org/f"),
            ("301 Moved Permanently", "https://files.example.org/"),
            ("302 Found", "/login?to=/f/"),
            ("307 Temporary Redirect", "/f/"),
        ] {
            let stranger = Stranger::new();
            let url = stranger.url();
            let answer = format!("HTTP/1.1 {status}\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
            let server = stranger.answer(&[answer]);
            let line = said(&sandbox, &[argv, &["-s", &url]].concat(), 2);
            let what = format!(": {status}: it leads to {to}, name that server with -s");
            assert!(line.ends_with(&what), "{argv:?} {line}");
            server.join().unwrap();
        }
    }
}

#[test]
fn a_word_that_begins_with_a_dash_is_told_how_to_be_no_option() {
    let sandbox = Sandbox::new();
    sandbox.write("-word", "text");
    let tools = [
        "cfp-search",
        "cfp-replace",
        "cfp-reverse",
        "cfp-cat",
        "cfp-put",
        "cfp-get",
        "cfp-sync",
        "cfp-ls",
        "cfp-mv",
        "cfp-cp",
        "cfp-rm",
        "cfp-shell",
    ];
    for tool in tools {
        // Each has options that begin with some letters of a word.
        let line = said(&sandbox, &[tool, "-word"], 2);
        let option = line.strip_prefix("unknown option ").and_then(|rest| rest.split("; ").next());
        assert!(option.is_some_and(|option| option.starts_with('-')), "{line}");
        assert!(
            line.ends_with(&format!("; put -- before it if it is not an option, see {tool} --help")),
            "{line}"
        );
    }
    sandbox.run("cfp-put", ["--", "-word"]).success();
    assert_eq!(sandbox.stored("-word"), b"text");
}

#[test]
fn a_name_on_the_server_has_its_colon_and_a_local_one_has_none() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.work().join("d")).unwrap();
    sandbox.keep("d/f", "text");
    for (argv, start) in [
        (&["cfp-cat", ":none"][..], ":none: "),
        (&["cfp-cat", "none"], "none: "),
        (&["cfp-get", "none"], ":none: "),
        (&["cfp-rm", "d/none"], ":d/none: "),
        (&["cfp-mv", "none", "x"], ":none: "),
        (&["cfp-ls", ":none"], ":none: "),
        (&["cfp-search", "w", ":none"], ":none: "),
        (&["cfp-replace", "a", "b", ":none", "-o", ":x"], ":none: "),
        (&["cfp-put", "none"], "none: "),
        (&["cfp-cat", ":"], ":/: is a directory"),
    ] {
        let line = said(&sandbox, argv, 2);
        assert!(line.starts_with(start), "{argv:?}: {line}");
    }
}

#[test]
fn what_would_be_right_is_said() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.work().join("d")).unwrap();
    sandbox.write("f", "new");
    sandbox.keep("f", "old");
    sandbox.keep("d/f", "text");
    sandbox.keep("e/f", "text");
    for (argv, code, line) in [
        (&["cfp-get", "f", "copy"][..], 2, ":copy: is not there: to store :f as copy, use -o"),
        (&["cfp-put", "d"], 2, "d: is a directory: use -r"),
        (&["cfp-get", "e"], 2, ":e: is a directory: use -r"),
        (&["cfp-rm", "d"], 2, ":d: is a directory: use -r"),
        (&["cfp-get", "d"], 2, ":d: is a directory: use -r"),
        (&["cfp-get", "-c", "d"], 2, ":d: is a directory: use -r"),
        (&["cfp-put", "f", "copy"], 2, "copy: no such file or directory: to store f as :copy, write :copy"),
        (&["cfp-put", "f", "--as", "d"], 2, ":d: is a directory: to store into it, name it with -t"),
        (&["cfp-put", "f", "-t", "f"], 2, ":f/f: no directory :f/"),
        (&["cfp-search", "w", ":d/"], 2, ":d/: is a directory: use -r"),
        (&["cfp-search", "w", ":d"], 2, ":d: is a directory: use -r"),
        (&["cfp-search", "w", "d"], 2, "d: is a directory: use -r"),
        (&["cfp-search", "--local", "--lines", "w", "d"], 2, "d: is a directory: use -r"),
        (&["cfp-replace", "a", "b", "d"], 2, "d: is a directory: use -r"),
        (&["cfp-replace", "-n", "a", "b", ":d"], 2, ":d: is a directory: use -r"),
        (&["cfp-replace", "--in-place", "a", "b", ":d"], 2, ":d: is a directory: use -r"),
        (&["cfp-replace", "a", "b", "d", "-o", "out"], 2, "d: is a directory: use -r"),
        (&["cfp-replace", "a", "b", "f", "-o", "d"], 2, "d: is a directory"),
        (&["cfp-reverse", "d"], 2, "d: is a directory"),
        (&["cfp-put", "-n", "f"], 1, ":f: exists, and is kept (-n)"),
        (&["cfp-cp", "-n", "f", "d/f"], 1, ":d/f: exists, and is kept (-n)"),
        (&["cfp-cp", "-n", "f", "d"], 1, ":d/f: exists, and is kept (-n)"),
        (&["cfp-rm", "--if-match", "old", "f"], 4, ":f: was changed meanwhile: read it again and retry"),
        (&["cfp-mv", "-n", "f", "d/f"], 1, ":d/f: exists, and is kept (-n)"),
        (&["cfp-put", "--if-match", "old", "f"], 4, ":f: was changed meanwhile: read it again and retry"),
    ] {
        let heard = sandbox.run(argv[0], argv[1..].iter()).code(code);
        let stderr = String::from_utf8_lossy(&heard.get_output().stderr).into_owned();
        assert!(stderr.ends_with(&format!("{}: {line}\n", argv[0])), "{argv:?}: {stderr}");
    }
}

/// What is forbidden to everybody is not a matter of a login.
#[test]
fn what_no_user_may_do_is_refused_without_the_advice_to_log_in() {
    let sandbox = Sandbox::new();
    sandbox.keep("d/f", "text");
    sandbox.write("g", "text");
    for (argv, line) in [
        (&["cfp-cp", "d/f", "d/f"][..], ":d/f: is the same file"),
        (&["cfp-mv", "d/f", "d/f"], ":d/f: is the same file"),
        (&["cfp-put", "g", "--as", ".cfpd-x"], ":.cfpd-x: belongs to the daemon"),
    ] {
        assert_eq!(said(&sandbox, argv, 2), line, "{argv:?}");
    }
    let sandbox = Sandbox::with(&["--read-only"]);
    sandbox.write("g", "text");
    assert_eq!(said(&sandbox, &["cfp-put", "g"], 2), ":g: this server is read-only");
    // Rules without users: the client cannot know.
    let sandbox = Sandbox::prepared(&["--access", "access"], |root| {
        fs::write(root.with_file_name("work").join("access"), "allow list * /\n").unwrap();
    });
    sandbox.keep("f", "text");
    let line = said(&sandbox, &["cfp-cat", ":f"], 2);
    assert_eq!(line, ":f: you may not read it: log in with -u NAME, if the server has users");
}

#[test]
fn whoever_has_no_rights_is_told_how_to_log_in() {
    let sandbox = Sandbox::guarded(&[], "allow all alice /\nallow read bob /\n");
    sandbox.keep("f", "text");
    let line = said(&sandbox, &["cfp-cat", ":f"], 2);
    assert_eq!(line, ":f: log in with -u NAME to read it");
    // These ask first what is there, by HEAD, whose response has no text.
    for argv in [&["cfp-mv", "f", "g"][..], &["cfp-cp", "f", "g"], &["cfp-get", "-r", "f"]] {
        assert_eq!(said(&sandbox, argv, 2), ":f: log in with -u NAME to read it", "{argv:?}");
    }
    let password = sandbox.write("password", "builder\n");
    let mut command = sandbox.command("cfp-rm");
    command.env("CFP_PASSWORD_FILE", password).args(["-u", "bob", "f"]);
    let ended = assert_cmd::Command::from_std(command).assert().code(2);
    let stderr = String::from_utf8_lossy(&ended.get_output().stderr).into_owned();
    assert!(stderr.starts_with("cfp-rm: :f: bob may not") && !stderr.contains("-u NAME"), "{stderr}");
}

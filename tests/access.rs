//! Users and rights at the real daemon: what it refuses to start with, what it says of its rules, and who is believed.
//! What a request is answered stands in `wire/access.txt` and `wire/access_writes.txt`.

use std::fs;
use std::thread;

use crate::common::watch::Watch;
use crate::common::{Sandbox, need};
use nix::sys::signal::Signal;
use nix::unistd::{User, getuid};
use predicates::str::contains;

const RULES: &str = "# verbs  who  where\nallow all alice /\ndeny delete bob /d/x\nallow all bob /d/\n";

/// Says who a request is from.
fn basic(user: &str, password: &str) -> String {
    use base64::Engine;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Authorization: Basic {pair}\r\n")
}

/// Asks on a connection of its own, and gives status, `Retry-After` and body.
fn ask(sandbox: &Sandbox, line: &str, fields: &str, body: &str) -> (u16, String, String) {
    let mut raw = sandbox.connect();
    let length = body.len();
    raw.send(format!("{line} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n{fields}\r\n{body}"));
    let answer = raw.answer();
    (answer.status, answer.field("retry-after").to_owned(), answer.text())
}

#[test]
fn a_check_names_a_command_that_cannot_be_run() {
    let sandbox = Sandbox::new();
    sandbox.write("no-program", "");
    let rows = [
        ("cfp-ls", ""),
        ("sh", ""),
        ("/bin/sh", ""),
        ("nowhere", "no such file or directory"),
        ("./nowhere", "no such file or directory"),
        ("./no-program", "permission denied"),
    ];
    for (program, error) in rows {
        let said = sandbox.run("cfpd", ["--check", "-r", ".", "--", program]);
        match error {
            "" => said.success().stderr(""),
            error => said.code(2).stderr(format!("cfpd: {program}: {error}\n")),
        };
    }
}

#[test]
fn a_read_only_server_offers_no_method_that_writes() {
    let sandbox = Sandbox::with(&["--read-only"]);
    for (target, allow) in [
        ("*", "GET, HEAD, POST, OPTIONS, PROPFIND"),
        ("/", "GET, HEAD, POST, OPTIONS, PROPFIND"),
        ("/f", "GET, HEAD, OPTIONS, PROPFIND"),
    ] {
        let answer = sandbox.connect().ask(format!("OPTIONS {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
        let names =
            ["allow", "dav", "accept-patch", "upload-limit"].map(|name| answer.field(name).to_owned());
        assert_eq!(names, [allow, "1", "", ""], "{target}");
        let text = answer.text();
        assert!(text.contains("(read-only)") && text.contains("GET /name?F"), "{text}");
        assert!(!text.contains("PUT") && !text.contains("uploads") && !text.contains("MKCOL"), "{text}");
    }
}

#[test]
fn an_address_that_other_machines_reach_is_refused_and_the_options_it_needs_are_named() {
    let sandbox = Sandbox::guarded(&[], RULES);
    sandbox.write("anyone", "allow list,read * /\n");
    sandbox.write("local", "allow list,read * /\nallow all local:root /\n");
    let guard = "--users FILE, or --access FILE with rules that name only `*`, or --read-only";
    let secrecy = "--tls-cert and --tls-key, or --insecure-plain";
    let both = format!("{guard}; and {secrecy}");
    let rows: [(&[&str], &str); 7] = [
        (&[], &both),
        (&["--users", "users"], secrecy),
        (&["--read-only"], secrecy),
        (&["--access", "anyone"], secrecy),
        (&["--insecure-plain"], guard),
        (&["--access", "local", "--insecure-plain"], guard),
        (&["--access", "local"], &both),
    ];
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        for (options, needs) in rows {
            let argv = [&["-r", ".", "-l", "127.0.0.1:0", "-l", address], options].concat();
            let said = format!("cfpd: {address}: other machines can reach it: needs {needs}\n");
            sandbox.run("cfpd", argv).code(2).stdout("").stderr(said);
        }
    }
    let enough: [&[&str]; 3] = [&["--users", "users"], &["--read-only"], &["--access", "anyone"]];
    for options in enough {
        let argv = [&["-r", ".", "-l", "0.0.0.0:0", "--insecure-plain"], options, &["--", "true"]].concat();
        let served = sandbox.run("cfpd", argv).success().stderr("");
        let said = String::from_utf8_lossy(&served.get_output().stdout).into_owned();
        assert!(said.starts_with("cfpd: listening on http://0.0.0.0:"), "{options:?}: {said}");
    }
    // A rule that cannot be read is told as such.
    sandbox.write("typo", "allow raed * /\n");
    let typo = ["-r", ".", "-l", "0.0.0.0:0", "--insecure-plain", "--access", "typo"];
    sandbox.run("cfpd", typo).code(2).stderr(contains("typo:1: raed: is not a verb"));
    // Forms of addresses.
    let listens = |address| {
        let argv = ["-r", ".", "-l", address, "--read-only", "--insecure-plain", "--", "true"];
        let served = sandbox.run("cfpd", argv).success();
        String::from_utf8_lossy(&served.get_output().stdout).into_owned()
    };
    assert!(
        listens("localhost:0").lines().all(|line| line.contains("//127.0.0.1:") || line.contains("//[::1]:"))
    );
    let all = listens(":0");
    assert!(all.contains("//[::]:") || all.contains("//0.0.0.0:"), "{all}");
}

#[test]
fn check_names_every_bad_line_of_each_file() {
    let sandbox = Sandbox::new();
    let good = bcrypt::hash("a", 4).unwrap();
    sandbox.write("users", format!("alice\nbob:{good}\ncarol:plain\nbob:{good}\n"));
    sandbox.write("access", "allow raed * /\nallow read * /pub/\nallow read\npermit all * /\n");
    let options = ["--check", "-r", ".", "--users", "users", "--access", "access"];
    let exposed = ["-l", "0.0.0.0:1", "-l", "[::]:1"];
    let said = sandbox.run("cfpd", options.iter().chain(&exposed)).code(2).stdout("");
    let lines = String::from_utf8(said.get_output().stderr.clone()).unwrap();
    let places: Vec<_> = lines.lines().map(|line| line.rsplit_once(": ").unwrap().0).collect();
    let expected = [
        "cfpd: 0.0.0.0:1: other machines can reach it",
        "cfpd: [::]:1: other machines can reach it",
        "cfpd: users:1: is not a user",
        "cfpd: users:3: has no bcrypt hash",
        "cfpd: users:4: names a user a second time",
        "cfpd: access:1: raed",
        "cfpd: access:3: a rule is",
        "cfpd: access:4: permit",
    ];
    let begins = expected.iter().zip(lines.lines()).all(|(begin, line)| line.starts_with(begin));
    assert!(begins && places.len() == expected.len(), "{lines}");
}

#[test]
fn a_bad_file_keeps_the_daemon_from_starting_and_check_names_every_fault() {
    let sandbox = Sandbox::guarded(&[], RULES);
    sandbox.write("plain", "# people\nalice:secret\n");
    sandbox.write("typo", "allow all alice /\nallow raed * /\n");
    let users = "plain:2: has no bcrypt hash: make it with htpasswd -B";
    let rules = "typo:2: raed: is not a verb: use list, read, create, replace, delete, process, all";
    sandbox
        .run("cfpd", ["-r", ".", "--users", "plain"])
        .code(2)
        .stdout("")
        .stderr(format!("cfpd: {users}\n"));
    let with_rules = ["-r", ".", "--users", "users", "--access", "typo"];
    sandbox.run("cfpd", with_rules).code(2).stdout("").stderr(format!("cfpd: {rules}\n"));

    sandbox
        .run("cfpd", ["--check", "--users", "users", "--access", "access"])
        .success()
        .stdout("")
        .stderr("");
    let all = [
        "--check", "-r", "none", "--log", "none/log", "--users", "plain", "--access", "typo", "-l", "[::]:1",
    ];
    let unix = ["-l", "unix:none/socket", "-l", "unix:socket,group=no-such-group", "-l", "unix:typo"];
    let said =
        sandbox.run("cfpd", all.into_iter().chain(unix).chain(["--pid-file", "plain"])).code(2).stdout("");
    let faults = [
        "none: no such file or directory",
        "none/log: no such file or directory",
        "plain: exists and is not a pid file",
        "[::]:1: other machines can reach it: needs --tls-cert and --tls-key, or --insecure-plain",
        users,
        rules,
        "none: no such file or directory",
        "no-such-group: is not a group of this machine",
        "typo: exists and is not a socket",
    ];
    said.stderr(faults.map(|fault| format!("cfpd: {fault}\n")).concat());
    let made: Vec<_> =
        ["none", "socket"].into_iter().filter(|name| sandbox.work().join(name).exists()).collect();
    assert!(made.is_empty() && !sandbox.work().join("../home/.local").exists(), "{made:?}");
}

#[test]
fn explain_says_which_rule_decides() {
    let sandbox = Sandbox::guarded(&[], RULES);
    let rows: [(&[&str], i32, &str); 16] = [
        (&["alice", "delete", "/d/"], 0, "access:2: allow all alice /"),
        (&["bob", "delete", "/d/y"], 0, "access:4: allow all bob /d/"),
        (&["bob", "delete", "/d/x"], 1, "access:3: deny delete bob /d/x"),
        // A directory goes with all in it.
        (&["bob", "delete", "/d/"], 1, "access:3: deny delete bob /d/x"),
        (&["bob", "read", "/d/"], 0, "access:4: allow all bob /d/"),
        (&["bob", "read", "/"], 1, "no rule: what no rule allows is denied"),
        // A list shows what may be listed beneath.
        (&["bob", "list", "/"], 0, "on the way to what is allowed: access:4: allow all bob /d/"),
        (&["bob", "list", "/e/"], 1, "no rule: what no rule allows is denied"),
        (&["-", "read", "/d/y"], 1, "no rule: what no rule allows is denied"),
        (&["carol", "read", "/d/y"], 1, "carol: is not a user"),
        (&["@users", "read", "/d/y"], 1, "no rule: what no rule allows is denied"),
        (&["alice", "create", "/a", "--read-only"], 1, "--read-only: nobody may write"),
        (&["alice", "read", "/a", "--read-only"], 0, "access:2: allow all alice /"),
        // What is the daemon's own is decided by no rule, but for the metrics.
        (&["-", "read", "/.cfpd/health"], 0, "the daemon's own: anyone may ask how it is"),
        (&["-", "read", "/.cfpd/metrics"], 1, "no rule: what no rule allows is denied"),
        (&["alice", "create", "/.cfpd/x"], 1, "/.cfpd/: belongs to the daemon"),
    ];
    for (asked, code, said) in rows {
        let argv = [&["--users", "users", "--access", "access", "--explain"], asked].concat();
        sandbox.run("cfpd", argv).code(code).stdout(format!("{said}\n")).stderr("");
    }
    let said = sandbox.run("cfpd", ["--users", "users", "--explain", "bob", "read", "/"]).success();
    said.stdout("no --access: allow all @users /\n");
    let said = sandbox.run("cfpd", ["--users", "users", "--explain", "@users", "read", "/"]).success();
    said.stdout("no --access: allow all @users /\n");
    sandbox.run("cfpd", ["--explain", "@users", "read", "/"]).code(1).stdout("@users: is not a user\n");
    sandbox.run("cfpd", ["--explain", "-", "delete", "/"]).success().stdout("no --access: allow all * /\n");
    // Without users a claim to be one is passed over.
    sandbox.run("cfpd", ["--explain", "bob", "delete", "/"]).success().stdout("no --access: allow all * /\n");
    sandbox.run("cfpd", ["--explain", "-", "eat", "/"]).code(2).stdout("");
}

#[test]
fn a_user_of_htpasswd_is_believed_by_curl_and_by_the_tools() {
    if !need::programs(&["htpasswd", "curl"]) {
        return;
    }
    let mut sandbox = Sandbox::guarded(&[], "allow all dora /\n");
    let password = "tür:öffner $1 'x'";
    let made = sandbox.run("htpasswd", ["-nbB", "dora", password]).success();
    sandbox.write("users", &made.get_output().stdout);
    sandbox.write("password", password);
    sandbox.restart(&["--users", "users", "--access", "access"]);
    sandbox.keep("f", "text");
    let url = format!("{}/f", sandbox.url());
    let code = ["-s", "-o", "/dev/null", "-w", "%{http_code}"];
    let curl = |user: &str| sandbox.run("curl", code.into_iter().chain(["-u", user, url.as_str()])).success();
    curl(&format!("dora:{password}")).stdout("200");
    curl("dora:wrong").stdout("401");
    sandbox.run("curl", code.into_iter().chain([url.as_str()])).success().stdout("401");
    sandbox.sh("CFP_PASSWORD_FILE=password cfp-cat -u dora :f").success().stdout("text");
    let upload = format!("{}/g", sandbox.url());
    let body = "x".repeat(2_000_000);
    sandbox.write("large", &body);
    // curl asks for leave to send so much, and gets it once it has said who it is.
    let pair = format!("dora:{password}");
    let put = ["--anyauth", "-T", "large", "-u", pair.as_str(), upload.as_str()];
    sandbox.run("curl", code.into_iter().chain(put)).success().stdout("201");
    assert_eq!(sandbox.stored("g"), body.as_bytes());
}

#[test]
fn a_peer_on_a_unix_socket_is_known_by_its_user() {
    let mut sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    // It would be said that two serve one directory.
    sandbox.kill();
    let me = User::from_uid(getuid()).unwrap().unwrap().name;
    let other = if me == "daemon" { "root" } else { "daemon" };
    let root = sandbox.root();
    let serve = |rules: String| {
        sandbox.write("rules", rules);
        let argv = ["-r", root.to_str().unwrap(), "--access", "rules", "--", "cfp-cat", ":f"];
        sandbox.run("cfpd", argv)
    };
    serve(format!("allow read local:{me} /f\n")).success().stdout("text");
    serve(format!("allow read local:{other} /f\n"))
        .code(2)
        .stderr("cfp-cat: :f: you may not read it: log in with -u NAME, if the server has users\n");
    serve(format!("deny read local:{me} /\nallow read * /\n")).code(2).stdout("");
    serve("allow read local:no-such-user /\n".to_owned())
        .code(2)
        .stderr("cfpd: rules:1: local:no-such-user: is not a user of this machine\n");
    // Over TCP nobody is local.
    sandbox.write("rules", format!("allow read local:{me} /\n"));
    sandbox.restart(&["--access", "rules"]);
    assert_eq!(ask(&sandbox, "GET /f", "", "").0, 403);
}

#[test]
fn guesses_are_slowed_down_and_the_right_one_with_them() {
    let sandbox = Sandbox::guarded(&[], RULES);
    sandbox.keep("f", "text");
    let alice = basic("alice", "wonderland");
    assert_eq!(ask(&sandbox, "GET /f", &alice, "").0, 200);
    let guesses: Vec<_> =
        (0..12).map(|n| ask(&sandbox, "GET /f", &basic("alice", &n.to_string()), "").0).collect();
    assert_eq!(guesses[..6], [401; 6], "the first ones are looked at");
    assert!(guesses[6..].contains(&503), "{guesses:?}");
    assert!(guesses.iter().all(|status| matches!(status, 401 | 503)), "{guesses:?}");
    // Nor is the right one told from others then. Each that is looked at doubles the time until the next.
    let is_refused = (12..40).any(|n| {
        ask(&sandbox, "GET /f", &basic("alice", &n.to_string()), "");
        ask(&sandbox, "GET /f", &alice, "").0 == 503
    });
    assert!(is_refused, "the cached password could be guessed at any speed");
    let refused =
        ["refused login: alice", "refused with 503: login: too many wrong passwords, try again later"];
    for line in refused.map(|why| format!("cfpd: 127.0.0.1: {why}\n")) {
        assert!(sandbox.log().contains(&line), "{}", sandbox.log());
    }
}

/// A cfpd that believes whom a client says it is forwarded for.
fn behind_a_proxy() -> Sandbox {
    let sandbox = Sandbox::guarded(&["--trusted-proxy", "127.0.0.1"], RULES);
    sandbox.keep("f", "text");
    sandbox
}

/// The status of a request of this user, whose client has this address.
fn ask_from(sandbox: &Sandbox, address: &str, user: &str, password: &str) -> u16 {
    let fields = format!("{}X-Forwarded-For: {address}\r\n", basic(user, password));
    ask(sandbox, "GET /f", &fields, "").0
}

#[test]
fn who_guesses_at_a_user_keeps_out_neither_that_user_nor_others_behind_the_same_address() {
    let sandbox = behind_a_proxy();
    let guesses: Vec<_> = (0..12).map(|_| ask_from(&sandbox, "203.0.113.1", "alice", "wrong")).collect();
    assert!(guesses.contains(&503), "{guesses:?}");
    assert_eq!(ask_from(&sandbox, "203.0.113.2", "alice", "wonderland"), 200);
    // Bob may do nothing here, which he is told only when he has proved who he is.
    assert_eq!(ask_from(&sandbox, "203.0.113.1", "bob", "builder"), 403);
}

#[test]
fn a_user_who_is_guessed_at_from_everywhere_is_slowed_and_not_shut_out() {
    let sandbox = behind_a_proxy();
    for client in 0..60 {
        assert_eq!(ask_from(&sandbox, &format!("198.51.100.{client}"), "alice", "wrong"), 401);
    }
    assert_eq!(ask_from(&sandbox, "203.0.113.2", "alice", "wonderland"), 200);
    // Known there from then on, she waits for nobody.
    let guessing: Vec<u16> = thread::scope(|scope| {
        let guess = |client: u8| ask_from(&sandbox, &format!("192.0.2.{client}"), "alice", "wrong");
        let all: Vec<_> = (0..20).map(|client| scope.spawn(move || guess(client))).collect();
        assert_eq!(ask_from(&sandbox, "203.0.113.2", "alice", "wonderland"), 200);
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(guessing.contains(&503), "few of them wait: {guessing:?}");
}

#[test]
fn the_networks_of_one_prefix_have_no_more_guesses_than_one() {
    let sandbox = behind_a_proxy();
    let guess = |network: u16| ask_from(&sandbox, &format!("2001:db8:1:{network:x}::1"), "alice", "wrong");
    let guesses: Vec<_> = (0..100).map(guess).collect();
    let looked_at = guesses.iter().filter(|status| **status == 401).count();
    assert!((26..40).contains(&looked_at), "{guesses:?}");
    assert_eq!(ask_from(&sandbox, "2001:db8:2::1", "alice", "wonderland"), 200);
}

#[test]
fn a_reload_keeps_who_was_known_and_takes_up_a_changed_password() {
    let sandbox = behind_a_proxy();
    let from = "203.0.113.1";
    assert_eq!(ask_from(&sandbox, from, "alice", "wonderland"), 200);
    assert_eq!(ask_from(&sandbox, from, "bob", "builder"), 403);
    let users = fs::read_to_string(sandbox.work().join("users")).unwrap();
    let alice = users.lines().find(|line| line.starts_with("alice:")).unwrap();
    let bob = bcrypt::hash("changed", 4).unwrap();
    sandbox.write("users", format!("{alice}\nbob:{bob}\n"));
    sandbox.signal(Signal::SIGHUP);
    Watch::new(&sandbox).until("the reload", |_| sandbox.log().contains("cfpd: reloaded\n"));
    let guesses: Vec<_> = (0..12).map(|_| ask_from(&sandbox, from, "alice", "wrong")).collect();
    assert!(guesses.contains(&503), "{guesses:?}");
    assert_eq!(ask_from(&sandbox, from, "alice", "wonderland"), 200);
    assert_eq!(ask_from(&sandbox, from, "bob", "builder"), 401);
    assert_eq!(ask_from(&sandbox, from, "bob", "changed"), 403);
}

#[test]
fn a_flood_of_made_up_names_resets_no_count() {
    let sandbox = behind_a_proxy();
    let from = "203.0.113.1";
    let guess = || ask_from(&sandbox, from, "alice", "wrong");
    assert_eq!([(); 5].map(|()| guess()), [401; 5]);
    let mut raw = sandbox.connect();
    for number in 0..5000_u32 {
        let [_, _, high, low] = number.to_be_bytes();
        let user = basic(&format!("made-up-{number}"), "wrong");
        let fields = format!("{user}X-Forwarded-For: 10.0.{high}.{low}\r\n");
        assert_eq!(raw.ask(crate::common::raw::request("GET", "/f", &fields)).status, 401);
    }
    assert_eq!([guess(), guess()], [401, 503]);
}

#[test]
fn who_may_only_create_creates_once_however_many_try() {
    let rules = "allow create,list,read alice /\nallow replace bob /\n";
    let sandbox = Sandbox::guarded(&[], rules);
    let alice = basic("alice", "wonderland");
    assert_eq!(ask(&sandbox, "GET /", &alice, "").0, 200);
    for round in 0..20 {
        let put = |n: u32| ask(&sandbox, &format!("PUT /f{round}"), &alice, &n.to_string()).0;
        let statuses: Vec<u16> = thread::scope(|scope| {
            let all: Vec<_> = (0..6).map(|n| scope.spawn(move || put(n))).collect();
            all.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let created = statuses.iter().filter(|status| **status == 201).count();
        assert_eq!((created, statuses.len()), (1, 6), "{statuses:?}");
        let winner = statuses.iter().position(|status| *status == 201).unwrap();
        assert_eq!(sandbox.stored(&format!("f{round}")), winner.to_string().as_bytes());
        assert!(statuses.iter().all(|status| matches!(status, 201 | 403)), "{statuses:?}");
    }
    let bob = basic("bob", "builder");
    assert_eq!(ask(&sandbox, "PUT /f0", &bob, "new").0, 204);
    assert_eq!(ask(&sandbox, "PUT /new", &bob, "new").0, 403);
}

#[test]
fn the_log_names_the_user() {
    let sandbox = Sandbox::guarded(&["--log", "log"], RULES);
    let mut raw = sandbox.connect();
    for fields in [basic("alice", "wonderland"), String::new()] {
        raw.send(format!("GET /f HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
        raw.answer();
    }
    Watch::new(&sandbox).until_log("log", |log| log.contains("\"GET /f HTTP/1.1\" 401 "));
    let log = fs::read_to_string(sandbox.work().join("log")).unwrap();
    assert!(log.contains("127.0.0.1 - alice ["), "{log}");
    assert!(
        log.lines().any(|line| line.contains(" - - [") && line.contains("\"GET /f HTTP/1.1\" 401 ")),
        "{log}"
    );
}

#[test]
fn without_a_users_file_a_name_is_passed_over() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    assert_eq!(ask(&sandbox, "GET /f", &basic("anyone", "at all"), "").0, 200);
}

#[test]
fn hup_takes_up_new_rules_and_passwords_and_drops_no_connection() {
    let sandbox = Sandbox::guarded(&[], "allow read bob /\n");
    sandbox.keep("f", "text");
    let (users, access) = (sandbox.work().join("users"), sandbox.work().join("access"));
    let mut raw = sandbox.connect();
    let mut get = |user: &str, password: &str| {
        raw.ask(format!("GET /f HTTP/1.1\r\nHost: h\r\n{}\r\n", basic(user, password))).status
    };
    assert_eq!((get("bob", "builder"), get("alice", "wonderland")), (200, 403));
    let mut watch = Watch::new(&sandbox);

    // What cannot be read changes nothing, and is said with its line.
    fs::write(&access, "allow read bob /\nallow fly alice /\n").unwrap();
    sandbox.signal(Signal::SIGHUP);
    let complaint = "cfpd: nothing was reloaded, all stays as it was: access:2: ";
    watch.until("a complaint", |_| sandbox.log().contains(complaint));
    assert_eq!((get("bob", "builder"), get("alice", "wonderland")), (200, 403));

    // New rules, and Bob's password is Alice's now.
    fs::write(&access, "allow read * /\n").unwrap();
    let old = fs::read_to_string(&users).unwrap();
    let hash = old.lines().find_map(|line| line.strip_prefix("alice:")).unwrap();
    fs::write(&users, format!("alice:{hash}\nbob:{hash}\n")).unwrap();
    sandbox.signal(Signal::SIGHUP);
    watch.until("the reload", |_| sandbox.log().contains("cfpd: reloaded\n"));
    let now = (get("bob", "builder"), get("bob", "wonderland"), get("alice", "wonderland"));
    assert_eq!(now, (401, 200, 200));
}

/// The host name of this machine is its own; one that was given is a name, and may come several times.
#[test]
fn a_machine_s_own_names_and_given_ones_are_answered_and_no_others() {
    let sandbox = Sandbox::with(&["--host", "Files.example.org", "--host", "192.0.2.1"]);
    sandbox.keep("f", "text");
    let machine = nix::sys::utsname::uname().unwrap().nodename().to_str().unwrap().to_owned();
    let mut raw = sandbox.connect();
    for host in [&machine, "files.EXAMPLE.org:80", "192.0.2.1", "localhost", sandbox.address()] {
        assert_eq!(raw.ask(format!("GET /f HTTP/1.1\r\nHost: {host}\r\n\r\n")).status, 200, "{host}");
    }
    for host in ["example.org", "192.0.2.2", "evil.example"] {
        let answer = sandbox.connect().ask(format!("GET /f HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!((answer.status, answer.field("connection")), (421, "close"), "{host}");
    }
    for host in ["h:80", "http://h", ""] {
        sandbox.run("cfpd", ["--host", host]).code(2);
    }
}

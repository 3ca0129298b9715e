//! What a person at a terminal is shown of long work, and what an interruption leaves.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::common::client::Client;
use crate::common::proxy::{Fault, Proxy};
use crate::common::terminal::{Terminal, stop};
use crate::common::{HANG, Sandbox};

const MIB: usize = 1024 * 1024;
/// How many files a directory has whose copy takes the daemon a while.
const FILES: usize = 1000;

/// A way on which answers or requests stop after a megabyte, until the sender is dropped.
fn held(sandbox: &Sandbox, answers: bool) -> (Sender<()>, Proxy) {
    let (go_on, until) = channel();
    let fault = if answers { Fault::HoldAnswer(MIB, until) } else { Fault::HoldRequest(MIB, until) };
    (go_on, Proxy::new(sandbox.address(), [fault]))
}

/// A tool at a terminal that can interrupt it.
fn at_terminal(sandbox: &Sandbox, words: &[&str]) -> Terminal {
    Terminal::start(sandbox, "setsid", &[&["--ctty"], words].concat())
}

/// Waits until the counter has shown two different values after this text.
fn see_it_move(person: &mut Terminal, text: &str) {
    let mut seen = HashSet::new();
    while seen.len() < 2 {
        seen.insert(person.expect(text).before("\r"));
    }
}

/// Waits until the daemon has logged a line with this.
fn until_logged(sandbox: &Sandbox, text: &str) {
    let end = Instant::now() + HANG;
    while !sandbox.log().contains(text) {
        assert!(Instant::now() < end, "{text:?} is not in {}", sandbox.log());
        thread::sleep(Duration::from_millis(20));
    }
}

fn names(sandbox: &Sandbox) -> Vec<String> {
    let names = fs::read_dir(sandbox.work()).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_download_shows_how_far_it_is_and_its_sum_unless_it_is_quiet_or_at_no_terminal() {
    let sandbox = Sandbox::new();
    sandbox.keep("big", vec![b'x'; 2 * MIB]);
    let ways = [(); 3].map(|()| held(&sandbox, true));
    let url = |number: usize| ways[number].1.url.clone();
    let mut loud = at_terminal(&sandbox, &["cfp-get", "-s", &url(0), "big", "-o", "loud"]);
    let quiet = at_terminal(&sandbox, &["cfp-get", "-q", "-s", &url(1), "big", "-o", "quiet"]);
    let mut blind = sandbox.command("cfp-get");
    blind.args(["-s", &url(2), "big", "-o", "blind"]).stderr(Stdio::piped());
    let blind = blind.spawn().unwrap();
    see_it_move(&mut loud, " of 2.00 MiB, ");
    drop(ways);
    loud.expect("loud: 2.00 MiB in ").expect("/s\r\n");
    assert_eq!(loud.end(), Some(0));
    let (status, shown) = quiet.finish();
    assert_eq!((status.code(), shown.as_str()), (Some(0), ""));
    assert_eq!(blind.wait_with_output().unwrap().stderr, b"");
}

#[test]
fn a_directory_that_is_stored_shows_the_files_that_are_done_and_all() {
    let sandbox = Sandbox::new();
    for name in ["d/1", "d/2", "d/3"] {
        sandbox.write(name, vec![b'x'; MIB]);
    }
    let (go_on, way) = held(&sandbox, false);
    let mut person = at_terminal(&sandbox, &["cfp-put", "-z", "never", "-s", &way.url, "-r", "d"]);
    see_it_move(&mut person, " of 3 files, ");
    drop(go_on);
    person.expect("3 files: 3.00 MiB in ");
    assert_eq!(person.end(), Some(0));
}

#[test]
fn a_synchronization_shows_the_files_and_bytes_of_all_directories() {
    let sandbox = Sandbox::new();
    for name in ["d/a/1", "d/b/2", "d/b/c/3"] {
        sandbox.write(name, vec![b'x'; 2 * MIB]);
    }
    let (go_on, way) = held(&sandbox, false);
    let mut person = at_terminal(&sandbox, &["cfp-sync", "-j1", "-s", &way.url, "d", ":d/"]);
    // What is sent of the first file counts already.
    while !person.expect("0 of 3 files, ").before(" of 6.00 MiB, ").ends_with(" MiB") {}
    person.expect("/s, ").expect(" s left, ");
    drop(go_on);
    person.expect("3 sent (6291456 bytes), 0 deleted, 0 unchanged\r\n");
    assert_eq!(person.end(), Some(0));
}

#[test]
fn an_upload_that_is_sent_shows_that_the_server_is_waited_for() {
    let sandbox = Sandbox::new();
    sandbox.write("f", vec![b'x'; 2 * MIB]);
    let (go_on, until) = channel();
    // The server says that it wants the body, and no more.
    let way = Proxy::new(sandbox.address(), [Fault::HoldAnswer(30, until)]);
    let mut person = at_terminal(&sandbox, &["cfp-put", "-z", "never", "-s", &way.url, "f"]);
    see_it_move(&mut person, "2.00 MiB of 2.00 MiB, ");
    person.expect("sent, waiting for the server, ");
    drop(go_on);
    person.expect("f: 2.00 MiB in ");
    assert_eq!(person.end(), Some(0));
}

#[test]
fn a_directory_that_is_copied_or_deleted_shows_the_files_that_are_done_and_all() {
    let sandbox = Sandbox::new();
    (0..FILES).for_each(|number| drop(sandbox.keep(&format!("d/{number}"), "text")));
    for words in [&["cfp-cp", "d", "e"][..], &["cfp-rm", "-r", "d"]] {
        let mut person = at_terminal(&sandbox, words);
        let all = format!(" of {FILES} files, ");
        let mut done = sandbox.all_stored().len();
        // The daemon is stopped each time it has done a part, so that this takes as long as it must.
        loop {
            while sandbox.all_stored().len().abs_diff(done) < FILES / 10 {
                thread::yield_now();
            }
            stop(&sandbox);
            done = sandbox.all_stored().len();
            // What it has told is drawn by then.
            let shown = person.before(" s").to_owned() + &person.before(" s");
            if shown.contains(&all) {
                break;
            }
            sandbox.signal(Signal::SIGCONT);
        }
        sandbox.signal(Signal::SIGCONT);
        let (status, shown) = person.finish();
        assert_eq!(status.code(), Some(0));
        assert!(shown.contains(&format!("{FILES} files: ")), "{shown:?}");
    }
}

#[test]
fn a_search_of_a_directory_shows_the_files_that_are_done_and_all() {
    let sandbox = Sandbox::new();
    for name in ["d/a", "d/b"] {
        sandbox.keep(name, "w");
    }
    File::create(sandbox.root().join("d/big")).unwrap().set_len(1 << 40).unwrap();
    let mut person = at_terminal(&sandbox, &["cfp-search", "-r", "w", ":d/"]);
    person.expect("2 of 3 files, ").press("\x03");
    assert_eq!(person.finish().0.signal(), Some(Signal::SIGINT as i32));
}

#[test]
fn a_search_tells_the_number_of_files_only_who_asks_for_it() {
    let sandbox = Sandbox::new();
    for number in 0..500 {
        sandbox.keep(&format!("d/{number}"), "w");
    }
    let mut client = Client::connect(sandbox.address()).unwrap();
    let mut search = |query: &str, accept: &str| {
        client.ask("GET", &format!("/d/?search=w{query}"), &[("Accept", accept)], None).unwrap().text()
    };
    let (asked, plain) = (search("&progress", "application/json"), search("", "application/json"));
    assert_eq!(asked.lines().filter(|line| *line == r#"{"files":500}"#).count(), 1);
    assert_eq!(asked.lines().count(), plain.lines().count() + 1);
    assert!(asked.ends_with("{\"total\":500}\n") && !plain.contains("files"), "{plain}");
    assert!(!search("&progress", "text/plain").contains("files"));
}

#[test]
fn work_in_the_tool_itself_shows_how_far_it_is() {
    let sandbox = Sandbox::new();
    File::create(sandbox.work().join("big")).unwrap().set_len(8 << 30).unwrap();
    let mut person = at_terminal(&sandbox, &["cfp-search", "--local", "w", "big"]);
    see_it_move(&mut person, " of 8.00 GiB, ");
    person.press("\x03");
    assert_eq!(person.finish().0.signal(), Some(Signal::SIGINT as i32));
}

#[test]
fn a_command_of_the_shell_shows_how_far_it_is_and_nothing_once_it_has_ended() {
    let sandbox = Sandbox::new();
    File::create(sandbox.root().join("big")).unwrap().set_len(8 << 30).unwrap();
    let mut person = at_terminal(&sandbox, &["cfp-shell"]);
    person.expect("cfp> ").press("search w :big\r");
    see_it_move(&mut person, " of 8.00 GiB, ");
    person.press("\x03").expect("cfp-shell: search: interrupted\r\n").expect("cfp> ");
    person.press("mkdir d\r").expect(":d/ is made.\r\n").press("logout\r");
    let (status, shown) = person.finish();
    assert_eq!(status.code(), Some(0));
    assert!(!shown.contains("GiB"), "{shown:?}");
}

#[test]
fn an_upload_that_is_interrupted_says_what_it_leaves_and_nothing_is_stored() {
    let sandbox = Sandbox::with(&["--log", "-"]);
    sandbox.write("small", vec![b'x'; 4 * MIB]);
    sandbox.write("large", vec![b'x'; 12 * MIB]);
    let kept = "is not stored; the server keeps what it has received";
    let resumed = format!(":large {kept}: cfp-put -c resumes it\r\n");
    let rows = [("small", ":small is not stored\r\n"), ("large", resumed.as_str())];
    for (name, told) in rows {
        let (go_on, way) = held(&sandbox, false);
        let mut person = at_terminal(&sandbox, &["cfp-put", "-z", "never", "-s", &way.url, name]);
        person.expect("MiB, ").press("\x03").expect("cfp-put: interrupted: ").expect(told);
        let (status, _) = person.finish();
        assert_eq!(status.signal(), Some(Signal::SIGINT as i32));
        drop(go_on);
        until_logged(&sandbox, &format!("PUT /{name} "));
        assert!(!sandbox.root().join(name).exists());
        let left = sandbox.all_stored();
        assert!(left.iter().all(|name| name.starts_with(".cfpd-uploads")), "{left:?}");
    }
}

#[test]
fn an_upload_in_pieces_that_is_interrupted_is_named_by_what_it_stores() {
    let sandbox = Sandbox::new();
    sandbox.write("large", vec![b'x'; 12 * MIB]);
    let kept = "is not stored; the server keeps what it has received";
    let (senders, holds): (Vec<_>, Vec<_>) = (0..2).map(|_| channel()).unzip();
    let way =
        Proxy::new(sandbox.address(), holds.into_iter().map(|until| Fault::HoldRequest(5 * MIB, until)));
    // What was interrupted once is resumed, and interrupted again.
    for options in [&["-z", "never"][..], &["-c"]] {
        let argv = [&["cfp-put"], options, &["-s", &way.url, "large"]].concat();
        let mut person = at_terminal(&sandbox, &argv);
        person.expect("MiB, ").press("\x03");
        person.expect(&format!("interrupted: :large {kept}: cfp-put -c resumes it\r\n"));
        assert_eq!(person.finish().0.signal(), Some(Signal::SIGINT as i32));
    }
    drop(senders);
    // A pipe cannot be read again.
    let (_go_on, way) = held(&sandbox, false);
    let script = format!("cat large large large | cfp-put -z never -s {} - --as piped", way.url);
    let mut person = at_terminal(&sandbox, &["sh", "-c", &script]);
    person.expect("MiB, ").press("\x03");
    person.expect(&format!("interrupted: :piped {kept}, until that expires\r\n"));
    person.finish();
}

#[test]
fn a_download_that_is_interrupted_leaves_nothing_or_a_part_to_go_on_with() {
    let sandbox = Sandbox::new();
    sandbox.keep("big", vec![b'x'; 2 * MIB]);
    let rows =
        [("-v", "big is left as it was\r\n", 0), ("-c", ".part keeps what was received: cfp-get -c", 1)];
    for (option, told, left) in rows {
        let (_go_on, way) = held(&sandbox, true);
        let mut person = at_terminal(&sandbox, &["cfp-get", option, "-s", &way.url, "big"]);
        person.expect(" of 2.00 MiB, ").press("\x03").expect("cfp-get: interrupted: ").expect(told);
        assert_eq!(person.finish().0.signal(), Some(Signal::SIGINT as i32));
        assert_eq!(names(&sandbox).len(), left, "{:?}", names(&sandbox));
    }
}

#[test]
fn work_on_the_server_shows_how_far_it_is_and_stops_when_its_tool_is_interrupted() {
    let sandbox = Sandbox::with(&["--log", "-"]);
    // Zeros that take no space: it is the work that takes long.
    File::create(sandbox.root().join("big")).unwrap().set_len(8 << 30).unwrap();
    let rows: [(&[&str], &str, &str); 2] = [
        (&["cfp-search", "w", ":big"], "GET /big?search=w ", ""),
        (
            &["cfp-replace", "--in-place", "w", "v", ":big"],
            "COPY /big?replace=w&with=v ",
            ":big is left as it was",
        ),
    ];
    for (words, request, told) in rows {
        let mut person = at_terminal(&sandbox, words);
        if told.is_empty() {
            see_it_move(&mut person, " of 8.00 GiB, ");
        }
        let before = person.before(" of 8.00 GiB, ");
        person.press("\x03");
        let (status, shown) = person.finish();
        // Not even for a moment the bytes as they are.
        assert!(!(before + &shown).contains("8589934592"), "{shown}");
        assert_eq!(status.signal(), Some(Signal::SIGINT as i32));
        assert!(shown.contains(told), "{shown}");
        until_logged(&sandbox, &format!("{request}HTTP/1.1\" 499 "));
        assert_eq!(sandbox.all_stored(), ["big"]);
    }
}

#[test]
fn a_tool_that_is_interrupted_resets_its_connection() {
    let sandbox = Sandbox::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut tool = sandbox.command("cfp-ls").args(["-s", &url]).spawn().unwrap();
    let (mut client, _) = listener.accept().unwrap();
    let (mut block, mut head) = ([0; 4096], Vec::new());
    while !head.ends_with(b"\r\n\r\n") {
        let read = client.read(&mut block).unwrap();
        head.extend_from_slice(&block[..read]);
    }
    client.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(tool.id() as i32), Signal::SIGINT).unwrap();
    tool.wait().unwrap();
    assert_eq!(client.read(&mut block).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

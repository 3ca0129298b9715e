//! The size limit of the process (`ulimit -f`, `LimitFSIZE=`): what would pass it is refused, and the daemon goes on.

use std::fs;
use std::io::Write;

use crate::common::client::{Client, chunked, head};
use crate::common::{Runner, Sandbox, need};

use super::place::{files_beneath, text, wait_until};

/// A cfpd that may write no file of more than 1 MB.
fn limited() -> Option<Sandbox> {
    let runner = Runner { user: None, under: &["prlimit", "--fsize=1000000"] };
    need::programs(&["prlimit"]).then(|| Sandbox::run_by(runner, &[], |_| {}))
}

#[test]
fn what_passes_the_file_size_limit_of_the_process_is_413_and_cfpd_goes_on() {
    let Some(sandbox) = limited() else { return };
    let big = text(1, 3_000_000);
    sandbox.keep("big", &big);
    sandbox.keep("d/big", &big);
    let pieces = [("Upload-Complete", "?1"), ("Upload-Draft-Interop-Version", "8")];
    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Option<&'a [u8]>);
    let rows: [Row<'_>; 7] = [
        ("PUT", "/new", &[], Some(&big)),
        ("PUT", "/new?replace=a&with=b", &[], Some(&big)),
        ("PUT", "/new", &pieces, Some(&big)),
        ("POST", "/?reverse", &[], Some(&big)),
        ("COPY", "/big", &[("Destination", "/new")], None),
        ("COPY", "/big?replace=a&with=b", &[("Destination", "/new")], None),
        ("COPY", "/d/", &[("Destination", "/e/")], None),
    ];
    for (method, target, fields, body) in rows {
        let mut client = Client::connect(sandbox.address()).unwrap();
        let mut answer = client.ask(method, target, fields, body).unwrap();
        while answer.status < 200 {
            answer = client.answer(method).unwrap();
        }
        assert_eq!(answer.status, 413, "{method} {target}: {}", answer.text());
    }
    let mut client = Client::connect(sandbox.address()).unwrap();
    client.send(&head("PUT", "/new", &[("Transfer-Encoding", "chunked")])).unwrap();
    // What is refused on the way is not read to its end.
    let _ = client.send(&chunked(&big));
    assert_eq!(client.answer("PUT").unwrap().status, 413);
    // The directory of uploads that may be gone on with stays.
    wait_until(&sandbox, "no leftovers", || {
        let files = files_beneath(&sandbox.root());
        files.iter().filter(|name| *name != ".cfpd-uploads/").eq(&["big", "d/big"])
    });
    let small = Client::connect(sandbox.address()).unwrap().ask("PUT", "/small", &[], Some(b"word")).unwrap();
    assert_eq!(small.status, 201);
}

/// What an answer waits in is a file too: past the limit the client has to read, and gets all of it.
#[test]
fn an_answer_that_waits_in_a_file_stops_at_the_limit_and_comes_whole() {
    let Some(sandbox) = limited() else { return };
    let (body, wanted) = ("a ".repeat(8 << 20), "word ".repeat(8 << 20));
    let mut client = Client::connect(sandbox.address()).unwrap();
    let mut sends = sandbox.connect();
    let mut socket = sends.socket().try_clone().unwrap();
    let length = body.len().to_string();
    sends.send(head("POST", "/?replace=a&with=word", &[("Content-Length", &length)]));
    std::thread::scope(|scope| {
        scope.spawn(|| socket.write_all(body.as_bytes()).unwrap());
        let descriptors = format!("/proc/{}/fd", sandbox.pid());
        wait_until(&sandbox, "a spool up to the limit", || {
            let all = fs::read_dir(&descriptors).unwrap().flatten();
            all.filter_map(|entry| fs::metadata(entry.path()).ok()).any(|file| file.len() > 800_000)
        });
        assert_eq!(client.ask("GET", "/", &[], None).unwrap().status, 200);
        let answer = sends.answer();
        assert!(answer.status == 200 && answer.body == wanted.as_bytes(), "{} bytes", answer.body.len());
    });
}

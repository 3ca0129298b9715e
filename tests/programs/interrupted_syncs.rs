//! cfp-sync that is interrupted in the middle of a large file: the next run transfers the rest of it, in both directions.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::proxy::{Fault, Proxy};
use crate::common::{HANG, Sandbox};

const SIZE: usize = 12 << 20;
/// How much comes through before the interruption.
const BEFORE: usize = 6 << 20;
/// How much of it is received before the interruption, at least, and the most that the next run may transfer.
const RECEIVED_MIN: u64 = 3 << 20;
const REST_MAX: usize = SIZE - (2 << 20);

const UP: [&str; 2] = ["local", ":up/"];
const DOWN: [&str; 2] = [":stored/", "down"];

/// A large file in a local directory, and in one of the server, and a small file beside each.
fn furnished() -> Sandbox {
    let sandbox = Sandbox::new();
    let content: Vec<u8> = (0..SIZE as u32 / 4).flat_map(u32::to_le_bytes).collect();
    for directory in [sandbox.work().join("local"), sandbox.root().join("stored")] {
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("large"), &content).unwrap();
        fs::write(directory.join("small"), "small").unwrap();
    }
    sandbox.sh("touch -d @1000000000 local/large").success();
    sandbox
}

/// Runs cfp-sync until this signal ends it in the middle of the large file. Returns the proxy, which later runs go through
/// too, and what the run printed.
fn interrupt(sandbox: &Sandbox, signal: Signal, operands: [&str; 2]) -> (Proxy, String) {
    let (tell, pid) = mpsc::channel::<u32>();
    let (end, ended) = mpsc::channel::<()>();
    let down = (operands == DOWN).then(|| sandbox.work().join("down"));
    let act = move || {
        // What came through may still wait in a buffer of the program.
        let end = Instant::now() + HANG;
        while down.as_ref().is_some_and(|down| received(down) < RECEIVED_MIN) && Instant::now() < end {
            thread::yield_now();
        }
        kill(Pid::from_raw(pid.recv().unwrap().cast_signed()), signal).unwrap();
        // The connection stays until the program has ended, else it might see the cut before the signal.
        let _ = ended.recv();
    };
    let fault = match operands {
        UP => Fault::ActAndCutRequest(BEFORE, Box::new(act)),
        _ => Fault::CutAnswer(BEFORE, Box::new(act)),
    };
    let proxy = Proxy::new(sandbox.address(), [fault]);
    let mut command = sandbox.command("cfp-sync");
    command.args(["-j1", "-s", &proxy.url]).args(operands).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    tell.send(child.id()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(end);
    assert!(!output.status.success());
    (proxy, String::from_utf8(output.stderr).unwrap())
}

/// How many bytes of the large file were received.
fn received(down: &Path) -> u64 {
    let files = fs::read_dir(down).into_iter().flatten().filter_map(Result::ok);
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).max().unwrap_or_default()
}

/// Runs cfp-sync to the end, and returns how many bytes went through the proxy, both ways.
fn complete(sandbox: &Sandbox, proxy: &Proxy, options: &[&str], operands: [&str; 2]) -> usize {
    let transferred = || proxy.requests().len() + proxy.answered();
    let before = transferred();
    let argv = [&["-s", &proxy.url], options, &operands].concat();
    sandbox.run("cfp-sync", argv).success().stderr("");
    transferred() - before
}

fn is_same(one: &Path, other: &Path) -> bool {
    let files = [one, other].map(|directory| fs::metadata(directory.join("large")).unwrap().mtime());
    files[0] == files[1] && fs::read(one.join("large")).unwrap() == fs::read(other.join("large")).unwrap()
}

/// The files of a directory, sorted.
fn names(directory: PathBuf) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_large_file_goes_on_where_the_run_before_was_interrupted() {
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let sandbox = furnished();
        for operands in [UP, DOWN] {
            let (proxy, _) = interrupt(&sandbox, signal, operands);
            let sent = complete(&sandbox, &proxy, &[], operands);
            assert!((1..REST_MAX).contains(&sent), "{signal} {operands:?}: {sent}");
        }
        let (up, down) = (sandbox.root().join("up"), sandbox.work().join("down"));
        assert!(is_same(&sandbox.work().join("local"), &up), "{signal}");
        assert!(is_same(&sandbox.root().join("stored"), &down), "{signal}");
        assert_eq!(names(down), ["large", "small"]);
        let records = sandbox.work().with_file_name("home").join(".local/state/cfp/uploads");
        assert_eq!(names(records), [""; 0]);
    }
}

#[test]
fn a_large_file_that_has_changed_since_begins_anew() {
    let sandbox = furnished();
    for (operands, source) in [(UP, sandbox.work().join("local")), (DOWN, sandbox.root().join("stored"))] {
        let (proxy, _) = interrupt(&sandbox, Signal::SIGKILL, operands);
        fs::write(source.join("large"), vec![b'x'; SIZE]).unwrap();
        assert!(complete(&sandbox, &proxy, &[], operands) > SIZE, "{operands:?}");
    }
    assert!(is_same(&sandbox.work().join("local"), &sandbox.root().join("up")));
    assert!(is_same(&sandbox.root().join("stored"), &sandbox.work().join("down")));
}

#[test]
fn what_was_received_of_a_file_is_never_sent_and_is_deleted_with_what_from_lacks() {
    let sandbox = furnished();
    let down = sandbox.work().join("down");
    let (proxy, _) = interrupt(&sandbox, Signal::SIGKILL, DOWN);
    let partial = names(down.clone()).into_iter().find(|name| name.ends_with(".cfp-part")).unwrap();
    assert!(partial.starts_with(".large."), "{partial}");
    complete(&sandbox, &proxy, &[], ["down", ":back/"]);
    assert!(names(sandbox.root().join("back")).iter().all(|name| !name.contains("part")));
    // The file it was received of is another one now.
    fs::write(sandbox.root().join("stored/large"), "short").unwrap();
    complete(&sandbox, &proxy, &[], DOWN);
    assert_eq!(names(down.clone()), [partial.as_str(), "large", "small"]);
    complete(&sandbox, &proxy, &["--delete"], DOWN);
    assert_eq!(names(down), ["large", "small"]);
}

#[test]
fn an_interrupted_run_says_how_a_large_file_is_resumed() {
    let sandbox = furnished();
    let told = [
        ":up/large is not stored; the server keeps what it has received: cfp-sync resumes it",
        ".cfp-part keeps what was received: cfp-sync resumes it",
    ];
    for (operands, told) in [UP, DOWN].into_iter().zip(told) {
        let (_proxy, printed) = interrupt(&sandbox, Signal::SIGINT, operands);
        assert!(printed.contains(told), "{printed:?}");
    }
}

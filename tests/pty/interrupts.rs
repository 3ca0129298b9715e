//! ^C ends the command that runs, and never the session; what was half done is not stored.

use std::fs::{self, DirEntry, File};
use std::io;
use std::sync::mpsc::channel;
use std::time::Instant;

use nix::sys::signal::Signal;

use super::person::Person;
use crate::common::fifo::{self, FifoWriter};
use crate::common::proxy::{Fault, Proxy};
use crate::common::terminal::stop;
use crate::common::{HANG, Sandbox};

const MIB: usize = 1 << 20;

/// Longer than what buffers hold on the way.
const LONG: usize = 64 << 20;

#[test]
fn an_interrupt_ends_a_search() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "lamp");
    let mut person = Person::start(&sandbox);
    stop(&sandbox);
    person.enter("search lamp :f");
    assert_eq!(person.interrupt(), "cfp-shell: search: interrupted");
    person.enter("list -l");
    assert_eq!(person.interrupt(), "cfp-shell: list: interrupted");
    sandbox.signal(Signal::SIGCONT);
    assert_eq!(person.says("search lamp :f"), "'lamp' occurs 1 time in :f.");
    person.leave();
}

#[test]
fn an_interrupt_ends_an_upload_and_half_of_it_is_not_stored() {
    let sandbox = Sandbox::new();
    File::create(sandbox.work().join("long")).unwrap().set_len(LONG as u64).unwrap();
    sandbox.write("short", "text");
    let mut person = Person::start(&sandbox);
    stop(&sandbox);
    person.enter("upload long short :d/");
    let said = person.interrupt();
    assert!(said.ends_with("cfp-shell: upload: interrupted"), "{said}");
    sandbox.signal(Signal::SIGCONT);
    assert_eq!(person.says("upload short"), "short is stored as :short.");
    person.leave();
    assert!(!sandbox.root().join("d/long").exists() && !sandbox.root().join("d/short").exists());
}

#[test]
fn an_interrupt_ends_an_upload_from_a_pipe_that_pauses() {
    let sandbox = Sandbox::new();
    let path = fifo::make(&sandbox, "pipe");
    let mut person = Person::start(&sandbox);
    person.enter("upload pipe :stored");
    let mut end = FifoWriter::open(&path);
    // It has come through when all of it is written: a pipe holds 64 KiB.
    end.write(&vec![b'x'; 4 << 20]).unwrap();
    assert!(person.interrupt().ends_with("cfp-shell: upload: interrupted"));
    assert_eq!(person.says("list"), "There are no files.");
    // Whatever comes now comes too late.
    let _ = end.write(b"the end");
    drop(end);
    assert_eq!(person.says("mkdir d"), ":d/ is made.");
    assert_eq!(person.says("list"), "d/");
    person.leave();
    assert!(!sandbox.root().join("stored").exists());
}

#[test]
fn an_interrupt_ends_a_download_and_half_of_it_is_not_stored() {
    let sandbox = Sandbox::with(&["--send-size", "1000"]);
    sandbox.keep("long", vec![b'x'; LONG]);
    sandbox.write("long", "old");
    let mut person = Person::start(&sandbox);
    person.enter("download long ./");
    // It runs when the first part of it is here.
    let is_begun = || fs::read_dir(sandbox.work()).unwrap().count() > 1;
    while !is_begun() {
        std::thread::yield_now();
    }
    stop(&sandbox);
    let said = person.interrupt();
    sandbox.signal(Signal::SIGCONT);
    // Where it came too late, it ended nothing: the machine was quicker.
    if said.ends_with("interrupted") {
        assert_eq!(fs::read(sandbox.work().join("long")).unwrap(), b"old");
    }
    assert!(!is_begun());
    person.leave();
}

#[test]
fn an_interrupted_download_is_resumed_on_request() {
    let sandbox = Sandbox::with(&["--send-size", "1000"]);
    sandbox.keep("long", vec![b'x'; LONG]);
    let mut person = Person::start(&sandbox);
    person.enter("download -c long");
    let part = || fs::read_dir(sandbox.work()).unwrap().map(|entry| entry.unwrap()).next();
    while part().is_none_or(|part| part.metadata().is_ok_and(|part| part.len() == 0)) {
        std::thread::yield_now();
    }
    stop(&sandbox);
    let said = person.interrupt();
    sandbox.signal(Signal::SIGCONT);
    if said.ends_with("interrupted") {
        let name = part().unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with(".long.") && name.ends_with(".part"), "{name}");
    }
    assert_eq!(person.says("download -c long"), ":long is stored here as long.");
    person.leave();
    assert_eq!(part().unwrap().file_name(), "long");
    assert_eq!(fs::read(sandbox.work().join("long")).unwrap(), vec![b'x'; LONG]);
}

#[test]
fn an_interrupted_upload_goes_on_with_the_next_command_and_in_the_next_session() {
    let sandbox = Sandbox::new();
    sandbox.write("long", vec![b'x'; 24 * MIB]);
    let (mut held, faults): (Vec<_>, Vec<_>) = [9, 8]
        .map(|place| {
            let (go_on, until) = channel();
            (go_on, Fault::HoldRequest(place * MIB, until))
        })
        .into_iter()
        .unzip();
    let way = Proxy::new(sandbox.address(), faults);
    let mut person = Person::begin(&sandbox, &["-q", "-s", &way.url]);
    person.waits();
    for megabytes in [8, 15] {
        person.enter("upload long :stored");
        until_kept(&sandbox, megabytes * MIB);
        assert_eq!(person.interrupt(), "cfp-shell: upload: interrupted");
        drop(held.remove(0));
    }
    assert!(!sandbox.root().join("stored").exists());
    person.leave();
    let mut person = Person::begin(&sandbox, &["-q", "-s", &way.url]);
    person.waits();
    assert_eq!(person.says("upload long :stored"), "long is stored as :stored.");
    person.leave();
    assert_eq!(sandbox.stored("stored"), vec![b'x'; 24 * MIB]);
    let sent = way.requests().len();
    assert!(sent < 28 * MIB, "{sent} bytes were sent");
}

/// Waits until the daemon keeps so many bytes of uploads.
fn until_kept(sandbox: &Sandbox, bytes: usize) {
    let size =
        |entry: io::Result<DirEntry>| entry.and_then(|entry| entry.metadata()).map_or(0, |it| it.len());
    let kept = || fs::read_dir(sandbox.root().join(".cfpd-uploads")).map_or(0, |all| all.map(size).sum());
    let end = Instant::now() + HANG;
    while kept() < bytes as u64 {
        assert!(Instant::now() < end, "only {} bytes came", kept());
        std::thread::yield_now();
    }
}

#[test]
fn an_interrupt_ends_a_filter_and_half_of_its_result_is_not_stored() {
    let sandbox = Sandbox::new();
    let mut person = Person::start(&sandbox);
    // A pipe each: the command that was interrupted may still have its own open.
    for (pipe, target, is_stored) in [("one", "out", false), ("two", ":out", true)] {
        let path = fifo::make(&sandbox, pipe);
        person.enter(&format!("replace old new {pipe} {target}"));
        let mut end = FifoWriter::open(&path);
        end.write("an old line\n".repeat(200_000).as_bytes()).unwrap();
        assert!(person.interrupt().ends_with("cfp-shell: replace: interrupted"), "{target}");
        drop(end);
        let root = if is_stored { sandbox.root() } else { sandbox.work() };
        assert!(!root.join("out").exists());
    }
    assert_eq!(person.says("list"), "There are no files.");
    person.leave();
}

#[test]
fn a_command_that_waits_for_a_local_file_is_left_behind() {
    let sandbox = Sandbox::new();
    let path = fifo::make(&sandbox, "nobody-writes");
    sandbox.keep("f", "text\n");
    let mut person = Person::start(&sandbox);
    let commands = ["display nobody-writes", "search word nobody-writes", "upload nobody-writes"];
    for (number, command) in commands.into_iter().enumerate() {
        person.enter(command);
        person.wait_in_open(number + 1);
        assert!(person.interrupt().ends_with("interrupted"), "{command}");
    }
    assert_eq!(person.says("display :f"), "text");
    // Now somebody writes, and those that were left behind read it: nobody sees it, and it is not stored.
    FifoWriter::open(&path).write(b"too late\n").unwrap();
    assert_eq!(person.says("list"), "f");
    person.leave();
}

#[test]
fn an_interrupt_between_commands_does_not_end_the_next() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "lamp\n".repeat(100_000));
    let mut person = Person::start(&sandbox);
    person.enter("display :f").expect("lamp");
    person.press("\x03");
    assert!(person.waits().ends_with("cfp-shell: display: interrupted"));
    assert_eq!(person.says("search lamp :f"), "'lamp' occurs 100000 times in :f.");
    person.leave();
}

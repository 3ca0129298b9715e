//! Answers that are lost: a tool whose connection breaks does its work once, says what became of it, and says so where
//! nobody can know.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::sync::{Arc, Mutex};

use crate::common::proxy::{Fault, Proxy};
use crate::common::{HANG, Sandbox};

/// Tools that change something, with what is stored then. `TAG` is that of `f`.
const CHANGES: [(&[&str], &str); 15] = [
    (&["cfp-replace", "--in-place", "a", "a b a", ":f"], "d/ d/e=e f=a b a g=a"),
    (&["cfp-reverse", "--in-place", ":w"], "d/ d/e=e f=a g=a w=two one"),
    (&["cfp-replace", "a", "b", ":f", "-o", ":f"], "d/ d/e=e f=b g=a"),
    (&["cfp-replace", "a", "a a", ":f", "-o", ":h"], "d/ d/e=e f=a g=a h=a a"),
    (&["cfp-mv", "f", "h"], "d/ d/e=e g=a h=a"),
    (&["cfp-mv", "-n", "f", "x/y/h"], "d/ d/e=e g=a x/ x/y/ x/y/h=a"),
    (&["cfp-mv", "d", "h"], "f=a g=a h/ h/e=e"),
    (&["cfp-cp", "-n", "f", "h"], "d/ d/e=e f=a g=a h=a"),
    (&["cfp-rm", "f"], "d/ d/e=e g=a"),
    (&["cfp-rm", "-r", "d"], "f=a g=a"),
    (&["cfp-rm", "f", "--if-match", "TAG"], "d/ d/e=e g=a"),
    (&["cfp-put", "-n", "n"], "d/ d/e=e f=a g=a n=new"),
    (&["cfp-put", "n", "--as", "f", "--if-match", "TAG"], "d/ d/e=e f=new g=a"),
    (&["cfp-put", "n", "--as", "x/y/n"], "d/ d/e=e f=a g=a x/ x/y/ x/y/n=new"),
    (&["cfp-shell", "-c", "copy f h"], "d/ d/e=e f=a g=a h=a"),
];

/// A daemon with a few files, and what is stored there.
fn furnished(argv: &[&str]) -> (Sandbox, String) {
    let sandbox = Sandbox::with(&["--no-sync"]);
    sandbox.write("n", "new");
    [("f", "a"), ("g", "a"), ("d/e", "e")].iter().for_each(|(name, text)| drop(sandbox.keep(name, text)));
    if argv.contains(&":w") {
        sandbox.keep("w", "one two");
    }
    let stored = stored(&sandbox);
    (sandbox, stored)
}

fn stored(sandbox: &Sandbox) -> String {
    let mut names = sandbox.all_stored();
    names.sort();
    let shown = |name: &String| match fs::read_to_string(sandbox.root().join(name)) {
        Ok(text) => format!("{name}={text}"),
        Err(_) => format!("{name}/"),
    };
    names.iter().map(shown).collect::<Vec<_>>().join(" ")
}

fn tag(sandbox: &Sandbox) -> String {
    let said = sandbox.run("cfp-ls", ["--json", "f"]).success();
    let entry: serde_json::Value = serde_json::from_slice(&said.get_output().stdout).unwrap();
    entry["etag"].as_str().unwrap().to_owned()
}

/// Runs a tool over a way with a fault; its exit code and what it said on standard error.
fn run(sandbox: &Mutex<Sandbox>, proxy: &Proxy, argv: &[&str]) -> (i32, String) {
    let mut command = {
        let sandbox = sandbox.lock().unwrap();
        let tag = tag(&sandbox);
        let mut command = sandbox.command(argv[0]);
        command.args(argv[1..].iter().map(|part| if *part == "TAG" { &tag } else { *part }));
        command
    };
    command.args(["-s", &proxy.url]);
    let said = assert_cmd::Command::from_std(command).timeout(HANG).output().unwrap();
    assert_eq!(said.status.signal(), None, "{argv:?}");
    (said.status.code().unwrap(), String::from_utf8(said.stderr).unwrap())
}

#[test]
fn a_lost_answer_changes_nothing_of_what_was_done_nor_of_what_is_said() {
    for (argv, after) in CHANGES {
        for number in 0..4 {
            let (sandbox, before) = furnished(argv);
            let proxy = Proxy::new(sandbox.address(), [Fault::LoseAnswer(number, Box::new(|| {}))]);
            let sandbox = Mutex::new(sandbox);
            let (code, said) = run(&sandbox, &proxy, argv);
            let stored = stored(&sandbox.lock().unwrap());
            match code {
                // What only looks is sent again only where a kept connection breaks.
                3 if number == 0 => assert_eq!(stored, before, "{argv:?}: {said}"),
                code => assert_eq!((code, &*stored), (0, after), "{argv:?} without answer {number}: {said}"),
            }
        }
    }
}

#[test]
fn a_request_that_never_came_is_sent_again_and_carried_out() {
    for (argv, after) in CHANGES {
        for number in 0..4 {
            let (sandbox, before) = furnished(argv);
            let proxy = Proxy::new(sandbox.address(), [Fault::LoseRequest(number)]);
            let sandbox = Mutex::new(sandbox);
            let (code, said) = run(&sandbox, &proxy, argv);
            let stored = stored(&sandbox.lock().unwrap());
            match code {
                3 if number == 0 => assert_eq!(stored, before, "{argv:?}: {said}"),
                code => assert_eq!((code, &*stored), (0, after), "{argv:?} without request {number}: {said}"),
            }
        }
    }
}

#[test]
fn where_a_restart_took_the_memory_a_tool_says_that_it_may_have_been_done() {
    // The change of each of these is its last request.
    let rows: [(&[&str], usize, i32, &str); 5] = [
        (&["cfp-replace", "--in-place", "a", "a b a", ":f"], 1, 3, "d/ d/e=e f=a b a g=a"),
        (&["cfp-mv", "f", "h"], 2, 3, "d/ d/e=e g=a h=a"),
        (&["cfp-rm", "f"], 0, 3, "d/ d/e=e g=a"),
        // Here what is stored tells.
        (&["cfp-put", "-n", "n"], 0, 0, "d/ d/e=e f=a g=a n=new"),
        (&["cfp-put", "n", "--as", "f", "--if-match", "TAG"], 0, 0, "d/ d/e=e f=new g=a"),
    ];
    for (argv, number, expected, after) in rows {
        let (sandbox, _) = furnished(argv);
        let address = sandbox.address().to_owned();
        let sandbox = Arc::new(Mutex::new(sandbox));
        let again = sandbox.clone();
        let restart = move || {
            let mut sandbox = again.lock().unwrap();
            sandbox.kill();
            sandbox.start_again();
        };
        let proxy = Proxy::new(&address, [Fault::LoseAnswer(number, Box::new(restart))]);
        let (code, said) = run(&sandbox, &proxy, argv);
        assert_eq!((code, &*stored(&sandbox.lock().unwrap())), (expected, after), "{argv:?}: {said}");
        assert_eq!(said.contains("may have been performed"), expected == 3, "{argv:?}: {said}");
    }
}

//! `cfp-put -c`: an upload that another cfp-put began is completed, whatever ended that one.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::Sandbox;
use crate::common::proxy::{Fault, Proxy};

const SIZE: usize = 9 << 20;

/// A file of the same bytes nowhere, and one that an interrupted upload of it has begun.
fn interrupted() -> Sandbox {
    let sandbox = Sandbox::new();
    let text: Vec<u8> = (0..SIZE as u32 / 4).flat_map(u32::to_le_bytes).collect();
    sandbox.write("f", text);
    sandbox.sh("touch -d @1000000000 f").success();
    begin(&sandbox, &[]);
    sandbox
}

/// Begins an upload through a proxy that cuts it. The address of the server is part of what is remembered, so the
/// daemon's own is given with a proxy in front.
fn begin(sandbox: &Sandbox, options: &[&str]) {
    let cutting = Proxy::new(sandbox.address(), [Fault::CutRequest(5 << 20)]);
    fs::write(sandbox.work().join("proxy"), &cutting.url).unwrap();
    let argv = [&["-s", &cutting.url, "--retry", "0", "f"], options].concat();
    sandbox.run("cfp-put", argv).stdout("").code(3);
    KEPT.with_borrow_mut(|kept| kept.push(cutting));
}

thread_local! {
    /// The proxies of this test, the last of which later uploads go through too: it cuts only once.
    static KEPT: std::cell::RefCell<Vec<Proxy>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Stores the file, and returns how many bytes were sent for it.
fn sent(sandbox: &Sandbox, options: &[&str]) -> usize {
    KEPT.with_borrow(|kept| {
        let proxy = kept.last().unwrap();
        let before = proxy.requests().len();
        let argv = [&["-s", &proxy.url, "f"], options].concat();
        sandbox.run("cfp-put", argv).stdout("").stderr("").success();
        proxy.requests().len() - before
    })
}

fn records(sandbox: &Sandbox) -> Vec<PathBuf> {
    let directory = sandbox.work().parent().unwrap().join("home/.local/state/cfp/uploads");
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn is_stored(sandbox: &Sandbox) -> bool {
    fs::metadata(sandbox.root().join("f")).is_ok_and(|meta| meta.mtime() == 1_000_000_000)
        && sandbox.stored("f") == fs::read(sandbox.work().join("f")).unwrap()
}

#[test]
fn an_interrupted_upload_goes_on_where_it_ended() {
    let sandbox = interrupted();
    let kept = records(&sandbox);
    assert_eq!(kept.len(), 1);
    assert_eq!(fs::metadata(&kept[0]).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(kept[0].parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(sent(&sandbox, &["-c"]) < SIZE - (2 << 20));
    assert!(is_stored(&sandbox));
    assert_eq!(records(&sandbox), [""; 0].map(PathBuf::from));
    // There is nothing to resume any more.
    assert!(sent(&sandbox, &["-c"]) > SIZE);
    assert_eq!(records(&sandbox).len(), 0);
}

#[test]
fn an_upload_of_another_file_or_under_another_condition_begins_anew() {
    let sandbox = interrupted();
    assert!(sent(&sandbox, &["-c", "--as", "g"]) > SIZE);
    assert!(sent(&sandbox, &["-cn"]) > SIZE);
    sandbox.run("cfp-rm", ["f"]).success();
    sandbox.sh("printf x >> f; touch -d @1000000000 f").success();
    assert!(sent(&sandbox, &["-c"]) > SIZE);
    assert!(is_stored(&sandbox));
    assert_eq!(records(&sandbox).len(), 1, "the first one is still interrupted");
}

#[test]
fn an_upload_of_a_file_that_has_changed_and_kept_size_and_time_begins_anew() {
    let sandbox = interrupted();
    sandbox.sh("printf x | dd of=f conv=notrunc status=none; touch -d @1000000000 f").success();
    assert!(sent(&sandbox, &["-c"]) > SIZE);
    assert!(is_stored(&sandbox));
}

#[test]
fn an_upload_that_the_server_has_no_more_begins_anew() {
    let sandbox = interrupted();
    sandbox.sh(&format!("rm -rf '{}'/.cfpd-uploads/*", sandbox.root().display())).success();
    assert!(sent(&sandbox, &["-c"]) > SIZE);
    assert!(is_stored(&sandbox));
    assert_eq!(records(&sandbox).len(), 0);
}

#[test]
fn a_lost_upload_begins_anew_also_for_a_user_who_may_not_read_what_is_stored() {
    // Without a name the answer is 401, with one 403.
    for who in ["alice", "*"] {
        let sandbox = Sandbox::guarded(&[], &format!("allow create {who} /\n"));
        if who == "alice" {
            let login = sandbox.work().with_file_name("home").join(".netrc");
            fs::write(&login, "machine 127.0.0.1 login alice password wonderland\n").unwrap();
            fs::set_permissions(&login, fs::Permissions::from_mode(0o600)).unwrap();
        }
        sandbox.write("f", vec![b'x'; SIZE]);
        begin(&sandbox, &[]);
        assert_eq!(records(&sandbox).len(), 1, "{who}");
        sandbox.sh(&format!("rm -rf '{}'/.cfpd-uploads/*", sandbox.root().display())).success();
        assert!(sent(&sandbox, &["-c"]) > SIZE, "{who}");
        assert_eq!(sandbox.stored("f").len(), SIZE, "{who}");
    }
}

#[test]
fn an_upload_that_could_not_be_resumed_is_not_mixed_with_the_next_one() {
    let sandbox = Sandbox::new();
    sandbox.write("f", vec![b'x'; SIZE]);
    let proxy = Proxy::new(sandbox.address(), [Fault::CutRequest(5 << 20), Fault::LoseRequest(0)]);
    sandbox.run("cfp-put", ["-s", &proxy.url, "--retry", "0", "f"]).code(3);
    let remembered = || records(&sandbox).iter().map(|record| fs::read(record).unwrap()).collect::<Vec<_>>();
    let before = remembered();
    assert_eq!(before.len(), 1);
    // The server has the pipe in segments of an upload of its own.
    let put = format!("cfp-put -s {} --retry 0 -c f pipe", proxy.url);
    sandbox.sh(&format!("mkfifo pipe; cat f f >pipe & {put}; code=$?; wait; exit $code")).code(3);
    assert_eq!((sandbox.stored("pipe").len(), remembered()), (2 * SIZE, before));
}

#[test]
fn a_killed_cfp_put_leaves_an_upload_to_resume() {
    let sandbox = Sandbox::new();
    sandbox.write("f", vec![b'x'; SIZE]);
    sandbox.sh("touch -d @1000000000 f").success();
    // The kill comes while the server has a part of it.
    let (tell, pid) = std::sync::mpsc::channel::<u32>();
    let act = move || kill(Pid::from_raw(pid.recv().unwrap().cast_signed()), Signal::SIGKILL).unwrap();
    let proxy = Proxy::new(sandbox.address(), [Fault::ActAndCutRequest(5 << 20, Box::new(act))]);
    let mut put = sandbox.command("cfp-put").args(["-s", &proxy.url, "f"]).spawn().unwrap();
    tell.send(put.id()).unwrap();
    assert!(!put.wait().unwrap().success());
    assert_eq!(records(&sandbox).len(), 1);
    KEPT.with_borrow_mut(|kept| kept.push(proxy));
    assert!(sent(&sandbox, &["-c"]) < SIZE - (2 << 20));
    assert!(is_stored(&sandbox));
}

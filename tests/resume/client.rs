//! cfp-put when the way or the daemon breaks: what came is not sent again, and what is stored is what was meant.

use std::fs;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use assert_cmd::assert::Assert;

use super::wire::{bytes, kept};
use crate::common::proxy::{Fault, Proxy};
use crate::common::{HANG, Sandbox};

const MIB: usize = 1024 * 1024;
/// Long enough for cfp-put to have it gone on with.
const LONG: usize = 9 * MIB;

/// A daemon that a fault may kill while cfp-put runs.
type Shared = Arc<Mutex<Sandbox>>;

/// A daemon, and a file `f` of so many bytes to be sent to it.
fn furnished(size: usize) -> (Shared, Vec<u8>) {
    let (sandbox, all) = (Sandbox::new(), bytes(size));
    sandbox.write("f", &all);
    (Arc::new(Mutex::new(sandbox)), all)
}

fn proxy(sandbox: &Shared, faults: impl IntoIterator<Item = Fault>) -> Proxy {
    Proxy::new(sandbox.lock().unwrap().address(), faults)
}

/// Runs cfp-put, the daemon free to be killed meanwhile.
fn put(sandbox: &Shared, proxy: &Proxy, argv: &[&str]) -> Assert {
    let mut command = sandbox.lock().unwrap().command("cfp-put");
    command.args(["-s", &proxy.url]).args(argv);
    assert_cmd::Command::from_std(command).timeout(HANG).assert()
}

/// Cuts the requests of a connection there, after this was done to the daemon.
fn cut_after(sandbox: &Shared, place: usize, act: impl FnOnce(&mut Sandbox) + Send + 'static) -> Fault {
    let sandbox = sandbox.clone();
    Fault::ActAndCutRequest(place, Box::new(move || act(&mut sandbox.lock().unwrap())))
}

fn restart(sandbox: &mut Sandbox) {
    sandbox.kill();
    sandbox.start_again();
}

fn is_stored(sandbox: &Shared, all: &[u8]) -> bool {
    let sandbox = sandbox.lock().unwrap();
    kept(&sandbox).is_empty() && fs::read(sandbox.root().join("f")).is_ok_and(|stored| stored == all)
}

/// How often the requests hold this.
fn count(proxy: &Proxy, part: &str) -> usize {
    proxy.requests().windows(part.len()).filter(|window| *window == part.as_bytes()).count()
}

#[test]
fn an_upload_that_breaks_goes_on_where_it_broke() {
    let (sandbox, all) = furnished(64 * MIB);
    // In the PUT, in a PATCH, in the HEAD before one, and in the head of one.
    let places = [20 * MIB, 10 * MIB, 50, 400, 30 * MIB];
    let proxy = proxy(&sandbox, places.map(Fault::CutRequest));
    put(&sandbox, &proxy, &["f"]).stdout("").stderr("").success();
    assert!(is_stored(&sandbox, &all));
    assert_eq!(count(&proxy, "PUT /f HTTP/1.1\r\n"), 1);
    let sent = proxy.requests().len();
    assert!(sent < 64 * MIB * 6 / 5, "{sent} bytes were sent");
}

#[test]
fn a_daemon_killed_three_times_on_the_way_costs_no_second_upload() {
    let (sandbox, all) = furnished(64 * MIB);
    let killed = |place| cut_after(&sandbox, place, restart);
    let proxy = proxy(&sandbox, [20 * MIB, 15 * MIB, 15 * MIB].map(killed));
    put(&sandbox, &proxy, &["f"]).stdout("").stderr("").success();
    assert!(is_stored(&sandbox, &all));
    assert_eq!(count(&proxy, "PUT /f HTTP/1.1\r\n"), 1);
    let sent = proxy.requests().len();
    assert!(sent < 64 * MIB * 6 / 5, "{sent} bytes were sent");
}

#[test]
fn an_upload_that_is_not_tried_again_stays_for_who_goes_on() {
    let (sandbox, _) = furnished(LONG);
    let proxy = proxy(&sandbox, [Fault::CutRequest(MIB)]);
    put(&sandbox, &proxy, &["--retry", "0", "f"]).code(3);
    let sandbox = sandbox.lock().unwrap();
    assert_eq!(kept(&sandbox).len(), 1);
    sandbox.run("cfp-ls", [""; 0]).stdout("").success();
}

#[test]
fn what_stands_there_meanwhile_is_guarded_to_the_end() {
    for (argv, code) in [(&["-n", "f"][..], 1), (&["--if-match", "*", "f"], 4)] {
        let (sandbox, all) = furnished(LONG);
        if code == 4 {
            sandbox.lock().unwrap().keep("f", "ours");
        }
        let meddle = cut_after(&sandbox, MIB, move |sandbox| match code {
            1 => drop(sandbox.keep("f", "theirs")),
            _ => fs::remove_file(sandbox.root().join("f")).unwrap(),
        });
        put(&sandbox, &proxy(&sandbox, [meddle]), argv).stdout("").code(code);
        let stored = fs::read(sandbox.lock().unwrap().root().join("f")).ok();
        assert_eq!(stored.as_deref(), (code == 1).then_some(&b"theirs"[..]));
        // And where nobody came between, a guard is no reason to begin again.
        fs::remove_file(sandbox.lock().unwrap().root().join("f")).ok();
        if code == 4 {
            sandbox.lock().unwrap().keep("f", "ours");
        }
        put(&sandbox, &proxy(&sandbox, [Fault::CutRequest(MIB)]), argv).stdout("").stderr("").success();
        assert!(is_stored(&sandbox, &all));
    }
}

#[test]
fn an_upload_whose_last_answer_was_lost_is_known_to_be_stored() {
    // The daemon remembers what has ended; another daemon can only look at what is stored.
    for (is_another, argv) in [(false, &["f"][..]), (true, &["f"]), (true, &["-n", "f"])] {
        let (sandbox, all) = furnished(LONG);
        let shared = sandbox.clone();
        let lose = move || {
            if is_another {
                restart(&mut shared.lock().unwrap());
            }
        };
        let interim = format!(
            "HTTP/1.1 104 Upload Resumption Supported\r\nLocation: /.cfpd/uploads/{}\r\n\
             Upload-Limit: max-size=1099511627776, max-age=86400\r\nUpload-Draft-Interop-Version: 8\r\n\r\n\
             HTTP/1.1 100 Continue\r\n\r\n",
            "0".repeat(32)
        );
        let proxy = proxy(&sandbox, [Fault::CutAnswer(interim.len() + 3, Box::new(lose))]);
        put(&sandbox, &proxy, argv).stdout("").stderr("").success();
        assert!(is_stored(&sandbox, &all));
        assert!(proxy.requests().len() < LONG * 6 / 5);
    }
}

#[test]
fn an_upload_the_daemon_lost_begins_again_where_that_means_the_same() {
    for (argv, code) in [(&["f"][..], 0), (&["-n", "f"], 3)] {
        let (sandbox, all) = furnished(LONG);
        let lose = cut_after(&sandbox, MIB, |sandbox| {
            sandbox.kill();
            fs::remove_dir_all(sandbox.root().join(".cfpd-uploads")).unwrap();
            sandbox.start_again();
        });
        put(&sandbox, &proxy(&sandbox, [lose]), argv).code(code);
        assert_eq!(is_stored(&sandbox, &all), code == 0);
    }
}

#[test]
fn what_is_damaged_in_a_piece_is_not_stored() {
    let (sandbox, all) = furnished(LONG);
    let damaging = || proxy(&sandbox, [Fault::CutRequest(MIB), Fault::Damage(4 * MIB)]);
    put(&sandbox, &damaging(), &["-n", "f"]).stderr("cfp-put: :f: arrived damaged\n").code(3);
    sandbox.lock().unwrap().run("cfp-ls", [""; 0]).stdout("").success();
    assert_eq!(kept(&sandbox.lock().unwrap()), [""; 0]);
    // Where that means the same all of it is sent again.
    put(&sandbox, &damaging(), &["f"]).stdout("").stderr("").success();
    assert!(is_stored(&sandbox, &all));
}

#[test]
fn a_file_that_changed_before_the_upload_went_on_is_not_stored_half_and_half() {
    let (sandbox, mut all) = furnished(LONG);
    all[5] ^= 1;
    let changed = all[5];
    // In its place: a file that is written anew is shorter for a moment.
    let change = cut_after(&sandbox, MIB, move |sandbox| {
        let file = fs::File::options().write(true).open(sandbox.work().join("f")).unwrap();
        file.write_all_at(&[changed], 5).unwrap();
    });
    // The digest of the whole is that of what the file holds now, not of what was sent of it.
    put(&sandbox, &proxy(&sandbox, [change]), &["f"]).success();
    assert!(is_stored(&sandbox, &all));
}

#[test]
fn what_is_short_coded_or_filtered_is_sent_as_one_and_begun_again() {
    let (sandbox, all) = furnished(LONG);
    sandbox.lock().unwrap().write("short", "short");
    for argv in [&["short"][..], &["-z", "always", "f"]] {
        let proxy = proxy(&sandbox, [Fault::CutRequest(100)]);
        put(&sandbox, &proxy, argv).stdout("").stderr("").success();
        assert_eq!((count(&proxy, "Upload-Complete"), count(&proxy, "PATCH ")), (0, 0));
    }
    assert!(is_stored(&sandbox, &all));
}

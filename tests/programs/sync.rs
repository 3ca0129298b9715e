//! cfp-sync: both directions make what rsync makes; nothing is lost where something goes wrong.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::stranger::Stranger;
use crate::common::proxy::{Fault, Proxy};
use crate::common::terminal::Terminal;
use crate::common::{Runner, Sandbox, need};

/// What is beneath a directory: each path with the content and the second of a file; without one for a directory. What
/// the daemon has not made visible is left out.
type Tree = BTreeMap<Vec<u8>, Option<(Vec<u8>, i64)>>;

fn tree(root: &Path) -> Tree {
    let (mut found, mut waiting) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
            if entry.file_name().as_bytes().starts_with(b".cfpd-") {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                found.insert(name, None);
                waiting.push(path);
            } else {
                let content = fs::read(&path).unwrap();
                found.insert(name, Some((content, fs::metadata(&path).unwrap().mtime())));
            }
        }
    }
    found
}

fn write(root: &Path, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>, seconds: u64) -> PathBuf {
    let path = root.join(OsStr::from_bytes(name.as_ref()));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    set_time(&path, seconds);
    path
}

fn set_time(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(700);
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

/// A source with everything that a tree may hold, and something else at its place in the other tree.
fn furnish(from: &Path, to: &Path) {
    let names: [&[u8]; 8] = [
        b"a",
        b"d/deep/er/f",
        b"d/g",
        b"new\nline",
        b"\x1b[31m",
        b"caf\xe9",
        b" %41 #?;",
        "d/\u{202e}x".as_bytes(),
    ];
    for (at, name) in names.into_iter().enumerate() {
        write(from, name, [name, b" content"].concat(), 1_500_000_000 + at as u64);
    }
    write(from, "empty file", "", 0);
    write(from, "large", vec![b'x'; 3 << 20], 1_400_000_000);
    fs::create_dir_all(from.join("empty/inner")).unwrap();
    // The same size and another time, another size and the same time, the same of both, a kind for another, and more.
    write(to, "a", "a content", 1_500_000_001);
    write(to, "d/g", "short", 1_500_000_002);
    write(to, "caf\u{e9}", "of another name", 7);
    write(to, b"new\nline", b"new\nline content", 1_500_000_003);
    write(to, "large/is/a directory", "no", 5);
    write(to, "empty", "is a file", 5);
    write(to, "gone", "by", 5);
    write(to, "also/gone/f", "by", 5);
    fs::create_dir_all(to.join("d/gone")).unwrap();
}

#[test]
fn both_directions_make_what_rsync_makes_of_the_same_trees() {
    if !need::programs(&["rsync"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let (work, root) = (sandbox.work(), sandbox.root());
    let (up, down, model) = (root.join("up"), work.join("down"), work.join("model"));
    furnish(&work.join("local"), &up);
    furnish(&root.join("stored"), &down);
    furnish(&work.join("local"), &model);
    sandbox.sh("rsync -a --delete local/ model");
    sandbox.run("cfp-sync", ["--delete", "local", ":up/"]).success().stderr("");
    sandbox.run("cfp-sync", ["--delete", ":stored/", "down"]).success().stderr("");
    assert_eq!(tree(&up), tree(&model));
    assert_eq!(tree(&down), tree(&model));
    for operands in [["local/", ":up"], [":stored", "down/"]] {
        let all = "0 sent (0 bytes), 0 deleted, 10 unchanged\n";
        sandbox.run("cfp-sync", ["--delete"].into_iter().chain(operands)).success().stdout(all).stderr("");
    }
}

#[test]
fn a_dry_run_changes_nothing_and_lists_what_the_run_then_does() {
    let sandbox = Sandbox::new();
    let (work, root) = (sandbox.work(), sandbox.root());
    for (from, to, operands, shown) in [
        (work.join("local"), root.join("up"), ["local", ":up/"], ":up"),
        (root.join("stored"), work.join("down"), [":stored/", "down"], "down"),
    ] {
        furnish(&from, &to);
        let before = tree(&to);
        let run = |options: &[&str]| {
            let said = sandbox.run("cfp-sync", options.iter().chain(&operands)).success().stderr("");
            String::from_utf8(said.get_output().stdout.clone()).unwrap()
        };
        let listed = run(&["-n", "--delete"]);
        assert_eq!(tree(&to), before);
        let expected = "\
send S/\\x1b[31m
send S/ %41 #?;
send S/a
send S/caf\\xe9
send S/d/deep/er/f
send S/d/g
make S/d/deep/
make S/d/deep/er/
send S/d/\\xe2\\x80\\xaex
send S/empty file
delete S/also/
delete S/caf\u{e9}
delete S/d/gone/
delete S/empty
make S/empty/
make S/empty/inner/
delete S/gone
delete S/large/
send S/large
9 to send (3145822 bytes), 6 to delete, 1 unchanged
";
        let sorted = |text: &str| {
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&listed), sorted(&expected.replace("S/", &format!("{shown}/"))));
        let done = run(&["--delete"]);
        let sums = listed.lines().last().unwrap().replace("to send", "sent").replace("to delete", "deleted");
        assert_eq!(done.trim_end(), sums);
        assert_eq!(tree(&to), tree(&from));
    }
    // A directory that is not there yet is not made either.
    sandbox.run("cfp-sync", ["-n", "local", ":new/"]).success();
    sandbox.run("cfp-sync", ["-n", ":stored/", "new"]).success();
    assert!(!root.join("new").exists() && !work.join("new").exists());
}

#[test]
fn what_is_excluded_or_not_included_is_neither_sent_nor_deleted() {
    let sandbox = Sandbox::new();
    let (work, root) = (sandbox.work(), sandbox.root());
    for (from, to, operands) in [
        (work.join("local"), root.join("up"), ["local", ":up/"]),
        (root.join("stored"), work.join("down"), [":stored/", "down"]),
    ] {
        for name in ["a.txt", "a.tmp", "d/b.txt", "d/b.tmp", "cache/c.txt", "only/x.tmp"] {
            write(&from, name, "from", 1);
        }
        let old = ["old.txt", "old.tmp", "gone/b.txt", "gone/b.tmp", "all/x.txt", "cache/k.txt", "d/cache/k"];
        for name in old {
            write(&to, name, "to", 1);
        }
        let names = || tree(&to).into_keys().map(|name| String::from_utf8(name).unwrap()).collect::<Vec<_>>();
        let options = ["--delete", "--exclude", "*.tmp", "--exclude", "cache/"];
        sandbox.run("cfp-sync", options.into_iter().chain(operands)).success().stderr("");
        let kept = [
            "a.txt",
            "cache",
            "cache/k.txt",
            "d",
            "d/b.txt",
            "d/cache",
            "d/cache/k",
            "gone",
            "gone/b.tmp",
            "old.tmp",
            "only",
        ];
        assert_eq!(names(), kept);
        fs::remove_dir_all(&to).unwrap();
        sandbox.run("cfp-sync", ["--include", "b.*"].into_iter().chain(operands)).success().stderr("");
        assert_eq!(names(), ["d", "d/b.tmp", "d/b.txt"]);
        // What stays because it is excluded keeps its directory, in whose place no file comes.
        write(&to, "a.txt/x.tmp", "", 1);
        let said = sandbox.run("cfp-sync", options.into_iter().chain(operands)).code(2);
        let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
        assert!(said.contains("a.txt/: is in the way, and holds names that are excluded"), "{said}");
    }
}

#[test]
fn a_checksum_finds_a_change_of_the_same_size_and_time() {
    let sandbox = Sandbox::new();
    let (work, root) = (sandbox.work(), sandbox.root());
    for (from, to, operands) in [
        (work.join("local"), root.join("up"), ["local", ":up/"]),
        (root.join("stored"), work.join("down"), [":stored/", "down"]),
    ] {
        write(&from, "changed", "old", 5);
        write(&from, "touched", "same", 5);
        sandbox.run("cfp-sync", operands).success();
        write(&from, "changed", "new", 5);
        set_time(&to.join("touched"), 9);
        let sums = |sums: &str| format!("{sums}, 0 deleted, 1 unchanged\n");
        sandbox.run("cfp-sync", ["-n"].iter().chain(&operands)).success();
        let checked = sandbox.run("cfp-sync", ["--checksum"].iter().chain(&operands)).success();
        checked.stdout(sums("1 sent (3 bytes)"));
        assert_eq!(fs::read(to.join("changed")).unwrap(), b"new");
        // Without the digest the time of the other file counts.
        sandbox.run("cfp-sync", operands).success().stdout(sums("1 sent (4 bytes)"));
    }
}

#[test]
fn a_name_of_another_kind_is_replaced_with_delete_only_and_the_rest_is_sent() {
    let sandbox = Sandbox::new();
    let (work, root) = (sandbox.work(), sandbox.root());
    for (from, to, operands, shown) in [
        (work.join("local"), root.join("up"), ["local", ":up/"], ":up"),
        (root.join("stored"), work.join("down"), [":stored/", "down"], "down"),
    ] {
        write(&from, "f", "a file", 1);
        write(&from, "d/x", "in a directory", 1);
        write(&from, "z", "the rest", 1);
        write(&to, "f/x", "in a directory", 1);
        write(&to, "d", "a file", 1);
        let kinds = [
            format!("cfp-sync: {shown}/d: is a file, and a directory in FROM: --delete replaces it\n"),
            format!("cfp-sync: {shown}/f/: is a directory, and a file in FROM: --delete replaces it\n"),
        ];
        let sums = "1 sent (8 bytes), 0 deleted, 0 unchanged, 2 failed\n";
        sandbox.run("cfp-sync", operands).code(2).stdout(sums).stderr(kinds.concat());
        assert_eq!(fs::read(to.join("d")).unwrap(), b"a file");
        sandbox.run("cfp-sync", ["--delete"].iter().chain(&operands)).success().stderr("");
        assert_eq!(tree(&to), tree(&from));
    }
}

#[test]
fn a_source_that_is_not_there_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.keep("d/f", "kept");
    sandbox.write("e/f", "kept");
    for (operands, said) in [
        (["none", ":d/"], "cfp-sync: none: no such file or directory\n"),
        (["e/f", ":d/"], "cfp-sync: e/f: not a directory\n"),
        (["none", ":new/"], "cfp-sync: none: no such file or directory\n"),
    ] {
        sandbox.run("cfp-sync", ["--delete"].iter().chain(&operands)).code(2).stdout("").stderr(said);
    }
    for from in [":none/", ":d/f/"] {
        sandbox.run("cfp-sync", ["--delete", from, "e"]).code(2).stdout("");
    }
    assert_eq!(sandbox.all_stored(), ["d", "d/f"]);
    assert_eq!(tree(&sandbox.work()).len(), 2);
    // An empty one is a source: everything else goes.
    fs::create_dir(sandbox.work().join("empty")).unwrap();
    sandbox.run("cfp-sync", ["--delete", "empty", ":d/"]).success();
    assert_eq!(sandbox.all_stored(), ["d"]);
    // The other directory must be one.
    sandbox.keep("file", "");
    sandbox.run("cfp-sync", ["e", ":file/"]).code(2).stdout("");
    sandbox.run("cfp-sync", [":d/", "e/f"]).code(2).stdout("");
    assert_eq!(
        (sandbox.stored("file"), fs::read(sandbox.work().join("e/f")).unwrap()),
        (vec![], b"kept".to_vec())
    );
}

#[test]
fn wrong_use_says_what_to_do() {
    let sandbox = Sandbox::new();
    for (operands, what) in [
        (["a", "b"], "FROM and TO are both local: write the one on the server as :DIR/"),
        ([":a/", ":b/"], "FROM and TO are both on the server: cfp-cp copies there"),
        (["-", ":b/"], "FROM and TO are directories, not a standard stream"),
    ] {
        let said = format!("cfp-sync: {what}, see cfp-sync --help\n");
        sandbox.run("cfp-sync", operands).code(2).stdout("").stderr(said);
    }
    sandbox.run("cfp-sync", ["--exclude", "[", "a", ":b/"]).code(2).stdout("");
}

#[test]
fn nothing_is_deleted_where_something_was_refused_and_the_rest_is_sent() {
    let sandbox = Sandbox::new();
    let local = sandbox.work().join("local");
    write(&local, ".cfpd-mine", "a name of the daemon", 1);
    write(&local, "a", "first", 1);
    write(&local, "z", "last", 1);
    sandbox.keep("up/old", "kept");
    let said = sandbox.run("cfp-sync", ["--delete", "local", ":up/"]).code(2);
    let said = said.stdout("2 sent (9 bytes), 0 deleted, 0 unchanged, 1 failed\n");
    let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    let lines: Vec<_> = said.lines().collect();
    assert!(lines[0].contains(".cfpd-mine: belongs to the daemon"), "{said}");
    assert_eq!(lines[1..], ["cfp-sync: nothing is deleted, because not everything could be read and sent"]);
    assert_eq!(sandbox.all_stored(), ["up", "up/a", "up/old", "up/z"]);
}

#[test]
fn nothing_is_deleted_where_a_directory_cannot_be_read() {
    let sandbox = Sandbox::new();
    let root = sandbox.root();
    write(&root, "stored/d/f", "kept", 1);
    write(&root, "stored/g", "new", 1);
    write(&sandbox.work(), "down/d/f", "kept", 1);
    write(&sandbox.work(), "down/old", "kept", 1);
    let lose = |after| Fault::LoseAnswer(after, Box::new(|| {}));
    let cut = |place| Fault::CutAnswer(place, Box::new(|| {}));
    // The list of the second directory does not come, twice; the one of the first is cut.
    for faults in [vec![lose(1), lose(0)], vec![cut(450)]] {
        let proxy = Proxy::new(sandbox.address(), faults);
        let args = ["--delete", "-j1", "--retry=0", "-s", &proxy.url, ":stored/", "down"];
        let said = sandbox.run("cfp-sync", args).code(3);
        let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
        for kept in ["down/d/f", "down/old"] {
            assert!(sandbox.work().join(kept).exists(), "{kept}: {said}");
        }
    }
}

#[test]
fn nothing_is_deleted_where_the_daemon_cannot_read_a_directory() {
    if !need::root() {
        return;
    }
    let user = nix::unistd::User::from_name("nobody").unwrap();
    let runner = Runner { user, ..Runner::default() };
    let sandbox = Sandbox::run_by(runner, &[], |root| {
        write(root, "stored/d/f", "kept", 1);
        write(root, "stored/g", "new", 1);
        fs::set_permissions(root.join("stored/d"), fs::Permissions::from_mode(0o700)).unwrap();
    });
    write(&sandbox.work(), "down/d/f", "kept", 1);
    write(&sandbox.work(), "down/old", "kept", 1);
    let said = sandbox.run("cfp-sync", ["--delete", ":stored/", "down"]).code(2);
    said.stdout("1 sent (3 bytes), 0 deleted, 0 unchanged, 1 failed\n");
    let names: Vec<_> = tree(&sandbox.work().join("down")).into_keys().collect();
    assert_eq!(names, [&b"d"[..], b"d/f", b"g", b"old"]);
}

#[test]
fn a_write_that_came_between_is_kept_and_the_rest_is_sent() {
    let sandbox = Sandbox::new();
    let local = sandbox.work().join("local");
    for name in ["a", "b", "c"] {
        write(&local, name, "of this tree", 1);
    }
    for existing in [true, false] {
        if existing {
            sandbox.keep("up/b", "old");
        } else {
            fs::remove_dir_all(sandbox.root().join("up")).unwrap();
        }
        fs::create_dir_all(sandbox.root().join("up")).unwrap();
        // The request for b begins behind the list and the one for a.
        let whole = Proxy::new(sandbox.address(), []);
        sandbox.run("cfp-sync", ["-n", "-s", &whole.url, "local", ":up/"]).success();
        let list = whole.requests().len();
        let path = sandbox.root().join("up/b");
        let act = move || fs::write(path, "of somebody else").unwrap();
        fs::remove_file(local.join("a")).unwrap();
        let proxy = Proxy::new(sandbox.address(), [Fault::ActAndCutRequest(list + 10, Box::new(act))]);
        let said = sandbox.run("cfp-sync", ["-j1", "--delete", "-s", &proxy.url, "local", ":up/"]).code(4);
        let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
        assert_eq!(said, "cfp-sync: :up/b: was changed by somebody else meanwhile: left as it is\n");
        assert_eq!(sandbox.stored("up/b"), b"of somebody else");
        assert_eq!(sandbox.stored("up/c"), b"of this tree");
        write(&local, "a", "of this tree", 1);
    }
}

#[test]
fn a_local_change_that_came_between_is_kept_too() {
    let sandbox = Sandbox::new();
    let down = sandbox.work().join("down");
    write(&sandbox.root(), "stored/b", vec![b'x'; 300_000], 1);
    write(&sandbox.root(), "stored/c", "of this tree", 1);
    for existing in [true, false] {
        if existing {
            write(&down, "b", "old", 1);
        } else {
            fs::remove_dir_all(&down).unwrap();
            fs::create_dir(&down).unwrap();
        }
        let path = down.join("b");
        let act = move || fs::write(path, "of somebody else").unwrap();
        let proxy = Proxy::new(sandbox.address(), [Fault::CutAnswer(200_000, Box::new(act))]);
        let said = sandbox.run("cfp-sync", ["-j1", "-s", &proxy.url, ":stored/", "down"]).code(4);
        let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
        assert_eq!(said, "cfp-sync: down/b: was changed by somebody else meanwhile: left as it is\n");
        assert_eq!(fs::read(down.join("b")).unwrap(), b"of somebody else");
        assert_eq!(fs::read(down.join("c")).unwrap(), b"of this tree");
    }
}

#[test]
fn what_is_written_to_while_it_is_sent_is_not_stored() {
    let sandbox = Sandbox::new();
    let file = write(&sandbox.work(), "local/f", vec![b'x'; 2 << 20], 1);
    let stranger = Stranger::new();
    let mut command = sandbox.command("cfp-sync");
    command.args(["-j1", "-q", "--retry=0", "-s", &stranger.url(), "local", ":"]).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let list = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n".to_owned();
    // The request waits for leave to send so much.
    let mut stream = stranger.answer_and_stall(&[list], "");
    fs::File::options().write(true).open(&file).unwrap().write_all(b"y").unwrap();
    stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
    let mut body = Vec::new();
    // A cut may come as a reset.
    let _ = stream.read_to_end(&mut body);
    assert!(!body.windows(5).any(|window| window == b"\r\n0\r\n"));
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(3));
}

#[test]
fn an_interrupted_run_leaves_nothing_partial_and_the_next_one_finishes() {
    let sandbox = Sandbox::new();
    let (work, root) = (sandbox.work(), sandbox.root());
    let contents: Vec<_> = (0..40_u8).map(|number| vec![number; 50_000]).collect();
    for (number, content) in contents.iter().enumerate() {
        write(&work, format!("local/d{}/{number}", number % 3), content, 1_000 + number as u64);
        write(&root, format!("stored/d{}/{number}", number % 3), content, 1_000 + number as u64);
    }
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        for (from, to, operands) in [
            (work.join("local"), root.join("up"), ["local", ":up/"]),
            (root.join("stored"), work.join("down"), [":stored/", "down"]),
        ] {
            let _ = fs::remove_dir_all(&to);
            write(&to, "old", "is deleted last", 1);
            let (sender, pid) = mpsc::channel::<i32>();
            let act = move || {
                let pid = Pid::from_raw(pid.recv().unwrap());
                kill(pid, signal).unwrap();
            };
            let fault = match to.starts_with(&root) {
                true => Fault::ActAndCutRequest(700_000, Box::new(act)),
                false => Fault::CutAnswer(700_000, Box::new(act)),
            };
            let proxy = Proxy::new(sandbox.address(), [fault]);
            let mut command = sandbox.command("cfp-sync");
            command.args(["--delete", "-j1", "-s", &proxy.url]).args(operands).stderr(Stdio::piped());
            let child = command.spawn().unwrap();
            sender.send(child.id().try_into().unwrap()).unwrap();
            assert!(!child.wait_with_output().unwrap().status.success());
            let (whole, made) = (tree(&from), tree(&to));
            let files = made.iter().filter(|(_, file)| file.is_some()).count();
            assert!((2..40).contains(&files), "{files}");
            for (name, file) in made {
                // Only SIGKILL leaves a staged file, under a name of its own.
                let is_staged = signal == Signal::SIGKILL && name.windows(5).any(|part| part == b".cfp-");
                assert!(name == b"old" || is_staged || whole.get(&name) == Some(&file), "{name:?}");
            }
            sandbox.run("cfp-sync", ["--delete"].iter().chain(&operands)).success().stderr("");
            assert_eq!(tree(&to), whole);
        }
    }
}

#[test]
fn a_link_to_a_directory_is_left_out_and_never_followed() {
    let sandbox = Sandbox::new();
    let (work, root) = (sandbox.work(), sandbox.root());
    for (from, to, outside, operands, shown) in [
        (work.join("local"), root.join("up"), root.join("out"), ["local", ":up/"], "local"),
        (root.join("stored"), work.join("down"), work.join("out"), [":stored/", "down"], ":stored"),
    ] {
        write(&from, "f", "a file", 1);
        fs::create_dir_all(from.join("here")).unwrap();
        symlink("..", from.join("here/loop")).unwrap();
        symlink("f", from.join("to-f")).unwrap();
        write(&outside, "kept", "outside of the tree", 1);
        fs::create_dir_all(&to).unwrap();
        symlink("../out", to.join("gone")).unwrap();
        // Locally a link is replaced; what is written to one on the server goes through it.
        if shown != "local" {
            symlink("../out/kept", to.join("f")).unwrap();
        }
        symlink("../out/kept", to.join("also-gone")).unwrap();
        let said = sandbox.run("cfp-sync", ["--delete", "--exclude=x"].iter().chain(&operands)).success();
        let why = if shown == "local" { "no file" } else { "a directory" };
        let line = format!("cfp-sync: {shown}/here/loop: is a symbolic link to {why}, left out\n");
        assert_eq!(String::from_utf8_lossy(&said.get_output().stderr), line);
        let names: Vec<_> = tree(&to).into_keys().collect();
        assert_eq!(names, [&b"f"[..], b"here", b"to-f"]);
        assert_eq!(fs::read(outside.join("kept")).unwrap(), b"outside of the tree");
        assert_eq!(fs::read(to.join("to-f")).unwrap(), b"a file");
    }
}

#[test]
fn many_small_files_go_over_several_connections_in_both_directions() {
    let sandbox = Sandbox::with(&["--no-sync"]);
    let (work, root) = (sandbox.work(), sandbox.root());
    for number in 0..1000 {
        write(&work, format!("local/{}/{number}", number % 7), format!("file {number}"), 1_000 + number);
    }
    for jobs in ["-j1", "-j16"] {
        let sums = "1000 sent (7890 bytes), 0 deleted, 0 unchanged\n";
        sandbox.run("cfp-sync", [jobs, "local", ":up/"]).success().stdout(sums).stderr("");
        sandbox.run("cfp-sync", [jobs, ":up/", "down"]).success().stdout(sums).stderr("");
        assert_eq!(tree(&root.join("up")), tree(&work.join("local")));
        assert_eq!(tree(&work.join("down")), tree(&work.join("local")));
        fs::create_dir(work.join("empty")).unwrap();
        sandbox.run("cfp-sync", [jobs, "-q", "--delete", "empty", ":up/"]).success().stdout("").stderr("");
        sandbox.run("cfp-sync", [jobs, "-q", "--delete", ":up/", "down"]).success().stdout("").stderr("");
        assert_eq!((tree(&root.join("up")), tree(&work.join("down"))), (Tree::new(), Tree::new()));
        fs::remove_dir(work.join("empty")).unwrap();
    }
}

#[test]
fn an_unreadable_local_file_is_told_and_the_rest_is_sent() {
    if !need::root_and(&["setpriv"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let local = sandbox.work().join("local");
    let secret = write(&local, "secret", "not for others", 1);
    write(&local, "shared", "for others", 1);
    sandbox.keep("up/old", "kept");
    sandbox.sh("chmod 755 .. && chmod 777 ../tmp && chmod 600 local/secret && chmod 755 local");
    let there = sandbox.bring(&["cfp-sync"]).join("cfp-sync");
    let mut command: Command = sandbox.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(there);
    let said = command.args(["--delete", "local", ":up/"]).output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    let lines = "cfp-sync: local/secret: permission denied
cfp-sync: nothing is deleted, because not everything could be read and sent\n";
    assert_eq!(String::from_utf8_lossy(&said.stderr), lines);
    assert_eq!(sandbox.all_stored(), ["up", "up/old", "up/shared"]);
    drop(secret);
}

#[test]
fn a_rate_limits_all_connections_together() {
    let sandbox = Sandbox::with(&["--no-sync"]);
    for number in 0..8 {
        write(&sandbox.work(), format!("local/{number}"), vec![b'x'; 25_000], 1);
    }
    let begun = Instant::now();
    for operands in [["local", ":up/"], [":up/", "down"]] {
        sandbox.run("cfp-sync", ["--limit-rate", "200K", "-j8"].iter().chain(&operands)).success();
    }
    sandbox.run("cfp-put", ["--limit-rate", "200k", "local/0"]).success();
    sandbox.run("cfp-get", ["--limit-rate", "200k", "0"]).success();
    // Less than half of a second for each of the first two would be faster than all of it.
    assert!(begun.elapsed() > Duration::from_millis(1800), "{:?}", begun.elapsed());
    assert_eq!(tree(&sandbox.work().join("down")), tree(&sandbox.work().join("local")));
    for rate in ["0", "x", "-1", ""] {
        sandbox.run("cfp-get", ["--limit-rate", rate, "0"]).code(2).stdout("");
    }
}

#[test]
fn a_server_that_is_not_there_yet_is_waited_for_if_retries_are_asked_for() {
    let mut sandbox = Sandbox::new();
    sandbox.keep("f", "stored");
    sandbox.write("g", "local");
    sandbox.write("tree/h", "of a tree");
    let rows: [&[&str]; 4] = [
        &["cfp-get", "f"],
        &["cfp-put", "g"],
        &["cfp-put", "-n", "g", "--as", "i"],
        &["cfp-sync", "tree", ":tree/"],
    ];
    for argv in rows {
        sandbox.kill();
        sandbox.run(argv[0], &argv[1..]).code(3);
        let mut command = sandbox.command(argv[0]);
        command.args(&argv[1..]).args(["--retry=20", "-v"]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let refused = lines.next().unwrap().unwrap();
        assert!(refused.ends_with("retrying in 200 ms"), "{refused}");
        sandbox.start_again();
        lines.for_each(drop);
        assert!(child.wait().unwrap().success(), "{argv:?}");
    }
    assert_eq!(sandbox.all_stored(), ["f", "g", "i", "tree", "tree/h"]);
}

#[test]
fn a_password_is_asked_for_once_for_all_connections() {
    let sandbox = Sandbox::guarded(&[], "allow all alice /\n");
    for number in 0..20 {
        sandbox.write(&format!("local/{number}"), "mine");
    }
    let words = ["--ctty", "cfp-sync", "-u", "alice", "-j8", "local", ":up/"];
    let mut terminal = Terminal::start(&sandbox, "setsid", &words);
    terminal.expect("assword").press("wonderland\n").expect("20 sent (80 bytes)");
    assert_eq!(terminal.end(), Some(0));
    let args = ["-u", "alice", "-j8", "local", ":up/"];
    sandbox.write("wrong", "looking-glass\n");
    let mut command = sandbox.command("cfp-sync");
    let said = command.args(args).env("CFP_PASSWORD_FILE", "wrong").output().unwrap();
    assert_eq!((said.status.code(), said.stdout.as_slice()), (Some(2), &b""[..]));
}

#[test]
fn a_server_that_lists_what_is_elsewhere_is_not_believed() {
    let sandbox = Sandbox::new();
    sandbox.write("down/old", "kept");
    for name in ["../x", "a/x", "..", "x\\u0000"] {
        let line = format!(
            "{{\"name\":\"{name}\",\"type\":\"file\",\"size\":1,\"mtime\":\"2026-01-02T03:04:05Z\"}}\n"
        );
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length";
        let stranger = Stranger::new();
        let url = stranger.url();
        let server = stranger.answer(&[format!("{head}: {}\r\n\r\n{line}", line.len())]);
        let said = sandbox.run("cfp-sync", ["--delete", "-j1", "--retry=0", "-s", &url, ":", "down"]).code(3);
        said.stdout("");
        server.join().unwrap();
        assert_eq!(tree(&sandbox.work()).len(), 2, "{name}");
    }
}

#[test]
fn a_time_in_the_future_is_kept_and_the_file_not_fetched_again() {
    let sandbox = Sandbox::new();
    // 2100, also of a file that is fetched in parts.
    let (small, large) = ("small".as_bytes().to_vec(), vec![b'x'; 17 << 20]);
    for (name, content) in [("small", &small), ("large", &large)] {
        write(&sandbox.work(), format!("local/{name}"), content, 4_102_444_800);
    }
    let all = "2 sent (17825797 bytes), 0 deleted, 0 unchanged\n";
    sandbox.run("cfp-sync", ["local", ":up"]).success().stdout(all);
    sandbox.run("cfp-sync", [":up", "back"]).success().stdout(all);
    assert_eq!(tree(&sandbox.work().join("back")), tree(&sandbox.work().join("local")));
    sandbox.run("cfp-sync", [":up", "back"]).success().stdout("0 sent (0 bytes), 0 deleted, 2 unchanged\n");
}

#[test]
fn nothing_is_deleted_where_what_takes_the_place_of_another_kind_cannot_be_read() {
    if !need::root_and(&["setpriv"]) {
        return;
    }
    let secret = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    let user = nix::unistd::User::from_name("nobody").unwrap();
    let runner = Runner { user, ..Runner::default() };
    let furnish_source = |from: &Path, to: &Path| {
        secret(&write(from, "file", "not for others", 1));
        secret(&write(from, "directory/deep/f", "not for others", 1));
        write(from, "other", "for others", 1);
        write(to, "file/f", "kept", 1);
        write(to, "directory", "kept", 1);
        write(to, "other/f", "kept", 1);
        write(to, "old", "kept", 1);
    };
    let sandbox = Sandbox::run_by(runner, &[], |root| {
        furnish_source(&root.join("stored"), &root.join("up-of-others"));
        write(root, "up/file/f", "kept", 1);
        write(root, "up/directory", "kept", 1);
        write(root, "up/other/f", "kept", 1);
        write(root, "up/old", "kept", 1);
    });
    let work = sandbox.work();
    furnish_source(&work.join("local"), &work.join("down"));
    let up = sandbox.root().join("up");
    sandbox.sh("chmod 755 .. && chmod 777 ../tmp && chmod -R a+rwX down");
    let there = sandbox.bring(&["cfp-sync"]).join("cfp-sync");
    for (to, operands) in [(up, ["local", ":up/"]), (work.join("down"), [":stored/", "down"])] {
        let before = tree(&to);
        let mut command: Command = sandbox.command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&there);
        let said = command.arg("--delete").args(operands).output().unwrap();
        let text = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(2), "{text}");
        assert!(text.contains("nothing is deleted, because not everything could be read and sent"), "{text}");
        assert_eq!(tree(&to), before, "{text}");
    }
}

#[test]
fn nothing_makes_way_for_what_does_not_come_whole_and_nothing_else_is_deleted() {
    let sandbox = Sandbox::new();
    let down = sandbox.work().join("down");
    write(&sandbox.root(), "stored/a", vec![b'x'; 300_000], 1);
    write(&down, "a/f", "kept", 1);
    write(&down, "old", "kept", 1);
    let cut = Fault::CutAnswer(200_000, Box::new(|| {}));
    let proxy = Proxy::new(sandbox.address(), [cut]);
    let args = ["--delete", "-j1", "--retry=0", "-s", &proxy.url, ":stored/", "down"];
    let said = sandbox.run("cfp-sync", args).code(3);
    let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    let names: Vec<_> = tree(&down).into_keys().collect();
    assert_eq!(names, [&b"a"[..], b"a/f", b"old"], "{said}");
}

#[test]
fn what_is_not_covered_stays_where_the_other_tree_has_another_kind() {
    let sandbox = Sandbox::new();
    let (work, root) = (sandbox.work(), sandbox.root());
    for (from, to, operands, shown) in [
        (work.join("local"), root.join("up"), ["local", ":up/"], ":up"),
        (root.join("stored"), work.join("down"), [":stored/", "down"], "down"),
    ] {
        write(&from, "d/readme.md", "of no interest", 1);
        write(&to, "d", "kept", 1);
        let options = ["--delete", "--include", "*.txt"];
        let sums = "0 sent (0 bytes), 0 deleted, 0 unchanged\n";
        sandbox.run("cfp-sync", options.iter().chain(&operands)).success().stdout(sums).stderr("");
        assert_eq!(fs::read(to.join("d")).unwrap(), b"kept");
        // Where something would be sent, it is told.
        write(&from, "d/a.txt", "of interest", 1);
        write(&to, "old.txt", "kept", 1);
        let why = "is a file, and a directory in FROM: it stays, because it is excluded or not included";
        let rest = "cfp-sync: nothing is deleted, because not everything could be read and sent\n";
        let said = sandbox.run("cfp-sync", options.iter().chain(&operands)).code(2);
        said.stderr(format!("cfp-sync: {shown}/d: {why}\n{rest}"));
        assert_eq!(fs::read(to.join("d")).unwrap(), b"kept");
        assert!(to.join("old.txt").exists());
    }
}

#[test]
fn what_somebody_else_writes_into_a_directory_that_is_deleted_is_kept() {
    let sandbox = Sandbox::new();
    let (work, root) = (sandbox.work(), sandbox.root());
    for (from, to, operands, globs) in [
        (work.join("local"), root.join("up"), ["local", ":up/"], false),
        (work.join("local"), root.join("up"), ["local", ":up/"], true),
        (root.join("stored"), work.join("down"), [":stored/", "down"], false),
        (root.join("stored"), work.join("down"), [":stored/", "down"], true),
    ] {
        write(&from, "large", vec![b'x'; 300_000], 1);
        let _ = fs::remove_dir_all(&to);
        for name in ["gone/changed/f", "gone/new/f", "gone/same/f", "also-gone/f", "old"] {
            write(&to, name, "listed", 1);
        }
        // While the file is sent everything was listed, and nothing was deleted.
        let (changed, new) = (to.join("gone/changed/f"), to.join("gone/new/g"));
        let act = move || {
            fs::write(changed, "of somebody else").unwrap();
            fs::write(new, "of somebody else").unwrap();
        };
        let fault = match to.starts_with(&root) {
            true => Fault::ActAndCutRequest(200_000, Box::new(act)),
            false => Fault::CutAnswer(200_000, Box::new(act)),
        };
        let proxy = Proxy::new(sandbox.address(), [fault]);
        let mut command = sandbox.command("cfp-sync");
        command.args(["-j1", "--delete", "-s", &proxy.url]).args(operands);
        if globs {
            command.args(["--exclude", "*.tmp"]);
        }
        let said = command.output().unwrap();
        let text = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(4), "{text}");
        assert!(text.contains("gone/: is not empty: somebody else has written to it meanwhile"), "{text}");
        let left: Vec<_> = tree(&to).into_iter().collect();
        let left: Vec<_> = left.iter().map(|(name, _)| String::from_utf8_lossy(name)).collect();
        let expected = ["gone", "gone/changed", "gone/changed/f", "gone/new", "gone/new/g", "large"];
        assert_eq!(left, expected, "{text}");
        assert_eq!(fs::read(to.join("gone/changed/f")).unwrap(), b"of somebody else");
    }
}

#[test]
fn hard_links_and_links_into_the_tree_go_in_one_run() {
    let sandbox = Sandbox::new();
    let (work, root) = (sandbox.work(), sandbox.root());
    for (from, to, operands) in [
        (work.join("local"), root.join("up"), ["local", ":up/"]),
        (root.join("stored"), work.join("down"), [":stored/", "down"]),
    ] {
        write(&from, "kept", "new", 2);
        write(&to, "kept", "old", 1);
        write(&to, "d/a", "of several names", 1);
        fs::hard_link(to.join("d/a"), to.join("d/b")).unwrap();
        fs::hard_link(to.join("d/a"), to.join("c")).unwrap();
        symlink("../kept", to.join("d/link")).unwrap();
        symlink("kept", to.join("link")).unwrap();
        let said = sandbox.run("cfp-sync", ["--delete"].iter().chain(&operands)).success().stderr("");
        said.stdout("1 sent (3 bytes), 3 deleted, 0 unchanged\n");
        assert_eq!(tree(&to), tree(&from));
    }
}

#[test]
fn a_link_and_its_target_are_sent_and_deleted_in_one_run() {
    let sandbox = Sandbox::new();
    let (local, up) = (sandbox.work().join("local"), sandbox.root().join("up"));
    write(&local, "file", "new content", 2);
    write(&up, "file", "old", 1);
    for name in ["a", "z"] {
        symlink("file", local.join(name)).unwrap();
        symlink("file", up.join(name)).unwrap();
    }
    sandbox.run("cfp-sync", ["local", ":up/"]).stderr("").success();
    assert_eq!(sandbox.stored("up/z"), b"new content");
    // The links while their targets are there: the server has no others.
    for number in 0..40 {
        symlink("file", up.join(number.to_string())).unwrap();
    }
    fs::create_dir(sandbox.work().join("empty")).unwrap();
    let said = sandbox.run("cfp-sync", ["--delete", "empty", ":up/"]).stderr("").success();
    said.stdout("0 sent (0 bytes), 43 deleted, 0 unchanged\n");
    assert_eq!(fs::read_dir(&up).unwrap().count(), 0);
}

#[test]
fn a_change_behind_a_link_on_the_server_is_kept() {
    let sandbox = Sandbox::new();
    let local = sandbox.work().join("local");
    for name in ["a", "link"] {
        write(&local, name, "of this tree", 1);
    }
    fs::remove_file(local.join("a")).unwrap();
    write(&sandbox.root(), "out/f", "old", 1);
    fs::create_dir(sandbox.root().join("up")).unwrap();
    symlink("../out/f", sandbox.root().join("up/link")).unwrap();
    let whole = Proxy::new(sandbox.address(), []);
    sandbox.run("cfp-sync", ["-n", "-s", &whole.url, "local", ":up/"]).success();
    let path = sandbox.root().join("out/f");
    let act = move || fs::write(path, "of somebody else").unwrap();
    let fault = Fault::ActAndCutRequest(whole.requests().len() + 10, Box::new(act));
    let proxy = Proxy::new(sandbox.address(), [fault]);
    sandbox.run("cfp-sync", ["-j1", "-s", &proxy.url, "local", ":up/"]).code(4);
    assert_eq!(sandbox.stored("out/f"), b"of somebody else");
}

#[test]
fn a_time_in_the_future_is_kept_in_place_of_a_directory_too() {
    let sandbox = Sandbox::new();
    write(&sandbox.root(), "stored/f", "text", 4_102_444_800);
    write(&sandbox.work(), "down/f/x", "in a directory", 1);
    let all = "1 sent (4 bytes), 1 deleted, 0 unchanged\n";
    sandbox.run("cfp-sync", ["--delete", ":stored/", "down"]).success().stdout(all);
    let none = "0 sent (0 bytes), 0 deleted, 1 unchanged\n";
    sandbox.run("cfp-sync", ["--delete", ":stored/", "down"]).success().stdout(none);
}

#[test]
fn a_list_that_does_not_say_where_it_ends_deletes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("down/a", "kept");
    sandbox.write("down/b", "kept");
    let entry = "{\"name\":\"a\",\"type\":\"file\",\"size\":4,\"mtime\":\"2026-01-02T03:04:05Z\"}\n";
    let stranger = Stranger::new();
    let url = stranger.url();
    let server =
        stranger.answer(&[format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{entry}")]);
    let args = ["--delete", "-j1", "--retry=0", "-s", &url, ":", "down"];
    let said = sandbox.run("cfp-sync", args).stdout("").code(3);
    let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert!(said.contains("list: does not say where it ends, and may be incomplete"), "{said}");
    server.join().unwrap();
    assert_eq!(tree(&sandbox.work().join("down")).len(), 2);
}

#[test]
fn what_a_killed_run_left_is_not_sent() {
    let sandbox = Sandbox::new();
    for name in [".cfp-draft-aB3xY9", ".cfp-draft-", ".cfp-draft-notes", ".cfp-draft-notes.txt", "f"] {
        sandbox.write(&format!("local/{name}"), "text");
    }
    sandbox.run("cfp-sync", ["local", ":up/"]).success().stderr("");
    let expected = ["up", "up/.cfp-draft-", "up/.cfp-draft-notes", "up/.cfp-draft-notes.txt", "up/f"];
    assert_eq!(sandbox.all_stored(), expected);
}

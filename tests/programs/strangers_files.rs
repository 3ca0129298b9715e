//! What other users of this machine may do to who writes here: nothing is read on its way to a private name, and nothing
//! that they laid in a directory for all is followed or gone on with.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use nix::sys::stat::{Mode, umask};

use super::stranger::Stranger;
use crate::common::{HANG, Sandbox, need};

/// The user and group of nobody.
const NOBODY: u32 = 65534;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// The one file of the working directory whose name begins so.
fn beginning(directory: &Path, start: &str) -> Option<PathBuf> {
    let mut paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(start))
}

/// What there is in time.
fn until<T>(look: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + HANG;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "what is waited for never came");
        thread::yield_now();
    }
}

#[test]
fn a_file_on_its_way_is_its_owners_alone_and_has_its_mode_at_the_end() {
    let sandbox = Sandbox::new();
    let rows: [(&[&str], &str, Option<u32>, u32); 4] = [
        (&["f"], ".cfp-draft-", None, 0o640),
        (&["f"], ".cfp-draft-", Some(0o604), 0o604),
        (&["-c", "f"], ".f.e1.part", None, 0o640),
        (&["-c", "f"], ".f.e1.part", Some(0o666), 0o666),
    ];
    for (argv, start, standing, end) in rows {
        let path = sandbox.work().join("f");
        let _ = fs::remove_file(&path);
        if let Some(standing) = standing {
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(standing)).unwrap();
        }
        let stranger = Stranger::new();
        let head = "HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nContent-Length: 4\r\n\r\n";
        let url = stranger.url();
        // With -c a HEAD comes before.
        let heads = if argv.len() > 1 { vec![head.to_owned()] } else { vec![] };
        let mut command = sandbox.command("sh");
        command.args(["-c", "umask 027; exec cfp-get \"$@\"", "sh", "-s", &url]).args(argv);
        let mut child = command.spawn().unwrap();
        let mut stream = stranger.answer_and_stall(&heads, &format!("{head}se"));
        let on_its_way =
            until(|| beginning(&sandbox.work(), start).filter(|path| fs::metadata(path).unwrap().len() == 2));
        assert_eq!(mode(&on_its_way), 0o600, "{argv:?}");
        stream.write_all(b"ts").unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"sets".to_vec(), end), "{argv:?}");
    }
}

#[test]
fn a_new_file_has_the_mode_of_the_umask_wherever_it_comes_from() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    for (mask, expected) in [("022", 0o644), ("077", 0o600), ("0", 0o666)] {
        for command in
            ["cfp-get f -o o", "cfp-get -c f -o o", "cfp-reverse :f -o o", "cfp-shell -c 'download f o'"]
        {
            sandbox.sh(&format!("umask {mask}; rm -f o; {command}")).success();
            assert_eq!(mode(&sandbox.work().join("o")), expected, "{command}");
        }
    }
}

/// A directory for all, as /tmp is; with a link by nobody to a file of ours, and one to a directory.
fn shared(sandbox: &Sandbox) -> PathBuf {
    umask(Mode::from_bits_truncate(0o022));
    let shared = sandbox.work().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o1777)).unwrap();
    sandbox.write("profile", "mine");
    sandbox.write("home/f", "mine");
    for (name, to) in [
        ("link", "../profile"),
        ("f", "../profile"),
        ("dir", "../home"),
        ("new", "../made"),
        ("tree", "../home"),
    ] {
        symlink(to, shared.join(name)).unwrap();
        lchown(shared.join(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    shared
}

#[test]
fn no_link_of_a_stranger_is_followed_in_a_directory_for_all() {
    if !need::root() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.keep("f", "evil");
    sandbox.keep("d/e/f", "evil");
    let shared = shared(&sandbox);
    // A link of ours that leads to one of a stranger's.
    symlink("shared/link", sandbox.work().join("over")).unwrap();
    let commands = [
        "cfp-get f -o shared/link",
        "cfp-get -c f -o shared/link",
        "cfp-get f -o over",
        "cfp-get f -o shared/new",
        "cfp-get f -o shared/dir",
        "cfp-get f -o shared/dir/f",
        "cfp-get f -o shared",
        "cd shared; cfp-get f",
        "cfp-get -r d -o shared/dir",
        "cfp-get -r d -o shared/tree",
        "cfp-get \"$CFP_SERVER/f\" -o shared/link",
        "cfp-get \"$CFP_SERVER/f\" -o shared/dir",
        "cfp-replace --local m x profile -o shared/link",
        "cfp-replace --substring m x :f -o shared/link",
        "cfp-replace --local --in-place mine x shared/link",
        "cfp-replace --in-place mine x shared/dir/f",
        "cfp-reverse --local --in-place shared/link",
        "cfp-reverse :f -o shared/link",
        "cfp-shell -c 'download f shared/link'",
        "cfp-shell -c 'reverse :f ./shared/link'",
    ];
    for command in commands {
        let said = sandbox.run("sh", ["-c", command]).code(2);
        let stderr = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
        assert!(stderr.contains("symbolic link of another user"), "{command}: {stderr}");
    }
    let read = |name: &str| fs::read_to_string(sandbox.work().join(name)).unwrap();
    assert_eq!((read("profile"), read("home/f")), ("mine".into(), "mine".into()));
    assert_eq!(fs::read_dir(sandbox.work().join("home")).unwrap().count(), 1);
    assert!(!sandbox.work().join("made").exists());
    // Nor does what is written go into a pipe of his.
    sandbox.sh("mkfifo shared/pipe && chown 65534 shared/pipe").success();
    sandbox.run("cfp-get", ["f", "-o", "shared/pipe"]).code(2);

    // One's own is followed, and that of whose the directory is, and any elsewhere.
    lchown(shared.join("link"), Some(0), Some(0)).unwrap();
    sandbox.sh("cfp-get f -o shared/link; test \"$(cat profile)\" = evil; echo mine > profile").success();
    lchown(shared.join("link"), Some(NOBODY), Some(NOBODY)).unwrap();
    chown(&shared, Some(NOBODY), Some(NOBODY)).unwrap();
    sandbox.sh("cfp-get f -o shared/link; test \"$(cat profile)\" = evil; echo mine > profile").success();
    chown(&shared, Some(0), Some(0)).unwrap();
    for mode in [0o777, 0o1775] {
        fs::set_permissions(&shared, Permissions::from_mode(mode)).unwrap();
        sandbox.sh("cfp-get f -o shared/link; test \"$(cat profile)\" = evil; echo mine > profile").success();
    }
}

#[test]
fn a_part_that_a_stranger_laid_is_not_gone_on_with() {
    let sandbox = Sandbox::new();
    let part = sandbox.write(".f.e1.part", "ev");
    let go_on = || {
        let stranger = Stranger::new();
        let url = stranger.url();
        let server = stranger.answer(&["HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nContent-Length: 4\r\n\r\n"]);
        let said = sandbox.run("cfp-get", ["-c", "-s", &url, "f"]).stdout("").code(2);
        server.join().unwrap();
        assert!(!sandbox.work().join("f").exists());
        String::from_utf8_lossy(&said.get_output().stderr).into_owned()
    };
    fs::hard_link(&part, sandbox.work().join("other")).unwrap();
    assert!(go_on().ends_with("has another name besides: delete it, or go without -c\n"));
    fs::remove_file(sandbox.work().join("other")).unwrap();
    if need::root() {
        chown(&part, Some(NOBODY), Some(NOBODY)).unwrap();
        assert!(go_on().ends_with("is another user's: delete it, or go without -c\n"));
    }
    assert_eq!(fs::read(part).unwrap(), b"ev");
}

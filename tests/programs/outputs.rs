//! Where a tool writes on this machine: what takes the place of what, and whose it is then.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

use super::stranger::Stranger;
use crate::common::{Sandbox, need};

/// The user and group of nobody.
const NOBODY: u32 = 65534;

#[test]
fn a_part_that_another_program_has_open_is_left_to_it() {
    let sandbox = Sandbox::new();
    let part = fs::File::create(sandbox.write(".f.e1.part", "")).unwrap();
    part.lock().unwrap();
    let stranger = Stranger::new();
    let url = stranger.url();
    let server = stranger.answer(&["HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nContent-Length: 4\r\n\r\n"]);
    let said = sandbox.run("cfp-get", ["-c", "-s", &url, "f"]).stdout("").code(3);
    said.stderr("cfp-get: f: is being fetched by another program\n");
    server.join().unwrap();
    assert!(!sandbox.work().join("f").exists());
}

#[test]
fn a_part_is_nothing_that_others_put_in_its_place() {
    let sandbox = Sandbox::new();
    let theirs = sandbox.write("theirs", "old");
    symlink("theirs", sandbox.work().join(".f.e1.part")).unwrap();
    sandbox.sh("mkfifo .g.e1.part").success();
    for name in ["f", "g"] {
        let stranger = Stranger::new();
        let url = stranger.url();
        let server = stranger.answer(&["HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nContent-Length: 4\r\n\r\n"]);
        sandbox.run("cfp-get", ["-c", "-s", &url, name]).stdout("").code(2);
        server.join().unwrap();
    }
    assert_eq!(fs::read_to_string(theirs).unwrap(), "old");
}

#[test]
fn an_owner_stays_with_the_modes_that_are_his() {
    if !need::root() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.keep("f", "a");
    let rows: [(&str, &[&str]); 4] = [
        ("cfp-replace", &["--local", "--in-place", "a", "b", "su"]),
        ("cfp-replace", &["a", "b", ":f", "-o", "su"]),
        ("cfp-get", &["f", "-o", "su"]),
        ("cfp-get", &["-c", "f", "-o", "su"]),
    ];
    for (program, argv) in rows {
        let path = sandbox.write("su", "a b");
        chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o4755)).unwrap();
        sandbox.run(program, argv).stderr("").success();
        let meta = fs::metadata(&path).unwrap();
        assert_ne!(fs::read_to_string(&path).unwrap(), "a b", "{argv:?}");
        assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o7777), (NOBODY, NOBODY, 0o4755), "{argv:?}");
    }
}

#[test]
fn what_is_no_regular_file_is_written_as_it_is_and_never_replaced() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text\n");
    for goes_on in ["", "-c"] {
        let script = format!(
            "mkfifo p; cat p > came & cfp-get {goes_on} f -o p || kill $!; wait; test -p p; cat came; rm p"
        );
        sandbox.sh(&script).stdout("text\n").stderr("").success();
    }
    sandbox.sh("cfp-get -c f -o /dev/null; test -c /dev/null").stdout("").stderr("").success();
    sandbox.sh("mkfifo p").success();
    for path in ["p", "/dev/null"] {
        for place in [&["--local"][..], &[]] {
            let said = sandbox.run("cfp-replace", place.iter().chain(&["--in-place", "a", "b", path]));
            said.stdout("").stderr(format!("cfp-replace: {path}: is not a regular file\n")).code(2);
        }
    }
}

#[test]
fn a_directory_is_told_of_before_anything_is_fetched() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    fs::create_dir(sandbox.work().join("f")).unwrap();
    let said = sandbox.run("cfp-get", ["-v", "-c", "f"]).stdout("").code(2);
    // The server is asked only whether it has a directory too.
    said.stderr("> HEAD /f\n< 200 OK\ncfp-get: f: is a directory\n");
    assert_eq!(fs::read_dir(sandbox.work()).unwrap().count(), 1);
}

#[test]
fn a_link_stays_and_what_it_leads_to_is_made_or_replaced() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "new");
    sandbox.write("d/there", "old");
    for goes_on in [&["f"][..], &["-c", "f"]] {
        for target in ["d/there", "d/not-yet"] {
            symlink(target, sandbox.work().join("link")).unwrap();
            sandbox.run("cfp-get", goes_on.iter().chain(&["-o", "link"])).stdout("").stderr("").success();
            assert_eq!(fs::read_link(sandbox.work().join("link")).unwrap().to_str(), Some(target));
            assert_eq!(fs::read_to_string(sandbox.work().join(target)).unwrap(), "new", "{goes_on:?}");
            fs::remove_file(sandbox.work().join("link")).unwrap();
        }
        fs::remove_file(sandbox.work().join("d/not-yet")).unwrap();
        fs::write(sandbox.work().join("d/there"), "old").unwrap();
    }
}

#[test]
fn the_longest_name_can_be_gone_on_with() {
    let sandbox = Sandbox::new();
    for length in [224, 225, 255] {
        let name = "n".repeat(length);
        sandbox.keep(&name, "text");
        sandbox.run("cfp-get", ["-c", &name]).stdout("").stderr("").success();
        assert_eq!(fs::read_to_string(sandbox.work().join(&name)).unwrap(), "text");
    }
    assert_eq!(fs::read_dir(sandbox.work()).unwrap().count(), 3);
}

#[test]
fn a_path_that_means_an_open_file_adds_to_it() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text\n");
    for path in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/stderr"] {
        for goes_on in ["", "-c"] {
            let script =
                format!("(echo before; cfp-get {goes_on} f -o {path}; echo after) > log 2>&1; cat log");
            sandbox.sh(&script).stdout("before\ntext\nafter\n").stderr("").success();
        }
    }
    sandbox
        .sh("echo before > log; cfp-get f -o /dev/fd/3 3>> log; cat log")
        .stdout("before\ntext\n")
        .success();
}

#[test]
fn a_head_that_nobody_reads_keeps_no_file_from_coming() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    let unread = "mkfifo gate; { read -r _ < gate; cfp-get -i f -o out; echo $? > code; } | { exec <&-; echo > gate; }";
    sandbox.sh(&format!("{unread}; cat code out")).stdout("0\ntext").stderr("").success();
    let unread = unread.replace("-i f -o out", "$CFP_SERVER/f f").replace("mkfifo gate; ", "");
    sandbox.sh(&format!("{unread}; cat code f")).stdout("0\ntext").stderr("").success();
}

#[test]
fn a_file_that_may_not_grow_leaves_no_draft() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", [b'x'; 100_000]);
    let said = sandbox.sh("ulimit -f 8; cfp-get --retry 0 f -o out || exit $?").stdout("").code(2);
    said.stderr("cfp-get: out: file too large\n");
    assert_eq!(fs::read_dir(sandbox.work()).unwrap().count(), 0);
}

#[test]
fn a_local_file_is_on_the_disk_before_it_takes_its_name_and_then_the_name() {
    if !need::programs(&["strace"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.keep("f", "old");
    sandbox.write("f", "old");
    let rows = [
        "cfp-get f",
        "cfp-get -c f",
        "cfp-get -r :/ -o .",
        "cfp-get \"$CFP_SERVER/f\" -o f",
        "cfp-reverse :f -o f",
        "cfp-replace --local old new f -o f",
        "cfp-replace --in-place new old f",
        "cfp-shell -c 'download f'",
    ];
    for command in rows {
        let strace = "strace -f -y -qq -o trace -e trace=fsync,fdatasync,rename,renameat,renameat2";
        sandbox.sh(&format!("{strace} {command}")).success();
        let trace = fs::read_to_string(sandbox.work().join("trace")).unwrap();
        let here = sandbox.work().canonicalize().unwrap().to_str().unwrap().to_owned();
        let letter = |line: &str| match line.split_once(' ').unwrap().1.trim_start() {
            call if call.starts_with("rename") => Some('r'),
            call if call.starts_with("fsync") && call.contains(&format!("<{here}>")) => Some('d'),
            call if call.contains("sync(") && call.contains(&format!("<{here}/.")) => Some('c'),
            _ => None,
        };
        assert_eq!(trace.lines().filter_map(letter).collect::<String>(), "crd", "{command}: {trace}");
    }
    // A directory that may not be read is not fsynced; its file system is.
    sandbox.sh("mkdir -p blind && chmod 300 blind && cfp-get f -o blind/f && chmod 700 blind").success();
    assert_eq!(fs::read(sandbox.work().join("blind/f")).unwrap(), b"old");
}

#[test]
fn acl_and_attributes_of_a_local_file_outlive_its_content() {
    if !need::programs(&["setfacl", "getfacl"]) || !need::attributes() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.keep("stored", "a cat");
    let script = "
        make() {
            rm -f f; echo 'a cat' >f; chmod 640 f; setfacl -m u:65534:rw f || exit 0
            getfacl -cpE f >before
        }
        check() {
            getfacl -cpE f >after; cmp before after || { echo \"$1\"; cat after; exit 1; } >&2
            test \"$(stat -c %a f)\" = 660 || exit 1
        }
        make; cfp-replace --local --in-place cat dog f; check 'in place'
        make; cfp-reverse --local f -o f; check 'reverse -o'
        make; cfp-get stored -o f; check 'get -o'
        make; cfp-get -c stored -o f; check 'get -c'
        make; cfp-search --local cat f >/dev/null; cfp-replace cat dog f -o f; check 'replace -o'
    ";
    sandbox.sh(script).success();
    let path = sandbox.write("g", "a cat");
    xattr::set(&path, "user.note", b"kept").unwrap();
    sandbox.run("cfp-replace", ["--local", "--in-place", "cat", "dog", "g"]).success();
    assert_eq!(xattr::get(&path, "user.note").unwrap(), Some(b"kept".to_vec()));
}

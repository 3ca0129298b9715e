//! A directory as one file: read by the programs that people have, with the rights of a list, and never complete where it is not.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use cfp::http::Framing;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};

use crate::common::raw::request;
use crate::common::watch::Watch;
use crate::common::{Sandbox, need};

/// A tree with names that formats differ about.
fn tree() -> Sandbox {
    let sandbox = Sandbox::new();
    let deep = format!("d/{}/{}", "long ".repeat(40), "x".repeat(200));
    for name in ["d/a.txt", "d/e/f", "d/e/line\nbreak", "d/-rf *", "d/\u{e9}\u{202e}", &deep, "other"] {
        sandbox.keep(name, name);
    }
    sandbox.keep("d/empty", "");
    sandbox.keep("d/large", (0..300_000).map(|line| format!("line {line}\n")).collect::<String>());
    fs::create_dir(sandbox.root().join("d/hollow")).unwrap();
    sandbox
}

#[test]
fn tar_unpacks_what_is_stored() {
    if !need::programs(&["curl", "tar", "zstd", "diff"]) {
        return;
    }
    let sandbox = tree();
    fs::write(sandbox.root().join("d").join(OsStr::from_bytes(b"caf\xe9")), "bytes").unwrap();
    sandbox.keep("d/back\\slash", "");
    sandbox
        .sh(r#"mkdir out; touch -d 2001-02-03 ../root/d/a.txt ../root/d/hollow
            curl -fsS -OJ "$CFP_SERVER/d/?archive=tar.zst"
            zstd -dc d.tar.zst | tar -x -C out
            diff -r out ../root/d
            for f in a.txt hollow; do test "$(stat -c %Y out/$f)" = "$(stat -c %Y ../root/d/$f)"; done
            curl -fsS "$CFP_SERVER/?archive=tar.zst" | zstd -dc | tar -t | grep -x other"#)
        .success();
}

#[test]
fn unzip_and_python_unpack_what_is_stored() {
    if !need::programs(&["curl", "unzip", "python3", "diff"]) {
        return;
    }
    let sandbox = tree();
    sandbox
        .sh(r#"curl -fsS -OJ "$CFP_SERVER/d/?archive=zip"
            python3 -c 'import zipfile; z = zipfile.ZipFile("d.zip"); assert z.testzip() is None; z.extractall("py")'
            diff -r py ../root/d
            unzip -q -d out d.zip
            diff -r -x 'line*' out ../root/d"#)
        .success();
    // Times are UTC there, and have two seconds.
    sandbox
        .sh(r#"touch -d '2001-02-03 04:05:06 UTC' ../root/d/a.txt ../root/d/hollow
            curl -fsS -OJ --output-dir py "$CFP_SERVER/d/?archive=zip"
            python3 -c 'import zipfile; z = zipfile.ZipFile("py/d.zip")
for name in ("a.txt", "hollow/"): print(z.getinfo(name).date_time)'"#)
        .success()
        .stdout("(2001, 2, 3, 4, 5, 6)\n(2001, 2, 3, 4, 5, 6)\n");
}

#[test]
fn any_names_have_names_of_their_own_in_a_zip_file() {
    if !need::programs(&["curl", "python3"]) {
        return;
    }
    let sandbox = Sandbox::new();
    for name in [&b"caf\xe9"[..], b"caf%E9", b"caf\\xe9", b"..\\x", b"100%"] {
        sandbox.keep("d/f", "");
        fs::rename(sandbox.root().join("d/f"), sandbox.root().join("d").join(OsStr::from_bytes(name)))
            .unwrap();
    }
    sandbox
        .sh(r#"curl -fsS -OJ "$CFP_SERVER/d/?archive=zip"
            python3 -c 'import zipfile; print(sorted(zipfile.ZipFile("d.zip").namelist()))'"#)
        .success()
        .stdout("['..%5Cx', '100%', 'caf%25E9', 'caf%5Cxe9', 'caf%E9']\n");
}

#[test]
fn a_link_to_a_file_is_that_file_and_one_to_a_directory_is_left_out() {
    if !need::programs(&["curl", "tar", "zstd", "python3"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.keep("d/a.txt", "text");
    sandbox.keep("d/e/f", "");
    symlink("a.txt", sandbox.root().join("d/file")).unwrap();
    symlink("e", sandbox.root().join("d/directory")).unwrap();
    sandbox
        .sh(r#"curl -fsS "$CFP_SERVER/d/?archive=tar.zst" | zstd -dc | tar -t | LC_ALL=C sort
            curl -fsS -OJ "$CFP_SERVER/d/?archive=zip"
            python3 -c 'import zipfile; print(sorted(zipfile.ZipFile("d.zip").namelist()))'"#)
        .success()
        .stdout("a.txt\ne/\ne/f\nfile\n['a.txt', 'e/', 'e/f', 'file']\n");
}

#[test]
fn an_archive_is_stored_under_the_name_of_its_directory() {
    if !need::programs(&["curl"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.keep("My files/f", "");
    sandbox.keep("\u{e9}t\u{e9}/f", "");
    sandbox
        .sh(r#"curl -fsS -OJ "$CFP_SERVER/My%20files/?archive=zip"
            curl -fsS -OJ "$CFP_SERVER/%C3%A9t%C3%A9/?archive=zip"
            ls *.zip"#)
        .success()
        .stdout("My files.zip\n_t_.zip\n");
}

#[test]
fn an_archive_holds_what_a_list_shows_and_what_may_be_read() {
    if !need::programs(&["curl", "tar", "zstd"]) {
        return;
    }
    let rules = "deny list,read * /d/hidden/\ndeny read * /d/unread\nallow list,read * /d/\n";
    let sandbox = Sandbox::guarded(&[], rules);
    for name in ["d/a.txt", "d/hidden/f", "d/unread", "d/e/b.txt", "d/e/c.rs", "other"] {
        sandbox.keep(name, name);
    }
    let listed = |query: &str| {
        let script = format!(
            "curl -fsS \"$CFP_SERVER/d/?archive=tar.zst{query}\" | zstd -dc | tar -t | LC_ALL=C sort | tr '\\n' ' '"
        );
        String::from_utf8(sandbox.sh(&script).success().get_output().stdout.clone()).unwrap()
    };
    assert_eq!(listed(""), "a.txt e/ e/b.txt e/c.rs ");
    assert_eq!(listed("&include=*.txt"), "a.txt e/b.txt ");
    assert_eq!(listed("&exclude=e/"), "a.txt ");
    let mut raw = sandbox.connect();
    for (target, status) in [
        ("/?archive=zip", 401),
        ("/d/hidden/?archive=zip", 401),
        ("/d/none/?archive=zip", 404),
        ("/d/?archive=rar", 400),
        ("/d/?archive", 400),
    ] {
        let answer = raw.ask(request("GET", target, ""));
        // A directory of which nothing may be listed but what is beneath is a list, and so an archive.
        assert!(answer.status == status || target == "/?archive=zip", "{target}: {}", answer.status);
    }
    let head = raw.ask(request("HEAD", "/d/?archive=zip", ""));
    assert_eq!((head.status, head.field("content-type")), (200, "application/zip"));
    assert_eq!(head.field("content-disposition"), "attachment; filename=\"d.zip\"");
    assert_eq!(head.field("content-security-policy"), "sandbox");
}

/// Bytes that compress badly.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(size).collect()
}

#[test]
fn an_archive_of_a_file_that_becomes_shorter_meanwhile_never_looks_complete() {
    let sandbox = Sandbox::new();
    for format in ["zip", "tar.zst"] {
        let path = sandbox.keep("d/f", noise(48 << 20));
        let mut raw = sandbox.connect();
        raw.send(request("GET", &format!("/d/?archive={format}"), ""));
        raw.head();
        fs::File::options().write(true).open(path).unwrap().set_len(1000).unwrap();
        let mut received = Vec::new();
        assert!(raw.body(Framing::Chunked).read_to_end(&mut received).is_err(), "{format}");
        // A zip file is complete with the record at its end, however its beginning came to be.
        assert!(memchr::memmem::find(&received, b"PK\x05\x06").is_none(), "{format}");
    }
}

#[test]
fn an_archive_of_a_tree_deeper_than_a_name_can_be_is_refused() {
    let sandbox = Sandbox::new();
    let component = "x".repeat(250);
    let make = |above: &OwnedFd| {
        mkdirat(above, component.as_str(), Mode::S_IRWXU).unwrap();
        openat(above, component.as_str(), OFlag::O_DIRECTORY, Mode::empty()).unwrap()
    };
    let root = open(&sandbox.root(), OFlag::O_DIRECTORY, Mode::empty()).unwrap();
    (0..20).fold(root, |above, _| make(&above));
    let mut raw = sandbox.connect();
    let line = "archive: has a path that is longer than the system takes: exclude the directory\n";
    for target in ["/?", &format!("/{component}/?")] {
        for format in ["zip", "tar.zst"] {
            let answer = raw.ask(request("GET", &format!("{target}archive={format}"), ""));
            assert_eq!(answer.status, 422, "{format}");
            assert_eq!(answer.text(), line, "{format}");
        }
    }
}

#[test]
fn the_log_has_whole_lines_where_clients_leave_archives() {
    let sandbox = Sandbox::with(&["--log", "-", "--log-format", "json"]);
    sandbox.keep("d/f", noise(48 << 20));
    for format in ["zip", "tar.zst"] {
        let mut raw = sandbox.connect();
        raw.send(request("GET", &format!("/d/?archive={format}"), ""));
        raw.head();
        raw.reset();
        sandbox.until_said(&format!("archive={format}"));
    }
    let log = sandbox.log_since_start();
    let is_line = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    assert!(log.lines().all(is_line), "{log}");
}

#[test]
fn an_archive_takes_the_same_memory_whatever_its_size() {
    let sandbox = Sandbox::new();
    let path = sandbox.keep("d/f", "");
    fs::File::options().write(true).open(path).unwrap().set_len(1 << 30).unwrap();
    let watch = Watch::new(&sandbox);
    let before = watch.memory();
    let answer = sandbox.connect().ask(request("GET", "/d/?archive=tar.zst", ""));
    assert_eq!(answer.status, 200);
    let decoded = zstd::stream::read::Decoder::new(&answer.body[..]).unwrap();
    let size = std::io::copy(&mut { decoded }, &mut std::io::sink()).unwrap();
    assert!(size > 1 << 30);
    assert!(watch.memory() < before + 16 * 1024, "{} KiB, {before} before", watch.memory());
}

#[test]
fn a_zip_file_of_too_many_names_is_refused_and_a_tar_file_is_not() {
    let sandbox = Sandbox::new();
    let first = sandbox.keep("d/0", "");
    (1..=100_000).for_each(|at| {
        let name = format!("d/{at}");
        if fs::hard_link(&first, sandbox.root().join(&name)).is_err() {
            sandbox.keep(&name, "");
        }
    });
    let mut raw = sandbox.connect();
    let refused = raw.ask(request("GET", "/d/?archive=zip", ""));
    assert_eq!(
        (refused.status, refused.text()),
        (422, "archive: has too many names for a zip file: take tar.zst\n".to_owned())
    );
    assert_eq!(raw.ask(request("GET", "/d/?archive=tar.zst", "")).status, 200);
}

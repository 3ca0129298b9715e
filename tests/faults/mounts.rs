//! File systems that cannot do all that ext4 can, and what is mounted beneath the root: an overlay, as it is in every
//! container, FUSE, exFAT, bind mounts. They need root.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::place::{files_beneath, text};
use crate::common::client::{Answer, Client};
use crate::common::strace::Strace;
use crate::common::{Sandbox, need};

/// Something mounted, gone when dropped, with the loop device beneath it.
pub struct Mounted {
    path: PathBuf,
    device: Option<String>,
}

impl Mounted {
    /// Runs a command that mounts something at its last argument; nothing, and said, where that is not allowed.
    pub fn by(program: &str, arguments: &[&str], path: &Path) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        if said(Command::new(program).args(arguments).arg(path)).is_none() {
            need::left_out(format_args!("{program} {} cannot be done here", arguments.join(" ")));
            return None;
        }
        Some(Mounted { path: path.to_owned(), device: None })
    }

    /// A file of another file system in the place of a file.
    fn by_file(from: &str, file: &Path) -> Option<Self> {
        match said(Command::new("mount").args(["--bind", from]).arg(file)) {
            Some(_) => Some(Mounted { path: file.to_owned(), device: None }),
            None => {
                need::left_out(format_args!("{from} cannot be mounted here"));
                None
            }
        }
    }

    /// An overlay over what is in `lower`.
    fn overlay(path: &Path, lower: &Path) -> Option<Self> {
        let changes = path.with_file_name("changes");
        let (upper, work) = (changes.join("upper"), changes.join("work"));
        [&upper, &work].iter().for_each(|part| fs::create_dir_all(part).unwrap());
        let [lower, upper, work] = [lower, &upper, &work].map(|part| part.display());
        let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
        Self::by("mount", &["-t", "overlay", "overlay", "-o", &options], path)
    }

    /// A disk with exFAT, which folds case and knows neither links nor permissions.
    fn exfat(path: &Path) -> Option<Self> {
        let image = path.with_file_name("image");
        fs::File::create(&image).unwrap().set_len(32 << 20).unwrap();
        said(Command::new("mkfs.exfat").arg(&image)).unwrap();
        let Some(device) = said(Command::new("losetup").args(["--find", "--show"]).arg(&image)) else {
            need::left_out("there is no loop device here");
            return None;
        };
        match Self::by("mount.exfat-fuse", &[device.trim()], path) {
            Some(mut mounted) => {
                mounted.device = Some(device.trim().to_owned());
                Some(mounted)
            }
            None => {
                said(Command::new("losetup").args(["--detach", device.trim()]));
                None
            }
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // The daemon may still be at it.
        said(Command::new("umount").arg("-l").arg(&self.path));
        self.device.iter().for_each(|device| drop(said(Command::new("losetup").args(["--detach", device]))));
    }
}

/// What a program prints; nothing where it fails.
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn ask(sandbox: &Sandbox, method: &str, target: &str, to: &str, body: Option<&[u8]>) -> Answer {
    let fields: Vec<_> = [("Destination", to)].into_iter().filter(|(_, to)| !to.is_empty()).collect();
    Client::connect(sandbox.address()).unwrap().ask(method, target, &fields, body).unwrap()
}

/// Asks, and asserts the status and what the text of the answer has in it.
fn expect(sandbox: &Sandbox, request: [&str; 3], status: u16, says: &str) {
    let [method, target, to] = request;
    let answer = ask(sandbox, method, target, to, None);
    assert_eq!(answer.status, status, "{request:?}: {}", answer.text());
    assert!(answer.text().contains(says), "{request:?}: {}", answer.text());
}

/// A directory that lies deep and wide, with a link out of it.
fn plant(directory: &Path) {
    let mut deep = directory.to_owned();
    for level in 0..5 {
        fs::create_dir_all(deep.join("empty")).unwrap();
        fs::write(deep.join("f"), format!("low {level}")).unwrap();
        deep.push("deeper");
    }
    std::os::unix::fs::symlink("f", directory.join("link")).unwrap();
}

/// A cfpd on an overlay whose lower layer has the directories `d`, `e` and the file `low`.
fn overlaid() -> Option<(Sandbox, Mounted)> {
    if !need::root_and(&["mount", "umount"]) {
        return None;
    }
    let mut mounted = None;
    let sandbox = Sandbox::prepared(&[], |root| {
        let lower = root.with_file_name("lower");
        plant(&lower.join("d"));
        plant(&lower.join("e"));
        fs::write(lower.join("low"), "low").unwrap();
        mounted = Mounted::overlay(root, &lower);
    });
    mounted.map(|mounted| (sandbox, mounted))
}

#[test]
fn a_directory_of_a_lower_layer_is_deleted_where_it_stands() {
    let Some((sandbox, _mounted)) = overlaid() else { return };
    expect(&sandbox, ["DELETE", "/d/", ""], 204, "");
    expect(&sandbox, ["GET", "/d/", ""], 404, "");
    // New directories with such a one in them go too.
    expect(&sandbox, ["MKCOL", "/e/deeper/new/", ""], 201, "");
    sandbox.run("cfp-rm", ["-r", "-f", "e"]).success();
    expect(&sandbox, ["DELETE", "/low", ""], 204, "");
    assert!(files_beneath(&sandbox.root()).is_empty(), "{:?}", files_beneath(&sandbox.root()));
}

#[test]
fn a_directory_of_a_lower_layer_is_moved_as_mv_does() {
    let Some((sandbox, _mounted)) = overlaid() else { return };
    let before = files_beneath(&sandbox.root().join("d"));
    expect(&sandbox, ["MOVE", "/d/", "/new/"], 201, "");
    expect(&sandbox, ["GET", "/d/", ""], 404, "");
    assert_eq!(files_beneath(&sandbox.root().join("new")), before);
    assert_eq!(sandbox.stored("new/deeper/deeper/f"), b"low 2");
    expect(&sandbox, ["MOVE", "/low", "/high"], 201, "");
    assert_eq!(sandbox.stored("high"), b"low");
    // Neither takes the place of one that the system would have to rename.
    for method in ["COPY", "MOVE"] {
        expect(&sandbox, [method, "/new/", "/e/"], 409, "/e/: exists, and this file system cannot replace");
    }
    assert_eq!(sandbox.stored("e/deeper/f"), b"low 1");
    assert_eq!(files_beneath(&sandbox.root().join("new")), before);
    expect(&sandbox, ["DELETE", "/e/", ""], 204, "");
    expect(&sandbox, ["MOVE", "/new/", "/e/"], 201, "");
}

#[test]
fn what_would_be_lost_by_a_move_as_mv_does_it_is_not_moved() {
    let Some((sandbox, _mounted)) = overlaid() else { return };
    let fifo = sandbox.root().join("d/deeper/fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    expect(&sandbox, ["MOVE", "/d/", "/new/"], 409, "/d/deeper/fifo: is not served");
    expect(&sandbox, ["GET", "/new/", ""], 404, "");
    assert!(fifo.exists());
}

#[test]
fn between_mounts_a_name_is_moved_as_mv_does() {
    if !need::root_and(&["mount", "umount"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let other = sandbox.work().join("other");
    fs::create_dir(&other).unwrap();
    let bound = ["--bind", &other.display().to_string()].map(str::to_owned);
    let (bind, disk) = (sandbox.root().join("bind"), sandbox.root().join("disk"));
    let Some(_bound) = Mounted::by("mount", &[&bound[0], &bound[1]], &bind) else { return };
    let Some(_disk) = Mounted::by("mount", &["-t", "tmpfs", "none"], &disk) else { return };
    for (round, to) in ["/bind", "/disk"].into_iter().enumerate() {
        plant(&sandbox.root().join("d"));
        let before = files_beneath(&sandbox.root().join("d"));
        sandbox.keep("f", text(1, 100_000));
        expect(&sandbox, ["MOVE", "/f", &format!("{to}/f")], 201, "");
        expect(&sandbox, ["MOVE", "/d/", &format!("{to}/d/")], 201, "");
        let there = sandbox.root().join(&to[1..]);
        assert_eq!(fs::read(there.join("f")).unwrap(), text(1, 100_000), "{round}");
        assert_eq!(files_beneath(&there.join("d")), before);
        assert!(!sandbox.root().join("d").exists() && !sandbox.root().join("f").exists());
        // And back, onto what stands.
        sandbox.keep("d/old", "");
        expect(&sandbox, ["MOVE", &format!("{to}/d/"), "/d/"], 204, "");
        assert_eq!(files_beneath(&sandbox.root().join("d")), before);
        expect(&sandbox, ["DELETE", "/d/", ""], 204, "");
    }
}

#[test]
fn nothing_is_touched_around_what_is_mounted() {
    if !need::root_and(&["mount", "umount"]) {
        return;
    }
    let sandbox = Sandbox::new();
    plant(&sandbox.root().join("d"));
    sandbox.keep("new/f", "new");
    let at = sandbox.root().join("d/deeper/a disk");
    let Some(mounted) = Mounted::by("mount", &["-t", "tmpfs", "none"], &at) else { return };
    fs::write(at.join("precious"), "kept").unwrap();
    let file = sandbox.keep("d/deeper/mounted", "");
    let bound = sandbox.root().join("new/f").display().to_string();
    let bound = said(Command::new("mount").args(["--bind", &bound]).arg(&file)).unwrap();
    assert_eq!(bound, "");
    let before = files_beneath(&sandbox.root());
    let is_one = "is a mount point: unmount it first";
    expect(&sandbox, ["DELETE", "/d/", ""], 409, &format!("/d/deeper/a disk: {is_one}"));
    expect(&sandbox, ["DELETE", "/d/deeper/a%20disk/", ""], 409, &format!("/d/deeper/a disk/: {is_one}"));
    expect(&sandbox, ["DELETE", "/d/deeper/mounted", ""], 409, "/d/deeper/mounted: is a mount point");
    for method in ["COPY", "MOVE"] {
        expect(&sandbox, [method, "/new/", "/d/"], 409, &format!("/d/deeper/a disk: {is_one}"));
        expect(&sandbox, [method, "/new/f", "/d/deeper/mounted"], 409, "is a mount point");
    }
    sandbox.run("cfp-rm", ["-rf", "d"]).code(2);
    assert_eq!(files_beneath(&sandbox.root()), before);
    said(Command::new("umount").arg(&file)).unwrap();
    drop(mounted);
    expect(&sandbox, ["DELETE", "/d/", ""], 204, "");
}

#[test]
fn a_file_system_that_cannot_exchange_replaces_a_directory_in_two_renames() {
    let Some((sandbox, _mounted)) = through_fuse() else { return };
    works_on_any_file_system(&sandbox);
}

#[test]
fn a_directory_is_not_replaced_where_the_system_can_do_it_in_no_way_and_the_reason_is_said() {
    let Some((sandbox, _mounted)) = through_fuse() else { return };
    sandbox.keep("d/f", "new");
    sandbox.keep("e/f", "old");
    // A start could not tell what another daemon is at work on.
    let _strace = Strace::attach(&sandbox, &["trace=flock", "inject=flock:error=ENOSYS"]);
    for method in ["COPY", "MOVE"] {
        let says = "/e/: exists, and this file system cannot replace a directory atomically";
        expect(&sandbox, [method, "/d/", "/e/"], 409, says);
    }
    assert_eq!(files_beneath(&sandbox.root()), ["d/f", "e/f"]);
    assert_eq!(sandbox.stored("e/f"), b"old");
}

/// A cfpd on a directory that is reached through FUSE, which exchanges no names.
pub fn through_fuse() -> Option<(Sandbox, Mounted)> {
    if !need::root_and(&["bindfs", "mount", "umount", "strace"]) {
        return None;
    }
    let mut mounted = None;
    let sandbox = Sandbox::prepared(&[], |root| {
        let below = root.with_file_name("below");
        fs::create_dir(&below).unwrap();
        mounted = Mounted::by("bindfs", &[&below.display().to_string()], root);
    });
    mounted.map(|mounted| (sandbox, mounted))
}

#[test]
fn exfat_takes_files_though_it_knows_neither_links_nor_permissions() {
    if !need::root_and(&["mkfs.exfat", "mount.exfat-fuse", "losetup", "umount"]) {
        return;
    }
    let mut mounted = None;
    let sandbox = Sandbox::prepared(&[], |root| mounted = Mounted::exfat(root));
    let Some(_mounted) = mounted else { return };
    works_on_any_file_system(&sandbox);
    for (method, target) in [("PUT", "/a:b"), ("MKCOL", "/a:b/")] {
        let answer = ask(&sandbox, method, target, "", (method == "PUT").then_some(b"".as_slice()));
        assert_eq!(answer.status, 409, "{method}: {}", answer.text());
        assert!(answer.text().contains("this file system does not allow this name"), "{}", answer.text());
    }
}

/// ramfs has no limit, and tells of no blocks: neither full nor empty.
#[test]
fn a_file_system_that_tells_no_size_takes_files_as_any_other() {
    if !need::root_and(&["mount", "umount"]) {
        return;
    }
    let mut mounted = None;
    let sandbox =
        Sandbox::prepared(&[], |root| mounted = Mounted::by("mount", &["-t", "ramfs", "ramfs"], root));
    let Some(_mounted) = mounted else { return };
    works_on_any_file_system(&sandbox);
    let text = "one two ".repeat(200_000);
    let reversed = ask(&sandbox, "POST", "/?reverse", "", Some(text.as_bytes()));
    assert_eq!((reversed.status, reversed.body.len()), (200, text.len()));
}

/// What is promised of any file system, with the true reason where that one cannot.
fn works_on_any_file_system(sandbox: &Sandbox) {
    for (status, content) in [(201, "one word"), (204, "two words"), (204, "")] {
        let put = ask(sandbox, "PUT", "/f", "", Some(content.as_bytes()));
        assert_eq!(put.status, status, "{}", put.text());
        assert_eq!(ask(sandbox, "GET", "/f", "", None).text(), content);
    }
    ask(sandbox, "PUT", "/f", "", Some(b"one word"));
    let fields = [("If-None-Match", "*")];
    let only_new = |name| {
        let mut client = Client::connect(sandbox.address()).unwrap();
        client.ask("PUT", name, &fields, Some(b"new")).unwrap().status
    };
    assert_eq!((only_new("/f"), only_new("/new")), (412, 201));
    let rows: [([&str; 3], u16, &str); 13] = [
        (["COPY", "/f?replace=one&with=two", "/f"], 204, ""),
        (["COPY", "/f", "/g"], 201, ""),
        (["MOVE", "/f", "/h"], 201, ""),
        (["MOVE", "/h", "/g"], 204, ""),
        (["MKCOL", "/d/", ""], 201, ""),
        (["MOVE", "/g", "/d/g"], 201, ""),
        (["COPY", "/d/", "/e/"], 201, ""),
        (["COPY", "/d/", "/e/"], 204, ""),
        (["MOVE", "/e/", "/d/"], 204, ""),
        (["COPY", "/d/", "/e/"], 201, ""),
        (["MOVE", "/d/", "/d/in/"], 409, "one of the two lies inside the other"),
        (["MOVE", "/d/", "/m/"], 201, ""),
        (["DELETE", "/e/", ""], 204, ""),
    ];
    for (request, status, says) in rows {
        expect(sandbox, request, status, says);
    }
    assert_eq!(files_beneath(&sandbox.root()), ["m/g", "new"]);
    assert_eq!(sandbox.stored("m/g"), b"two word");
}

#[test]
fn a_directory_that_is_not_readable_costs_a_sync_of_its_file_system_and_of_no_other() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let sandbox = Sandbox::prepared(&["--run-as", "nobody"], |root| {
        let drop_box = root.join("box");
        fs::create_dir(&drop_box).unwrap();
        std::os::unix::fs::chown(&drop_box, Some(nobody.uid.as_raw()), None).unwrap();
        for (path, mode) in [(root.parent().unwrap(), 0o755), (root, 0o755), (&drop_box, 0o300)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    });
    let strace = Strace::attach(&sandbox, &["trace=sync,syncfs,fsync"]);
    assert_eq!(ask(&sandbox, "PUT", "/box/f", "", Some(b"new")).status, 201);
    let calls = strace.lines();
    assert!(calls.iter().any(|call| call.contains("syncfs(")), "{calls:?}");
    assert!(!calls.iter().any(|call| call.contains(" sync()")), "{calls:?}");
}

#[test]
fn where_case_does_not_count_nothing_is_reached_by_another_spelling() {
    if !need::root_and(&["mkfs.exfat", "mount.exfat-fuse", "losetup", "umount"]) {
        return;
    }
    let mut mounted = None;
    let mut sandbox = Sandbox::prepared(&[], |root| mounted = Mounted::exfat(root));
    let Some(_mounted) = mounted else { return };
    for name in ["/.cfpd-x", "/.CFPD-x", "/.Cfpd-Uploads", "/d/.CFPD-x", "/.CFPD"] {
        fs::create_dir_all(sandbox.root().join("d")).unwrap();
        assert_eq!(ask(&sandbox, "PUT", name, "", Some(b"")).status, 403, "{name}");
        expect(&sandbox, ["GET", name, ""], 403, "belongs to the daemon");
        expect(&sandbox, ["MKCOL", &format!("{name}/"), ""], 403, "belongs to the daemon");
    }
    // A new spelling is a rename, and no file is lost by it.
    ask(&sandbox, "PUT", "/Notes", "", Some(b"text"));
    expect(&sandbox, ["MOVE", "/Notes", "/NOTES"], 201, "");
    expect(&sandbox, ["MOVE", "/d/", "/D/"], 201, "");
    assert_eq!(files_beneath(&sandbox.root()), ["D/", "NOTES"]);
    assert_eq!(sandbox.stored("NOTES"), b"text");

    sandbox.keep("pub/secret", "secret");
    let refused = "takes a name in any case for the same, and cannot deny one: allow what may be reached";
    let rows = [
        ("deny all * /pub/secret\nallow all * /\n", Some("/")),
        ("deny all * /secret/\nallow all * /\n", Some("/")),
        ("allow read * /pub/\ndeny all * /\n", None),
        ("allow all * /pub/\n", None),
    ];
    for (rules, folding) in rows {
        sandbox.write("rules", rules);
        let options = ["-r", "../root", "-l", "127.0.0.1:0", "--access", "rules"];
        match folding {
            Some(directory) => {
                let first = rules.lines().next().unwrap();
                let said = format!("cfpd: rules:1: {first}: {directory} {refused}\n");
                sandbox.run("cfpd", options).code(2).stdout("").stderr(said.clone());
                sandbox.run("cfpd", options.iter().chain(&["--check"])).code(2).stdout("").stderr(said);
            }
            None => {
                sandbox.run("cfpd", options.iter().chain(&["--check"])).success();
                sandbox.restart(&["--access", "rules"]);
                expect(&sandbox, ["GET", "/pub/secret", ""], 200, "secret");
                expect(&sandbox, ["GET", "/PUB/secret", ""], 403, "you may not read it");
                // Nor is such a rule taken up by a reload.
                sandbox.write("rules", "deny all * /pub/secret\nallow all * /\n");
                sandbox.signal(nix::sys::signal::Signal::SIGHUP);
                super::place::wait_until(&sandbox, "the reload", || sandbox.log().contains(refused));
                expect(&sandbox, ["GET", "/PUB/secret", ""], 403, "you may not read it");
            }
        }
    }
}

#[test]
fn a_large_upload_goes_into_a_bind_mount_and_has_the_group_of_its_directory_as_a_small_one() {
    if !need::root_and(&["mount"]) || !need::attributes() {
        return;
    }
    let sandbox = Sandbox::new();
    let (other, bound, shared) =
        (sandbox.work().join("other"), sandbox.root().join("b"), sandbox.root().join("s"));
    [&other, &shared].iter().for_each(|directory| fs::create_dir(directory).unwrap());
    std::os::unix::fs::chown(&shared, None, Some(65534)).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o2755)).unwrap();
    let Some(_mounted) = Mounted::by("mount", &["--bind", other.to_str().unwrap()], &bound) else { return };
    sandbox.sh("echo small > small; head -c 9000000 /dev/zero > large").success();
    for directory in ["b", "s"] {
        sandbox.sh(&format!("cfp-put -t {directory} small large")).success();
        let of = |name: &str| fs::metadata(sandbox.root().join(directory).join(name)).unwrap();
        let (small, large) = (of("small"), of("large"));
        assert_eq!((small.gid(), small.mode()), (large.gid(), large.mode()), "{directory}");
        assert_eq!((small.len(), large.len()), (6, 9_000_000), "{directory}");
    }
    assert_eq!(fs::metadata(shared.join("large")).unwrap().gid(), 65534);
}

#[test]
fn files_that_say_a_wrong_size_are_served_searched_and_copied_whole() {
    if !need::root_and(&["mount"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let (proc, sys) = (sandbox.root().join("proc"), sandbox.root().join("sys"));
    let bind = |from: &str, to: &Path| Mounted::by("mount", &["--bind", from], to);
    let (Some(_proc), Some(_sys)) = (bind("/proc/sys/kernel", &proc), bind("/sys/kernel", &sys)) else {
        return;
    };
    let mut client = Client::connect(sandbox.address()).unwrap();
    let mut ask = |method: &str, target: &str, fields: &[(&str, &str)]| {
        client.ask(method, target, fields, None).unwrap()
    };
    for (target, path) in
        [("/proc/ostype", "/proc/sys/kernel/ostype"), ("/sys/uevent_seqnum", "/sys/kernel/uevent_seqnum")]
    {
        let content = fs::read_to_string(path).unwrap();
        let head = ask("HEAD", target, &[]);
        assert_eq!(head.field("content-length"), content.len().to_string());
        assert_eq!(ask("GET", target, &[]).text(), content);
        assert_eq!(
            ask("GET", target, &[("Accept-Encoding", "identity"), ("Range", "bytes=0-0")]).text(),
            content[..1]
        );
        assert_eq!(ask("COPY", target, &[("Destination", "/copy")]).status / 100, 2);
        assert_eq!(ask("GET", "/copy", &[]).text(), content);
    }
    assert_eq!(ask("GET", "/proc/ostype?search=Linux", &[]).text(), "1\n");
    assert_eq!(ask("GET", "/proc/ostype?reverse", &[]).text(), "Linux\n");
    let found = ask("GET", "/proc/?search=Linux", &[]).text();
    assert!(found.contains("1 ostype\n"), "{found}");
}

#[test]
fn a_large_file_that_says_no_size_is_served_and_copied_whole_and_one_without_an_end_stops_at_a_limit() {
    if !need::root_and(&["mount"]) {
        return;
    }
    let (large, endless) = ("/proc/kallsyms", format!("/proc/{}/pagemap", std::process::id()));
    let content = fs::read(large).unwrap();
    if content.len() < 1 << 20 {
        return need::left_out("there is no file of /proc that is large");
    }
    let rows: [(&[&str], u16); 2] = [(&["--max-file-size", "64M"], 413), (&["--max-spool", "128M"], 507)];
    for (options, past) in rows {
        let sandbox = Sandbox::with(options);
        let bind = |from: &str, name: &str| Mounted::by_file(from, &sandbox.keep(name, ""));
        let (Some(_large), Some(_endless)) = (bind(large, "d/large"), bind(&endless, "e/endless")) else {
            return;
        };
        for _ in 0..2 {
            for (method, target) in
                [("GET", "/e/endless"), ("HEAD", "/e/endless"), ("GET", "/e/endless?search=a")]
            {
                assert_eq!(ask(&sandbox, method, target, "", None).status, past, "{method} {target}");
            }
            for (from, to) in [("/e/endless", "/copy"), ("/e/", "/copy/")] {
                assert_eq!(ask(&sandbox, "COPY", from, to, None).status, past, "{from}");
            }
            // What these held is free again.
            assert!(ask(&sandbox, "GET", "/d/large", "", None).body == content);
        }
        expect(&sandbox, ["COPY", "/d/large", "/copied"], 201, "");
        expect(&sandbox, ["COPY", "/d/", "/c/"], 201, "");
        assert!(sandbox.stored("copied") == content && sandbox.stored("c/large") == content);
        let range = [("Accept-Encoding", "identity"), ("Range", "bytes=1000000-1000009")];
        let mut client = Client::connect(sandbox.address()).unwrap();
        let part = client.ask("GET", "/d/large", &range, None).unwrap();
        assert_eq!((part.status, &part.body[..]), (206, &content[1_000_000..1_000_010]));
        let found = files_beneath(&sandbox.root());
        assert_eq!(found, ["c/large", "copied", "d/large", "e/endless"]);
    }
}

//! What the daemon gives up once it is bound: privileges it could gain, and root where another user is named. What
//! Landlock then forbids is tested beside it; that the daemon does its work all the same, every other test shows.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use crate::common::raw::request;
use crate::common::watch::Watch;
use crate::common::{HANG, Sandbox, need};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};
use predicates::str::{contains, starts_with};

/// What the system says of each thread of the daemon under this name.
fn of_each_thread(sandbox: &Sandbox, name: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{}/task", sandbox.pid())).unwrap();
    // A thread may end after its name was read.
    let statuses = threads.flat_map(|thread| fs::read_to_string(thread.unwrap().path().join("status")));
    let value = |status: String| {
        let line = status.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
        line.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    statuses.map(value).collect()
}

#[test]
fn no_thread_can_gain_privileges() {
    let sandbox = Sandbox::new();
    let _connection = sandbox.connect();
    if sandbox.log().contains("no Landlock") {
        return need::left_out("no Landlock in this kernel");
    }
    assert!(of_each_thread(&sandbox, "NoNewPrivs:").iter().all(|value| value == "1"));
}

#[test]
fn a_command_is_free() {
    let sandbox = Sandbox::new();
    let script = "echo text > free && cat free && grep NoNewPrivs /proc/self/status";
    let said = sandbox.run("cfpd", ["-r", ".", "--", "sh", "-c", script]).success();
    // As free as whoever runs the tests.
    let own = fs::read_to_string("/proc/self/status").unwrap();
    let own = own.lines().find(|line| line.starts_with("NoNewPrivs:")).unwrap();
    said.stdout(format!("text\n{own}\n"));
}

#[test]
fn files_that_are_links_are_read_where_they_lead_at_the_start_and_after_a_hup() {
    let options = ["--access", "link-to-access", "--log", "link-to-log"];
    let sandbox = Sandbox::prepared(&options, |root| {
        let (work, elsewhere) = (root.with_file_name("work"), root.with_file_name("elsewhere"));
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("access"), "allow read * /\n").unwrap();
        fs::write(elsewhere.join("log"), "").unwrap();
        for name in ["access", "log"] {
            symlink(format!("../elsewhere/{name}"), work.join(format!("link-to-{name}"))).unwrap();
        }
    });
    sandbox.keep("f", "text");
    sandbox.run("cfp-cat", [":f"]).success();
    let elsewhere = sandbox.root().with_file_name("elsewhere");
    fs::write(elsewhere.join("new"), "deny all * /\n").unwrap();
    fs::rename(elsewhere.join("new"), elsewhere.join("access")).unwrap();
    fs::rename(elsewhere.join("log"), elsewhere.join("log.1")).unwrap();
    sandbox.signal(Signal::SIGHUP);
    let end = Instant::now() + HANG;
    while !fs::read_to_string(elsewhere.join("log")).is_ok_and(|log| log.contains("reloaded\n")) {
        assert!(Instant::now() < end, "the new log is not written");
        thread::yield_now();
    }
    sandbox.run("cfp-cat", [":f"]).code(2);
}

#[test]
fn what_the_daemon_made_beside_the_root_goes_with_it() {
    let options = ["--pid-file", "pid", "-l", "unix:here.sock"];
    let mut sandbox = Sandbox::with(&options);
    let made = ["pid", "here.sock"].map(|name| sandbox.work().join(name));
    assert!(made.iter().all(|path| path.exists()));
    sandbox.signal(Signal::SIGTERM);
    assert!(sandbox.wait().success());
    assert!(!made.iter().any(|path| path.exists()), "{made:?}");
}

#[test]
fn as_another_user_the_daemon_is_that_user_alone() {
    if !need::root() {
        return;
    }
    let nobody = User::from_name("nobody").unwrap().unwrap();
    let sandbox = Sandbox::prepared(&["--run-as", "nobody", "--pid-file", "../pid"], |root| {
        chown(root, Some(nobody.uid.as_raw()), None).unwrap();
        for above in [root, root.parent().unwrap()] {
            fs::set_permissions(above, fs::Permissions::from_mode(0o755)).unwrap();
        }
    });
    let _connection = sandbox.connect();
    let ids = of_each_thread(&sandbox, "Uid:");
    assert!(ids.iter().all(|id| id.split(" ").all(|one| one == nobody.uid.to_string())), "{ids:?}");
    let groups = of_each_thread(&sandbox, "Groups:");
    assert!(groups.iter().all(|list| *list == nobody.gid.to_string()), "{groups:?}");
    sandbox.write("f", "text");
    sandbox.run("cfp-put", ["f"]).success();
    assert_eq!(fs::metadata(sandbox.root().join("f")).unwrap().uid(), nobody.uid.as_raw());
    // What root can read, it cannot.
    let secret = sandbox.keep("secret", "secret");
    fs::set_permissions(secret, fs::Permissions::from_mode(0o600)).unwrap();
    sandbox.run("cfp-cat", [":secret"]).code(2).stdout("").stderr(contains(":secret: "));
    sandbox.run("cfp-search", ["-r", "--per-file", "text", ":/"]).stdout(":f:1\n").success();
    sandbox.run("cfp-search", ["-r", "--lines", "text", ":/"]).stdout(":f:text\n").success();
    sandbox.signal(Signal::SIGTERM);
}

#[test]
fn a_directory_that_the_server_may_not_read_is_said_of_what_is_fetched() {
    if !need::root() {
        return;
    }
    let sandbox = Sandbox::prepared(&["--run-as", "nobody"], |root| {
        for path in ["d/a/empty", "d/names", "d/secret", "d/z"] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        for path in ["d/names/f", "d/secret/f", "d/z/f"] {
            fs::write(root.join(path), "text").unwrap();
        }
        for path in [root.parent().unwrap(), root] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::set_permissions(root.join("d/secret"), fs::Permissions::from_mode(0o700)).unwrap();
        // It may be read, but nothing in it may be looked up.
        fs::set_permissions(root.join("d/names"), fs::Permissions::from_mode(0o744)).unwrap();
    });
    let said = sandbox.run("cfp-get", ["-q", "-r", "d"]).stdout("").code(2);
    said.stderr("cfp-get: :d/names/: permission denied\ncfp-get: :d/secret/: permission denied\n");
    let made = ["d/a/empty", "d/names", "d/secret", "d/z/f"].map(|path| sandbox.work().join(path).exists());
    assert_eq!(made, [true; 4]);
    // What cannot be read here is not taken for absent.
    for path in ["mine/names/f", "mine/secret/f"] {
        sandbox.write(path, "text");
    }
    sandbox.run("cfp-sync", ["--delete", ":d", "mine"]).code(2);
    let left = ["mine/names/f", "mine/secret/f"].map(|path| sandbox.work().join(path).exists());
    assert_eq!(left, [true; 2]);
}

#[test]
fn an_archive_without_what_the_server_may_not_read_is_refused() {
    if !need::root() {
        return;
    }
    let sandbox = Sandbox::prepared(&["--run-as", "nobody"], |root| {
        for path in ["file", "directory/sub", "directory/z"] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        for path in ["file/f", "file/secret", "directory/z/f.txt", "directory/sub/f"] {
            fs::write(root.join(path), "text").unwrap();
        }
        for path in [root.parent().unwrap(), root] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for (path, mode) in [("file/secret", 0o600), ("directory/sub", 0o700)] {
            fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
        }
    });
    let mut raw = sandbox.connect();
    for format in ["zip", "tar.zst"] {
        for (target, status, line) in [
            ("file/?", 403, "/file/secret: permission denied\n"),
            ("directory/?", 403, "/directory/sub/: permission denied\n"),
            ("directory/?include=*.txt&", 403, "/directory/sub/: permission denied\n"),
            ("directory/sub/?", 403, "/directory/sub/: permission denied\n"),
            ("file/?exclude=secret&", 200, ""),
            ("directory/?exclude=sub/&", 200, ""),
        ] {
            let answer = raw.ask(request("GET", &format!("/{target}archive={format}"), ""));
            assert_eq!(answer.status, status, "{format} {target}");
            assert!(status == 200 || answer.text() == line, "{format} {target} {}", answer.text());
        }
    }
}

#[test]
fn what_of_a_directory_cannot_be_removed_is_renamed_back_and_is_said() {
    if !need::root() {
        return;
    }
    let nobody = User::from_name("nobody").unwrap().unwrap();
    let sandbox = Sandbox::prepared(&["--run-as", "nobody"], |root| {
        fs::create_dir_all(root.join("d/sub")).unwrap();
        fs::create_dir_all(root.join("own/sub/deep")).unwrap();
        for path in ["d/f", "d/sub/f", "own/f", "own/sub/f", "own/sub/deep/f"] {
            fs::write(root.join(path), "text").unwrap();
        }
        for path in [root.parent().unwrap(), root, &root.join("d"), &root.join("d/sub")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for path in
            [root, &root.join("d"), &root.join("own"), &root.join("own/sub"), &root.join("own/sub/deep")]
        {
            chown(path, Some(nobody.uid.as_raw()), None).unwrap();
        }
        fs::create_dir_all(root.join("deep/a/b/other")).unwrap();
        fs::write(root.join("deep/a/b/other/f"), "text").unwrap();
        for path in ["deep", "deep/a", "deep/a/b"] {
            chown(root.join(path), Some(nobody.uid.as_raw()), None).unwrap();
        }
        let modes = [
            ("own/sub/deep", 0o555),
            ("own/sub", 0o500),
            ("own", 0o100),
            ("deep", 0o755),
            ("deep/a/b", 0o555),
            ("deep/a", 0o511),
            ("deep/a/b/other", 0o755),
        ];
        for (path, mode) in modes {
            fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
        }
    });
    let mut raw = sandbox.connect();
    // Of another user: it is there, with what could not be removed.
    let refused = raw.ask(request("DELETE", "/d/", ""));
    assert_eq!((refused.status, refused.text().as_str()), (403, "/d/: permission denied\n"));
    assert_eq!(raw.ask(request("GET", "/d/sub/f", "")).text(), "text");
    // However deep it is: with its path, and the directories above with their modes.
    assert_eq!(raw.ask(request("DELETE", "/deep/", "")).status, 403);
    assert_eq!(raw.ask(request("GET", "/deep/a/b/other/f", "")).text(), "text");
    for (path, mode) in [("deep", 0o755), ("deep/a", 0o511), ("deep/a/b", 0o555)] {
        let found = fs::metadata(sandbox.root().join(path)).unwrap().permissions().mode();
        assert_eq!(found & 0o7777, mode, "{path}");
    }
    // Of its own, and write-protected.
    assert_eq!(raw.ask(request("DELETE", "/own/", "")).status, 204);
    let left: Vec<_> =
        fs::read_dir(sandbox.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(BTreeSet::from_iter(left), BTreeSet::from_iter(["d", "deep"].map(Into::into)));
}

#[test]
fn users_that_only_a_module_of_the_system_knows_are_known_at_the_start_and_after_a_hup() {
    if !need::root_and(&["unshare"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("nsswitch.conf", "passwd: compat\n");
    let rules = sandbox.write("rules", "allow all local:nobody /\n");
    let script = "mount --bind nsswitch.conf /etc/nsswitch.conf
        exec cfpd -r ../root -l unix:socket --access rules --log log";
    for first in ["allow all local:nobody /\n", "allow all * /\n"] {
        sandbox.write("rules", first);
        let mut command = sandbox.command("unshare");
        command.args(["-m", "sh", "-ec", script]).stdout(Stdio::piped());
        let mut daemon = command.spawn().unwrap();
        let mut said = BufReader::new(daemon.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "cfpd: listening on unix:socket\n");
        fs::write(&rules, "allow all local:nobody /\n").unwrap();
        let pid = Pid::from_raw(daemon.id().try_into().unwrap());
        kill(pid, Signal::SIGHUP).unwrap();
        let log = sandbox.work().join("log");
        Watch::new(&sandbox).until("the reload", |_| fs::read_to_string(&log).unwrap().contains("reloaded"));
        assert!(fs::read_to_string(&log).unwrap().ends_with("cfpd: reloaded\n"));
        kill(pid, Signal::SIGTERM).unwrap();
        assert!(daemon.wait().unwrap().success());
        fs::remove_file(log).unwrap();
    }
}

#[test]
fn the_command_of_a_daemon_that_is_another_user_comes_to_it() {
    if !need::root() {
        return;
    }
    let mut sandbox = Sandbox::prepared(&[], |root| {
        for open in [root, root.parent().unwrap()] {
            fs::set_permissions(open, fs::Permissions::from_mode(0o755)).unwrap();
        }
    });
    sandbox.keep("f", "text");
    // It would be said that two serve one directory.
    sandbox.kill();
    let shared = sandbox.root().with_file_name("tmp");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
    let mut command = sandbox.command(sandbox.bring(&["cfpd", "cfp-cat"]).join("cfpd"));
    command.arg("-r").arg(sandbox.root()).args(["--run-as", "nobody", "--", "cfp-cat", ":f"]);
    assert_cmd::Command::from_std(command)
        .env("TMPDIR", &shared)
        .assert()
        .success()
        .stdout("text")
        .stderr("");
    assert_eq!(fs::read_dir(shared).unwrap().count(), 0, "the private socket is left");
}

#[test]
fn check_finds_what_the_user_that_is_named_cannot_do() {
    if !need::root() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("rules", "allow read * /\n");
    for (name, mode) in [("rules", 0o600), (".", 0o755), ("..", 0o755)] {
        fs::set_permissions(sandbox.work().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let options = ["--check", "-r", "../root", "--access", "rules", "--log", "log", "--pid-file", "pid"];
    sandbox.run("cfpd", options).success();
    let said = sandbox.run("cfpd", options.iter().chain(&["--run-as", "nobody"])).code(2).stdout("");
    // The pid file is written before.
    said.stderr("cfpd: log: permission denied\ncfpd: rules: permission denied\n");
}

#[test]
fn who_cannot_become_that_user_does_not_start() {
    let sandbox = Sandbox::new();
    let unknown = ["-r", ".", "-l", "127.0.0.1:0", "--run-as", "no-such-user"];
    sandbox.run("cfpd", unknown).code(2).stdout("").stderr(starts_with("cfpd: no-such-user: is not a user"));
    if geteuid().is_root() {
        // Who is this user already takes up the group all the same.
        let options = ["--run-as", "root:nogroup", "--", "id", "-gn"];
        sandbox.run("cfpd", ["-r", "."].iter().chain(&options)).stdout("nogroup\n").success();
    } else {
        let root = ["-r", ".", "-l", "127.0.0.1:0", "--run-as", "root"];
        sandbox.run("cfpd", root).stdout("").stderr(starts_with("cfpd: --run-as root: "));
    }
}

#[test]
fn a_default_root_is_made_for_its_owner_and_group_alone() {
    let sandbox = Sandbox::new();
    if !geteuid().is_root() {
        let script = "umask 0; cfpd -- true; stat -c %a data/cfpd";
        let mut command = sandbox.command("sh");
        command.env("XDG_DATA_HOME", sandbox.work().join("data")).args(["-ec", script]);
        return drop(assert_cmd::Command::from_std(command).assert().success().stdout("750\n"));
    }
    if !need::programs(&["unshare", "mount"]) {
        return;
    }
    // On a /var/lib of its own.
    let script = "mount -t tmpfs none /var/lib || exit 77; umask 0; cfpd -- true; stat -c %a /var/lib/cfpd";
    let said = sandbox.run("unshare", ["-m", "sh", "-ec", script]);
    match said.get_output().status.code() {
        Some(77) => need::left_out("root may not mount here"),
        _ => drop(said.success().stdout("750\n")),
    }
}

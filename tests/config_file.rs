//! The config file of cfpd (`--config`): what counts, what is refused and how that is said, and what a reload does with it.

use std::fs;
use std::path::Path;

use crate::common::Sandbox;
use crate::common::raw::request;
use nix::sys::signal::Signal;
use predicates::str::contains;

/// A daemon with a config file in a directory of its own.
fn configured(text: &str, options: &[&str]) -> Sandbox {
    let options = [&["--config", "etc/cfpd.conf", "--log", "log"], options].concat();
    Sandbox::prepared(&options, |root| write(root, text))
}

fn write(root: &Path, text: &str) {
    let directory = root.with_file_name("work").join("etc");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("access"), "allow all * /\n").unwrap();
    fs::write(directory.join("cfpd.conf"), text).unwrap();
}

/// Sends HUP, and waits for what the log says of it.
fn reload(sandbox: &Sandbox, said: &str) {
    sandbox.signal(Signal::SIGHUP);
    sandbox.sh(&format!("until grep -qF 'cfpd: {said}' log; do :; done")).success();
}

fn status(sandbox: &Sandbox, method: &str, target: &str) -> u16 {
    sandbox.connect().ask(request(method, target, "")).status
}

#[test]
fn options_of_the_file_count_and_those_of_the_command_line_replace_them() {
    let text = "root nowhere\nlisten 192.0.2.1:1\nprefix /of-file\nhost a.example\nhost b.example\nread-only\n\
                access access\nlisten unix:beside.sock\n";
    let sandbox = configured(text, &["--prefix", "/files"]);
    assert!(sandbox.url().ends_with("/files"), "{}", sandbox.url());
    // The sandbox itself gives --host h, which replaces both.
    let with_host = |host: &str| format!("GET /files/ HTTP/1.1\r\nHost: {host}\r\n\r\n");
    assert_eq!(sandbox.connect().ask(with_host("h")).status, 200);
    assert_eq!(sandbox.connect().ask(with_host("a.example")).status, 421);
    assert_eq!(status(&sandbox, "DELETE", "/files/f"), 403);
}

#[test]
fn everything_may_come_from_the_file_and_paths_begin_where_it_is() {
    let sandbox = Sandbox::new();
    sandbox.write("etc/my files/notes.txt", "a lamp\n");
    sandbox.write("other/notes.txt", "two lamps, a lamp\n");
    let text = "\u{feff}# A team\r\n\r\n  root\tmy files \r\nlisten unix:s,mode=0600 # private\r\nlisten 127.0.0.1:0\r\n\
                log log\r\npid-file pid\r\nbackground\r\n";
    sandbox.write("etc/cfpd.conf", text);
    sandbox
        .sh("cfpd --config etc/cfpd.conf >said; trap 'kill $(cat etc/pid)' EXIT; grep -c listening said
            cfp-cat -s unix:etc/s :notes.txt; stat -c %a etc/s
            url=$(sed -n 's/.*\\(http.*\\)/\\1/p' said)
            cfp-cat -s $url :notes.txt")
        .success()
        .stdout("2\na lamp\n600\na lamp\n");
    sandbox.sh("grep -q 'GET /notes.txt' etc/log").success();
    sandbox.write("etc/cfpd.conf", "root my files\n");
    let command = "-- cfp-cat :notes.txt";
    sandbox.sh(&format!("cfpd --config etc/cfpd.conf {command}")).success().stdout("a lamp\n");
    sandbox
        .sh(&format!("cfpd --config etc/cfpd.conf other {command}"))
        .success()
        .stdout("two lamps, a lamp\n");
    sandbox
        .sh(&format!("cfpd --config etc/cfpd.conf -r other {command}"))
        .success()
        .stdout("two lamps, a lamp\n");
    sandbox.sh(&format!("cfpd -r other . {command}")).code(2).stderr(contains("exclude each other"));
}

#[test]
fn a_check_names_every_wrong_line_and_a_start_the_first_one() {
    let sandbox = Sandbox::new();
    sandbox.write("etc/access", "allow all * /\nallow al * /\n");
    let text =
        "max-conections 5\nlisten 8398\nlog-format xml\naccess access\nroot\nhost h\ngrace 1K\nuse rs u\n";
    sandbox.write("etc/cfpd.conf", text);
    let said = "cfpd: etc/cfpd.conf:1: max-conections: is not an option; cfpd.conf(5) lists them\n\
                cfpd: etc/cfpd.conf:5: root: needs a value: DIR\n\
                cfpd: etc/cfpd.conf:8: use: is not an option; cfpd.conf(5) lists them\n\
                cfpd: etc/cfpd.conf:2: 8398: is not a listen address";
    let check = ["--config", "etc/cfpd.conf", "--check", "."];
    let all = sandbox.run("cfpd", check).code(2).stdout("");
    let all = String::from_utf8_lossy(&all.get_output().stderr).into_owned();
    assert!(all.starts_with(said), "{all}");
    for (line, what) in [(3, "log-format xml: is neither"), (7, "grace 1K: is not a number, 0 or more")] {
        assert!(all.contains(&format!("cfpd: etc/cfpd.conf:{line}: {what}")), "{all}");
    }
    assert!(all.contains("cfpd: etc/access:2: al: is not a verb"), "{all}");
    assert_eq!(all.lines().count(), 7, "{all}");
    sandbox
        .run("cfpd", ["--config", "etc/cfpd.conf", "."])
        .code(2)
        .stdout("")
        .stderr("cfpd: etc/cfpd.conf:1: max-conections: is not an option; cfpd.conf(5) lists them\n");
    sandbox
        .run("cfpd", ["--config", "etc/none", "."])
        .code(2)
        .stderr(contains("cfpd: etc/none: no such file or directory"));
    sandbox.write("etc/cfpd.conf", "access access\n");
    sandbox.write("etc/access", "allow read * /pub/\n");
    let ask = |name: &str| sandbox.run("cfpd", ["--config", "etc/cfpd.conf", "--explain", "-", "read", name]);
    ask("/pub/a").success().stdout(contains("etc/access:1: allow read * /pub/"));
    ask("/a").code(1);
}

#[test]
fn a_reload_reads_the_files_that_are_named_again_and_says_what_takes_a_restart() {
    let text = "access access\nmax-connections 50\n";
    let sandbox = configured(text, &[]);
    let etc = sandbox.work().join("etc");
    assert_eq!(status(&sandbox, "GET", "/"), 200);
    fs::write(etc.join("access"), "allow read * /pub/\n").unwrap();
    reload(&sandbox, "reloaded");
    assert_eq!(status(&sandbox, "GET", "/"), 403);

    fs::write(etc.join("access"), "allow all * /\n").unwrap();
    // What the command line has is no change, and neither is a comment.
    write(&sandbox.root(), "# More\naccess access\nmax-connections 60\nread-only\nlog elsewhere\n");
    reload(&sandbox, "reloaded; etc/cfpd.conf: read-only, max-connections changed: restart cfpd to use that");
    assert_eq!(status(&sandbox, "GET", "/"), 200);
    assert_eq!(status(&sandbox, "DELETE", "/none"), 404);

    fs::write(etc.join("access"), "allow read * /pub/\n").unwrap();
    fs::write(etc.join("cfpd.conf"), "max-connections 50\nread-onyl\n").unwrap();
    // logrotate has renamed the log: the new one is begun whatever is wrong with the files.
    fs::rename(sandbox.work().join("log"), sandbox.work().join("log.1")).unwrap();
    reload(
        &sandbox,
        "nothing was reloaded, all stays as it was: etc/cfpd.conf:2: read-onyl: is not an option; cfpd.conf(5) lists them",
    );
    assert_eq!(status(&sandbox, "GET", "/"), 200);
    // To open a pipe would wait for a writer, and no later HUP would be heeded.
    sandbox.sh("mv etc/access kept; mkfifo etc/access; echo 'access access' >etc/cfpd.conf").success();
    let pipe = "etc/access: is a pipe: name a file, which can be read again";
    reload(&sandbox, &format!("nothing was reloaded, all stays as it was: {pipe}"));
    sandbox.run("cfpd", ["--check", "--access", "etc/access", "."]).code(2).stderr(contains(pipe));
    sandbox.sh("mkfifo key; mv key etc/key").success();
    let tls = ["--check", "--tls-cert", "etc/key", "--tls-key", "etc/key", "."];
    sandbox.run("cfpd", tls).code(2).stderr(contains("etc/key: is a pipe"));
    sandbox.sh("mv kept etc/access").success();
    fs::remove_file(etc.join("cfpd.conf")).unwrap();
    reload(&sandbox, "nothing was reloaded, all stays as it was: etc/cfpd.conf: ");
}

//! `-u`, in all tools alike: where the name and the password come from, and where they must not.

use std::os::unix::process::ExitStatusExt;
use std::process::{Output, Stdio};

use predicates::prelude::*;

use super::stranger::Stranger;
use crate::common::Sandbox;
use crate::common::terminal::Terminal;

/// A store that is alice's alone.
fn furnished() -> Sandbox {
    let sandbox = Sandbox::guarded(&[], "allow all alice /\nallow list,read bob /\n");
    sandbox.keep("f", "one word");
    sandbox.write("g", "another word");
    sandbox.write("password", "wonderland\nand more\n");
    sandbox
}

/// Runs a tool with the password in a file.
fn with_file(sandbox: &Sandbox, argv: &[&str]) -> Output {
    let mut command = sandbox.command(argv[0]);
    command.args(&argv[1..]).env("CFP_PASSWORD_FILE", "password").stdin(Stdio::null());
    command.output().unwrap()
}

#[test]
fn every_tool_says_who_it_is_and_is_refused_when_it_does_not() {
    let rows: [&[&str]; 13] = [
        &["cfp-ls"],
        &["cfp-cat", ":f"],
        &["cfp-search", "word", ":f"],
        &["cfp-search", "word", "g"],
        &["cfp-replace", "word", "deed", ":f"],
        &["cfp-replace", "word", "deed", ":f", "-o", ":deed"],
        &["cfp-reverse", ":f"],
        &["cfp-put", "g"],
        &["cfp-get", "f", "-o", "got"],
        &["cfp-cp", "f", "copy"],
        &["cfp-mv", "f", "moved"],
        &["cfp-rm", "f"],
        &["cfp-shell", "-c", "list"],
    ];
    for argv in rows {
        let sandbox = furnished();
        let refused = with_file(&sandbox, argv);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{argv:?}: {said}");
        // The answer to a HEAD has no words of its own.
        assert!(said.contains("log in") || said.contains("unauthorized"), "{argv:?}: {said}");
        let done = with_file(&sandbox, &[argv, &["-u", "alice"]].concat());
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(0), "{argv:?}: {said}");
    }
}

#[test]
fn a_file_goes_before_netrc_and_netrc_before_the_terminal() {
    let sandbox = furnished();
    let run = |argv: &[&str], file: Option<&str>| {
        let mut command = sandbox.command("cfp-ls");
        command.args(argv).envs(file.map(|file| ("CFP_PASSWORD_FILE", file)));
        assert_cmd::Command::from_std(command).assert()
    };
    let server = format!("http://alice@{}", sandbox.address());
    // What nobody says is asked for; nobody is there to be asked.
    for argv in [&["-u", "alice"][..], &["-s", &server]] {
        run(argv, None).code(2).stderr(predicate::str::contains("alice: no password"));
    }
    run(&["-u", "alice"], Some("password")).success().stdout("f\n");
    run(&["-s", &server], Some("password")).success().stdout("f\n");
    run(&["-u", "alice"], Some("no-such-file")).code(2).stderr(predicate::str::contains("no-such-file"));

    let netrc =
        "machine 127.0.0.1 login bob password builder\nmachine 127.0.0.1 login alice password wonderland\n";
    sandbox.write("../home/.netrc", netrc);
    run(&["-u", "alice"], None).success().stdout("f\n");
    run(&["-s", &server], None).success().stdout("f\n");
    // Without a name the first one for the host is taken: bob's.
    run(&[], None).success().stdout("f\n");
    let put = sandbox.run("cfp-put", ["g"]).code(2);
    put.stderr(predicate::str::contains(":g: bob may not create or replace it"));
    run(&["-u", "bob"], Some("password"))
        .code(2)
        .stderr(predicate::str::contains("wrong user name or password"));
    // The password of the file comes first for a name from there, too; one that is nowhere is asked for.
    run(&[], Some("password")).code(2).stderr(predicate::str::contains("wrong user name or password"));
    sandbox.write("../home/.netrc", "machine 127.0.0.1 login alice\n");
    run(&[], Some("password")).success().stdout("f\n");
    run(&[], None).code(2).stderr(predicate::str::contains("alice: no password"));
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    let sandbox = furnished();
    let server = format!("http://alice:wonderland@{}/", sandbox.address());
    for argv in [["cfp-ls", "-s", &server], ["cfp-get", "-q", &server]] {
        let said = sandbox.run(argv[0], &argv[1..]).code(2).stdout("");
        said.stderr(
            predicate::str::contains("a URL takes no password").and(predicate::str::contains("wonder").not()),
        );
    }
}

#[test]
fn a_password_is_asked_for_at_the_terminal_and_not_shown() {
    let sandbox = furnished();
    let asked = format!("Password of alice at {}: ", sandbox.url());
    let mut person = Terminal::start(&sandbox, "setsid", &["--ctty", "cfp-ls", "-u", "alice"]);
    person.expect(&asked).press("wonderland\r");
    assert_eq!(person.before("f\r\n"), "\r\n");
    assert_eq!(person.end(), Some(0));

    // One connection, one question; then the terminal shows again what is typed.
    let mut person = Terminal::start(&sandbox, "setsid", &["--ctty", "cfp-shell", "-u", "alice"]);
    person.expect(&asked).press("wonderland\r").expect("cfp> ").press("list\r");
    person.expect("list").expect("f\r\n").expect("cfp> ").press("logout\r").expect("Goodbye.");
    assert_eq!(person.end(), Some(0));

    let mut person = Terminal::start(&sandbox, "setsid", &["--ctty", "cfp-ls", "-u", "alice"]);
    person.expect(&asked).press("\x04").expect("alice: no password");
    assert_eq!(person.end(), Some(2));
}

#[test]
fn a_signal_while_a_password_is_asked_for_leaves_a_terminal_that_shows() {
    let sandbox = furnished();
    let script =
        "trap : INT; cfp-ls -u alice; echo ended with $?; stty -a | tr ' ' '\\n' | grep -x echo; exit";
    let mut person = Terminal::start(&sandbox, "setsid", &["--ctty", "sh", "-c", script]);
    person.expect("Password of alice").press("\x03").expect("ended with 130").expect("echo");
    person.end();
}

#[test]
fn directories_are_made_as_far_up_as_they_are_missing() {
    let sandbox = Sandbox::guarded(&[], "allow all * /home/anne/\n");
    sandbox.keep("home/anne/old", "text");
    sandbox.write("f", "text");
    sandbox.run("cfp-put", ["f", "--as", "home/anne/a/b/f"]).success().stderr("");
    sandbox.run("cfp-mv", ["home/anne/old", "home/anne/c/d/old"]).success().stderr("");
    let said = sandbox.run("cfp-put", ["f", "--as", "home/bert/f"]).code(2);
    said.stderr(predicates::str::contains(":home/bert/"));
    assert_eq!(
        (sandbox.stored("home/anne/a/b/f"), sandbox.stored("home/anne/c/d/old")),
        (b"text".into(), b"text".into())
    );
}

#[test]
fn nobody_is_asked_where_there_is_no_terminal() {
    let sandbox = furnished();
    let mut command = sandbox.command("setsid");
    let said = command.args(["--wait", "cfp-ls", "-u", "alice"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!((said.status.code(), said.status.signal()), (Some(2), None));
    assert!(
        String::from_utf8_lossy(&said.stderr).contains("alice: no password: put it in $CFP_PASSWORD_FILE")
    );
}

/// The head that a server which is not cfpd is sent by this command; `SERVER` in it is the address of that server.
fn head_elsewhere(sandbox: &Sandbox, argv: &[&str], variables: &[(&str, &str)]) -> String {
    let stranger = Stranger::new();
    let url = stranger.url();
    let server = stranger.answer(&["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx\n"]);
    let mut command = sandbox.command(argv[0]);
    command.args(argv[1..].iter().map(|argument| argument.replace("http://SERVER", &url)));
    command.args(["-o", "-"]).envs(variables.iter().copied()).stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{argv:?}: {said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("x\n"), "{argv:?}");
    server.join().unwrap().0.concat()
}

#[test]
fn credentials_go_to_the_server_they_were_given_for_and_nowhere_else() {
    let sandbox = furnished();
    let (here, file) = (sandbox.url().to_owned(), [("CFP_PASSWORD_FILE", "password")]);
    let named = format!("http://alice@{}", sandbox.address());
    sandbox.write("../home/.netrc", "default login alice password wonderland\n");
    let elsewhere: [&[&str]; 6] = [
        &["cfp-get", "-u", "alice", "-s", &here, "f", "http://SERVER/x"],
        &["cfp-get", "-u", "alice", "f", "http://SERVER/x"],
        &["cfp-get", "-u", "alice", "http://SERVER/x", "f"],
        &["cfp-get", "-u", "alice", "-s", &here, "http://SERVER/x"],
        &["cfp-get", "-s", &named, "f", "http://SERVER/x"],
        &["cfp-get", "http://SERVER/x"],
    ];
    for argv in elsewhere {
        let head = head_elsewhere(&sandbox, argv, &file);
        assert!(!head.to_lowercase().contains("authorization"), "{argv:?}: {head}");
    }
}

#[test]
fn credentials_for_a_url_are_those_that_name_it() {
    let sandbox = furnished();
    let file = [("CFP_PASSWORD_FILE", "password")];
    let basic = "Authorization: Basic YWxpY2U6d29uZGVybGFuZA==\r\n";
    // The same server, by a name on it and by a URL.
    let url = format!("{}/f", sandbox.url());
    for argv in [
        vec!["-u", "alice", "f", &url],
        vec!["-u", "alice", &url],
        vec!["-u", "alice", "-s", sandbox.url(), &url],
    ] {
        let done = with_file(&sandbox, &[&["cfp-get", "-o", "-"][..], &argv].concat());
        assert!(done.status.success(), "{argv:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    // Where there is nothing but a URL, `-u` is for that; the password in the file only where no other server is named.
    let alone = |argv: &[&str]| {
        let stranger = Stranger::new();
        let url = stranger.url();
        let server = stranger.answer(&["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx\n"]);
        let mut command = sandbox.command("cfp-get");
        command.args(argv).arg(&url).env_remove("CFP_SERVER").envs(file).stdin(Stdio::null());
        assert!(command.status().unwrap().success());
        server.join().unwrap().0.concat()
    };
    assert!(alone(&["-u", "alice"]).contains(basic));
    let mut command = sandbox.command("setsid");
    command
        .args(["--wait", "cfp-get", "-u", "alice", "http://127.0.0.1:1/x"])
        .envs(file)
        .stdin(Stdio::null());
    let said = command.output().unwrap();
    assert!(String::from_utf8_lossy(&said.stderr).contains("alice: no password"));
    let netrc = "MACHINE 127.0.0.1 Login alice PASSWORD wonderland\n";
    sandbox.write("../home/.netrc", netrc);
    assert!(head_elsewhere(&sandbox, &["cfp-get", "-u", "alice", "http://SERVER/x"], &[]).contains(basic));
    assert!(head_elsewhere(&sandbox, &["cfp-get", "http://SERVER/x"], &[]).contains(basic));
    let two = ["-u", "alice", "http://127.0.0.1:1/x", "http://127.0.0.1:2/x"];
    sandbox.run("cfp-get", two).code(2).stderr(predicate::str::contains("--user is for one server"));
}

#[test]
fn a_default_login_is_for_the_server_of_the_tools() {
    let sandbox = furnished();
    sandbox.write(
        "../home/.netrc",
        "machine other login x password y\nDEFAULT LOGIN alice PASSWORD wonderland\n",
    );
    sandbox.run("cfp-ls", [] as [&str; 0]).stdout("f\n").success();
    sandbox.run("cfp-ls", ["-u", "alice"]).stdout("f\n").success();
}

#[test]
fn nobody_is_followed_to_where_an_answer_sends() {
    let sandbox = furnished();
    let stranger = Stranger::new();
    let elsewhere = Stranger::new();
    let answer =
        format!("HTTP/1.1 302 Found\r\nLocation: {}/f\r\nContent-Length: 0\r\n\r\n", elsewhere.url());
    let url = stranger.url();
    let server = stranger.answer(&[answer]);
    let done = with_file(&sandbox, &["cfp-cat", "-s", &url, "-u", "alice", ":f"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(server.join().unwrap().0.concat().contains("Authorization: Basic"));
    assert!(!elsewhere.was_asked());
}

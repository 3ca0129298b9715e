//! The twelve rows of DESIGN section 1, one test a row: what the five systems before this one were for, done with
//! the programs of the suite and with curl. How each program behaves beyond that stands in its own tests.

use std::fs;
use std::thread;

use crate::common::terminal::Terminal;
use crate::common::{Sandbox, need};
use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::{contains, starts_with};

/// The text of the rows: a word with neighbours of every kind, two lines, and white space worth keeping.
const BIO: &str = "The lamp, a lamplighter's lamp:\n  no lamp  shines \u{2014} lamp-black.\n";
const BIO_REVERSED: &str = "lamp-black. \u{2014} shines lamp no\n  lamp: lamplighter's  a lamp, The\n";

#[test]
fn row_a1_count_a_word() {
    if !need::programs(&["curl"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("f", BIO);
    sandbox.keep("f", BIO);
    sandbox.run("cfp-search", ["lamp", "f"]).success().stdout("4\n");
    sandbox.run("cfp-search", ["lamp", ":f"]).success().stdout("4\n");
    sandbox.feed("cfp-search", ["lamp"], BIO).success().stdout("4\n");
    sandbox.run("cfp-search", ["candle", "f"]).code(1).stdout("0\n");
    sandbox.sh("curl -fsS --data-binary @f \"$CFP_SERVER/?search=lamp\"").success().stdout("4\n");
}

#[test]
fn row_a2_replace_a_word_into_a_name() {
    let sandbox = Sandbox::new();
    let wanted = "The torch, a lamplighter's torch:\n  no torch  shines \u{2014} torch-black.\n";
    sandbox.write("in", BIO);
    sandbox.keep("in", BIO);
    sandbox.run("cfp-replace", ["lamp", "torch", "in", "-o", "out"]).success().stdout("");
    assert_eq!(fs::read_to_string(sandbox.work().join("out")).unwrap(), wanted);
    sandbox.run("cfp-replace", ["lamp", "torch", "in", "-o", ":sent"]).success().stdout("");
    sandbox.run("cfp-replace", ["lamp", "torch", ":in", "-o", ":out"]).success().stdout("");
    assert_eq!(sandbox.stored("sent"), wanted.as_bytes());
    assert_eq!(sandbox.stored("out"), wanted.as_bytes());
    assert_eq!(sandbox.stored("in"), BIO.as_bytes());
}

#[test]
fn row_a3_reverse_the_words_into_a_name() {
    let sandbox = Sandbox::new();
    sandbox.write("in", BIO);
    sandbox.keep("in", BIO);
    sandbox.run("cfp-reverse", ["in", "-o", "out"]).success().stdout("");
    assert_eq!(fs::read_to_string(sandbox.work().join("out")).unwrap(), BIO_REVERSED);
    sandbox.run("cfp-reverse", [":in", "-o", ":out"]).success().stdout("");
    assert_eq!(sandbox.stored("out"), BIO_REVERSED.as_bytes());
    sandbox.run("cfp-reverse", [":out"]).success().stdout(BIO);
}

#[test]
fn row_a4_display_a_local_file_without_the_server() {
    let sandbox = Sandbox::new();
    sandbox.write("f", BIO);
    let mut command = sandbox.command("cfp-cat");
    command.env("CFP_SERVER", "unix:/nowhere").arg("f");
    assert_cmd::Command::from_std(command).assert().success().stdout(BIO);
}

#[test]
fn row_a5_a_prompting_client() {
    let sandbox = Sandbox::new();
    sandbox.keep("my notes.txt", "red lantern, blue lantern");
    let mut person = Terminal::start(&sandbox, "cfp-shell", &[]);
    person.expect("cfpd ").expect("cfp> ").press("SEARCH\r");
    person.expect("Word to search for: ").press("lantern\r");
    person.expect("File to read: ").press(":my notes.txt\r");
    person
        .expect("'lantern' occurs 2 times in :my notes.txt.")
        .expect("cfp> ")
        .press("replace lantern lamp\r");
    person.expect("File to read: ").press(":my notes.txt\r");
    person.expect("Name for the result: ").press("lamps.txt\r");
    person.expect("the result is lamps.txt here.").expect("cfp> ").press("upload lamps.txt\r");
    person.expect("lamps.txt is stored as :lamps.txt.").expect("cfp> ");
    person.press("search\r").expect("Word to search for: ").press("\x03");
    person.expect("WORD is missing").expect("cfp> ").press("search x :none\r");
    person.expect("cfp-shell: :none: ").expect("cfp> ");
    let mut other = Terminal::start(&sandbox, "cfp-shell", &[]);
    other.expect("cfp> ");
    person.press("Exit\r").expect("Goodbye.");
    assert_eq!(person.end(), Some(0));
    assert_eq!(sandbox.stored("lamps.txt"), b"red lamp, blue lamp");
    // The server goes on with others.
    other.press("display :lamps.txt\r").expect("red lamp, blue lamp").press("exit\r");
    assert_eq!(other.end(), Some(0));
}

#[test]
fn row_a6_many_clients_at_once_compressed() {
    if !need::programs(&["curl"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let text = BIO.repeat(5000);
    let wanted = text.replace("lamp", "torch").replace("torchlighter", "lamplighter");
    sandbox.write("f", &text);
    sandbox.keep("f", &text);
    thread::scope(|scope| {
        for id in 0..20 {
            let (sandbox, wanted) = (&sandbox, &wanted);
            scope.spawn(move || {
                let out = format!("out-{id}");
                let source = if id % 2 == 0 { "f" } else { ":f" };
                sandbox.run("cfp-replace", ["-z", "always", "lamp", "torch", source, "-o", &out]).success();
                assert_eq!(fs::read_to_string(sandbox.work().join(out)).unwrap(), *wanted);
            });
        }
    });
    sandbox
        .sh("curl -fsS -H 'Accept-Encoding: zstd' -D - -o f.zst \"$CFP_SERVER/f\"")
        .success()
        .stdout(contains("Content-Encoding: zstd\r\n"));
    let coded = fs::read(sandbox.work().join("f.zst")).unwrap();
    assert!(coded.len() < text.len() / 10);
    assert_eq!(zstd::decode_all(&coded[..]).unwrap(), text.as_bytes());
}

#[test]
fn row_b1_upload_download_rename_delete() {
    let sandbox = Sandbox::new();
    sandbox.write("f", BIO);
    sandbox.run("cfp-put", ["f"]).success().stdout("");
    sandbox.run("cfp-mv", ["f", "g"]).success().stdout("");
    sandbox.run("cfp-get", ["g"]).success().stdout("");
    assert_eq!(fs::read_to_string(sandbox.work().join("g")).unwrap(), BIO);
    sandbox.run("cfp-ls", [""; 0]).success().stdout("g\n");
    sandbox.run("cfp-rm", ["g"]).success().stdout("");
    sandbox.run("cfp-ls", [""; 0]).success().stdout("");
    sandbox.run("cfp-get", ["g", "-o", "-"]).code(2).stdout("").stderr(contains("g"));
}

/// Writers and readers on one name: every reader gets one writer's version whole, and nothing is left between.
#[test]
fn row_b2_no_races_on_one_file() {
    let sandbox = Sandbox::new();
    let versions: Vec<String> = (0..4).map(|id| format!("version {id}\n").repeat(100_000)).collect();
    for (id, version) in versions.iter().enumerate() {
        sandbox.write(&format!("v{id}"), version);
    }
    sandbox.keep("raced", &versions[0]);
    thread::scope(|scope| {
        for id in 0..4 {
            let (sandbox, versions) = (&sandbox, &versions);
            scope.spawn(move || {
                for _ in 0..5 {
                    sandbox.run("cfp-put", [&format!("v{id}"), "--as", "raced"]).success();
                }
            });
            scope.spawn(move || {
                let out = format!("got-{id}");
                for _ in 0..5 {
                    sandbox.run("cfp-get", ["raced", "-o", &out]).success();
                    let got = fs::read_to_string(sandbox.work().join(&out)).unwrap();
                    assert!(versions.contains(&got), "a version that nobody wrote");
                }
            });
        }
    });
    assert_eq!(sandbox.all_stored(), ["raced"]);
    // A conditional write sees what the others did.
    sandbox.run("cfp-put", ["-n", "v0", "--as", "raced"]).code(1);
}

#[test]
fn row_c1_a_web_server_with_404() {
    if !need::programs(&["curl"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.keep("page.html", "<p>hello\n");
    sandbox.sh("curl -fsS \"$CFP_SERVER/page.html\"").success().stdout("<p>hello\n");
    sandbox
        .sh("curl -sS -w '%{http_code}\n' \"$CFP_SERVER/nothing.html\"")
        .success()
        .stdout("/nothing.html: is not there\n404\n");
    // Each request in a thread of its own: while one connection stays open and says nothing, another is served.
    let _idle = sandbox.connect();
    sandbox.sh("curl -fsS \"$CFP_SERVER/page.html\"").success().stdout("<p>hello\n");
}

#[test]
fn row_c2_a_web_client_prints_the_response() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", BIO);
    let url = format!("{}/f", sandbox.url());
    sandbox
        .run("cfp-get", ["-i", &url])
        .success()
        .stdout(starts_with("HTTP/1.1 200 OK\r\n").and(contains(format!("\r\n\r\n{BIO}"))));
    sandbox.run("cfp-get", [&url]).success().stdout(BIO);
    let missing = format!("{}/missing", sandbox.url());
    sandbox.run("cfp-get", ["-i", &missing]).code(2).stdout(starts_with("HTTP/1.1 404 Not Found\r\n"));
}

#[test]
fn row_d1_a_session() {
    // One connection is all a session needs.
    let sandbox = Sandbox::with(&["--max-connections", "1"]);
    sandbox.write("bio.txt", BIO);
    let mut person = Terminal::start(&sandbox, "cfp-shell", &[]);
    person.expect("cfpd ").expect("cfp> ").press("HELP\r");
    person.expect("list [-l] [DIR]").expect("logout").expect("cfp> ").press("LIST\r");
    person.expect("There are no files.").expect("cfp> ").press("UPLOAD bio.txt\r");
    person.expect("bio.txt is stored as :bio.txt.").expect("cfp> ").press("LIST\r");
    person.expect("\nbio.txt\r\n").expect("cfp> ").press("DOWNLOAD bio.txt back.txt\r");
    person.expect(":bio.txt is stored here as back.txt.").expect("cfp> ").press("DELETE bio.txt\r");
    person.expect(":bio.txt is deleted.").expect("cfp> ").press("LOGOUT\r");
    person.expect("Goodbye.");
    assert_eq!(person.end(), Some(0));
    assert_eq!(fs::read_to_string(sandbox.work().join("back.txt")).unwrap(), BIO);
    assert!(sandbox.all_stored().is_empty());
}

#[test]
fn row_e1_one_popular_file_to_many_in_small_sends() {
    let sandbox = Sandbox::with(&["--send-size", "1000"]);
    let bio: String = (0..4000).map(|line| format!("{line}: {BIO}")).collect();
    sandbox.keep("bio.txt", &bio);
    thread::scope(|scope| {
        for id in 0..40 {
            let sandbox = &sandbox;
            scope.spawn(move || {
                let out = format!("received_bio_{id}.txt");
                sandbox.run("cfp-get", ["bio.txt", "-o", &out]).success();
            });
        }
    });
    sandbox
        .sh("for copy in received_bio_*.txt; do cmp ../root/bio.txt \"$copy\"; done; ls received_bio_* | wc -l")
        .success()
        .stdout("40\n");
}

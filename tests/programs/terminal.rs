//! The tools at a terminal.

use super::stranger::Stranger;
use crate::common::Sandbox;
use crate::common::terminal::Terminal;

#[test]
fn commands_and_names_on_the_server_are_completed_and_lines_remembered() {
    let sandbox = Sandbox::new();
    sandbox.keep("folder/my notes.txt", "lantern");
    let mut person = Terminal::start(&sandbox, "cfp-shell", &[]);
    person.expect("cfp> ").press("sea\tlantern :fol\tmy\t\r");
    person.expect("'lantern' occurs 1 time in :folder/my notes.txt.").expect("cfp> ").press("\x1b[A\r");
    person.expect("'lantern' occurs 1 time in :folder/my notes.txt.").expect("cfp> ").press("\x04");
    person.expect("Goodbye.");
    assert_eq!(person.end(), Some(0));
}

#[test]
fn a_name_is_completed_to_what_means_it_and_to_nothing_else() {
    let sandbox = Sandbox::new();
    for name in [":zz", "zz", "e1\x1b]0;x\x07", "e2\nx", "e3"] {
        sandbox.keep(name, "text");
    }
    sandbox.write("my file.txt", "text");
    let mut person = Terminal::start(&sandbox, "cfp-shell", &[]);
    person.expect("cfp> ").press("delete ::\t\r").expect(" is deleted.").expect("cfp> ");
    assert!(!sandbox.root().join(":zz").exists() && sandbox.root().join("zz").exists());
    // What would write to the terminal as it likes is offered as it can be typed.
    person
        .press("delete e1\t e2\t\r")
        .expect(":e1\\x1b]0;x\\x07 is deleted.")
        .expect(":e2\\x0ax is deleted.");
    person.expect("cfp> ").press("upload\r").expect("Local file: ").press("my\t\r");
    person.expect("is stored").expect("cfp> ").press("upload my\t new\r");
    person.expect("is stored as :new.").expect("cfp> ").press("\x04").expect("Goodbye.");
    assert_eq!(person.end(), Some(0));
    assert_eq!(sandbox.stored("my file.txt"), b"text");
    assert_eq!(sandbox.stored("new"), b"text");
}

#[test]
fn what_is_typed_and_not_utf8_ends_nothing() {
    let sandbox = Sandbox::new();
    let mut person = Terminal::start(&sandbox, "cfp-shell", &[]);
    person
        .expect("cfp> ")
        .press(b"search caf\xe9 x")
        .expect("cfp-shell: what was typed is not UTF-8")
        .expect("cfp> ");
    person.press("list\r").expect("cfp> ").press("\x04").expect("Goodbye.");
    assert_eq!(person.end(), Some(0));
}

// Row A4.
#[test]
fn the_last_line_of_a_displayed_file_is_not_wiped_out_by_the_prompt() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "one\nlast");
    let mut person = Terminal::start(&sandbox, "cfp-shell", &[]);
    person.expect("cfp> ").press("display f\r");
    person.expect("one\r\nlast\r\n").expect("cfp> ").press("display none\r");
    person.expect("none: no such file").expect("cfp> ").press("\x04");
    person.expect("Goodbye.");
    assert_eq!(person.end(), Some(0));
}

#[test]
fn a_file_cannot_write_to_the_terminal_what_it_likes() {
    let sandbox = Sandbox::new();
    sandbox.write("f", b"a\x1b[2Jb\xff\n");
    sandbox.keep("f\x1bx", b"c\x07d\n");
    let mut person = Terminal::start(&sandbox, "cfp-cat", &["f", ":f\x1bx"]);
    person.expect("a^[[2JbM-^?\r\nc^Gd\r\n");
    assert_eq!(person.end(), Some(0));
    let mut person = Terminal::start(&sandbox, "cfp-ls", &[]);
    person.expect("f\\x1bx\r\n");
    assert_eq!(person.end(), Some(0));
}

/// What a terminal would not only show: another colour, another direction, a bell, and a C1 control character.
const HOSTILE: &str = "n\x1b[31mred\u{202e}txt\u{2066}\x07\u{9b}";

#[test]
fn names_and_lines_of_strangers_are_harmless_on_a_terminal_and_whole_elsewhere() {
    let sandbox = Sandbox::new();
    let name = format!("d/{HOSTILE}");
    sandbox.keep(&name, format!("word {HOSTILE}\n"));
    sandbox.write(&name, format!("word {HOSTILE}\n"));
    let stored = format!(":{name}");
    let none = format!(":d/none{HOSTILE}");
    let commands: [&[&str]; 17] = [
        &["cfp-ls", "d"],
        &["cfp-ls", "-lR"],
        &["cfp-ls", "--json", "d"],
        &["cfp-search", "-r", "--per-file", "word", ":d"],
        &["cfp-search", "-r", "--per-file", "--json", "word", ":d"],
        &["cfp-search", "-r", "--per-file", "word", "d"],
        &["cfp-search", "--local", "-r", "--lines", "word", "d"],
        &["cfp-search", "-r", "--lines", "word", ":d"],
        &["cfp-search", "--lines", "word", &stored, &stored],
        &["cfp-search", "word", &none],
        &["cfp-get", &none],
        &["cfp-get", "-v", &none],
        &["cfp-replace", "--in-place", "word", "word", &stored],
        &["cfp-cat", &stored],
        &["cfp-shell", "-c", "list d"],
        &["cfp-shell", "-c", "display :d/*"],
        &["cfp-put", "-v", &name],
    ];
    for argv in commands {
        // Standard error is the terminal, too.
        let mut person = Terminal::start(
            &sandbox,
            "sh",
            &["-c", "\"$@\"; echo the end", "sh"].iter().chain(argv).copied().collect::<Vec<_>>(),
        );
        let shown = person.before("the end");
        person.end();
        for harm in ["\x1b", "\u{202e}", "\u{2066}", "\x07", "\u{9b}"] {
            assert!(!shown.contains(harm), "{argv:?}: {shown:?}");
        }
    }
    // Programs get every byte.
    sandbox.run("cfp-ls", ["d"]).stdout(format!("{HOSTILE}\n")).success();
    sandbox.run("cfp-search", ["-r", "--per-file", "word", ":d"]).stdout(format!(":{name}:1\n")).success();
    let lines = format!(":{name}:word {HOSTILE}\n");
    sandbox.run("cfp-search", ["-r", "--lines", "word", ":d"]).stdout(lines.clone()).success();
    sandbox.run("cfp-search", ["--lines", "word", &stored, &stored]).stdout(lines.repeat(2)).success();
    let said = sandbox.run("cfp-ls", ["--json", "d"]).success();
    let json: serde_json::Value = serde_json::from_slice(&said.get_output().stdout).unwrap();
    assert_eq!(json["name"], HOSTILE);
}

#[test]
fn a_head_from_anywhere_is_harmless_on_a_terminal() {
    let sandbox = Sandbox::new();
    let head = "HTTP/1.1 200 OK\r\nServer: \u{9b}31mred\u{202e}\r\nContent-Length: 2\r\n\r\nx\n";
    for (program, shown) in [("cfp-get", false), ("sh", true)] {
        let stranger = Stranger::new();
        let url = stranger.url();
        let server = stranger.answer(&[head]);
        if shown {
            let mut person = Terminal::start(&sandbox, program, &["-c", "cfp-get -i \"$0\"", &url]);
            assert_eq!(
                person.before("\r\nContent-Length"),
                "HTTP/1.1 200 OK\r\nServer: M-BM-^[31mredM-bM-^@M-."
            );
            person.expect(": 2\r\n\r\nx\r\n");
            person.end();
        } else {
            sandbox.run(program, ["-i", &url]).stdout(head).success();
        }
        server.join().unwrap();
    }
}

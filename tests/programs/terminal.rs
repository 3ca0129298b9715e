//! The tools at a terminal: a real pseudo-terminal, and a person who waits for each prompt before typing.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use nix::pty::openpty;

use crate::common::{HANG, Sandbox};

/// A program at a terminal.
struct Terminal {
    child: Child,
    keys: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    fn start(sandbox: &Sandbox, program: &str, args: &[&str]) -> Self {
        let pty = openpty(None, None).unwrap();
        let side = || Stdio::from(pty.slave.try_clone().unwrap());
        let mut command = sandbox.command(program);
        command.args(args).env("TERM", "xterm").stdin(side()).stdout(side()).stderr(side());
        let child = command.spawn().unwrap();
        let keys = File::from(pty.master);
        let mut output = keys.try_clone().unwrap();
        let (sender, screen) = channel();
        thread::spawn(move || {
            let mut block = [0; 4096];
            // The last program that closes a terminal makes reading it an error.
            while let Ok(read @ 1..) = output.read(&mut block) {
                if sender.send(block[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal { child, keys, screen, shown: String::new() }
    }

    /// Waits until this is shown; what came before it is gone then.
    fn expect(&mut self, text: &str) -> &mut Self {
        while !self.shown.contains(text) {
            let more = self.screen.recv_timeout(HANG);
            let more = more.unwrap_or_else(|_| panic!("{text:?} never came after {:?}", self.shown));
            self.shown += &String::from_utf8_lossy(&more);
        }
        let end = self.shown.find(text).unwrap() + text.len();
        self.shown.drain(..end);
        self
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self
    }

    fn end(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

// Row A5.
#[test]
fn a_person_is_asked_for_what_is_missing_and_told_in_sentences() {
    let sandbox = Sandbox::new();
    sandbox.keep("my notes.txt", "red lantern, blue lantern");
    let mut person = Terminal::start(&sandbox, "cfp-shell", &[]);
    person.expect("cfpd ").expect("cfp> ").press("SEARCH\r");
    person.expect("Word to search for: ").press("lantern\r");
    person.expect("File to read: ").press("my notes.txt\r");
    person.expect("'lantern' occurs twice in my notes.txt.").expect("cfp> ").press("replace lantern lamp\r");
    person.expect("File to read: ").press("my notes.txt\r");
    person.expect("Name for the result: ").press("lamps.txt\r");
    person.expect("the result is lamps.txt on the server.").expect("cfp> ");
    person.press("search\r").expect("Word to search for: ").press("\x03");
    person.expect("WORD is missing").expect("cfp> ").press("search x :none\r");
    person.expect("cfp-shell: /none: ").expect("cfp> ").press("exit\r");
    person.expect("Goodbye.");
    assert_eq!(person.end(), Some(0));
    assert_eq!(std::fs::read_to_string(sandbox.root().join("lamps.txt")).unwrap(), "red lamp, blue lamp");
}

#[test]
fn commands_and_names_on_the_server_are_completed_and_lines_remembered() {
    let sandbox = Sandbox::new();
    sandbox.keep("folder/my notes.txt", "lantern");
    let mut person = Terminal::start(&sandbox, "cfp-shell", &[]);
    person.expect("cfp> ").press("sea\tlantern :fol\tmy\t\r");
    person.expect("'lantern' occurs once in folder/my notes.txt.").expect("cfp> ").press("\x1b[A\r");
    person.expect("'lantern' occurs once in folder/my notes.txt.").expect("cfp> ").press("\x04");
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

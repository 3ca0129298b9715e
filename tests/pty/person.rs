//! A person at a terminal of their own, in front of cfp-shell: types a line, and reads what is said before the next prompt.

use std::ops::{Deref, DerefMut};

use crate::common::Sandbox;
use crate::common::terminal::Terminal;

/// What the shell writes when it begins to read keys, and when it does no longer.
const READS: &str = "\x1b[?2004h";
const READS_NO_MORE: &str = "\x1b[?2004l";

pub struct Person(Terminal);

impl Person {
    /// Starts cfp-shell, and waits for its first prompt. It shows no progress: on a loaded machine any command may take long
    /// enough for it.
    pub fn start(sandbox: &Sandbox) -> Self {
        let mut person = Self::begin(sandbox, &["-q"]);
        person.expect("cfpd ");
        person.waits();
        person
    }

    /// Starts cfp-shell with these arguments. The terminal controls it: ^C is a signal.
    pub fn begin(sandbox: &Sandbox, args: &[&str]) -> Self {
        Self::run(sandbox, &[&["cfp-shell"], args].concat())
    }

    /// Starts another program that ends as cfp-shell.
    pub fn run(sandbox: &Sandbox, argv: &[&str]) -> Self {
        Person(Terminal::start(sandbox, "setsid", &[&["--ctty"], argv].concat()))
    }

    /// Waits for a prompt, and tells what was said before.
    pub fn waits(&mut self) -> String {
        let said = self.before(READS);
        // Where a line begins is the terminal's affair.
        said.replace("\r\n", "\n").trim_matches(['\r', '\n']).to_owned()
    }

    /// Types a line and the return key, and waits until the shell does not read any more.
    pub fn enter(&mut self, line: &str) -> &mut Self {
        self.press(format!("{line}\r"));
        self.expect(READS_NO_MORE);
        self
    }

    /// Types a line, and tells what is said until the next prompt, be it a question.
    pub fn says(&mut self, line: &str) -> String {
        self.enter(line).waits()
    }

    /// Types ^C while a command runs, and tells what is said until the next prompt. The terminal sends the signal before it
    /// shows `^C`, which may so come after what the shell says: it is left out.
    pub fn interrupt(&mut self) -> String {
        self.press("\x03");
        self.waits().replace("^C", "").trim_matches('\n').to_owned()
    }

    /// Types `logout`, and waits for the end.
    pub fn leave(mut self) {
        self.enter("logout").expect("Goodbye.");
        assert_eq!(self.0.end(), Some(0));
    }

    pub fn ends(self) -> Option<i32> {
        self.0.end()
    }
}

impl Deref for Person {
    type Target = Terminal;

    fn deref(&self) -> &Terminal {
        &self.0
    }
}

impl DerefMut for Person {
    fn deref_mut(&mut self) -> &mut Terminal {
        &mut self.0
    }
}

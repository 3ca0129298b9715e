//! What the three shells offer to complete a line: each shell is run with the completion file of the project. It
//! knows how a shell is asked, not what the right answer is.

use std::collections::BTreeSet;
use std::process::Command;

use crate::common::{Sandbox, need};

/// The candidates for a line, as plain names.
pub type Offers = BTreeSet<String>;

/// A shell with programmable completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// Asked through `COMP_WORDS`, as readline asks.
    Bash,
    /// Asked through its line editor, on a pseudo-terminal.
    Zsh,
    /// Asked through its own `complete -C`.
    Fish,
}

impl Shell {
    /// All three.
    pub const ALL: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

    fn program(self) -> &'static str {
        match self {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
        }
    }

    /// Whether the shell is installed; says so when it is not.
    pub fn is_here(self) -> bool {
        need::programs(&[self.program()])
    }

    /// What it offers for the words of a line, the last of which is being typed.
    pub fn offers(self, sandbox: &Sandbox, server: &str, words: &[&str]) -> Offers {
        let line = words.join(" ");
        let mut command: Command = sandbox.command(self.program());
        match self {
            Shell::Bash => command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/complete.bash")),
            Shell::Zsh => {
                command.args(["-f", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/capture.zsh")])
            }
            Shell::Fish => command.args(["--no-config", "-c", "source $argv[2]; complete -C $argv[1]"]),
        };
        command.arg(&line).arg(match self {
            Shell::Bash => concat!(env!("CARGO_MANIFEST_DIR"), "/completions/bash/cfp"),
            Shell::Zsh => concat!(env!("CARGO_MANIFEST_DIR"), "/completions/zsh"),
            Shell::Fish => concat!(env!("CARGO_MANIFEST_DIR"), "/completions/fish/cfp.fish"),
        });
        if self == Shell::Bash {
            command.args(broken_at_colons(words));
        }
        command.env("CFP_SERVER", server);
        let said =
            assert_cmd::Command::from_std(command).timeout(crate::common::HANG).assert().success().stderr("");
        let colon = if self == Shell::Bash && is_on_server(words) { ":" } else { "" };
        String::from_utf8_lossy(&said.get_output().stdout)
            .lines()
            .filter_map(|offer| offer.split('\t').next())
            // zsh offers a lone `-` where a command may follow.
            .filter(|offer| !offer.is_empty() && *offer != "-")
            .map(|offer| format!("{colon}{offer}"))
            .collect()
    }
}

/// Whether the word being typed begins with a colon; bash then offers what follows the colon.
fn is_on_server(words: &[&str]) -> bool {
    words.last().is_some_and(|word| word.starts_with(':'))
}

/// The words as readline breaks them: a colon is a word of its own.
fn broken_at_colons(words: &[&str]) -> Vec<String> {
    let split = |word: &&str| match word.strip_prefix(':') {
        Some("") => vec![":".to_owned()],
        Some(rest) => vec![":".to_owned(), rest.to_owned()],
        None => vec![word.to_string()],
    };
    words.iter().flat_map(split).collect()
}

//! Completion as a person meets it: each shell at a real terminal, a name completed with a tab and the line run. What the name
//! means to the tool is what is stored; and nothing in it runs.

use super::shells::Shell;
use crate::common::Sandbox;
use crate::common::terminal::Terminal;

/// Names that a shell would do something with, where they are not quoted.
const NAMES: [&str; 20] = [
    "`touch ran`",
    "$(touch ran)",
    "$HOME",
    "it's",
    "q\"q",
    "two  words",
    "a:b",
    ":colon",
    "br{a,c}",
    "a;touch ran",
    "a&touch ran",
    "a|b>c<d",
    "bang!!x",
    "~",
    "*",
    "[x]?",
    "back\\slash",
    "a=b@c",
    "new\nline",
    "\u{202e}bidi",
];

/// How a shell is made ready: its arguments, and what is typed.
fn start(sandbox: &Sandbox, shell: Shell) -> Terminal {
    let top = env!("CARGO_MANIFEST_DIR");
    let (program, args, ready): (_, &[&str], _) = match shell {
        Shell::Bash => {
            ("bash", &["--norc", "--noprofile", "-i"], format!("PS1='> '; source {top}/completions/bash/cfp"))
        }
        Shell::Zsh => (
            "zsh",
            &["-f", "-i"],
            format!(
                "PS1='> '; fpath=({top}/completions/zsh $fpath); setopt hash_executables_only; autoload -Uz compinit; compinit -u -D"
            ),
        ),
        Shell::Fish => ("fish", &["--no-config", "-i"], format!("source {top}/completions/fish/cfp.fish")),
    };
    let mut person = Terminal::start(sandbox, "setsid", &[&["--ctty", program], args].concat());
    // The mark is typed in two pieces, so that the echo of it is not taken for it.
    person.press(format!("{ready}; printf 'REA''DY\\n'\r")).expect("READY");
    person
}

#[test]
fn a_name_that_is_completed_in_a_real_shell_means_the_file_and_runs_nothing() {
    let sandbox = Sandbox::new();
    for (number, name) in NAMES.iter().enumerate() {
        sandbox.keep(&format!("d{number:02}/{name}"), format!("content {number}."));
        sandbox.keep(&format!("e{number:02}/{name}/f"), format!("beneath {number}."));
    }
    for shell in Shell::ALL.into_iter().filter(|shell| shell.is_here()) {
        let mut person = start(&sandbox, shell);
        for (number, name) in NAMES.iter().enumerate() {
            // fish has no way to take a newline from a completion.
            if shell == Shell::Fish && name.contains('\n') {
                continue;
            }
            for typed in [format!("cfp-get -o - d{number:02}/\t"), format!("cfp-cat :d{number:02}/\t")] {
                person.press(&typed).press("\r").expect(&format!("content {number}."));
            }
            person.press(format!("cfp-cat :e{number:02}/\t\t\r")).expect(&format!("beneath {number}."));
        }
        if shell == Shell::Bash {
            for (number, _) in NAMES.iter().enumerate().filter(|(_, name)| !name.contains('\n')) {
                for quote in ["'", "\""] {
                    person
                        .press(format!("cfp-get -o - {quote}d{number:02}/\t\r"))
                        .expect(&format!("content {number}."));
                }
            }
        }
        assert!(!sandbox.work().join("ran").exists(), "{shell:?} ran a name");
        person.press("exit\r");
        person.end();
    }
}

#[test]
fn a_local_name_that_is_completed_in_bash_means_the_file_and_runs_nothing() {
    let sandbox = Sandbox::new();
    if !Shell::Bash.is_here() {
        return;
    }
    for (number, name) in NAMES.iter().enumerate() {
        sandbox.write(&format!("d{number:02}/{name}"), format!("content {number}."));
    }
    let mut person = start(&sandbox, Shell::Bash);
    for number in 0..NAMES.len() {
        person.press(format!("cfp-cat d{number:02}/\t\r")).expect(&format!("content {number}."));
        person.press(format!("cfp-cat d{number:02}\t\t\r")).expect(&format!("content {number}."));
    }
    assert!(!sandbox.work().join("ran").exists(), "bash ran a name");
    person.press("exit\r");
    person.end();
}

//! The papers say what the programs do: help, man pages and completions name the same options, and every command
//! that a page shows is run. It owns the comparison; how a shell is asked and a page is read stands in `docs/`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "docs/console.rs"]
mod console;
#[path = "docs/links.rs"]
mod links;
#[path = "docs/page.rs"]
mod page;
#[path = "docs/papers.rs"]
mod papers;
#[path = "docs/recording.rs"]
mod recording;
#[path = "docs/shells.rs"]
mod shells;
#[path = "docs/typing.rs"]
mod typing;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use cfp::text::FILTERS;
use common::{Sandbox, need};
use page::{FORMATTERS, Page};
use shells::{Offers, Shell};

const PROGRAMS: [&str; 13] = [
    "cfpd",
    "cfp-search",
    "cfp-replace",
    "cfp-reverse",
    "cfp-cat",
    "cfp-put",
    "cfp-get",
    "cfp-sync",
    "cfp-ls",
    "cfp-mv",
    "cfp-cp",
    "cfp-rm",
    "cfp-shell",
];

/// A sandbox with the files that the pages speak of.
fn furnished() -> Sandbox {
    let notes = "Rust keeps the notes.\nThe notes keep Rust, and rust keeps nothing.\n";
    let sandbox = Sandbox::new();
    sandbox.write("notes.txt", notes);
    sandbox.write("draft.txt", "One colour, two colours, another colour.\n");
    sandbox.write("pages/one.txt", "Rust is on page one.\n");
    sandbox.write("pages/two.txt", "Nothing is on page two.\n");
    sandbox.keep("notes.txt", notes);
    sandbox.keep("pub/a.txt", "Rust, and Rust again.\n");
    sandbox.keep("pub/b.txt", "No such word here: rusty.\n");
    sandbox
}

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The options a help text lists: those that begin an indented line, before the two spaces that end the column.
fn options_of_help(help: &str) -> BTreeSet<String> {
    help.lines()
        .filter(|line| line.starts_with(' ') && line.trim_start().starts_with('-'))
        .filter_map(|line| line.trim_start().split("  ").next())
        .flat_map(|column| column.split([' ', ',']))
        .filter(|word| word.starts_with('-') && !word.trim_matches('-').is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn help_and_man_page_name_the_same_options() {
    let sandbox = Sandbox::new();
    for program in PROGRAMS {
        let said = sandbox.run(program, ["--help"]).success().stderr("");
        let help = String::from_utf8_lossy(&said.get_output().stdout).into_owned();
        assert_eq!(options_of_help(&help), Page::of(program).options(), "{program} --help and its man page");
        sandbox.run(program, ["-h"]).success().stdout(help);
    }
}

#[test]
fn help_fits_a_terminal_of_80_columns() {
    let sandbox = Sandbox::new();
    for program in PROGRAMS {
        let said = sandbox.run(program, ["--help"]).success();
        let help = String::from_utf8_lossy(&said.get_output().stdout).into_owned();
        let wide: Vec<_> = help.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{program} --help: {wide:#?}");
    }
}

#[test]
fn help_says_one_default_of_an_option() {
    let sandbox = Sandbox::new();
    for program in PROGRAMS {
        let said = sandbox.run(program, ["--help"]).success();
        let help = String::from_utf8_lossy(&said.get_output().stdout).into_owned();
        let twice: Vec<_> =
            help.split("\n  -").filter(|option| option.matches("(default").count() > 1).collect();
        assert!(twice.is_empty(), "{program} --help: {twice:#?}");
    }
}

#[test]
fn a_synopsis_names_only_options_that_the_page_explains() {
    for program in PROGRAMS {
        let page = Page::of(program);
        let unknown: Vec<_> = page.synopsis_options().difference(&page.options()).cloned().collect();
        assert!(unknown.is_empty(), "{program}: {unknown:?}");
    }
}

#[test]
fn a_synopsis_names_every_option() {
    for program in PROGRAMS {
        let missing = Page::of(program).options_not_in_synopsis();
        assert!(missing.is_empty(), "{program}: {missing:?}");
    }
}

#[test]
fn every_tool_says_the_same_of_its_exit_status_and_names_the_page_of_common_options() {
    let same = Page::read("cfp.7").section("EXIT STATUS");
    assert!(same.contains(".It 3"));
    for program in PROGRAMS.into_iter().filter(|program| *program != "cfpd") {
        assert!(Page::of(program).section("DESCRIPTION").contains("See\n.Xr cfp 7 .\n"), "{program}");
        assert!(Page::of(program).section("EXIT STATUS").starts_with(&same), "{program}");
    }
}

#[test]
fn every_page_has_caveats_and_the_daemon_an_exit_status_of_its_own() {
    let same = Page::read("cfp.7").section("EXIT STATUS");
    for page in Page::all() {
        assert!(!page.section("CAVEATS").trim().is_empty(), "{}", page.name());
    }
    let own = Page::of("cfpd").section("EXIT STATUS");
    assert!(own.contains(".It 2") && !own.starts_with(&same), "{own}");
}

#[test]
fn man_pages_lint_clean() {
    if !need::programs(&["mandoc"]) {
        return;
    }
    let mut lint = Command::new("mandoc");
    lint.args(["-Tlint", "-W", "warning"]).args(Page::all().iter().map(Page::path));
    assert_cmd::Command::from_std(lint).assert().success().stdout("").stderr("");
}

#[test]
fn every_program_has_a_man_page_and_every_page_a_program() {
    let pages: BTreeSet<_> = Page::all().iter().map(|page| page.name().to_owned()).collect();
    let programs: BTreeSet<_> =
        PROGRAMS.into_iter().chain(["cfp", "cfpd-access", "cfpd.conf"]).map(str::to_owned).collect();
    assert_eq!(pages, programs);
}

#[test]
fn every_example_of_a_man_page_runs_as_a_reader_copies_it() {
    let [mandoc, groff] = FORMATTERS;
    if !need::programs(&[mandoc.0, groff.0]) {
        return;
    }
    for page in Page::all() {
        let examples = page.examples(&mandoc);
        assert!(!examples.is_empty(), "{} has no examples", page.name());
        assert_eq!(page.examples(&groff), examples, "{}", page.name());
        let sandbox = furnished();
        for example in examples {
            sandbox.sh(&example).append_context("page", page.name().to_owned()).success();
        }
    }
}

/// Some systems display a bare `-` or `'` as another character: groff_char(7).
#[test]
fn an_example_of_a_man_page_has_only_characters_that_are_displayed_as_they_are() {
    for page in Page::all() {
        let examples = page.section("EXAMPLES");
        let commands = examples.lines().filter(|line| !line.starts_with('.') && line.contains("$ "));
        for command in commands {
            let plain = ["\\-", "\\(aq", "\\(ga", "\\(ti", "\\(ha"]
                .iter()
                .fold(command.to_owned(), |command, escape| command.replace(escape, ""));
            assert!(!plain.contains(['-', '\'', '`', '~', '^']), "{}: {command}", page.name());
        }
        assert!(
            !examples.contains(".Dl"),
            "{}: a long .Dl is broken in two, and `.` joins the word before it",
            page.name()
        );
    }
}

#[test]
fn the_shells_offer_the_options_of_the_man_page() {
    let sandbox = Sandbox::new();
    for shell in Shell::ALL.into_iter().filter(|shell| shell.is_here()) {
        for program in PROGRAMS {
            // A shell may show long options only once `--` is typed.
            let mut offers = shell.offers(&sandbox, sandbox.url(), &[program, "-"]);
            offers.extend(shell.offers(&sandbox, sandbox.url(), &[program, "--"]));
            assert_eq!(offers, Page::of(program).options(), "{program} in {shell:?}");
        }
    }
}

#[test]
fn the_shells_complete_an_option_a_local_file_and_a_name_on_the_server() {
    let sandbox = furnished();
    sandbox.write("here.txt", "");
    let rows: &[(&[&str], &[&str])] = &[
        // fish 4 takes --ig for a part of --substring too.
        (&["cfp-search", "--ignore"], &["--ignore-case"]),
        (&["cfp-cat", "-z", "al"], &["always"]),
        (&["cfp-cat", "he"], &["here.txt"]),
        (&["cfp-put", "he"], &["here.txt"]),
        (&["cfp-search", "Rust", ":"], &[":notes.txt", ":pub/"]),
        (&["cfp-search", "Rust", ":pub/a"], &[":pub/a.txt"]),
        (&["cfp-replace", "Rust", "C", "draft.txt", "-o", ":p"], &[":pub/"]),
        (&["cfp-get", "no"], &["notes.txt"]),
        (&["cfp-rm", "pub/"], &["pub/a.txt", "pub/b.txt"]),
        (&["cfp-put", "here.txt", "--as", "pub/b"], &["pub/b.txt"]),
        (&["cfpd", "--", "cfp-sea"], &["cfp-search"]),
    ];
    for shell in Shell::ALL.into_iter().filter(|shell| shell.is_here()) {
        for (words, expected) in rows {
            let expected: Offers = expected.iter().map(|offer| offer.to_string()).collect();
            assert_eq!(shell.offers(&sandbox, sandbox.url(), words), expected, "{words:?} in {shell:?}");
        }
    }
}

#[test]
fn the_shells_complete_the_directory_that_is_served() {
    let sandbox = furnished();
    sandbox.write("pages.txt", "");
    for shell in Shell::ALL.into_iter().filter(|shell| shell.is_here()) {
        let offers = shell.offers(&sandbox, sandbox.url(), &["cfpd", "--read-only", "pa"]);
        let names: Vec<_> = offers.iter().map(|offer| offer.trim_end_matches('/')).collect();
        assert_eq!(names, ["pages"], "{shell:?}");
    }
}

#[test]
fn the_shells_ask_as_the_user_on_the_line_and_never_for_a_password() {
    let sandbox = Sandbox::guarded(&[], "allow all alice /\n");
    sandbox.keep("notes.txt", "");
    let netrc =
        "machine 127.0.0.1 login bob password builder\nmachine 127.0.0.1 login alice password wonderland\n";
    sandbox.write("../home/.netrc", netrc);
    let rows =
        [("alice", Offers::from(["notes.txt".to_owned()])), ("bob", Offers::new()), ("eve", Offers::new())];
    for shell in Shell::ALL.into_iter().filter(|shell| shell.is_here()) {
        for (user, expected) in &rows {
            let words = ["cfp-get", "-u", user, "no"];
            assert_eq!(shell.offers(&sandbox, sandbox.url(), &words), *expected, "{user} in {shell:?}");
        }
    }
}

#[test]
fn the_shells_take_odd_names_as_they_are() {
    let odd = ["$(touch ran)", "`touch ran`", "it's", "two words", "*", "\"", "\\", "é", "-f"];
    let sandbox = Sandbox::new();
    for name in odd {
        sandbox.keep(&format!("odd/{name}"), "");
    }
    let expected: Offers = odd.iter().map(|name| format!(":odd/{name}")).collect();
    for shell in Shell::ALL.into_iter().filter(|shell| shell.is_here()) {
        assert_eq!(shell.offers(&sandbox, sandbox.url(), &["cfp-cat", ":odd/"]), expected, "{shell:?}");
        let one = shell.offers(&sandbox, sandbox.url(), &["cfp-cat", ":odd/two\\ w"]);
        assert_eq!(one, Offers::from([":odd/two words".to_owned()]), "{shell:?}");
        assert!(!sandbox.work().join("ran").exists(), "{shell:?} ran a name");
    }
}

#[test]
fn the_shells_are_silent_when_no_server_answers() {
    let sandbox = Sandbox::new();
    for shell in Shell::ALL.into_iter().filter(|shell| shell.is_here()) {
        let offers = shell.offers(&sandbox, "unix:/nowhere/cfp.sock", &["cfp-get", "no"]);
        assert_eq!(offers, Offers::new(), "{shell:?}");
    }
}

#[test]
fn the_loader_of_bash_finds_the_completion_by_the_name_of_a_program() {
    let loader = "/usr/share/bash-completion/bash_completion";
    if !Path::new(loader).exists() {
        return need::left_out("no bash-completion here");
    }
    let sandbox = Sandbox::new();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/completions/bash/cfp");
    let script = format!(
        "mkdir completions; ln -s '{file}' completions/cfp-get; export BASH_COMPLETION_USER_DIR=$PWD;
        bash --norc -c 'source {loader}; _completion_loader cfp-get; complete -p cfp-get'"
    );
    sandbox.sh(&script).success().stdout("complete -F _cfp cfp-get\n");
}

#[test]
fn the_pages_print_what_they_say() {
    if !need::programs(&["curl", "unzip", "zstd"]) || !need::attributes() {
        return;
    }
    let docs = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).unwrap();
    let docs = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()));
    let docs = docs.filter(|name| name.ends_with(".md"));
    let pages = ["README.md".to_owned()].into_iter().chain(docs).map(|name| (read(&name), name));
    let shown: Vec<_> = pages.filter(|(page, _)| page.contains("```console\n")).collect();
    assert!(shown.len() >= 3, "{shown:?}");
    for (page, name) in shown {
        console::run(&furnished(), &name, &page);
    }
}

/// A terminal shows more than standard output: what is printed must be in what is shown, in order.
#[test]
fn the_recording_shows_what_its_commands_print() {
    let sandbox = Sandbox::new();
    sandbox.write("hamlet.txt", read("docs/pictures/hamlet.txt"));
    let commands = recording::commands(&read("docs/pictures/first-minute.svg"), "another");
    assert!(commands.len() >= 5, "{commands:?}");
    for (command, shown) in commands {
        let ran = sandbox.sh(&command).success();
        let printed = String::from_utf8_lossy(&ran.get_output().stdout).into_owned();
        let mut shown = shown.iter();
        for line in printed.lines() {
            assert!(shown.any(|other| other == line), "{command}: {line}: record it again");
        }
    }
}

#[test]
fn the_protocol_lists_the_filters_of_the_table() {
    let rows = read("docs/protocol.md");
    let rows = rows.lines().skip_while(|line| *line != "| filter | the answer | flags |").skip(3);
    let listed: Vec<_> = rows.take_while(|line| line.starts_with('|')).collect();
    let table = FILTERS.map(|spec| {
        let flags: Vec<_> = spec.parameters().map(|flag| format!("`{flag}`")).collect();
        format!("| `{}` | {} | {} |", spec.usage(), spec.answers, flags.join(", ")).replace("|  |", "| |")
    });
    assert_eq!(listed, table);
}

#[test]
fn a_console_fence_is_read_as_commands_and_what_they_print() {
    let page = "```console\n$ one\nprinted\n\n$ two \\\n  more\n```\nprose\n```sh\n$ three\n```\n";
    let step = |line, command: &str, output: Option<&str>| console::Step {
        line,
        command: command.to_owned(),
        output: output.map(str::to_owned),
    };
    let expected = [step(2, "one", Some("printed\n\n")), step(5, "two \\\n  more", None)];
    assert_eq!(console::steps(page), expected);
}

/// The tests that docs/operating.md names: what stands in backquotes, behind the file it is in.
#[test]
fn every_test_that_a_promise_names_is_there() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(top.join("docs/operating.md")).unwrap();
    let (mut file, mut named) = (String::new(), 0);
    for quoted in page.split('`').skip(1).step_by(2) {
        if quoted.ends_with(".rs") {
            file = fs::read_to_string(top.join("tests").join(quoted)).expect(quoted);
        } else if quoted.matches('_').count() > 3 {
            let is_test = file.contains(&format!("#[test]\nfn {quoted}() {{"));
            // One of the contract suite is called for each engine.
            let is_of_suite = file.contains(&format!("fn {quoted}(new: New) {{"))
                && file.contains(&format!("    {quoted},\n"));
            assert!(is_test || is_of_suite, "{quoted}");
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
}

/// The paths that a page names: what begins with a folder or file of the project's top and goes on to a name.
fn paths_of(page: &str) -> Vec<String> {
    let is_of_path = |char: char| char.is_ascii_alphanumeric() || "_-./*".contains(char);
    let tops =
        ["src/", "tests/", "docs/", "fuzz/", "man/", "contrib/", "examples/", "completions/", "benches/"];
    page.split(|char| !is_of_path(char))
        .map(|word| word.trim_start_matches("../").trim_end_matches('.'))
        .filter(|word| tops.iter().any(|top| word.starts_with(top)) && !word.contains('*'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_path_that_a_page_names_exists() {
    for (page, least) in
        [("docs/architecture.md", 20), ("CONTRIBUTING.md", 10), ("README.md", 5), ("SECURITY.md", 3)]
    {
        let paths = paths_of(&read(page));
        assert!(paths.len() >= least, "{page}: {paths:?}");
        for path in paths {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path).exists(), "{page}: {path}");
        }
    }
}

/// In the drawings of docs/architecture.md a bare `name.rs` is in the folder that was named last.
#[test]
fn every_file_in_the_drawing_of_a_request_exists() {
    let page = read("docs/architecture.md");
    let drawing = page.split("## The way of a request").nth(1).unwrap().split("\n- ").next().unwrap();
    let (mut top, mut folder, mut found) = ("src/", String::new(), 0);
    for word in drawing.split_whitespace() {
        match word {
            "src/server/" => top = "src/server/",
            "src/text/" | "src/store/" => folder = word.to_owned(),
            _ if word.ends_with('/') => folder = format!("{top}{word}"),
            _ if word.ends_with(".rs") => {
                let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder).join(word);
                assert!(file.exists(), "{folder}{word}");
                found += 1;
            }
            _ => {}
        }
    }
    assert!(found > 15, "{found}");
}

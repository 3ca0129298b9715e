//! Completions, the option lists of the man pages and the config file of the service, made from the options that the programs declare. `make papers` writes
//! them; without it this test fails where one of them is not what it would be. What stands outside the marked lines of a
//! file is written by hand, and stays as it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "papers/bash.rs"]
mod bash;
#[path = "papers/config.rs"]
mod config;
#[path = "papers/fish.rs"]
mod fish;
#[path = "papers/man.rs"]
mod man;
#[path = "papers/zsh.rs"]
mod zsh;

#[path = "../../src/bin/cfp-cat.rs"]
mod cfp_cat;
#[path = "../../src/bin/cfp-cp.rs"]
mod cfp_cp;
#[path = "../../src/bin/cfp-get.rs"]
mod cfp_get;
#[path = "../../src/bin/cfp-ls.rs"]
mod cfp_ls;
#[path = "../../src/bin/cfp-mv.rs"]
mod cfp_mv;
#[path = "../../src/bin/cfp-put.rs"]
mod cfp_put;
#[path = "../../src/bin/cfp-replace.rs"]
mod cfp_replace;
#[path = "../../src/bin/cfp-reverse.rs"]
mod cfp_reverse;
#[path = "../../src/bin/cfp-rm.rs"]
mod cfp_rm;
#[path = "../../src/bin/cfp-search.rs"]
mod cfp_search;
#[path = "../../src/bin/cfp-shell.rs"]
mod cfp_shell;
#[path = "../../src/bin/cfp-sync.rs"]
mod cfp_sync;
#[path = "../../src/bin/cfpd/options.rs"]
mod cfpd;

use std::fs;
use std::path::Path;

use cfp::cli::{Program, ProgramOption};

/// All programs, in the order in which the papers name them.
const PROGRAMS: [&Program; 13] = [
    &cfpd::PROGRAM,
    &cfp_search::PROGRAM,
    &cfp_replace::PROGRAM,
    &cfp_reverse::PROGRAM,
    &cfp_cat::PROGRAM,
    &cfp_put::PROGRAM,
    &cfp_get::PROGRAM,
    &cfp_sync::PROGRAM,
    &cfp_ls::PROGRAM,
    &cfp_mv::PROGRAM,
    &cfp_cp::PROGRAM,
    &cfp_rm::PROGRAM,
    &cfp_shell::PROGRAM,
];

#[test]
fn completions_and_man_pages_are_what_make_papers_writes() {
    let mut papers = vec![
        ("completions/bash/cfp".to_owned(), bash::options(&PROGRAMS)),
        ("completions/zsh/_cfp".to_owned(), zsh::options(&PROGRAMS)),
        ("completions/fish/cfp.fish".to_owned(), fish::options(&PROGRAMS)),
        ("man/cfp.7".to_owned(), man::common_options()),
    ];
    for program in PROGRAMS {
        let section = if program.name == "cfpd" { 8 } else { 1 };
        papers.push((format!("man/{}.{section}", program.name), man::options(program)));
    }
    let in_file = || cfpd::PROGRAM.all_options().filter(|option| cfpd::may_be_in_file(option));
    papers.push(("man/cfpd.conf.5".to_owned(), man::lines_of_file(&cfpd::PROGRAM, in_file())));
    let service = "contrib/cfpd.conf".to_owned();
    papers.push((service.clone(), config::options(in_file(), &read(&service))));
    for (name, made) in papers {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
        let old = read(&name);
        let new = between_markers(&old, &made).unwrap_or_else(|| panic!("{name} has no marked lines"));
        if std::env::var_os("CFP_PAPERS").is_some() {
            fs::write(&path, new).unwrap();
        } else {
            assert!(new == old, "{name} is not made from the declared options: run `make papers`");
        }
    }
}

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The text with what stands between the two marked lines replaced.
fn between_markers(text: &str, made: &str) -> Option<String> {
    let start = text.find("made by `make papers`")?;
    let start = start + text[start..].find('\n')? + 1;
    let end = start + text[start..].find("end of what `make papers` made")?;
    let end = text[..end].rfind('\n')? + 1;
    Some([&text[..start], made, &text[end..]].concat())
}

/// What an option does, short enough for a list of completions: its text up to the first full stop, semicolon, colon,
/// or parenthesis.
fn summary(option: &ProgramOption) -> String {
    let text = option.paragraphs().next().unwrap_or_default();
    let ends = [". ", "; ", ": ", " ("].into_iter().filter_map(|end| text.find(end));
    let end = ends.min().unwrap_or(text.len());
    text[..end].trim_end_matches('.').replace('`', "")
}

/// The spellings of an option, the short one first.
fn spellings(option: &ProgramOption) -> Vec<&'static str> {
    [option.short, option.long].into_iter().filter(|name| !name.is_empty()).collect()
}

//! The part of the completion for zsh that is made from the declared options: their specifications for `_arguments`.

use cfp::cli::{Completion, Program, ProgramOption};

use super::{spellings, summary};

/// The function `_cfp_options`, which leaves the specifications of a program in `options`.
pub fn options(programs: &[&Program]) -> String {
    let rows = programs.iter().map(|program| {
        let flags = program.all_options().map(|option| format!("      {}\n", specification(program, option)));
        format!("    {}) options=(\n{}    ) ;;\n", program.name, flags.collect::<String>())
    });
    format!("_cfp_options() {{\n  case $1 in\n{}  esac\n}}\n", rows.collect::<String>())
}

fn specification(program: &Program, option: &ProgramOption) -> String {
    let names = spellings(option);
    let is_repeatable = option.is_repeatable();
    let others = program
        .all_options()
        .filter(|other| option.excludes.contains(&other.long) || other.excludes.contains(&option.long));
    let mut excluded: Vec<_> = others.flat_map(spellings).collect();
    if ["--help", "--version"].contains(&option.long) {
        excluded = vec!["-", "*"];
    } else if is_repeatable {
        excluded.clear();
    } else if names.len() > 1 || !excluded.is_empty() {
        excluded.extend(&names);
    }
    let before = match (is_repeatable, excluded.is_empty()) {
        (true, _) => "*".to_owned(),
        (false, true) => String::new(),
        (false, false) => format!("({})", excluded.join(" ")),
    };
    let after =
        quoted(&format!("[{}]{}", summary(option).replace(']', "\\]").replace('[', "\\["), value(option)));
    match names.as_slice() {
        [long] => quoted(&format!("{before}{long}")).trim_end_matches('\'').to_owned() + &after[1..],
        _ => format!("{}{{{}}}{after}", quoted(&before), names.join(",")),
    }
}

fn value(option: &ProgramOption) -> String {
    if option.complete == Completion::Rule {
        return ":user: :verb:(list read create replace delete process):name: ".to_owned();
    }
    if option.value.is_empty() {
        return String::new();
    }
    let action = match option.complete {
        Completion::Choice(words) => format!("({})", words.join(" ")),
        Completion::File => "_files".to_owned(),
        Completion::Directory => "_directories".to_owned(),
        Completion::Stored => "_cfp_name".to_owned(),
        Completion::Operand => "_cfp_operand".to_owned(),
        Completion::User => "_users".to_owned(),
        Completion::Host => "_hosts".to_owned(),
        Completion::Nothing | Completion::Rule => " ".to_owned(),
    };
    let name: String =
        option.value.to_lowercase().chars().take_while(|char| char.is_alphanumeric()).collect();
    format!(":{name}:{action}")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

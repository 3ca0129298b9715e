//! The part of the completion for bash that is made from the declared options: their spellings, and what their values
//! are completed with.

use cfp::cli::{Completion, Program};

use super::spellings;

/// The functions `_cfp_options` and `_cfp_value`, and the line that registers the programs.
pub fn options(programs: &[&Program]) -> String {
    let rows = programs.iter().map(|program| {
        let names: Vec<_> = program.all_options().flat_map(spellings).collect();
        format!("        {}) echo \"{}\" ;;\n", program.name, names.join(" "))
    });
    let values = programs.iter().flat_map(|program| {
        program.all_options().filter(|option| option.takes_value()).map(|option| {
            let cases: Vec<_> =
                spellings(option).iter().map(|name| format!("{}:{name}", program.name)).collect();
            format!("        {}) echo {} ;;\n", cases.join(" | "), kind(option.complete))
        })
    });
    let operands = programs
        .iter()
        .map(|program| format!("        {}) echo {} ;;\n", program.name, kind(program.operands)));
    let names: Vec<_> = programs.iter().map(|program| program.name).collect();
    format!(
        "# Prints the options of program $1.\n_cfp_options() {{\n    case $1 in\n{}    esac\n}}\n\n\
         # Prints what the value of option $2 of program $1 is; fails if the option takes none.\n\
         _cfp_value() {{\n    case $1:$2 in\n{}        *) return 1 ;;\n    esac\n}}\n\n\
         # Prints what the operands of program $1 are.\n_cfp_operands() {{\n    case $1 in\n{}    esac\n}}\n\n\
         complete -F _cfp {}\n",
        rows.collect::<String>(),
        values.collect::<String>(),
        operands.collect::<String>(),
        names.join(" ")
    )
}

fn kind(complete: Completion) -> String {
    match complete {
        Completion::Choice(words) => format!("choice {}", words.join(" ")),
        Completion::File => "file".to_owned(),
        Completion::Directory => "directory".to_owned(),
        Completion::Stored => "server".to_owned(),
        Completion::Operand => "either".to_owned(),
        Completion::User => "user".to_owned(),
        Completion::Nothing | Completion::Host | Completion::Rule => "nothing".to_owned(),
    }
}

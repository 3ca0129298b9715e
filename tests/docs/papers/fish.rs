//! The part of the completion for fish that is made from the declared options: a line for each.

use cfp::cli::{Completion, Program, ProgramOption};

use super::summary;

/// The lines for the operands and options of each program; those of cfpd count up to its `--`.
pub fn options(programs: &[&Program]) -> String {
    let mut made = String::new();
    for program in programs {
        let name = program.name;
        let before = if name == "cfpd" { " -n __cfp_before_command" } else { "" };
        made += &match program.operands {
            Completion::Operand => format!("complete -c {name} -n __cfp_on_server -f -a '(__cfp_names)'\n"),
            Completion::Directory => {
                format!("complete -c {name}{before} -f -a '(__fish_complete_directories)'\n")
            }
            Completion::Stored => format!("complete -c {name} -f -a '(__cfp_names)'\n"),
            Completion::Nothing => format!("complete -c {name} -f\n"),
            _ => String::new(),
        };
        program
            .all_options()
            .for_each(|option| made += &line(&format!("complete -c {name}{before}"), option));
    }
    made
}

fn line(start: &str, option: &ProgramOption) -> String {
    let short = option.short.strip_prefix('-').map(|short| format!(" -s {short}")).unwrap_or_default();
    let names = format!("{short} -l {}", option.long.trim_start_matches('-'));
    let text = summary(option).replace('\\', "\\\\").replace('\'', "\\'");
    if option.complete == Completion::Operand {
        return format!(
            "{start} -n 'not __cfp_on_server'{names} -r -F -d '{text}'\n\
             {start} -n __cfp_on_server{names} -x -a '(__cfp_names)'\n"
        );
    }
    let value = match option.complete {
        _ if option.value.is_empty() => String::new(),
        Completion::Choice(words) => format!(" -x -a '{}'", words.join(" ")),
        Completion::File => " -r".to_owned(),
        Completion::Directory => " -x -a '(__fish_complete_directories)'".to_owned(),
        Completion::Stored => " -x -a '(__cfp_names)'".to_owned(),
        Completion::User => " -x -a '(__fish_complete_users)'".to_owned(),
        _ => " -x".to_owned(),
    };
    format!("{start}{names}{value} -d '{text}'\n")
}

//! The config file of the service: every option that may stand there, commented out, with what it does. Those that the file
//! sets above the list are not in it.

use cfp::cli::{Completion, ProgramOption};

/// The columns of a line.
const WIDTH: usize = 100;

/// The options that `text` does not set.
pub fn options<'a>(options: impl Iterator<Item = &'a ProgramOption>, text: &str) -> String {
    let is_set = |name: &str| text.lines().any(|line| line.split(' ').next() == Some(name));
    let rest = options.filter(|option| !is_set(&option.long[2..]));
    rest.map(|option| format!("\n{}#{}\n", comment(option), line(option))).collect()
}

fn line(option: &ProgramOption) -> String {
    let value = match option.complete {
        Completion::Choice(words) => words.join("|"),
        _ => option.value.to_owned(),
    };
    format!("{} {value}", &option.long[2..]).trim_end().to_owned()
}

/// The first paragraph of its text.
fn comment(option: &ProgramOption) -> String {
    let text = option.paragraphs().next().unwrap().replace('`', "");
    let (mut lines, mut line) = (String::new(), "#".to_owned());
    for word in text.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            lines += &format!("{line}\n");
            line = "#".to_owned();
        }
        line += &format!(" {word}");
    }
    lines + &format!("{line}\n")
}

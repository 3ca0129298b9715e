//! A program as its help text describes it: its usage, its options, examples. It formats the text of `--help`.

use super::option::{Completion, ProgramOption};

/// The columns of a terminal, and the one at which help texts say what an option does.
const WIDTH: usize = 80;
const COLUMN: usize = 22;

/// What a program is called and which options it has.
#[derive(Debug)]
pub struct Program {
    /// The name of its file.
    pub name: &'static str,
    /// The forms that its arguments may have.
    pub usage: &'static [&'static str],
    /// What it does, in paragraphs.
    pub about: &'static [&'static str],
    /// Its options, its own before those that it shares with others.
    pub options: &'static [&'static [ProgramOption]],
    /// What a shell completes its operands with.
    pub operands: Completion,
    /// Commands that show its use.
    pub examples: &'static [&'static str],
}

impl Program {
    /// Returns all its options in the order of its help text.
    pub fn all_options(&self) -> impl Iterator<Item = &'static ProgramOption> {
        self.options.iter().flat_map(|group| group.iter())
    }

    /// Returns the text of `--help`.
    pub fn help(&self) -> String {
        let mut help = String::new();
        for (at, usage) in self.usage.iter().enumerate() {
            let start = format!("{} {} ", if at == 0 { "usage:" } else { "      " }, self.name);
            fill(&mut help, &start, start.len(), usage);
        }
        for paragraph in self.about {
            help.push('\n');
            fill(&mut help, "", 0, paragraph);
        }
        help.push('\n');
        for option in self.all_options() {
            let text = option.paragraphs().next().unwrap_or_default();
            fill(&mut help, &format!("  {}  ", option.spelling()), COLUMN, text.trim_end_matches('.'));
        }
        help.push('\n');
        self.examples.iter().for_each(|example| help += &format!("  {example}\n"));
        help
    }
}

/// Appends a text in lines that fit a terminal and begin at `column`, the first one after `start`. A wider `start`
/// has a line of its own.
fn fill(help: &mut String, start: &str, column: usize, text: &str) {
    let mut line = format!("{start:column$}");
    if start.len() > column {
        line = format!("{}\n{:column$}", start.trim_end(), "");
    }
    for word in text.split(' ') {
        let width = line.rsplit('\n').next().unwrap_or_default().chars().count();
        if width > column && width + word.chars().count() > WIDTH {
            line.truncate(line.trim_end().len());
            line += &format!("\n{:column$}", "");
        }
        line += word;
        line.push(' ');
    }
    help.push_str(line.trim_end());
    help.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::option::options;

    #[test]
    fn a_help_text_fits_a_terminal_and_says_what_each_option_does() {
        let program = Program {
            name: "x",
            usage: &["[-r] [-o OUT] FILE ...", "-h"],
            about: &["Does it."],
            options: &[
                options! {
                    /// Do it for each file, one after the other, and say how it went.
                    ///
                    /// Not shown.
                    "-r", "--recursive";
                },
                options! {
                    /// Store it.
                    "", "--output-file" = "FILE";
                },
            ],
            operands: Completion::Nothing,
            examples: &["x f"],
        };
        let help = "usage: x [-r] [-o OUT] FILE ...\n       x -h\n\nDoes it.\n
  -r, --recursive     Do it for each file, one after the other, and say how it
                      went
  --output-file FILE  Store it\n\n  x f\n";
        assert_eq!(program.help(), help);
    }
}

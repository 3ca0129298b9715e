//! The option list of a man page, in mdoc, made from the declared options. Those that programs have in common are described
//! in cfp(7) alone, and named in the other pages. In their text `code` is literal; options,
//! `$VARIABLES`, pages such as `cfpd(8)`, signals and the names of values are found by their form.

use cfp::cli::{Completion, HELP, Program, ProgramOption, SETTINGS};

use super::spellings;

/// The items of the list of a program: its own options, and one item that names those of cfp(7).
pub fn options(program: &Program) -> String {
    let is_common = |option: &&ProgramOption| common().any(|other| other.long == option.long);
    let (shared, own): (Vec<_>, Vec<_>) = program.all_options().partition(is_common);
    let items: String = own.into_iter().map(|option| item(program, option)).collect();
    let names = shared.into_iter().map(spelled).collect::<Vec<_>>().join(" , ");
    format!("{items}.It {names}\nSee\n.Xr cfp 7 .\n")
}

/// The items of the list of lines in a config file: the name, the value, the first paragraph.
pub fn lines_of_file<'a>(program: &Program, options: impl Iterator<Item = &'a ProgramOption>) -> String {
    let item = |option: &ProgramOption| {
        let first = option.paragraphs().next().unwrap();
        format!(".It Cm {}{}\n{}", &option.long[2..], value(option), prose(program, &joined(&first)))
    };
    options.map(item).collect()
}

/// The items of the list in cfp(7).
pub fn common_options() -> String {
    const TOOLS: Program = Program {
        name: "cfp",
        usage: &[],
        about: &[],
        options: &[SETTINGS, HELP],
        operands: Completion::Nothing,
        examples: &[],
    };
    common().map(|option| item(&TOOLS, option)).collect()
}

/// The options that all tools have.
fn common() -> impl Iterator<Item = &'static ProgramOption> {
    SETTINGS.iter().chain(HELP)
}

/// The spellings of an option: `Fl s , Fl -server`.
fn spelled(option: &ProgramOption) -> String {
    let names: Vec<_> = spellings(option).iter().map(|name| format!("Fl {}", &name[1..])).collect();
    names.join(" , ")
}

/// The value of an option: ` Ar FILE`, ` Cm combined | json`.
fn value(option: &ProgramOption) -> String {
    match option.complete {
        Completion::Choice(words) => format!(" Cm {}", words.join(" | ")),
        _ if option.value.is_empty() => String::new(),
        _ => format!(" Ar {}", option.value),
    }
}

fn item(program: &Program, option: &ProgramOption) -> String {
    let mut made = format!(".It {}{}\n", spelled(option), value(option));
    for (number, paragraph) in option.text.split("\n\n").enumerate() {
        made += if number > 1 { ".Pp\n" } else { "" };
        match paragraph.trim_start().strip_prefix("- ") {
            Some(items) => {
                made += ".Bl -bullet -compact\n";
                for item in items.split("\n - ") {
                    made += &format!(".It\n{}", prose(program, &joined(item)));
                }
                made += ".El\n";
            }
            None => made += &prose(program, &joined(paragraph)),
        }
    }
    made
}

fn joined(lines: &str) -> String {
    lines.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Sentences, each on a line of its own, with a macro line for each word that has a meaning.
fn prose(program: &Program, text: &str) -> String {
    let (mut made, mut line) = (String::new(), String::new());
    for word in words(text) {
        let start = word.len() - word.trim_start_matches(['(', '"']).len();
        let closing = ['.', ',', ';', ':', ')', '"'];
        let mut bare = word[start..].trim_end_matches(closing);
        // The parenthesis of a page's section belongs to its name.
        if bare.contains('(') && word[start + bare.len()..].starts_with(')') {
            bare = &word[start..=start + bare.len()];
        }
        let (open, close) = (&word[..start], &word[start + bare.len()..]);
        match macro_of(program, bare) {
            Some(call) if open.is_empty() || open == "(" => {
                flush(&mut made, &mut line);
                let (name, rest) = call.split_once(' ').unwrap();
                let open = if open.is_empty() { String::new() } else { format!("{open} ") };
                let close: String = close.chars().map(|char| format!(" {char}")).collect();
                made += &format!(".{name} {open}{rest}{close}\n");
            }
            _ => {
                line += if line.is_empty() { "" } else { " " };
                line += &word.replace('\\', "\\e");
                if word.ends_with(['.', ';']) || line.len() > 100 {
                    flush(&mut made, &mut line);
                }
            }
        }
    }
    flush(&mut made, &mut line);
    made
}

fn flush(made: &mut String, line: &mut String) {
    if !line.is_empty() {
        let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
        *made += &format!("{guard}{line}\n");
        line.clear();
    }
}

/// The words of a text; what stands between backquotes is one, with what follows at once.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut is_code) = (Vec::new(), String::new(), false);
    for char in text.chars() {
        is_code ^= char == '`';
        match char {
            ' ' if !is_code => words.push(std::mem::take(&mut word)),
            char => word.push(char),
        }
    }
    words.push(word);
    words
}

/// The call of the macro for a word: `Fl -users`, `Ar FILE`, `Xr cfpd 8`.
fn macro_of(program: &Program, word: &str) -> Option<String> {
    let escaped = |word: &str| word.replace('\\', "\\e");
    if let Some(code) = word.strip_prefix('`').and_then(|word| word.strip_suffix('`')) {
        return Some(match code {
            "-" => "Sq -".to_owned(),
            code if code.starts_with(['/', '~', '.']) => format!("Pa {}", escaped(code)),
            code => format!("Li {}", escaped(code)),
        });
    }
    let is_value = |option: &ProgramOption| {
        option.value.split(|char: char| !char.is_uppercase()).any(|part| part == word)
    };
    let is_name = |name: &str| {
        name.len() > 1 && name.chars().all(|char| char.is_ascii_lowercase() || ['-', '.'].contains(&char))
    };
    if let Some(option) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
        Some(format!("Fl {option}"))
    } else if let Some(variable) = word.strip_prefix('$').filter(|rest| !rest.contains('/')) {
        Some(format!("Ev {variable}"))
    } else if let Some((page, section)) = word.strip_suffix(')').and_then(|word| word.split_once('(')) {
        is_name(page).then(|| format!("Xr {page} {section}"))
    } else if word.starts_with("SIG") {
        Some(format!("Dv {word}"))
    } else {
        (!word.is_empty() && program.all_options().any(is_value)).then(|| format!("Ar {word}"))
    }
}

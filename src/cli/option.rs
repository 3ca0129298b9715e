//! One option of a program: how it is spelled, what value it takes, what it does. The parser, the help text, the
//! completions of the shells and the option list of the man page are all made from it. What an option means is known to
//! the program alone.

pub use crate::options;

/// One option.
#[derive(Debug)]
pub struct ProgramOption {
    /// The short spelling, `-r`; empty where there is none.
    pub short: &'static str,
    /// The long spelling, `--recursive`.
    pub long: &'static str,
    /// The name of the value in help and man page, `FILE`; several words are operands that follow the option.
    pub value: &'static str,
    /// What a shell completes the value with.
    pub complete: Completion,
    /// Long spellings of options that cannot be given together with this one.
    pub excludes: &'static [&'static str],
    /// What it does: the first paragraph is for the help text, all of them are for the man page.
    pub text: &'static str,
}

/// What a shell completes a value or an operand with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Nothing: a number, a word, an address.
    Nothing,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A local file.
    File,
    /// A local directory.
    Directory,
    /// A file on the server.
    Stored,
    /// A local file, or with a colon one on the server.
    Operand,
    /// A user of this machine.
    User,
    /// The name of a host.
    Host,
    /// A user, a verb and a name, as access rules have them.
    Rule,
}

impl ProgramOption {
    /// Returns whether a value must follow it.
    pub fn takes_value(&self) -> bool {
        !self.value.is_empty() && !self.takes_operands()
    }

    /// Returns whether each value counts where it is given more than once, as its text says; otherwise the last one does.
    pub fn is_repeatable(&self) -> bool {
        self.text.contains("repeatable")
    }

    /// Returns whether the program reads its value as operands.
    pub fn takes_operands(&self) -> bool {
        self.value.contains(' ')
    }

    /// Returns the option as help texts spell it: `-o, --output FILE`.
    pub fn spelling(&self) -> String {
        let ProgramOption { short, long, value, .. } = self;
        let comma = if short.is_empty() { "" } else { ", " };
        let space = if value.is_empty() { "" } else { " " };
        format!("{short}{comma}{long}{space}{value}")
    }

    /// Returns the paragraphs of its text, each in one line.
    pub fn paragraphs(&self) -> impl Iterator<Item = String> {
        self.text
            .split("\n\n")
            .map(|paragraph| paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned())
    }
}

/// Declares options, as a slice of `ProgramOption`. The doc comment of each is its text; its short spelling may be empty; a
/// value has a name and, where a shell can complete it, one of `Completion`. A row may also call a `const fn` that makes
/// the option of a declaration elsewhere:
///
/// ```
/// # use cfp::cli::{ProgramOption, options};
/// # use cfp::text::IGNORE_CASE;
/// # use cfp::tools::prepared_filter::option;
/// const OPTIONS: &[ProgramOption] = options! {
///     /// Store the result in FILE.
///     "-o", "--output" = "FILE" File;
///     /// Print one JSON object a line.
///     "", "--json" excludes ["--output"];
///     option(&IGNORE_CASE);
/// };
/// ```
#[macro_export]
macro_rules! options {
    ($(
        $($make:ident ($from:expr))?
        $(#[doc = $text:literal])*
        $($short:literal, $long:literal)?
        $(= $value:literal $($complete:ident $(($choices:expr))?)?)?
        $(excludes $excludes:expr)?;
    )+) => {
        &[$($crate::cli::ProgramOption {
            excludes: &$crate::options!(@excludes $($excludes)?),
            ..$crate::options!(@row
                [$($text)*] [$($short, $long)?]
                [$($value)?] [$($($complete $(($choices))?)?)?] [$($make ($from))?])
        }),+]
    };
    (@row [] [] [] [] [$made:expr]) => { $made };
    (@row [$($text:literal)+] [$short:literal, $long:literal] [$($value:literal)?] [$($complete:tt)*] []) => {
        $crate::cli::ProgramOption {
            short: $short,
            long: $long,
            value: concat!($($value)?),
            complete: $crate::options!(@complete $($complete)*),
            excludes: &[],
            text: concat!($($text, "\n"),+),
        }
    };
    (@complete) => { $crate::cli::Completion::Nothing };
    (@complete $complete:ident) => { $crate::cli::Completion::$complete };
    (@complete $complete:ident ($choices:expr)) => { $crate::cli::Completion::$complete(&$choices) };
    (@excludes) => { [] };
    (@excludes $excludes:expr) => { $excludes };
}

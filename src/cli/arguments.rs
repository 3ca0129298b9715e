//! Parses the arguments of a program as getopt does (POSIX, Utility Syntax Guidelines 5, 6 and 10): short options may
//! be combined, the value of the last one may follow directly, and `--` ends the options. The program declares its
//! options and gives them their meaning.
//!
//! pico-args reads them by name.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::option::ProgramOption;
use super::program::Program;
use crate::error::{Error, Result, shown};

/// The arguments of a program that are not taken yet.
pub struct Arguments {
    /// Each option by its long spelling, `--recursive` or `--output=out`, and the operands.
    options: pico_args::Arguments,
    /// What follows `--`, where that is given: operands, whatever they begin with.
    after_dashes: Option<Vec<OsString>>,
    /// The options that were given, taken or not.
    given: Vec<&'static ProgramOption>,
    /// Two options that were given and exclude each other.
    conflict: Option<(&'static str, &'static str)>,
}

impl Arguments {
    /// Splits the arguments of a program, without its name.
    pub fn new<A: Into<OsString>>(program: &Program, arguments: impl IntoIterator<Item = A>) -> Self {
        let mut split = Split { program, options: Vec::new(), given: Vec::new() };
        let after_dashes = split.all(arguments.into_iter().map(Into::into));
        let is_given = |long: &&str| split.given.iter().any(|given| given.long == *long);
        let mut conflicts = split.given.iter().filter_map(|option| {
            Some((option.long, *option.excludes.iter().copied().find(|long| is_given(long)).as_ref()?))
        });
        let conflict = conflicts.next();
        let options = pico_args::Arguments::from_vec(split.options);
        Arguments { options, after_dashes, given: split.given, conflict }
    }

    /// Takes the value of an option; given more than once, the last one counts.
    pub fn value(&mut self, long: &'static str) -> Result<Option<OsString>> {
        Ok(self.values(long)?.pop())
    }

    /// Takes the value of an option, which must not be empty: in a script, an empty one comes from an unset variable.
    pub fn name(&mut self, long: &'static str) -> Result<Option<OsString>> {
        match self.value(long)? {
            Some(empty) if empty.is_empty() => {
                Err(Error::usage(format!("{long} needs a name, not an empty one")))
            }
            named => Ok(named),
        }
    }

    /// Takes all values of an option that may be given more than once, in order.
    pub fn values(&mut self, long: &'static str) -> Result<Vec<OsString>> {
        self.split_at_equals(long);
        let mut values = Vec::new();
        while let Some(next) = self
            .options
            .opt_value_from_os_str(long, |value| Ok::<_, Error>(value.to_owned()))
            .map_err(|_| Error::usage(format!("{long} needs a value")))?
        {
            values.push(next);
        }
        Ok(values)
    }

    /// Takes an option without a value, and returns whether it was given.
    pub fn flag(&mut self, long: &'static str) -> bool {
        let mut given = false;
        while self.options.contains(long) {
            given = true;
        }
        given
    }

    /// Returns whether an option was given, taken or not.
    pub fn is_given(&self, long: &str) -> bool {
        self.given.iter().any(|option| option.long == long)
    }

    /// Takes the command after `--`, for a program that runs one; empty without `--`.
    pub fn command(&mut self) -> Result<Vec<OsString>> {
        match self.after_dashes.take() {
            Some(command) if command.is_empty() => Err(Error::usage("no COMMAND after --")),
            command => Ok(command.unwrap_or_default()),
        }
    }

    /// Returns what is left: operands. An option that was not taken is an error, and so are two that exclude each other.
    pub fn operands(self) -> Result<Vec<OsString>> {
        let mut operands = self.options.finish();
        let is_option = |operand: &&OsString| operand.as_bytes().starts_with(b"-") && *operand != "-";
        if let Some(unknown) = operands.iter().find(is_option) {
            let dash = match unknown.as_bytes().starts_with(b"--") {
                true => "",
                false => "; put -- before it if it is not an option",
            };
            return Err(Error::usage(format!("unknown option {}{dash}", shown(unknown.as_bytes()))));
        }
        if let Some((one, other)) = self.conflict {
            return Err(Error::usage(format!("{one} and {other} exclude each other")));
        }
        operands.extend(self.after_dashes.unwrap_or_default());
        Ok(operands)
    }

    /// Returns what is left, where each operand is a name, which must not be empty.
    pub fn names(self, what: &str) -> Result<Vec<OsString>> {
        let names = self.operands()?;
        refuse_empty(&names, what).map(|()| names)
    }

    /// Makes `--long=value` two arguments, as pico-args takes values that are not UTF-8.
    fn split_at_equals(&mut self, long: &str) {
        let options = std::mem::replace(&mut self.options, pico_args::Arguments::from_vec(Vec::new()));
        let split = |argument: OsString| {
            let rest =
                argument.as_bytes().strip_prefix(long.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
            match rest.map(|value| OsStr::from_bytes(value).to_owned()) {
                Some(value) => vec![OsString::from(long), value],
                None => vec![argument],
            }
        };
        let options = options.finish().into_iter().flat_map(split).collect();
        self.options = pico_args::Arguments::from_vec(options);
    }
}

/// Refuses an empty name: in a script, it comes from an unset variable.
pub fn refuse_empty(names: &[OsString], what: &str) -> Result<()> {
    match names.iter().any(|name| name.is_empty()) {
        true => Err(Error::usage(format!("a {what} is empty"))),
        false => Ok(()),
    }
}

/// Returns exactly `N` operands; with more or fewer, an error with the `names` of those needed.
pub fn exactly<const N: usize>(operands: Vec<OsString>, names: &str) -> Result<[OsString; N]> {
    let given = operands.len();
    operands.try_into().map_err(|_| Error::usage(format!("{names} needed, {given} given")))
}

/// Arguments while they are split.
struct Split<'a> {
    program: &'a Program,
    /// Each option by itself, with its value in the same argument, so that no value is taken for an option.
    options: Vec<OsString>,
    given: Vec<&'static ProgramOption>,
}

impl Split<'_> {
    /// Splits all arguments, and returns what follows `--`.
    fn all(&mut self, mut arguments: impl Iterator<Item = OsString>) -> Option<Vec<OsString>> {
        while let Some(argument) = arguments.next() {
            let bytes = argument.as_bytes();
            let long = bytes.split(|&byte| byte == b'=').next().unwrap_or_default();
            match self.program.all_options().find(|option| option.long.as_bytes() == long) {
                _ if bytes == b"--" => return Some(arguments.collect()),
                Some(option) if bytes != long => {
                    self.given.push(option);
                    self.options.push(argument);
                }
                Some(option) if option.takes_value() => self.push(option, arguments.next()),
                Some(option) => self.push(option, None),
                None if bytes.len() > 1 && bytes.starts_with(b"-") && !bytes.starts_with(b"--") => {
                    self.short(bytes, &mut arguments);
                }
                None => self.options.push(argument),
            }
        }
        None
    }

    /// Splits combined short options. From the first unknown one on they stay as they are.
    fn short(&mut self, together: &[u8], arguments: &mut impl Iterator<Item = OsString>) {
        let mut letters = together.get(1..).unwrap_or_default().iter();
        while let Some(&letter) = letters.next() {
            let rest = letters.as_slice();
            match self.program.all_options().find(|option| option.short.as_bytes() == [b'-', letter]) {
                Some(option) if option.takes_value() => {
                    let value = Some(OsStr::from_bytes(rest).to_owned()).filter(|value| !value.is_empty());
                    return self.push(option, value.or_else(|| arguments.next()));
                }
                Some(option) => self.push(option, None),
                None => return self.options.push(OsString::from_vec([&[b'-', letter], rest].concat())),
            }
        }
    }

    fn push(&mut self, option: &'static ProgramOption, value: Option<OsString>) {
        let mut argument = OsString::from(option.long);
        if let Some(value) = value {
            argument.push("=");
            argument.push(value);
        }
        self.given.push(option);
        self.options.push(argument);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::option::{Completion, options};

    const PROGRAM: Program = Program {
        name: "x",
        usage: &[],
        about: &[],
        options: &[
            options! {
                /// All beneath.
                "-r", "--recursive";
                /// Whatever comes.
                "-f", "--force";
                /// Store as OUT.
                "-o", "--output" = "OUT";
                /// Count them.
                "-n", "--count";
            },
            options! {
                /// End with NUL.
                "-0", "--null" excludes ["--as", "--force"];
                /// Under this name.
                "", "--as" = "NAME";
                /// Say why.
                "", "--explain" = "USER VERB NAME" Rule;
                /// Carry it out.
                "-c", "--command" = "COMMAND";
            },
        ],
        operands: Completion::Nothing,
        examples: &[],
    };

    /// Arguments, and what is read of them: `--output`, `--count`, operands.
    type Row<'a> = (&'a [&'a str], Option<&'a str>, bool, &'a [&'a str]);

    fn new(argv: &[&str]) -> Arguments {
        Arguments::new(&PROGRAM, argv.iter().copied())
    }

    #[test]
    fn short_options_stand_together_and_a_value_may_follow_at_once() {
        let rows: [(&[&str], &[&str]); 17] = [
            (&["-rf", "a"], &["--recursive", "--force", "a"]),
            (&["-r0f"], &["--recursive", "--null", "--force"]),
            (&["-oout"], &["--output=out"]),
            (&["-o", "out"], &["--output=out"]),
            (&["-rfoout"], &["--recursive", "--force", "--output=out"]),
            (&["-rfo", "out", "-r"], &["--recursive", "--force", "--output=out", "--recursive"]),
            (&["-o-"], &["--output=-"]),
            (&["-o=x"], &["--output==x"]),
            (&["-o", "-rf"], &["--output=-rf"]),
            (&["--output", "-rf", "-rf"], &["--output=-rf", "--recursive", "--force"]),
            (&["--output=-rf"], &["--output=-rf"]),
            (&["--as", "", "--explain", "-", "read"], &["--as=", "--explain", "-", "read"]),
            (&["-clist"], &["--command=list"]),
            (&["-rxf"], &["--recursive", "-xf"]),
            (&["-ro"], &["--recursive", "--output"]),
            (&["-", "a-rf"], &["-", "a-rf"]),
            (&["-h"], &["-h"]),
        ];
        for (argv, split) in rows {
            assert_eq!(new(argv).options.finish(), split, "{argv:?}");
        }
        let odd = OsString::from_vec(b"-o\xff".to_vec());
        let split = Arguments::new(&PROGRAM, [odd]).options.finish();
        assert_eq!(split, [OsString::from_vec(b"--output=\xff".to_vec())]);
    }

    #[test]
    fn options_are_taken_in_any_order_and_operands_are_what_is_left() {
        let rows: [Row<'_>; 7] = [
            (&["a", "-o", "x", "-n", "b"], Some("x"), true, &["a", "b"]),
            (&["--output=x", "--count", "-"], Some("x"), true, &["-"]),
            (&["--output=", "a"], Some(""), false, &["a"]),
            (&["-o", "x", "-o", "y"], Some("y"), false, &[]),
            (&["-o", "-n"], Some("-n"), false, &[]),
            (&["--", "-n", "--", "-o"], None, false, &["-n", "--", "-o"]),
            (&["-n", "-n", "--"], None, true, &[]),
        ];
        taken(&rows);
    }

    #[test]
    fn a_dash_dash_that_is_a_value_ends_nothing() {
        let rows: [Row<'_>; 5] = [
            (&["-no", "--", "-n"], Some("--"), true, &[]),
            (&["-no--", "a"], Some("--"), true, &["a"]),
            (&["-n", "--", "-ox"], None, true, &["-ox"]),
            (&["-o", "-h", "-n"], Some("-h"), true, &[]),
            (&["--output", "--", "--", "-n"], Some("--"), false, &["-n"]),
        ];
        taken(&rows);
    }

    fn taken(rows: &[Row<'_>]) {
        for (argv, output, count, operands) in rows {
            let mut arguments = new(argv);
            assert!(!arguments.flag("--help"));
            assert_eq!(arguments.value("--output").unwrap().as_deref(), output.map(OsStr::new), "{argv:?}");
            assert_eq!(arguments.flag("--count"), *count, "{argv:?}");
            assert_eq!(arguments.operands().unwrap(), *operands, "{argv:?}");
        }
    }

    #[test]
    fn what_nobody_took_is_refused_by_name() {
        for argv in [["--foo", "a"], ["a", "-x"], ["-no", "a"], ["a", "--count=1"]] {
            let mut arguments = new(&argv);
            arguments.flag("--count");
            let error = arguments.operands().unwrap_err().to_string();
            assert!(error.starts_with("unknown option -"), "{argv:?}: {error}");
        }
        assert_eq!(new(&["-o"]).value("--output").unwrap_err().to_string(), "--output needs a value");
    }

    #[test]
    fn names_that_are_no_utf_8_stay_as_they_are() {
        let odd = OsStr::from_bytes(b"\xff");
        let mut arguments = Arguments::new(&PROGRAM, [OsStr::new("-o"), odd, odd]);
        assert_eq!(arguments.value("--output").unwrap().unwrap(), odd);
        assert_eq!(arguments.operands().unwrap(), [odd]);
    }

    #[test]
    fn options_that_exclude_each_other_are_refused() {
        for argv in [&["-f0"][..], &["--as=x", "--null"], &["-0", "--as", "x"]] {
            let mut arguments = new(argv);
            let _ = arguments.value("--as");
            let _ = (arguments.flag("--force"), arguments.flag("--null"));
            let error = arguments.operands().unwrap_err().to_string();
            assert!(error.starts_with("--null and --") && error.ends_with(" exclude each other"), "{error}");
        }
    }
}

//! Options as getopt takes them (POSIX, Utility Syntax Guidelines 5 and 6): short ones stand together, and the value of the
//! last one may follow at once. Which options there are, and which take a value, is read from the help text; what they mean
//! is not this file's business.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The options of a program.
#[derive(Debug, Default)]
pub struct Options {
    all: Vec<Known>,
}

/// One option, as its line in the help names it.
#[derive(Debug)]
struct Known {
    short: Option<u8>,
    long: String,
    takes_value: bool,
}

impl Options {
    /// Those of a help text: a line for each, `  -o, --output OUT    what it does`.
    pub fn of(usage: &str) -> Self {
        let columns = usage.lines().filter(|line| line.starts_with("  -"));
        let known = columns.filter_map(|line| {
            let mut words =
                line.trim_start().split("  ").next()?.split([' ', ',']).filter(|word| !word.is_empty());
            let first = words.next()?;
            let (short, long) = match first.strip_prefix("--") {
                Some(_) => (None, first),
                None => (first.as_bytes().get(1).copied(), words.next()?),
            };
            // What has several words behind it takes operands.
            Some(Known { short, long: long.to_owned(), takes_value: words.count() == 1 })
        });
        Options { all: known.collect() }
    }

    /// The arguments with each short option by itself, and each value in one argument with its option: `--output=out`. So no
    /// value is taken for an option, whatever it begins with. What stands behind `--` is apart, where that is.
    pub fn part(&self, arguments: Vec<OsString>) -> (Vec<OsString>, Option<Vec<OsString>>) {
        let mut arguments = arguments.into_iter();
        let mut parted = Vec::new();
        while let Some(argument) = arguments.next() {
            let bytes = argument.as_bytes();
            if bytes == b"--" {
                return (parted, Some(arguments.collect()));
            } else if let Some(known) =
                self.all.iter().find(|known| known.takes_value && known.long.as_bytes() == bytes)
            {
                parted.push(known.with(arguments.next()));
            } else if bytes.len() > 1 && bytes.starts_with(b"-") && !bytes.starts_with(b"--") {
                self.part_short(bytes, &mut arguments, &mut parted);
            } else {
                parted.push(argument);
            }
        }
        (parted, None)
    }

    /// Parts short options that stand together. From one on that is not known, they stay as they are.
    fn part_short(
        &self,
        together: &[u8],
        rest: &mut impl Iterator<Item = OsString>,
        parted: &mut Vec<OsString>,
    ) {
        let mut letters = together.get(1..).unwrap_or_default().iter();
        while let Some(&letter) = letters.next() {
            let behind = letters.as_slice();
            match self.all.iter().find(|known| known.short == Some(letter)) {
                Some(known) if known.takes_value => {
                    let value = Some(OsStr::from_bytes(behind).to_owned()).filter(|value| !value.is_empty());
                    return parted.push(known.with(value.or_else(|| rest.next())));
                }
                Some(_) => parted.push(OsString::from_vec(vec![b'-', letter])),
                None => return parted.push(OsString::from_vec([&[b'-', letter], behind].concat())),
            }
        }
    }
}

impl Known {
    /// The option with its value; without one where none is left.
    fn with(&self, value: Option<OsString>) -> OsString {
        let mut argument = OsString::from(&self.long);
        if let Some(value) = value {
            argument.push("=");
            argument.push(value);
        }
        argument
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USAGE: &str = "\
usage: x [-r] [-o OUT] FILE

  -r, --recursive     all beneath
  -f, --force         whatever comes
  -o, --output OUT    store as OUT
  -0, --null          end with NUL
  --as NAME           under this name
  --explain USER VERB NAME  say why
  -c, --command COMMAND
                      carry it out

  x -r f
";

    #[test]
    fn short_options_stand_together_and_a_value_may_follow_at_once() {
        let rows: [(&[&str], &[&str]); 17] = [
            (&["-rf", "a"], &["-r", "-f", "a"]),
            (&["-r0f"], &["-r", "-0", "-f"]),
            (&["-oout"], &["--output=out"]),
            (&["-o", "out"], &["--output=out"]),
            (&["-rfoout"], &["-r", "-f", "--output=out"]),
            (&["-rfo", "out", "-r"], &["-r", "-f", "--output=out", "-r"]),
            (&["-o-"], &["--output=-"]),
            (&["-o=x"], &["--output==x"]),
            (&["-o", "-rf"], &["--output=-rf"]),
            (&["--output", "-rf", "-rf"], &["--output=-rf", "-r", "-f"]),
            (&["--output=-rf"], &["--output=-rf"]),
            (&["--as", "", "--explain", "-", "read"], &["--as=", "--explain", "-", "read"]),
            (&["-clist"], &["--command=list"]),
            (&["-rxf"], &["-r", "-xf"]),
            (&["-ro"], &["-r", "--output"]),
            (&["-", "a-rf"], &["-", "a-rf"]),
            (&["-h"], &["-h"]),
        ];
        for (argv, parted) in rows {
            let given = argv.iter().map(OsString::from).collect();
            assert_eq!(Options::of(USAGE).part(given).0, parted, "{argv:?}");
        }
        let odd = OsString::from_vec(b"-o\xff".to_vec());
        assert_eq!(Options::of(USAGE).part(vec![odd]).0, [OsString::from_vec(b"--output=\xff".to_vec())]);
    }
}

//! Arguments, and the way a program ends. This file owns what every `main` does the same: help, version, the one
//! line for an error, the exit code. It knows no operand's meaning and does nothing a program is for.
//!
//! pico-args is wrapped here once, because it has no `--`, no help, and reads in the order it is asked: take
//! values first, then flags, then operands.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use self::options::Options;
use crate::client::call::retry::RETRIES;
use crate::client::conn::silence::Timeouts;
use crate::client::conn::tls::Trust;
use crate::client::output::standard_streams::{self, STDOUT};
use crate::client::{Compress, Settings, Tag};
use crate::error::{Error, ErrorKind, Result, shown};

mod options;

/// How a program ended that nothing stopped. Greater is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ending(u8);

impl Ending {
    /// All was done.
    pub const DONE: Ending = Ending(0);
    /// The answer is no: nothing was found, or a target was left alone.
    pub const NO: Ending = Ending(1);

    /// As another program ended, whose code this is.
    pub fn code(code: u8) -> Ending {
        Ending(code)
    }

    /// Done, or the answer no.
    pub fn of(done: bool) -> Ending {
        if done { Ending::DONE } else { Ending::NO }
    }
}

/// Runs a program: what its `main` does in two lines.
///
/// A closed pipe ends it quietly (nobody is left to tell), an error with one line and its exit code.
pub fn main<A>(
    name: &str,
    usage: &str,
    parse: impl FnOnce(Arguments) -> Result<A>,
    run: impl FnOnce(A) -> Result<Ending>,
) -> ExitCode {
    let mut arguments = Arguments::of(usage, std::env::args_os().skip(1));
    let ended = if arguments.flag("-h", "--help") {
        print(usage)
    } else if arguments.flag("-V", "--version") {
        print(&format!("{name} {}\n", env!("CARGO_PKG_VERSION")))
    } else {
        match parse(arguments) {
            Ok(args) => run(args),
            Err(Error::Usage(wrong)) => Err(Error::Usage(format!("{wrong}, see {name} --help"))),
            Err(wrong) => Err(wrong),
        }
    };
    let ending = match ended {
        Ok(ending) => ending,
        Err(wrong) if wrong.is_closed_pipe() => Ending::DONE,
        Err(wrong) => complain(name, &wrong),
    };
    ExitCode::from(ending.0)
}

/// Tells people of an error in one line, and says how a program with it must end.
pub fn complain(name: &str, wrong: &Error) -> Ending {
    remark(name, wrong);
    Ending(exit_code(wrong))
}

/// The exit code of a program that ends with an error: 2 refused for good, 3 not now, 4 changed meanwhile.
fn exit_code(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::PreconditionFailed => 4,
        ErrorKind::BadAnswer
        | ErrorKind::Busy
        | ErrorKind::Internal
        | ErrorKind::Interrupted
        | ErrorKind::NoAnswer
        | ErrorKind::NoSpace
        | ErrorKind::NotImplemented
        | ErrorKind::Overloaded
        | ErrorKind::TimedOut
        | ErrorKind::Unavailable
        | ErrorKind::VersionNotSupported => 3,
        _ => 2,
    }
}

/// One line on standard error. Where that is closed nobody wants to know.
pub fn remark(name: &str, what: impl Display) {
    let _ = writeln!(io::stderr(), "{name}: {what}");
}

/// Does something with each thing: an error is told and the others are still done; the worst ending counts.
/// Only where standard output takes no more it ends at once.
pub fn each<T>(
    name: &str,
    things: impl IntoIterator<Item = T>,
    mut act: impl FnMut(T) -> Result<Ending>,
) -> Result<Ending> {
    let mut worst = Ending::DONE;
    for thing in things {
        let ending = match act(thing) {
            Err(wrong) if wrong.is_closed_pipe() || wrong.is_of(STDOUT) => return Err(wrong),
            Err(wrong) => complain(name, &wrong),
            Ok(ending) => ending,
        };
        worst = worst.max(ending);
    }
    Ok(worst)
}

/// Prints a text that is what was asked for.
pub fn print(text: &str) -> Result<Ending> {
    let mut output = standard_streams::output()?;
    output.write_all(text.as_bytes()).map_err(|wrong| Error::io(STDOUT, wrong))?;
    Ok(Ending::DONE)
}

/// The arguments of a program that are not taken yet.
pub struct Arguments {
    options: pico_args::Arguments,
    /// What stands behind `--`, where that is: operands, whatever they begin with.
    behind: Option<Vec<OsString>>,
}

impl Arguments {
    /// Arguments without the program's own name, whose options stand each by itself.
    pub fn new<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Self {
        Arguments::of("", arguments)
    }

    /// The same, of a program with this help: its short options may stand together.
    pub fn of<A: Into<OsString>>(usage: &str, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        let (options, behind) = Options::of(usage).part(arguments);
        Arguments { options: pico_args::Arguments::from_vec(options), behind }
    }

    /// Takes the value of an option, as `--long value` or `--long=value`; given more than once, the last one
    /// counts. To be asked before any flag.
    pub fn value(&mut self, short: &'static str, long: &'static str) -> Result<Option<OsString>> {
        Ok(self.values(short, long)?.pop())
    }

    /// Takes the value of an option that names something. An empty one, as a variable without a value makes it in a
    /// script, is wrong use.
    pub fn name(&mut self, short: &'static str, long: &'static str) -> Result<Option<OsString>> {
        match self.value(short, long)? {
            Some(empty) if empty.is_empty() => {
                Err(Error::usage(format!("{long} needs a name, and has an empty one")))
            }
            named => Ok(named),
        }
    }

    /// Takes all values of an option that may be given more than once, in order. To be asked before any flag.
    pub fn values(&mut self, short: &'static str, long: &'static str) -> Result<Vec<OsString>> {
        self.part_equals(long);
        let mut values = Vec::new();
        while let Some(next) = self
            .options
            .opt_value_from_os_str(keys(short, long), |value| Ok::<_, Error>(value.to_owned()))
            .map_err(|_| Error::usage(format!("{long} needs a value")))?
        {
            values.push(next);
        }
        Ok(values)
    }

    /// Takes a flag. An empty `short` is none.
    pub fn flag(&mut self, short: &'static str, long: &'static str) -> bool {
        let mut given = false;
        while self.options.contains(keys(short, long)) {
            given = true;
        }
        given
    }

    /// Takes the options all tools share.
    pub fn settings(&mut self) -> Result<Settings> {
        let server = self.name("-s", "--server")?;
        let user = self.name("-u", "--user")?;
        let trust = Trust::new(self.name("", "--cacert")?.map(PathBuf::from));
        let compress = match self.value("-z", "--compress")?.as_deref().map(OsStr::as_bytes) {
            None | Some(b"auto") => Compress::Auto,
            Some(b"always") => Compress::Always,
            Some(b"never") => Compress::Never,
            Some(other) => {
                return Err(Error::usage(format!(
                    "--compress {} is not auto, always or never",
                    shown(other)
                )));
            }
        };
        let usual = Timeouts::default();
        let timeouts = Timeouts {
            connect: self.seconds("--connect-timeout")?.unwrap_or(usual.connect),
            silence: self.seconds("--timeout")?.unwrap_or(usual.silence),
        };
        let quiet = self.flag("-q", "--quiet");
        let verbose = self.flag("-v", "--verbose");
        Ok(Settings { server, user, compress, trust, retries: None, timeouts, quiet, verbose })
    }

    /// Takes a number of seconds, 1 or more: nothing is waited for for ever.
    fn seconds(&mut self, long: &'static str) -> Result<Option<Duration>> {
        let Some(given) = self.value("", long)? else { return Ok(None) };
        let seconds =
            given.to_str().and_then(|digits| digits.parse::<u32>().ok()).filter(|number| *number > 0);
        let refused =
            || Error::usage(format!("{long} {} is no number of seconds from 1 on", shown(given.as_bytes())));
        seconds.map(|number| Some(Duration::from_secs(number.into()))).ok_or_else(refused)
    }

    /// Takes `--retry N` of a tool that moves files. To be asked before any flag.
    pub fn retries(&mut self) -> Result<Option<u32>> {
        let Some(given) = self.value("", "--retry")? else { return Ok(Some(RETRIES)) };
        let number = given.to_str().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        number
            .and_then(|digits| digits.parse().ok())
            .map(Some)
            .ok_or_else(|| Error::usage(format!("--retry {} is no number", shown(given.as_bytes()))))
    }

    /// Takes `--if-match ETAG` of a tool that changes files of the server. To be asked before any flag.
    pub fn if_match(&mut self) -> Result<Option<Tag>> {
        self.value("", "--if-match")?.map(|given| Tag::read(&given)).transpose()
    }

    /// Takes what stands behind `--`, for a program to which that is a command; without `--` it is nothing.
    pub fn command(&mut self) -> Result<Vec<OsString>> {
        match self.behind.take() {
            Some(command) if command.is_empty() => Err(Error::usage("no COMMAND after --")),
            command => Ok(command.unwrap_or_default()),
        }
    }

    /// All that is left: operands. An option nobody took is wrong use.
    pub fn operands(self) -> Result<Vec<OsString>> {
        let mut operands = self.options.finish();
        let is_option = |operand: &&OsString| operand.as_bytes().starts_with(b"-") && *operand != "-";
        if let Some(unknown) = operands.iter().find(is_option) {
            let dash = match unknown.as_bytes().starts_with(b"--") {
                true => "",
                false => "; what begins with a dash and is no option goes behind `--`",
            };
            return Err(Error::usage(format!("unknown option {}{dash}", shown(unknown.as_bytes()))));
        }
        operands.extend(self.behind.unwrap_or_default());
        Ok(operands)
    }

    /// All that is left, where each operand is a name: an empty one is wrong use.
    pub fn names(self, what: &str) -> Result<Vec<OsString>> {
        let names = self.operands()?;
        refuse_empty(&names, what).map(|()| names)
    }

    /// Makes `--long=value` two arguments.
    fn part_equals(&mut self, long: &str) {
        let options = std::mem::replace(&mut self.options, pico_args::Arguments::from_vec(Vec::new()));
        let part = |argument: OsString| {
            let rest =
                argument.as_bytes().strip_prefix(long.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
            match rest.map(|value| OsStr::from_bytes(value).to_owned()) {
                Some(value) => vec![OsString::from(long), value],
                None => vec![argument],
            }
        };
        let parted = options.finish().into_iter().flat_map(part).collect();
        self.options = pico_args::Arguments::from_vec(parted);
    }
}

/// An option's names for pico-args, which panics where a short one is not short.
fn keys(short: &'static str, long: &'static str) -> pico_args::Keys {
    if short.is_empty() { long.into() } else { [short, long].into() }
}

/// Refuses an empty name, as a variable without a value makes it in a script.
pub fn refuse_empty(names: &[OsString], what: &str) -> Result<()> {
    match names.iter().any(|name| name.is_empty()) {
        true => Err(Error::usage(format!("a {what} is empty"))),
        false => Ok(()),
    }
}

/// Exactly `N` operands, or one line that says which are missing.
pub fn exactly<const N: usize>(operands: Vec<OsString>, names: &str) -> Result<[OsString; N]> {
    let given = operands.len();
    operands.try_into().map_err(|_| Error::usage(format!("{names} needed, {given} given")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_exit_code_of_its_kind() {
        let system = [(2, 2), (13, 2), (21, 2), (28, 3), (24, 3), (27, 2), (6, 2), (9, 2), (16, 2)];
        for (errno, code) in system {
            assert_eq!(exit_code(&Error::io("f", io::Error::from_raw_os_error(errno))), code, "{errno}");
        }
        let kinds = [
            (ErrorKind::NotFound, 2),
            (ErrorKind::TimedOut, 3),
            (ErrorKind::PreconditionFailed, 4),
            (ErrorKind::Interrupted, 3),
        ];
        for (kind, code) in kinds {
            assert_eq!(exit_code(&Error::new(kind, "f", "is wrong")), code, "{kind:?}");
        }
        assert_eq!(exit_code(&Error::usage("no WORD given")), 2);
    }

    #[test]
    fn options_are_taken_in_any_order_and_operands_are_what_is_left() {
        type Row<'a> = (&'a [&'a str], Option<&'a str>, bool, &'a [&'a str]);
        let rows: [Row<'_>; 7] = [
            (&["a", "-o", "x", "-n", "b"], Some("x"), true, &["a", "b"]),
            (&["--output=x", "--count", "-"], Some("x"), true, &["-"]),
            (&["--output=", "a"], Some(""), false, &["a"]),
            (&["-o", "x", "-o", "y"], Some("y"), false, &[]),
            (&["-o", "-n"], Some("-n"), false, &[]),
            (&["--", "-n", "--", "-o"], None, false, &["-n", "--", "-o"]),
            (&["-n", "-n", "--"], None, true, &[]),
        ];
        for (argv, output, count, operands) in rows {
            let mut arguments = Arguments::new(argv.iter().copied());
            assert_eq!(
                arguments.value("-o", "--output").unwrap().as_deref(),
                output.map(OsStr::new),
                "{argv:?}"
            );
            assert_eq!(arguments.flag("-n", "--count"), count, "{argv:?}");
            assert_eq!(arguments.operands().unwrap(), operands, "{argv:?}");
        }
    }

    #[test]
    fn a_dash_dash_that_is_a_value_ends_nothing() {
        const USAGE: &str = "  -o, --output OUT    there\n  -n, --count         count\n";
        type Row<'a> = (&'a [&'a str], Option<&'a str>, bool, &'a [&'a str]);
        let rows: [Row<'_>; 5] = [
            (&["-no", "--", "-n"], Some("--"), true, &[]),
            (&["-no--", "a"], Some("--"), true, &["a"]),
            (&["-n", "--", "-ox"], None, true, &["-ox"]),
            (&["-o", "-h", "-n"], Some("-h"), true, &[]),
            (&["--output", "--", "--", "-n"], Some("--"), false, &["-n"]),
        ];
        for (argv, output, count, operands) in rows {
            let mut arguments = Arguments::of(USAGE, argv.iter().copied());
            assert!(!arguments.flag("-h", "--help"));
            assert_eq!(
                arguments.value("-o", "--output").unwrap().as_deref(),
                output.map(OsStr::new),
                "{argv:?}"
            );
            assert_eq!(arguments.flag("-n", "--count"), count, "{argv:?}");
            assert_eq!(arguments.operands().unwrap(), operands, "{argv:?}");
        }
    }

    #[test]
    fn what_nobody_took_is_refused_by_name() {
        for argv in [["--foo", "a"], ["a", "-x"], ["-no", "a"], ["a", "--count=1"]] {
            let mut arguments = Arguments::new(argv);
            arguments.flag("-n", "--count");
            let wrong = arguments.operands().unwrap_err().to_string();
            assert!(wrong.starts_with("unknown option -"), "{argv:?}: {wrong}");
        }
        let mut arguments = Arguments::new(["-o"]);
        assert_eq!(arguments.value("-o", "--output").unwrap_err().to_string(), "--output needs a value");
    }

    #[test]
    fn names_that_are_no_utf_8_stay_as_they_are() {
        let odd = OsStr::from_bytes(b"\xff");
        let mut arguments = Arguments::new([OsStr::new("-o"), odd, odd]);
        assert_eq!(arguments.value("-o", "--output").unwrap().unwrap(), odd);
        assert_eq!(arguments.operands().unwrap(), [odd]);
    }

    #[test]
    fn the_options_all_tools_share_are_read_the_same() {
        let mut arguments = Arguments::new(["-s", "unix:/s", "-z", "never", "-q", "-v"]);
        let settings = arguments.settings().unwrap();
        assert_eq!(settings.server.as_deref(), Some(OsStr::new("unix:/s")));
        assert_eq!((settings.compress, settings.quiet, settings.verbose), (Compress::Never, true, true));
        assert_eq!(Arguments::new(["-z", "x"]).settings().unwrap_err().kind(), ErrorKind::Usage);
    }

    #[test]
    fn the_worst_ending_counts() {
        let rows: [(&[u8], u8); 4] = [(&[0, 1, 0], 1), (&[], 0), (&[2, 3, 0], 3), (&[3, 2], 3)];
        for (endings, worst) in rows {
            assert_eq!(each("t", endings, |code| Ok(Ending(*code))).unwrap(), Ending(worst));
        }
    }
}

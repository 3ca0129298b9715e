//! Declares and parses the options that all or several tools share: the server and how to reach it, preconditions,
//! retries.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use super::arguments::Arguments;
use super::option::{ProgramOption, options};
use crate::client::call::retry::RETRIES;
use crate::client::conn::silence::Timeouts;
use crate::client::conn::tls::Trust;
use crate::client::{Compress, Settings, Tag};
use crate::error::{Error, Result, shown};

/// The options of every tool that talks to a server.
pub const SETTINGS: &[ProgramOption] = options! {
    /// The server: http://HOST[:PORT], https://HOST[:PORT], HOST:PORT or unix:PATH (default: $CFP_SERVER, else http://127.0.0.1:8398).
    "-s", "--server" = "URL";
    /// Log in as NAME. The password is read from $CFP_PASSWORD_FILE or ~/.netrc, or asked for.
    ///
    /// It is the first line of the file that $CFP_PASSWORD_FILE names, else the one of NAME in `~/.netrc`; else it is
    /// asked for on the terminal. Without this option the user is the one that the URL or `~/.netrc` names, if any.
    "-u", "--user" = "NAME";
    /// Trust the CA certificates in FILE (PEM) instead of the system's.
    "", "--cacert" = "FILE" File;
    /// Time to connect, with name lookup and TLS handshake (default: 10).
    "", "--connect-timeout" = "SECONDS";
    /// End with exit status 3 when the server sends nothing for this long (default: 60).
    ///
    /// While a server works on a long request, cfpd(8) sends something at least every 15 seconds, but for the lines of a search
    /// once the first is found.
    "", "--timeout" = "SECONDS";
    /// Compress transfers with zstd: auto (default), always or never.
    ///
    /// With `always`, requests are compressed and compressed answers are asked for; with `never`, neither; with `auto`, both
    /// if the server is on another machine.
    "-z", "--compress" = "HOW" Choice(["auto", "always", "never"]);
    /// Print no progress and no remarks.
    ///
    /// Errors are still printed.
    "-q", "--quiet";
    /// Print each request and its answer on standard error.
    "-v", "--verbose";
};

/// `--limit-rate` of a tool that transfers files.
pub const LIMIT_RATE: &[ProgramOption] = options! {
    /// Send and receive at most RATE bytes a second; a number, with or without K, M, G or T.
    ///
    /// It counts what all connections of the program carry in both directions, as compressed, with heads.
    "", "--limit-rate" = "RATE";
};

/// The options of every program.
pub const HELP: &[ProgramOption] = options! {
    /// Print this summary and exit.
    "-h", "--help";
    /// Print the version and exit.
    "-V", "--version";
};

/// The options of every program, for one whose `-h` is another.
pub const LONG_HELP: &[ProgramOption] = options! {
    /// Print this summary and exit.
    "", "--help";
    /// Print the version and exit.
    "-V", "--version";
};

/// `--if-match` of a tool that works on one file of the server.
pub const IF_MATCH: &[ProgramOption] = options! {
    /// Do nothing unless the file has this entity tag; exit 4 then.
    ///
    /// `cfp-ls --json` prints the tag of a file; the quotes around it may be left out. The tag `*` matches any file that
    /// exists.
    "", "--if-match" = "ETAG";
};

/// `--if-match` of a tool that replaces a file of the server.
pub const IF_TARGET_MATCHES: &[ProgramOption] = options! {
    /// Store nothing unless the file to be replaced on the server has this entity tag; exit 4 then.
    ///
    /// `cfp-ls --json` prints the tag of a file; the quotes around it may be left out. The tag `*` matches any file that
    /// exists.
    "", "--if-match" = "ETAG";
};

impl Arguments {
    /// Takes the options that all tools share.
    pub fn settings(&mut self) -> Result<Settings> {
        let server = self.name("--server")?;
        let user = self.name("--user")?;
        let trust = Trust::new(self.name("--cacert")?.map(PathBuf::from));
        let compress = match self.value("--compress")?.as_deref().map(OsStr::as_bytes) {
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
        let default = Timeouts::default();
        let timeouts = Timeouts {
            connect: self.seconds("--connect-timeout")?.unwrap_or(default.connect),
            silence: self.seconds("--timeout")?.unwrap_or(default.silence),
        };
        let quiet = self.flag("--quiet");
        let verbose = self.flag("--verbose");
        let default = Settings::default();
        Ok(Settings { server, user, compress, trust, timeouts, quiet, verbose, ..default })
    }

    /// Takes a number of seconds, 1 or more: no tool waits for ever.
    fn seconds(&mut self, long: &'static str) -> Result<Option<Duration>> {
        let Some(given) = self.value(long)? else { return Ok(None) };
        let seconds =
            given.to_str().and_then(|digits| digits.parse::<u32>().ok()).filter(|number| *number > 0);
        let error = || {
            Error::usage(format!("{long} {} is not a number of seconds, 1 or more", shown(given.as_bytes())))
        };
        seconds.map(|number| Some(Duration::from_secs(number.into()))).ok_or_else(error)
    }

    /// Takes the options that all tools share, `--retry N` and `--limit-rate RATE` of a tool that transfers files.
    pub fn transfer_settings(&mut self) -> Result<Settings> {
        let (retry, rate) = (self.value("--retry")?, self.value("--limit-rate")?);
        let awaits_server = retry.is_some();
        let retries = retry.map_or(Ok(RETRIES), |given| {
            let number = given.to_str().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            let number = number.and_then(|digits| digits.parse().ok());
            number.ok_or_else(|| Error::usage(format!("--retry {} is not a number", shown(given.as_bytes()))))
        })?;
        let rate = rate.map(|given| {
            let size = given.to_str().and_then(parse_size).filter(|rate| *rate > 0);
            let what = "is not a number of bytes a second, 1 or more, with or without K, M, G or T";
            size.ok_or_else(|| Error::usage(format!("--limit-rate {} {what}", shown(given.as_bytes()))))
        });
        let limit_rate = rate.transpose()?;
        Ok(Settings { retries: Some(retries), awaits_server, limit_rate, ..self.settings()? })
    }

    /// Takes `--if-match ETAG` of a tool that changes files on the server.
    pub fn if_match(&mut self) -> Result<Option<Tag>> {
        self.value("--if-match")?.map(|given| Tag::read(&given)).transpose()
    }
}

/// Reads a number of bytes, with or without K, M, G or T.
pub fn parse_size(text: &str) -> Option<u64> {
    let unit = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let shift = match unit {
        "" => 0,
        "K" | "k" => 10,
        "M" | "m" => 20,
        "G" | "g" => 30,
        "T" | "t" => 40,
        _ => return None,
    };
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    number.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::option::Completion;
    use crate::cli::program::Program;

    const PROGRAM: Program = Program {
        name: "x",
        usage: &[],
        about: &[],
        options: &[SETTINGS],
        operands: Completion::Nothing,
        examples: &[],
    };

    #[test]
    fn the_options_all_tools_share_are_read_the_same() {
        let mut arguments = Arguments::new(&PROGRAM, ["-s", "unix:/s", "-z", "never", "-q", "-v"]);
        let settings = arguments.settings().unwrap();
        assert_eq!(settings.server.as_deref(), Some(OsStr::new("unix:/s")));
        assert_eq!((settings.compress, settings.quiet, settings.verbose), (Compress::Never, true, true));
        assert_eq!(
            Arguments::new(&PROGRAM, ["-z", "x"]).settings().unwrap_err().kind(),
            crate::error::ErrorKind::Usage
        );
    }
}

//! Parses the values of cfpd's options, of the command line and of the config file, into the server's `Config`. Errors are
//! collected, since `--check` reports all of them.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use cfp::cli::{Arguments, parse_size};
use cfp::error::{Error, Result, shown};
use cfp::server::{
    self, Account, Config, Limits, ListenAddress, LogFormat, Network, PathPrefix, TlsFiles, TrustedProxies,
};

use super::config_file::{ConfigFile, ConfigLine};

/// The most threads of a search. It starts all of them, and more threads than cores only wait for each other.
pub const SCAN_JOBS_MAX: usize = 1024;

/// Reads the options; returns the configuration and all errors in it.
pub fn read(arguments: &mut Arguments, file: &ConfigFile) -> Result<(Config, Vec<Error>)> {
    let command = arguments.command()?;
    let mut read = OptionReader { arguments, file, errors: Vec::new() };
    let listen = read.each("--listen", ListenAddress::parse).into_iter().flatten().collect();
    let root = read.path("--root");
    let options = Config {
        file: file.path().map(PathBuf::from),
        listen,
        make_root: root.is_none(),
        root: root.unwrap_or_default(),
        users: read.path("--users"),
        access: read.path("--access"),
        hosts: read.each("--host", server::parse_host),
        log: read.path("--log"),
        log_format: read.one("--log-format", log_format).unwrap_or_default(),
        pid_file: read.path("--pid-file"),
        run_as: read.one("--run-as", Account::parse),
        send_size: read.number("--send-size", 1),
        tls: read.tls(),
        hsts: read.number("--hsts", 0),
        trusted_proxies: TrustedProxies(read.each("--trusted-proxy", Network::parse)),
        prefix: read.one("--prefix", PathPrefix::parse).unwrap_or_default(),
        dav_infinity: read.flag("--dav-infinity"),
        limits: read.limits(),
        keep_free: read.size("--keep-free").unwrap_or_default(),
        max_spool: read.size("--max-spool"),
        file_cache: read.size("--file-cache").unwrap_or(server::FILE_CACHE),
        read_only: read.flag("--read-only"),
        shared: read.flag("--shared"),
        sync: !read.flag("--no-sync"),
        insecure_plain: read.flag("--insecure-plain"),
        background: read.flag("--background"),
        command,
    };
    let mut errors = read.errors;
    errors.extend(contradictions(&options).map(Error::usage));
    Ok((options, errors))
}

/// Sets the directory to serve: the operand, which replaces that of the config file, else that of `--root`, else the
/// default one.
pub fn choose_root(config: &mut Config, file: &ConfigFile, operand: Option<OsString>) -> Result<()> {
    match operand {
        Some(_) if !config.make_root && !file.has("--root") => {
            return Err(Error::usage("DIR and --root exclude each other"));
        }
        Some(directory) => {
            config.root = directory.into();
            config.make_root = false;
        }
        None if config.make_root => {
            let unknown = || Error::usage("no DIR given, and HOME is not set");
            config.root = default_root().ok_or_else(unknown)?;
        }
        None => {}
    }
    Ok(())
}

/// Returns the errors of options that are valid alone but not together.
fn contradictions(options: &Config) -> impl Iterator<Item = &'static str> {
    let to_terminal = options.log.as_deref().is_some_and(|log| log.as_os_str() == "-");
    [
        (options.hsts.is_some() && options.tls.is_none(), "--hsts needs --tls-cert and --tls-key"),
        (
            options.shared && !options.sync,
            "--shared needs writes to be synced: other machines see what is on the disk, so not --no-sync",
        ),
        (
            !options.prefix.encoded().is_empty() && !options.command.is_empty(),
            "--prefix cannot be used with a COMMAND",
        ),
        (options.background && !options.command.is_empty(), "--background cannot be used with a COMMAND"),
        (options.background && to_terminal, "--log -: nobody reads standard error in the background"),
    ]
    .into_iter()
    .filter_map(|(is_wrong, what)| is_wrong.then_some(what))
}

/// The options that are not read yet, and the errors in those that are.
struct OptionReader<'a> {
    arguments: &'a mut Arguments,
    file: &'a ConfigFile,
    errors: Vec<Error>,
}

impl OptionReader<'_> {
    fn limits(&mut self) -> Limits {
        let default = Limits::default();
        Limits {
            connections: self.number("--max-connections", 1).unwrap_or(default.connections),
            per_address: self.number("--max-per-address", 1).unwrap_or(default.per_address),
            file_size: self.size("--max-file-size").unwrap_or(default.file_size),
            ratio: self.number("--max-ratio", 1),
            header_time: self.seconds("--header-timeout", 1).unwrap_or(default.header_time),
            idle_time: self.seconds("--idle-timeout", 1).unwrap_or(default.idle_time),
            min_rate: self.number("--min-rate", 0).unwrap_or(default.min_rate),
            partial_time: self.seconds("--partial-ttl", 1).unwrap_or(default.partial_time),
            partials: self.number("--max-partials", 0).unwrap_or(default.partials),
            scan_jobs: self.number("--scan-jobs", 1).unwrap_or(default.scan_jobs).min(SCAN_JOBS_MAX),
            grace: self.seconds("--grace", 0).unwrap_or(default.grace),
        }
    }

    fn tls(&mut self) -> Option<TlsFiles> {
        match (self.path("--tls-cert"), self.path("--tls-key")) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            _ => {
                self.errors.push(Error::usage("--tls-cert and --tls-key go together"));
                None
            }
        }
    }

    fn flag(&mut self, long: &'static str) -> bool {
        self.arguments.flag(long) || self.file.has(long)
    }

    fn path(&mut self, long: &'static str) -> Option<PathBuf> {
        let given = self.values(long).pop()?;
        self.checked(given.parsed(|text| not_empty(long, text).map(PathBuf::from)))
    }

    /// Reads a whole number of at least `least`.
    fn number<N: FromStr + PartialOrd + From<u8>>(&mut self, long: &'static str, least: u8) -> Option<N> {
        self.one(long, |text| {
            let digits = Some(text).filter(|text| text.starts_with(|first: char| first.is_ascii_digit()));
            let number = digits.and_then(|text| text.parse().ok()).filter(|number| *number >= N::from(least));
            let text = shown(text.as_bytes());
            number.ok_or_else(|| Error::usage(format!("{long} {text}: is not a number, {least} or more")))
        })
    }

    /// Reads a number of seconds, at most `u32::MAX`, so that no clock overflows.
    fn seconds(&mut self, long: &'static str, least: u8) -> Option<Duration> {
        self.number(long, least).map(|seconds: u64| Duration::from_secs(seconds.min(u32::MAX.into())))
    }

    /// Reads a number of bytes, with or without a unit.
    fn size(&mut self, long: &'static str) -> Option<u64> {
        self.one(long, |text| {
            let text_shown = shown(text.as_bytes());
            let what = format!("{long} {text_shown}: is not a number, with or without K, M, G or T");
            parse_size(text).ok_or_else(|| Error::usage(what))
        })
    }

    /// Reads the value of an option; if it is repeated, the last one counts.
    fn one<T>(&mut self, long: &'static str, parse: impl FnOnce(&str) -> Result<T>) -> Option<T> {
        let given = self.values(long).pop()?;
        self.checked(given.parsed(|text| parsed(long, text, parse)))
    }

    /// Reads all values of an option that may be repeated.
    fn each<T>(&mut self, long: &'static str, parse: impl Fn(&str) -> Result<T>) -> Vec<T> {
        let all = self.values(long);
        let one = |given: Value| self.checked(given.parsed(|text| parsed(long, text, &parse)));
        all.into_iter().filter_map(one).collect()
    }

    /// Takes the values of an option: those of the command line, else those of the config file.
    fn values(&mut self, long: &'static str) -> Vec<Value> {
        let given = self.arguments.values(long);
        let given = self.checked(given).unwrap_or_default().into_iter().map(Value::Argument);
        given.chain(self.file.values(long).cloned().map(Value::File)).collect()
    }

    fn checked<T>(&mut self, outcome: Result<T>) -> Option<T> {
        outcome.map_err(|error| self.errors.push(error)).ok()
    }
}

/// The value of an option.
enum Value {
    /// From the command line.
    Argument(OsString),
    /// From the config file.
    File(ConfigLine),
}

impl Value {
    /// Parses it; an error about one of the config file names its line.
    fn parsed<T>(self, parse: impl FnOnce(OsString) -> Result<T>) -> Result<T> {
        match self {
            Value::Argument(text) => parse(text),
            Value::File(entry) => parse(entry.value.clone()).map_err(|error| entry.name_in_error(&error)),
        }
    }
}

fn parsed<T>(long: &str, text: OsString, parse: impl FnOnce(&str) -> Result<T>) -> Result<T> {
    let text = not_empty(long, text)?;
    let what = || Error::usage(format!("{long} {}: is not UTF-8", shown(text.as_encoded_bytes())));
    parse(text.to_str().ok_or_else(what)?)
}

/// Refuses an empty value, such as that of an unset shell variable: a later message could not name it.
fn not_empty(long: &str, text: OsString) -> Result<OsString> {
    match text.is_empty() {
        true => Err(Error::usage(format!("{long} needs a value, not an empty one"))),
        false => Ok(text),
    }
}

fn log_format(text: &str) -> Result<LogFormat> {
    match text {
        "combined" => Ok(LogFormat::Combined),
        "json" => Ok(LogFormat::Json),
        other => Err(Error::usage(format!(
            "--log-format {}: is neither combined nor json",
            shown(other.as_bytes())
        ))),
    }
}

/// Returns the directory that is served where none is given. A relative `XDG_DATA_HOME` is ignored (XDG Base Directory
/// Specification).
fn default_root() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
    match nix::unistd::geteuid().is_root() {
        true => Some(PathBuf::from("/var/lib/cfpd")),
        false => set("XDG_DATA_HOME")
            .filter(|data| data.is_absolute())
            .or_else(|| set("HOME").map(|home| home.join(".local/share")))
            .map(|data| data.join("cfpd")),
    }
}

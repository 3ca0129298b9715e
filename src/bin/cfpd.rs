//! `cfpd`: the daemon. It reads what an admin chose, and leaves the rest to the server room.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use cfp::cli::{self, Arguments, Ending};
use cfp::error::{Error, Result, shown};
use cfp::server::{self, Account, Address, Config, Limits, LogFormat, Network, TlsFiles, TrustedProxies};

const NAME: &str = "cfpd";
const USAGE: &str = "\
usage: cfpd [options] [-- COMMAND [ARG...]]

Serves the files beneath a directory over HTTP, with word operations on them.

  -r, --root DIR            serve the files beneath DIR;
                            else $XDG_DATA_HOME/cfpd, as root /var/lib/cfpd
  -l, --listen ADDRESS      127.0.0.1:8398 (default), [::1]:0 (any free port),
                            :8000 (all addresses), localhost:8000, or
                            unix:PATH[,mode=0660][,group=NAME]; repeatable
  --tls-cert FILE           speak TLS on TCP, with the certificates of FILE
  --tls-key FILE            their private key; HUP reads both files again
  --hsts SECONDS            tell browsers to use TLS alone for that long
  --users FILE              ask for a name and a password of FILE, which
                            htpasswd -B makes
  --access FILE             who may what: the rules of FILE, see cfpd-access(5)
  --host NAME               without --users answer also to requests for the
                            host NAME; repeatable
  --insecure-plain          let passwords and files travel unencrypted to and
                            from other machines
  --read-only               refuse every change
  --trusted-proxy ADDR/BITS believe what proxies at these addresses say of the
                            client (X-Forwarded-For, X-Forwarded-Proto,
                            Forwarded); `unix:` is any on a socket; repeatable
  --max-connections N       serve at most N connections at once (default: 1024)
  --max-per-address N       of them at most N from one address (default: all)
  --max-file-size SIZE      take no larger file or body (default: 1T);
                            a number, with K, M, G or T behind it or not
  --max-ratio N             take no body or file that becomes more than N times
                            as large when it is decoded (default: any)
  --keep-free SIZE          take no file that would leave less room on the
                            disk (default: 0)
  --max-spool SIZE          keep at most SIZE on the disk for requests being
                            answered (default: a tenth of the disk)
  --no-sync                 answer before a write is on the disk
  --header-timeout SECONDS  time for a request head to arrive (default: 10)
  --idle-timeout SECONDS    time between requests, and for a transfer that
                            stands still (default: 60)
  --min-rate BYTES          cut a transfer that is slower than BYTES a second
                            for long (default: 500; 0 is never)
  --partial-ttl SECONDS     keep what came of an upload that was cut, for its
                            client to go on with (default: 86400)
  --max-partials N          keep at most N of those (default: 1000)
  --send-size BYTES         send at most BYTES of a file at a time
  --scan-jobs N             search directories with at most N threads
                            (default: the number of cores)
  --log FILE                append a line for each request to FILE, which HUP
                            opens again; `-` is standard error
  --log-format FORMAT       combined (default) or json, one object a line
  --background              go on in the background once clients can connect
  --pid-file FILE           write the number of the serving process to FILE
  --run-as USER[:GROUP]     go on as this user once the sockets are bound
  --grace SECONDS           let what runs finish for SECONDS after TERM or INT
                            (default: 8)
  --check                   say all that is wrong with options and files,
                            and start nothing
  --explain USER VERB NAME  say which rule decides, and exit 0 where it is
                            a yes; USER is a name, local:NAME, @users, or `-`
                            for anyone
  -h, --help                print this and exit
  -V, --version             print the version and exit

Without --users and --access any client may do all, for the hosts localhost,
this machine and those of --host. An address that other machines can reach needs
--users, or --access rules that name only `*`, or --read-only; and TLS or
--insecure-plain. With a COMMAND it listens on a private socket, runs COMMAND
with CFP_SERVER set and its own directory first in PATH, and exits as COMMAND
does.

  cfpd --root /srv/files
  cfpd -r . -- sh -c 'cfp-ls && cfp-search Rust :notes.txt'
";

/// More threads than any machine has cores only wait for each other, and a search starts all of them.
const SCAN_JOBS_MAX: usize = 1024;

#[derive(Debug)]
struct Args {
    task: Task,
    options: Config,
    /// What is wrong with options, for `--check`.
    wrong: Vec<Error>,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
enum Task {
    Serve,
    Check,
    /// Who, what, where.
    Explain([OsString; 3]),
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let mut wrong = Wrong::default();
    let texts = wrong.take(arguments.values("-l", "--listen"));
    let listen: Vec<_> = texts.iter().flat_map(|text| wrong.take(addresses(text))).collect();
    let root = wrong.take(path(&mut arguments, "-r", "--root"));
    let users = wrong.take(path(&mut arguments, "", "--users"));
    let access = wrong.take(path(&mut arguments, "", "--access"));
    let texts = wrong.take(arguments.values("", "--host"));
    let hosts = wrong.take(texts.iter().map(|text| host(text)).collect::<Result<Vec<_>>>());
    let log = wrong.take(path(&mut arguments, "", "--log"));
    let log_format = wrong.take(log_format(&mut arguments));
    let pid_file = wrong.take(path(&mut arguments, "", "--pid-file"));
    let run_as = wrong.take(run_as(&mut arguments));
    let send_size = wrong.take(number(&mut arguments, "--send-size", 1));
    let tls = wrong.take(tls(&mut arguments));
    let hsts = wrong.take(number(&mut arguments, "--hsts", 0));
    if hsts.is_some() && tls.is_none() {
        wrong.note(Error::usage("--hsts needs --tls-cert and --tls-key"));
    }
    let trusted_proxies = wrong.take(trusted_proxies(&mut arguments));
    let limits = limits(&mut arguments, &mut wrong);
    let keep_free = wrong.take(size(&mut arguments, "--keep-free")).unwrap_or_default();
    let max_spool = wrong.take(size(&mut arguments, "--max-spool"));
    let read_only = arguments.flag("", "--read-only");
    let sync = !arguments.flag("", "--no-sync");
    let insecure_plain = arguments.flag("", "--insecure-plain");
    let (check, explain) = (arguments.flag("", "--check"), arguments.flag("", "--explain"));
    let background = arguments.flag("", "--background");
    let command = arguments.command()?;
    let task = task(arguments.operands()?, check, explain)?;
    if background && !command.is_empty() {
        wrong.note(Error::usage("--background: a COMMAND is waited for, and cannot be with it"));
    }
    if background && log.as_deref().is_some_and(|log| log.as_os_str() == "-") {
        wrong.note(Error::usage("--log -: nobody reads standard error in the background"));
    }
    let make_root = root.is_none();
    let root =
        root.or_else(default_root).ok_or_else(|| Error::usage("no --root given, and HOME is not set"))?;
    if !check {
        wrong.refuse()?;
    }
    let options = Config {
        root,
        make_root,
        listen,
        sync,
        keep_free,
        max_spool,
        users,
        access,
        hosts,
        insecure_plain,
        read_only,
        send_size,
        log,
        log_format,
        tls,
        hsts,
        trusted_proxies,
        limits,
        background,
        pid_file,
        run_as,
        command,
    };
    Ok(Args { task, options, wrong: wrong.0 })
}

/// What is wrong with options, in their order: `--check` tells all of it, any other task the first.
#[derive(Default)]
struct Wrong(Vec<Error>);

impl Wrong {
    fn note(&mut self, error: Error) {
        self.0.push(error);
    }

    /// What was read, or else nothing.
    fn take<T: Default>(&mut self, read: Result<T>) -> T {
        read.unwrap_or_else(|error| {
            self.note(error);
            T::default()
        })
    }

    fn refuse(&mut self) -> Result<()> {
        self.0.drain(..).next().map_or(Ok(()), Err)
    }
}

/// What is to be done with the options; only `--explain` takes operands.
fn task(operands: Vec<OsString>, check: bool, explain: bool) -> Result<Task> {
    match (explain, operands.first()) {
        (true, _) => {
            cli::refuse_empty(&operands, "USER, VERB or NAME")?;
            Ok(Task::Explain(cli::exactly(operands, "--explain: USER VERB NAME")?))
        }
        (false, Some(stray)) => {
            let stray = shown(stray.as_encoded_bytes());
            Err(Error::usage(format!("{stray}: no operand is taken here")))
        }
        (false, None) => Ok(if check { Task::Check } else { Task::Serve }),
    }
}

fn limits(arguments: &mut Arguments, wrong: &mut Wrong) -> Limits {
    let standard = Limits::default();
    // More than a clock can count to is as long as anybody waits.
    let most = u64::from(u32::MAX);
    let seconds = |given: Option<u64>, standard| {
        given.map_or(standard, |seconds| Duration::from_secs(seconds.min(most)))
    };
    Limits {
        connections: wrong.take(number(arguments, "--max-connections", 1)).unwrap_or(standard.connections),
        per_address: wrong.take(number(arguments, "--max-per-address", 1)).unwrap_or(standard.per_address),
        file_size: wrong.take(size(arguments, "--max-file-size")).unwrap_or(standard.file_size),
        ratio: wrong.take(number(arguments, "--max-ratio", 1)),
        header_time: seconds(wrong.take(number(arguments, "--header-timeout", 1)), standard.header_time),
        idle_time: seconds(wrong.take(number(arguments, "--idle-timeout", 1)), standard.idle_time),
        min_rate: wrong.take(number(arguments, "--min-rate", 0)).unwrap_or(standard.min_rate),
        partial_time: seconds(wrong.take(number(arguments, "--partial-ttl", 1)), standard.partial_time),
        partials: wrong.take(number(arguments, "--max-partials", 0)).unwrap_or(standard.partials),
        scan_jobs: wrong
            .take(number(arguments, "--scan-jobs", 1))
            .unwrap_or(standard.scan_jobs)
            .min(SCAN_JOBS_MAX),
        grace: seconds(wrong.take(number(arguments, "--grace", 0)), standard.grace),
    }
}

fn run_as(arguments: &mut Arguments) -> Result<Option<Account>> {
    arguments.value("", "--run-as")?.map(|text| account(&text)).transpose()
}

fn tls(arguments: &mut Arguments) -> Result<Option<TlsFiles>> {
    match (path(arguments, "", "--tls-cert")?, path(arguments, "", "--tls-key")?) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        _ => Err(Error::usage("--tls-cert and --tls-key go together")),
    }
}

fn trusted_proxies(arguments: &mut Arguments) -> Result<TrustedProxies> {
    let texts = arguments.values("", "--trusted-proxy")?;
    let network = |text: &OsString| {
        let wrong = || Error::usage("--trusted-proxy: is no ADDR/BITS");
        Network::parse(given("--trusted-proxy", text)?.to_str().ok_or_else(wrong)?)
    };
    texts.iter().map(network).collect::<Result<_>>().map(TrustedProxies)
}

fn log_format(arguments: &mut Arguments) -> Result<LogFormat> {
    let Some(text) = arguments.value("", "--log-format")? else { return Ok(LogFormat::default()) };
    match text.as_encoded_bytes() {
        b"combined" => Ok(LogFormat::Combined),
        b"json" => Ok(LogFormat::Json),
        other => Err(Error::usage(format!("--log-format {}: is neither combined nor json", shown(other)))),
    }
}

fn addresses(text: &OsStr) -> Result<Vec<Address>> {
    Address::parse(given("--listen", text)?.to_str().ok_or_else(|| Error::usage("--listen: is no address"))?)
}

fn host(text: &OsStr) -> Result<String> {
    server::parse_host(
        given("--host", text)?.to_str().ok_or_else(|| Error::usage("--host: is no name of a host"))?,
    )
}

fn account(text: &OsStr) -> Result<Account> {
    Account::parse(given("--run-as", text)?.to_str().ok_or_else(|| Error::usage("--run-as: is no user"))?)
}

fn path(arguments: &mut Arguments, short: &'static str, long: &'static str) -> Result<Option<PathBuf>> {
    let Some(text) = arguments.value(short, long)? else { return Ok(None) };
    given(long, &text).map(|text| Some(PathBuf::from(text)))
}

/// Refuses an empty value, as a variable without one makes it in a script: no message could name it.
fn given<'a>(option: &str, text: &'a OsStr) -> Result<&'a OsStr> {
    match text.is_empty() {
        true => Err(Error::usage(format!("{option} needs a value, and has an empty one"))),
        false => Ok(text),
    }
}

/// A whole number, `least` or more.
fn number<N: FromStr + PartialOrd + From<u8>>(
    arguments: &mut Arguments,
    option: &'static str,
    least: u8,
) -> Result<Option<N>> {
    let Some(text) = arguments.value("", option)? else { return Ok(None) };
    let digits = text.to_str().filter(|text| text.starts_with(|first: char| first.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok()).filter(|number| *number >= N::from(least));
    let wrong = || {
        let text = shown(text.as_encoded_bytes());
        Error::usage(format!("{option} {text}: is not a number from {least} on"))
    };
    number.map(Some).ok_or_else(wrong)
}

/// A number of bytes, with a unit or without.
fn size(arguments: &mut Arguments, option: &'static str) -> Result<Option<u64>> {
    let Some(text) = arguments.value("", option)? else { return Ok(None) };
    let wrong = || {
        let text = shown(text.as_encoded_bytes());
        Error::usage(format!("{option} {text}: is not a number with K, M, G, T or nothing behind it"))
    };
    let text = text.to_str().ok_or_else(wrong)?;
    let unit = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let shift = match unit {
        "" => 0,
        "K" | "k" => 10,
        "M" | "m" => 20,
        "G" | "g" => 30,
        "T" | "t" => 40,
        _ => return Err(wrong()),
    };
    let digits = text.strip_suffix(unit).unwrap_or_default();
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).map(Some).ok_or_else(wrong)
}

/// Where an admin's files are, and where anybody's are: a relative `XDG_DATA_HOME` is none (XDG Base Directory
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

fn run(args: Args) -> Result<Ending> {
    match args.task {
        Task::Serve => server::run(args.options, &say).map(Ending::code),
        Task::Check => {
            let faults: Vec<_> = args.wrong.into_iter().chain(args.options.faults()).collect();
            faults.iter().for_each(|fault| cli::remark(NAME, fault));
            Ok(Ending::code(if faults.is_empty() { 0 } else { 2 }))
        }
        Task::Explain(asked) => {
            let (yes, why) = args.options.explain(asked.each_ref().map(OsString::as_os_str))?;
            cli::print(&format!("{why}\n"))?;
            Ok(Ending::of(yes))
        }
    }
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush())
}

fn main() -> ExitCode {
    cli::main(NAME, USAGE, parse, run)
}

#[cfg(test)]
mod tests {
    use cfp::error::ErrorKind;

    use super::*;

    fn parsed(argv: &[&str]) -> Result<Config> {
        parse(Arguments::new(argv.iter().copied())).map(|args| args.options)
    }

    #[test]
    fn what_an_admin_chose_is_read() {
        let argv = ["-r", "/srv", "-l", "[::1]:0", "--listen=unix:/s", "--read-only", "--send-size", "1000"];
        let options = parsed(&argv).unwrap();
        assert_eq!((options.root, options.listen.len()), (PathBuf::from("/srv"), 2));
        assert_eq!((options.read_only, options.send_size), (true, Some(1000)));
        let sizes = [("5", 5), ("2K", 2048), ("2k", 2048), ("3m", 3 << 20), ("1G", 1 << 30), ("1t", 1 << 40)];
        for (text, bytes) in sizes {
            assert_eq!(parsed(&["--max-file-size", text]).unwrap().limits.file_size, bytes);
        }
        assert_eq!(parsed(&["--log-format=json"]).unwrap().log_format, LogFormat::Json);
        assert_eq!(parsed(&["--min-rate", "0"]).unwrap().limits.min_rate, 0);
        assert_eq!(parsed(&["--grace", "0"]).unwrap().limits.grace, Duration::ZERO);
        let endless =
            parsed(&["--grace", "18446744073709551615", "--scan-jobs", "4294967295"]).unwrap().limits;
        assert!(std::time::Instant::now().checked_add(endless.grace).is_some());
        assert_eq!(endless.scan_jobs, SCAN_JOBS_MAX);
        let in_background = parsed(&["--background", "--pid-file", "p"]).unwrap();
        assert_eq!((in_background.background, in_background.pid_file), (true, Some(PathBuf::from("p"))));
        let with_command = parsed(&["--", "sh", "-c", "true"]).unwrap();
        assert_eq!((with_command.command.len(), with_command.listen.len()), (3, 0));
    }

    #[test]
    fn a_task_is_to_serve_to_check_or_to_explain() {
        let asked = || Task::Explain(["-".into(), "read".into(), "/a".into()]);
        let rows: [(&[&str], Task); 4] = [
            (&["--users", "u", "--access=a", "--insecure-plain"], Task::Serve),
            (&["--check"], Task::Check),
            (&["--explain", "-", "read", "/a"], asked()),
            (&["--explain", "-", "read", "/a", "--access", "f", "--check"], asked()),
        ];
        for (argv, task) in rows {
            assert_eq!(parse(Arguments::new(argv.iter().copied())).unwrap().task, task, "{argv:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let rows: [&[&str]; 20] = [
            &["--explain", "bob", "read"],
            &["--check", "stray"],
            &["--listen", "8398"],
            &["--send-size", "0"],
            &["--max-connections", "many"],
            &["--max-connections", "+5"],
            &["--max-per-address", "0"],
            &["--max-file-size", "1X"],
            &["--max-file-size", "99999999T"],
            &["--idle-timeout", "-1"],
            &["--grace"],
            &["--log-format", "xml"],
            &["--grace", "1K"],
            &["--background", "--", "true"],
            &["--root", "/srv", "--"],
            &["--users", ""],
            &["--listen", ""],
            &["--tls-cert=", "--tls-key="],
            &["--frob"],
            &["stray"],
        ];
        for argv in rows {
            assert_eq!(parsed(argv).unwrap_err().kind(), ErrorKind::Usage, "{argv:?}");
        }
    }

    #[test]
    fn a_check_hears_of_all_options_that_are_wrong() {
        let argv =
            ["--check", "--listen", "8398", "--log=", "--min-rate", "x", "--grace", "1K", "--log-format=xml"];
        let args = parse(Arguments::new(argv)).unwrap();
        let said: Vec<_> = args.wrong.iter().map(Error::to_string).collect();
        let options = ["8398", "--log ", "--log-format", "--min-rate", "--grace"];
        assert!(
            said.len() == 5 && said.iter().zip(options).all(|(line, option)| line.starts_with(option)),
            "{said:?}"
        );
    }
}

//! cfpd: the daemon. It reads its options and runs the server. `options` declares them, `config_file` reads those of a
//! file, and `config` parses their values.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use cfp::cli::{self, Arguments, ExitStatus, exactly, refuse_empty};
use cfp::error::{Error, Result, shown};
use cfp::server::{self, Config};

use config_file::ConfigFile;

mod config;
mod config_file;
pub mod options;

#[derive(Debug)]
struct Args {
    task: Task,
    config: Config,
    file: ConfigFile,
    /// The errors in the options, for `--check`.
    errors: Vec<Error>,
}

/// What cfpd does.
#[derive(Debug, PartialEq)]
enum Task {
    Serve,
    Check,
    /// The user, the verb and the name.
    Explain([OsString; 3]),
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let path = arguments.name("--config")?.map(PathBuf::from);
    let (file, mut errors) = ConfigFile::read(path, &arguments);
    let (mut config, of_values) = config::read(&mut arguments, &file)?;
    errors.extend(of_values);
    let (check, explain) = (arguments.flag("--check"), arguments.flag("--explain"));
    let (task, directory) = task(arguments.operands()?, check, explain)?;
    config::choose_root(&mut config, &file, directory)?;
    match check || errors.is_empty() {
        true => Ok(Args { task, config, file, errors }),
        false => Err(errors.swap_remove(0)),
    }
}

/// Returns what to do, and the operand DIR. `--explain` has operands of its own.
fn task(mut operands: Vec<OsString>, check: bool, explain: bool) -> Result<(Task, Option<OsString>)> {
    if explain {
        refuse_empty(&operands, "USER, VERB or NAME")?;
        return Ok((Task::Explain(exactly(operands, "--explain: USER VERB NAME")?), None));
    }
    refuse_empty(&operands, "DIR")?;
    if let Some(second) = operands.get(1) {
        let second = shown(second.as_encoded_bytes());
        return Err(Error::usage(format!("{second}: one DIR is served, and a COMMAND follows --")));
    }
    Ok((if check { Task::Check } else { Task::Serve }, operands.pop()))
}

fn run(args: Args) -> Result<ExitStatus> {
    match args.task {
        Task::Serve => {
            let changed = Box::new(move || args.file.changed());
            server::run(args.config, &announce, changed).map(ExitStatus::code)
        }
        Task::Check => {
            let errors: Vec<_> = args.errors.into_iter().chain(args.config.errors()).collect();
            errors.iter().for_each(|error| cli::remark(options::PROGRAM.name, error));
            Ok(ExitStatus::code(if errors.is_empty() { 0 } else { 2 }))
        }
        Task::Explain(question) => {
            let (allowed, why) = args.config.explain(question.each_ref().map(OsString::as_os_str))?;
            cli::print(&format!("{why}\n"))?;
            Ok(ExitStatus::of(allowed))
        }
    }
}

/// Prints a line on standard output and flushes it: the process that started the daemon waits for it.
fn announce(line: &str) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush())
}

fn main() -> ExitCode {
    cli::main(&options::PROGRAM, parse, run)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use cfp::server::LogFormat;
    use config::SCAN_JOBS_MAX;
    use options::PROGRAM;

    fn parsed(argv: &[&str]) -> Result<Config> {
        parse(Arguments::new(&PROGRAM, argv.iter().copied())).map(|args| args.config)
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
            assert_eq!(parse(Arguments::new(&PROGRAM, argv.iter().copied())).unwrap().task, task, "{argv:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let rows: [&[&str]; 23] = [
            &["--explain", "bob", "read"],
            &["--check", "one", "two"],
            &["-r", "one", "two"],
            &["one", "--root", "two", "--", "true"],
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
            &["one", "two"],
            &[""],
        ];
        for argv in rows {
            assert_eq!(parsed(argv).unwrap_err().kind(), cfp::error::ErrorKind::Usage, "{argv:?}");
        }
    }

    #[test]
    fn the_directory_is_an_operand_or_the_value_of_an_option() {
        let rows: [&[&str]; 5] =
            [&["pub"], &["-r", "pub"], &["--check", "pub"], &["pub", "--read-only"], &["pub", "--", "true"]];
        for argv in rows {
            let config = parsed(argv).unwrap();
            assert_eq!((config.root, config.make_root), (PathBuf::from("pub"), false), "{argv:?}");
        }
        assert!(parsed(&[]).unwrap().make_root);
    }

    #[test]
    fn a_check_hears_of_all_options_that_are_wrong() {
        let argv =
            ["--check", "--listen", "8398", "--log=", "--min-rate", "x", "--grace", "1K", "--log-format=xml"];
        let args = parse(Arguments::new(&PROGRAM, argv)).unwrap();
        let said: Vec<_> = args.errors.iter().map(Error::to_string).collect();
        let options = ["8398", "--log ", "--log-format", "--min-rate", "--grace"];
        assert!(
            said.len() == 5 && said.iter().zip(options).all(|(line, option)| line.starts_with(option)),
            "{said:?}"
        );
    }
}

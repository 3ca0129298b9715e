//! cfp-shell: a session with the server. It owns its arguments; the session stands in `tools::shell`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use cfp::cli::{self, Arguments, Ending};
use cfp::client::Settings;
use cfp::error::Result;
use cfp::tools::shell;

const NAME: &str = "cfp-shell";
const USAGE: &str = "\
usage: cfp-shell [-c COMMAND] [option ...]

Holds one connection to the server and carries out commands: at a terminal it
prompts and asks for what is missing, else it reads them from standard input.

  -c, --command COMMAND
                      carry out this one command and end
  -s, --server URL    http://HOST[:PORT], https://HOST[:PORT] or unix:PATH,
                      else $CFP_SERVER
  -u, --user NAME     who you are; the password is read from the file
                      $CFP_PASSWORD_FILE or ~/.netrc, or asked for
  --cacert FILE       trust the certificates of FILE instead of the system's
  --connect-timeout SECONDS
                      how long a connection may take (10)
  --timeout SECONDS   how long the server may say nothing (60)
  -z, --compress HOW  compress the transfer: auto (default), always or never
  -q, --quiet         no progress, no remarks
  -v, --verbose       tell what is asked and answered
  -h, --help          print this and exit
  -V, --version       print the version and exit

  cfp-shell -c 'search lantern :notes.txt'
  printf '%s\\n' 'upload notes.txt' list logout | cfp-shell
";

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    command: Option<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let command = arguments.value("-c", "--command")?;
    let settings = arguments.settings()?;
    let [] = cli::exactly(arguments.operands()?, "no operand")?;
    Ok(Args { settings, command })
}

fn run(args: Args) -> Result<Ending> {
    match args.command {
        Some(command) => shell::run_one(&args.settings, command.as_bytes()),
        None => shell::run(NAME, &args.settings),
    }
}

fn main() -> ExitCode {
    cli::main(NAME, USAGE, parse, run)
}

#[cfg(test)]
mod tests {
    use cfp::error::Error;

    use super::*;

    #[test]
    fn arguments_are_read() {
        let args = parse(Arguments::new(["-q", "--command", "list"])).unwrap();
        let settings = Settings { quiet: true, ..Settings::default() };
        assert_eq!(args, Args { settings, command: Some("list".into()) });
        assert!(matches!(parse(Arguments::new(["list"])), Err(Error::Usage(_))));
    }
}

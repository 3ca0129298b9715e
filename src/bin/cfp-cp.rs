//! cfp-cp: copies a file or a directory on the server. The bytes never leave it.

use std::ffi::OsString;
use std::process::ExitCode;

use cfp::cli::{self, Arguments, Ending};
use cfp::client::{Client, Name, Precondition, Settings};
use cfp::error::Result;

const NAME: &str = "cfp-cp";
const USAGE: &str = "\
usage: cfp-cp [-n] [option ...] OLD NEW

Copies OLD on the server to NEW, or into NEW if that is a directory.

  -n, --no-clobber    leave a file that exists at NEW alone; exit 1 then
  --if-match ETAG     only if OLD has this tag
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

  cfp-cp notes.txt pub/notes.txt
";

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    precondition: Precondition,
    old: OsString,
    new: OsString,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let tag = arguments.if_match()?;
    let settings = arguments.settings()?;
    let precondition = Precondition { tag, keep: arguments.flag("-n", "--no-clobber") };
    let [old, new] = cli::exactly(arguments.names("name")?, "OLD and NEW")?;
    Ok(Args { settings, precondition, old, new })
}

fn run(args: Args) -> Result<Ending> {
    let mut client = Client::new(&args.settings)?;
    let (old, new) = (Name::read(&args.old), Name::read(&args.new));
    client.relocate("COPY", &old, new, &args.precondition).map(|name| Ending::of(name.is_some()))
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
        let args = parse(Arguments::new(["a", "-n", ":b"])).unwrap();
        let settings = Settings::default();
        assert_eq!(
            args,
            Args {
                settings,
                precondition: Precondition { keep: true, tag: None },
                old: "a".into(),
                new: ":b".into()
            }
        );
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 4] = [&[], &["a"], &["a", "b", "c"], &["-x", "a", "b"]];
        for argv in rows {
            assert!(matches!(parse(Arguments::new(argv.iter().copied())), Err(Error::Usage(_))), "{argv:?}");
        }
    }
}

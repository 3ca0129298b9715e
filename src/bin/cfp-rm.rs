//! cfp-rm: deletes files on the server. A directory goes only where that was asked for.

use std::ffi::OsString;
use std::process::ExitCode;

use cfp::cli::{self, Arguments, Ending};
use cfp::client::{Client, Name, Precondition, Settings};
use cfp::error::{Error, ErrorKind, Result};

const NAME: &str = "cfp-rm";
const USAGE: &str = "\
usage: cfp-rm [-r] [-f] [option ...] NAME ...

Deletes each file NAME of the server.

  -r, --recursive     delete directories with all that is in them
  -f, --force         a name that is not there is no error
  --if-match ETAG     only if NAME has this tag
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

  cfp-rm notes.txt
  cfp-rm -r backup/
";

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    recursive: bool,
    force: bool,
    precondition: Precondition,
    names: Vec<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let precondition = Precondition::on(arguments.if_match()?);
    let args = Args {
        settings: arguments.settings()?,
        recursive: arguments.flag("-r", "--recursive"),
        force: arguments.flag("-f", "--force"),
        precondition,
        names: arguments.names("NAME")?,
    };
    match args {
        args if args.names.is_empty() && !args.force => Err(Error::usage("no NAME given")),
        args if args.precondition.tag.is_some() && args.names.len() > 1 => {
            Err(Error::usage("--if-match takes one NAME"))
        }
        // An empty variable in a script must not delete everything.
        args if args.names.iter().any(|name| Name::read(name).is_root()) => {
            Err(Error::usage("the root cannot be deleted"))
        }
        args => Ok(args),
    }
}

fn run(args: Args) -> Result<Ending> {
    let mut client = Client::new(&args.settings)?;
    cli::each(NAME, &args.names, |operand| match delete(&mut client, &args, Name::read(operand)) {
        Err(Error::Failed { kind: ErrorKind::NotFound, .. }) if args.force => Ok(Ending::DONE),
        outcome => outcome.map(|()| Ending::DONE),
    })
}

fn delete(client: &mut Client, args: &Args, name: Name) -> Result<()> {
    let directory = || Err(Error::is_directory(name.shown(), "is a directory: use -r"));
    match name.directory {
        true if !args.recursive => directory(),
        false if args.recursive => {
            let found = client.stat(&name)?.name;
            client.delete(&found, &args.precondition)
        }
        _ => match client.delete(&name, &args.precondition) {
            // The server knows no options, and advises a final slash.
            Err(Error::Failed { kind: ErrorKind::IsDirectory, .. }) => directory(),
            outcome => outcome,
        },
    }
}

fn main() -> ExitCode {
    cli::main(NAME, USAGE, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let args = parse(Arguments::new(["-r", "a", "--force", ":b/"])).unwrap();
        let names = vec!["a".into(), ":b/".into()];
        let precondition = Precondition::default();
        assert_eq!(
            args,
            Args { settings: Settings::default(), recursive: true, force: true, precondition, names }
        );
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 6] =
            [&["a", "b", "--if-match", "x"], &[], &["-r", ""], &["-r", ":"], &["a", "/"], &["-rf", "a"]];
        for argv in rows {
            assert!(matches!(parse(Arguments::new(argv.iter().copied())), Err(Error::Usage(_))), "{argv:?}");
        }
    }
}

//! cfp-reverse: reverses the order of words. It owns its arguments; where results go stands in `tools::change`.

use std::ffi::OsString;
use std::process::ExitCode;

use cfp::cli::{self, Arguments, Ending};
use cfp::client::{Precondition, Settings};
use cfp::error::{Error, Result};
use cfp::text::{FilterQuery, REVERSE};
use cfp::tools::change::{Change, Target, precondition};
use cfp::tools::prepared_filter::{PreparedFilter, take_flags};

const NAME: &str = "cfp-reverse";
const USAGE: &str = "\
usage: cfp-reverse [--per-line] [--in-place] [--local] [option ...]
                   [-o OUT] [FILE]

Writes the words of FILE last first; the white space stays where it is.

  --per-line          reverse each line by itself
  --in-place          give the result the name of its source
  --if-match ETAG     only if what it replaces on the server has this tag
  --local             do the work in this process, without a server
  -o, --output OUT    store the result as OUT, local or :name
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

  cfp-reverse notes.txt -o seton.txt
  cfp-reverse --in-place :notes.txt
";

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    filter: FilterQuery,
    local: bool,
    target: Target,
    precondition: Precondition,
    files: Vec<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let output = arguments.name("-o", "--output")?;
    let tag = arguments.if_match()?;
    let settings = arguments.settings()?;
    let filter = FilterQuery::new(&REVERSE, Vec::new(), &take_flags(&mut arguments, &REVERSE))?;
    let in_place = arguments.flag("", "--in-place");
    let local = arguments.flag("", "--local");
    let files = arguments.names("FILE")?;
    if files.len() > 1 {
        return Err(Error::usage("one FILE at a time"));
    }
    let target = Target::new(output, in_place, &files)?;
    let precondition = precondition(tag, &target, &files)?;
    Ok(Args { settings, filter, local, target, precondition, files })
}

fn run(args: Args) -> Result<Ending> {
    let filter = PreparedFilter::new(&args.filter)?;
    let change = Change { filter, local: args.local, precondition: args.precondition, count: None };
    change.run(NAME, &args.settings, args.files, args.target)
}

fn main() -> ExitCode {
    cli::main(NAME, USAGE, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let args = parse(Arguments::new(["--per-line", ":f", "--output", "-", "--local"])).unwrap();
        let expected = Args {
            settings: Settings::default(),
            filter: FilterQuery::new(&REVERSE, Vec::new(), &["lines"]).unwrap(),
            local: true,
            target: Target::One(Some("-".into())),
            precondition: Precondition::default(),
            files: vec![":f".into()],
        };
        assert_eq!(args, expected);
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 4] = [&["a", "b"], &["--in-place"], &["a", "-o"], &["-n", "a"]];
        for argv in rows {
            assert!(matches!(parse(Arguments::new(argv.iter().copied())), Err(Error::Usage(_))), "{argv:?}");
        }
    }
}

//! cfp-replace: replaces a word in files, here and on the server. It owns its arguments; where results go stands in
//! `tools::change`, and what an occurrence is belongs to the text room.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

use cfp::cli::{self, Arguments, Ending};
use cfp::client::ops::filter;
use cfp::client::{Operand, Output, Precondition, Settings};
use cfp::error::{Error, Result};
use cfp::text::{FilterQuery, REPLACE, SEARCH};
use cfp::tools::change::{Change, Target, precondition};
use cfp::tools::local;
use cfp::tools::prepared_filter::{PreparedFilter, take_flags};

const NAME: &str = "cfp-replace";
const USAGE: &str = "\
usage: cfp-replace [-i] [--substring] [-n] [--in-place] [--local] [option ...]
                   [-o OUT] [--] OLD NEW [FILE ...]

Replaces each occurrence of OLD by NEW. `:name` is a file on the server.

  -i, --ignore-case   replace upper and lower case alike
  --substring         replace occurrences inside longer words too
  -n, --count         print how many would be replaced, and replace nothing
  --in-place          give each result the name of its source, and print how
                      many were replaced; exit 1 when there were none
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

  cfp-replace colour color draft.txt -o american.txt
  cfp-replace --in-place colour color :draft.txt
";

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    filter: FilterQuery,
    /// What counts the occurrences of OLD.
    search: FilterQuery,
    count: bool,
    local: bool,
    target: Target,
    precondition: Precondition,
    files: Vec<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let output = arguments.name("-o", "--output")?;
    let tag = arguments.if_match()?;
    let settings = arguments.settings()?;
    let flags = take_flags(&mut arguments, &REPLACE);
    let count = arguments.flag("-n", "--count");
    let in_place = arguments.flag("", "--in-place");
    let local = arguments.flag("", "--local");
    let mut operands = arguments.operands()?.into_iter();
    let (Some(old), Some(new)) = (operands.next(), operands.next()) else {
        return Err(Error::usage("OLD and NEW needed"));
    };
    let search = FilterQuery::new(&SEARCH, vec![old.clone().into_vec()], &flags)?;
    let filter = FilterQuery::new(&REPLACE, vec![old.into_vec(), new.into_vec()], &flags)?;
    let files: Vec<_> = operands.collect();
    cli::refuse_empty(&files, "FILE")?;
    let target = Target::new(output, in_place, &files)?;
    let precondition = precondition(tag, &target, &files)?;
    Ok(Args { settings, filter, search, count, local, target, precondition, files })
}

fn run(args: Args) -> Result<Ending> {
    let search = PreparedFilter::new(&args.search)?;
    if args.count {
        return count(&args, &search);
    }
    let filter = PreparedFilter::new(&args.filter)?;
    let change = Change { filter, local: args.local, precondition: args.precondition, count: Some(search) };
    change.run(NAME, &args.settings, args.files, args.target)
}

/// Prints how many occurrences there are, in all files together.
fn count(args: &Args, search: &PreparedFilter) -> Result<Ending> {
    let mut client = local::server(&args.settings, args.local)?;
    let standard = [OsString::from("-")];
    let files = if args.files.is_empty() { &standard[..] } else { &args.files };
    let (mut total, mut counted) = (0, false);
    let mut output = Output::stdout()?;
    let ending = cli::each(NAME, files, |file| {
        let source = Operand::read(file.clone());
        output.refuse_itself(&source)?;
        total = filter::add(total, search.count(&mut client, &source)?)?;
        counted = true;
        Ok(Ending::DONE)
    })?;
    // Where nothing could be searched there is no total, not even 0.
    if !counted {
        return Ok(ending);
    }
    let line = format!("{total}\n");
    output.write_all(line.as_bytes()).map_err(|error| Error::io("standard output", error))?;
    Ok(ending.max(Ending::of(total > 0)))
}

fn main() -> ExitCode {
    cli::main(NAME, USAGE, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let args =
            parse(Arguments::new(["-i", "a", "b", "f", "-o", ":g", "--substring", "-n", "--local"])).unwrap();
        let flags = ["ignore-case", "substring"];
        let expected = Args {
            settings: Settings::default(),
            filter: FilterQuery::new(&REPLACE, vec![b"a".into(), b"b".into()], &flags).unwrap(),
            search: FilterQuery::new(&SEARCH, vec![b"a".into()], &flags).unwrap(),
            count: true,
            local: true,
            target: Target::One(Some(":g".into())),
            precondition: Precondition::default(),
            files: vec!["f".into()],
        };
        assert_eq!(args, expected);
        assert_eq!(parse(Arguments::new(["a", "", ":f", "--in-place"])).unwrap().target, Target::InPlace);
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 5] = [&[], &["a"], &["", "b"], &["a", "b", "--in-place"], &["-x", "a", "b"]];
        for argv in rows {
            assert!(matches!(parse(Arguments::new(argv.iter().copied())), Err(Error::Usage(_))), "{argv:?}");
        }
    }
}

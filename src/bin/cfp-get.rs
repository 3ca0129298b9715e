//! cfp-get: fetches files from a server. A URL may name any HTTP server. It parses its arguments;
//! `tools::file_download` decides the local name of each stored file.

use std::process::ExitCode;

use cfp::cli::{
    self, Arguments, Completion, ExitStatus, FILES_FROM, HELP, LIMIT_RATE, NULL, Program, ProgramOption,
    SETTINGS, options,
};
use cfp::error::{Error, Result};
use cfp::tools::file_download::FileDownload;

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-get",
    usage: &["[-r] [-c] [-i] [-o FILE] [option ...] NAME ... | URL"],
    about: &[
        "Stores each file NAME of the server as a local file of its base name. A URL of any HTTP server is printed.",
    ],
    options: &[OPTIONS, LIMIT_RATE, FILES_FROM, NULL, SETTINGS, HELP],
    operands: Completion::Stored,
    examples: &["cfp-get notes.txt -o copy.txt", "cfp-get -i http://127.0.0.1:8398/notes.txt"],
};

const OPTIONS: &[ProgramOption] = options! {
    /// Fetch directories and everything in them.
    ///
    /// A symbolic link to a file is stored as that file. One to a directory is left out with a remark.
    "-r", "--recursive";
    /// Resume an interrupted download of the same content.
    ///
    /// An interrupted `cfp-get -c` leaves what it has received beside FILE, in a file whose name begins with a full stop and
    /// ends in `.part`; that of another version stays. The digest is checked over the whole content. If another program is
    /// writing to that file, the exit status is 3. A FILE that is not a regular file is fetched from the start.
    "-c", "--continue";
    /// Print the response head too, before the content.
    "-i", "--include";
    /// Store as FILE, or in FILE if that is a directory; `-` is standard output.
    "-o", "--output" = "FILE" File;
    /// Resume each file up to N times without progress when the connection breaks (default: 8).
    ///
    /// Pauses grow from 0.2 to 5 seconds. If the file was replaced meanwhile, the download starts over; to standard output
    /// it cannot, and that is an error. A server that does not accept the first connection is tried again only if this
    /// option is given.
    "", "--retry" = "N";
};

type Args = FileDownload;

fn parse(mut arguments: Arguments) -> Result<Args> {
    let output = arguments.name("--output")?;
    let args = Args {
        settings: arguments.transfer_settings()?,
        recursive: arguments.flag("--recursive"),
        resume: arguments.flag("--continue"),
        include: arguments.flag("--include"),
        output,
        names: arguments.name_list("NAME")?.required("NAME")?,
    };
    match args.resume && args.output.as_deref().is_some_and(|output| output == "-") {
        true => Err(Error::usage("--continue needs a file, not standard output")),
        false => Ok(args),
    }
}

fn run(args: Args) -> Result<ExitStatus> {
    args.run(PROGRAM.name)
}

fn main() -> ExitCode {
    cli::main(&PROGRAM, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cfp::client::Settings;

    #[test]
    fn arguments_are_read() {
        let args = parse(Arguments::new(
            &PROGRAM,
            ["-c", "a", "-o", "d", "-i", ":b", "--recursive", "--retry", "7"],
        ))
        .unwrap();
        let expected = Args {
            settings: Settings { retries: Some(7), awaits_server: true, ..Settings::default() },
            recursive: true,
            resume: true,
            include: true,
            output: Some("d".into()),
            names: vec!["a".into(), ":b".into()],
        };
        assert_eq!(args, expected);
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 5] =
            [&["--retry=x", "a"], &[], &["-c", "-o", "-", "a"], &["-o", "", "a"], &["-x", "a"]];
        for argv in rows {
            assert_eq!(
                parse(Arguments::new(&PROGRAM, argv.iter().copied())).unwrap_err().kind(),
                cfp::error::ErrorKind::Usage,
                "{argv:?}"
            );
        }
    }
}

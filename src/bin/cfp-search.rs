//! cfp-search: counts a word in local files and in files on the server. It formats the counts; `text` defines what an
//! occurrence is, on the server and with `--local`.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::ExitCode;

use cfp::cli::{
    self, Arguments, Completion, ExitStatus, HELP, Program, ProgramOption, SETTINGS, options, refuse_empty,
};
use cfp::client::ops::filter::{self, Counts};
use cfp::client::ops::list;
use cfp::client::{Client, Operand, Output, RemoteName, Settings};
use cfp::error::{Error, Result, shown};
use cfp::text::{
    COUNT_SUBSTRING, DECOMPRESS, FilterQuery, IGNORE_CASE, LINES, OutputKind, PrefixedLines, SEARCH, UTF_16,
    is_utf16,
};
use cfp::tools::local;
use cfp::tools::prepared_filter::{PreparedFilter, option, take_flags};
use cfp::tools::terminal::{self, Visible};
use cfp::tools::walk::{Step, walk};

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-search",
    usage: &[
        "[-i] [--substring] [--per-file | --lines] [-r] [--decompress] [--json] [--local] [option ...] [--] WORD [FILE ...]",
    ],
    about: &["Prints how often WORD occurs in the files. `:name` is on the server."],
    options: &[OPTIONS, SETTINGS, HELP],
    operands: Completion::Operand,
    examples: &["cfp-search lantern book.txt :notes.txt", "cfp-search -r --per-file -i chapter :books/"],
};

const OPTIONS: &[ProgramOption] = options! {
    option(&IGNORE_CASE);
    option(&COUNT_SUBSTRING);
    /// Print `name:count` for each file instead of the total.
    "", "--per-file";
    option(&LINES) excludes ["--per-file", "--json"];
    /// Search directories and everything in them.
    ///
    /// A directory on the server takes one request, which uses all cores. With --lines the files come in the order in which
    /// they are done.
    "-r", "--recursive";
    option(&DECOMPRESS);
    /// Print one JSON object a line.
    "", "--json";
    /// Search in this process, without a server.
    ///
    /// The result is the same, byte for byte.
    "", "--local";
};

#[derive(Debug, PartialEq)]
struct Args {
    settings: Settings,
    filter: FilterQuery,
    per_file: bool,
    recursive: bool,
    json: bool,
    local: bool,
    files: Vec<OsString>,
}

fn parse(mut arguments: Arguments) -> Result<Args> {
    let settings = arguments.settings()?;
    let flags = take_flags(&mut arguments, &SEARCH);
    let per_file = arguments.flag("--per-file");
    let recursive = arguments.flag("--recursive");
    let json = arguments.flag("--json");
    let local = arguments.flag("--local");
    let mut operands = arguments.operands()?.into_iter();
    let word = operands.next().ok_or_else(|| Error::usage("no WORD given"))?;
    let filter = FilterQuery::new(&SEARCH, vec![word.into_vec()], &flags)?;
    let files: Vec<_> = operands.collect();
    refuse_empty(&files, "FILE")?;
    Ok(Args { settings, filter, per_file, recursive, json, local, files })
}

fn run(mut args: Args) -> Result<ExitStatus> {
    if args.files.is_empty() {
        args.files.push("-".into());
    }
    let files = std::mem::take(&mut args.files);
    let several = args.recursive || files.len() > 1;
    let mut tool = Tool::new(args, several)?;
    let ending = cli::for_each_operand(PROGRAM.name, files, |file| {
        let ending = tool.operand(Operand::read(file))?;
        tool.searched = true;
        Ok(ending)
    })?;
    // If no file could be searched, no total is printed, not even 0.
    if !tool.args.per_file && !tool.prints_lines() && tool.searched {
        let line = if tool.args.json {
            format!("{{\"count\":{}}}\n", tool.total)
        } else {
            format!("{}\n", tool.total)
        };
        tool.print(line.as_bytes())?;
    }
    Ok(ending.max(ExitStatus::of(tool.total > 0)))
}

/// The state of a search over all operands.
struct Tool {
    args: Args,
    search: PreparedFilter,
    /// The client; `None` with `--local`.
    client: Option<Client>,
    output: Output,
    several: bool,
    /// The number of occurrences so far; with `--lines`, of files with any.
    total: u64,
    /// Whether any file was searched.
    searched: bool,
}

impl Tool {
    fn new(args: Args, several: bool) -> Result<Self> {
        let search = PreparedFilter::new(&args.filter)?;
        let client = local::server(&args.settings, args.local)?;
        let output = Output::stdout()?;
        Ok(Tool { args, search, client, output, several, total: 0, searched: false })
    }

    fn prints_lines(&self) -> bool {
        self.args.filter.output() == OutputKind::Lines
    }

    /// Searches one operand: a file, or everything beneath a directory.
    fn operand(&mut self, operand: Operand) -> Result<ExitStatus> {
        match (&operand, &mut self.client) {
            (Operand::Local(path), _) if self.args.recursive && path.is_dir() => {
                cli::for_each_operand(PROGRAM.name, walk(path), |step| match step? {
                    // The output file is skipped; the shell mostly created it for this command: `-r . > out`.
                    Step::File(path) => match Operand::Local(path) {
                        file if self.output.is_also(&file) => Ok(ExitStatus::DONE),
                        file => self.file(&file),
                    },
                    _ => Ok(ExitStatus::DONE),
                })
            }
            (Operand::Stored(name), None) => Err(local::out_of_reach(name)),
            (Operand::Stored(name), Some(client)) => {
                let recursive = self.args.recursive;
                match name.directory || (recursive && client.is_directory(name)?) {
                    true if recursive => self.directory(&name.clone().as_directory()),
                    true => Err(Error::is_directory(name.shown(), "is a directory: use -r")),
                    false => self.file(&operand),
                }
            }
            _ => {
                self.output.refuse_itself(&operand)?;
                self.file(&operand)
            }
        }
    }

    fn file(&mut self, source: &Operand) -> Result<ExitStatus> {
        if let Operand::Local(path) = source
            && !self.args.filter.decompresses()
            && !self.args.settings.quiet
            && begins_as_utf16(path)
        {
            cli::remark(PROGRAM.name, format!("{}: {UTF_16}", shown(path.as_os_str().as_bytes())));
        }
        if self.prints_lines() {
            return self.lines(source);
        }
        let count = self.search.count(self.client.as_mut(), source)?;
        self.tell(&source.shown(), count)
    }

    /// Searches all files beneath a directory of the server, with one request.
    fn directory(&mut self, name: &RemoteName) -> Result<ExitStatus> {
        if self.prints_lines() {
            // The server puts the name relative to the directory before each line.
            let source = Operand::Stored(name.clone());
            return self.print_lines(&source, &terminal::name(source.shown().as_bytes()));
        }
        let Some(client) = &mut self.client else { return Err(local::out_of_reach(name)) };
        let Counts { counts, unreadable } = client.count_beneath(name, &self.search.query)?;
        for (file, count) in counts {
            self.tell(&Operand::Stored(name.join(&file)).shown(), count)?;
        }
        unreadable.iter().for_each(|said| cli::remark(PROGRAM.name, said));
        Ok(if unreadable.is_empty() { ExitStatus::DONE } else { ExitStatus::code(2) })
    }

    fn lines(&mut self, source: &Operand) -> Result<ExitStatus> {
        let prefix = if self.several {
            [&terminal::name(source.shown().as_bytes())[..], b":"].concat()
        } else {
            Vec::new()
        };
        self.print_lines(source, &prefix)
    }

    fn print_lines(&mut self, source: &Operand, prefix: &[u8]) -> Result<ExitStatus> {
        let is_terminal = terminal::is_stdout();
        let mut visible = Visible::new(&mut self.output);
        let output: &mut dyn Write = if is_terminal { &mut visible } else { visible.raw() };
        let mut lines = PrefixedLines::new(output, prefix);
        let to = "standard output";
        match (&mut self.client, source) {
            (Some(client), Operand::Stored(name)) if name.directory => {
                client.lines_beneath(name, &self.search.query, &mut lines, to)?;
            }
            (client, source) => self.search.run(client.as_mut(), source, &mut lines, to)?,
        }
        self.total += u64::from(!lines.is_empty());
        visible.finish().map_err(|error| Error::io(to, error))?;
        Ok(ExitStatus::DONE)
    }

    fn tell(&mut self, name: &OsStr, count: u64) -> Result<ExitStatus> {
        self.total = filter::add(self.total, count)?;
        let name = name.as_bytes();
        match (self.args.per_file, self.args.json) {
            (false, _) => {}
            (true, false) => {
                self.print(&[&terminal::name(name), format!(":{count}\n").as_bytes()].concat())?
            }
            (true, true) => {
                self.print(terminal::json(list::object(name, &[("count", count.into())])).as_bytes())?;
            }
        }
        Ok(ExitStatus::DONE)
    }

    fn print(&mut self, line: &[u8]) -> Result<()> {
        self.output.write_all(line).map_err(|error| Error::io("standard output", error))
    }
}

/// Returns whether a local file begins with the byte order mark of UTF-16.
fn begins_as_utf16(path: &Path) -> bool {
    let start = || {
        let file = File::open(path).ok().filter(|file| file.metadata().is_ok_and(|meta| meta.is_file()))?;
        let mut start = Vec::new();
        file.take(2).read_to_end(&mut start).ok().map(|_| start)
    };
    path.is_file() && start().is_some_and(|start| is_utf16(&start))
}

fn main() -> ExitCode {
    cli::main(&PROGRAM, parse, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let args =
            parse(Arguments::new(&PROGRAM, ["-i", "w", "--per-file", "a", "--json", ":b", "-r", "--local"]))
                .unwrap();
        let expected = Args {
            settings: Settings::default(),
            filter: FilterQuery::new(&SEARCH, vec![b"w".into()], &["ignore-case"]).unwrap(),
            per_file: true,
            json: true,
            recursive: true,
            local: true,
            files: vec!["a".into(), ":b".into()],
        };
        assert_eq!(args, expected);
        let args =
            parse(Arguments::new(&PROGRAM, ["--substring", "--lines", "--decompress", "--", "-w"])).unwrap();
        let flags = ["substring", "lines", "decompress"];
        let expected = Args {
            settings: Settings::default(),
            filter: FilterQuery::new(&SEARCH, vec![b"-w".into()], &flags).unwrap(),
            per_file: false,
            json: false,
            recursive: false,
            local: false,
            files: Vec::new(),
        };
        assert_eq!(args, expected);
    }

    #[test]
    fn wrong_use_is_told() {
        let rows: [&[&str]; 5] =
            [&[], &[""], &["--lines", "--per-file", "w"], &["--lines", "--json", "w"], &["-x", "w"]];
        for argv in rows {
            assert_eq!(
                parse(Arguments::new(&PROGRAM, argv.iter().copied())).unwrap_err().kind(),
                cfp::error::ErrorKind::Usage,
                "{argv:?}"
            );
        }
    }
}

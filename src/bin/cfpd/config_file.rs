//! The config file (`--config`): a long option of cfpd a line, without its dashes, and its value. It owns the syntax and
//! which options may stand there, and names file and line of whatever is wrong. It does not know what an option means.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use cfp::cli::{Arguments, Completion, ProgramOption};
use cfp::error::{Error, Result, shown};
use cfp::server;

use super::options::{PROGRAM, may_be_in_file};

/// What options of the config file begin with on the command line.
const DASHES: &str = "--";

/// The options of a config file; none where there is no file.
#[derive(Debug, Default)]
pub struct ConfigFile {
    path: Option<PathBuf>,
    entries: Vec<ConfigLine>,
    /// The options of the command line, which replace those of the file.
    replaced: Vec<&'static str>,
}

/// One option of the file.
#[derive(Clone, Debug)]
pub struct ConfigLine {
    /// `FILE:NUMBER`.
    line: String,
    option: &'static ProgramOption,
    /// Empty for an option without one.
    pub value: OsString,
}

impl ConfigFile {
    /// Reads a file; returns what is wrong with it, too. An option that is among the arguments counts there alone.
    pub fn read(path: Option<PathBuf>, arguments: &Arguments) -> (Self, Vec<Error>) {
        let is_given = |option: &&ProgramOption| arguments.is_given(option.long);
        let replaced = PROGRAM.all_options().filter(is_given).map(|option| option.long).collect();
        let mut file = ConfigFile { path, entries: Vec::new(), replaced };
        let (entries, errors) = file.counting_entries();
        file.entries = entries;
        (file, errors)
    }

    /// Returns its path, where there is a file.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns whether the file has an option, and the command line does not.
    pub fn has(&self, long: &str) -> bool {
        self.values(long).next().is_some()
    }

    /// Returns the lines of an option, in order; none where the command line has it.
    pub fn values(&self, long: &str) -> impl Iterator<Item = &ConfigLine> {
        self.entries.iter().filter(move |entry| entry.option.long == long)
    }

    /// Reads the file again, and returns a message about the options that have changed. Their values are not checked: a
    /// confined process cannot look up the names of hosts and users.
    pub fn changed(&self) -> Result<Option<String>> {
        let (entries, errors) = self.counting_entries();
        if let Some(error) = errors.into_iter().next() {
            return Err(error);
        }
        let of = |entries: &[ConfigLine], long: &&str| {
            let entries = entries.iter().filter(|entry| entry.option.long == *long);
            entries.map(|entry| entry.value.clone()).collect::<Vec<_>>()
        };
        let longs = PROGRAM.all_options().map(|option| option.long);
        let changed = longs.filter(|long| of(&entries, long) != of(&self.entries, long));
        let names = changed.map(name_in_file).collect::<Vec<_>>().join(", ");
        let file = self.path().map(|path| shown(path.as_os_str().as_bytes())).unwrap_or_default();
        Ok((!names.is_empty()).then(|| format!("{file}: {names} changed: restart cfpd to use that")))
    }

    /// Reads the entries that the command line does not replace, and the errors of all lines.
    fn counting_entries(&self) -> (Vec<ConfigLine>, Vec<Error>) {
        let Some(path) = &self.path else { return (Vec::new(), Vec::new()) };
        let line = |name: &str, line: &[u8]| Ok::<_, Error>(Some((name.to_owned(), line.to_vec())));
        let (lines, mut errors) = server::read_admin_file(path, line);
        let directory = path.parent().unwrap_or(Path::new(""));
        let mut entries: Vec<ConfigLine> = Vec::new();
        for (name, line) in lines {
            match entry(&name, &line, directory).and_then(|entry| once(&entries, entry)) {
                Ok(entry) => entries.extend(entry),
                Err(error) => errors.push(error),
            }
        }
        entries.retain(|entry| !self.replaced.contains(&entry.option.long));
        (entries, errors)
    }
}

impl ConfigLine {
    /// Names the line in an error about the value, and the option as the file does.
    pub fn name_in_error(&self, error: &Error) -> Error {
        Error::invalid(&self.line, name_in_file(&error.to_string()))
    }
}

/// Returns the name of an option in a config file: the long spelling without its dashes.
fn name_in_file(long: &str) -> &str {
    long.strip_prefix(DASHES).unwrap_or(long)
}

/// Parses a line; none where it is empty or a comment. Paths are taken from `directory` on.
fn entry(line: &str, text: &[u8], directory: &Path) -> Result<Option<ConfigLine>> {
    let text = without_comment(text).trim_ascii();
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    let (name, value) = text.split_at(end);
    let value = value.trim_ascii();
    if name.is_empty() {
        return Ok(None);
    }
    let error = |what: &str| Error::invalid(line, format!("{}: {what}", shown(name)));
    let Some(option) = option_named(name) else { return Err(error(advice(name))) };
    let needs = format!("needs a value: {}", option.value);
    match (option.value.is_empty(), value) {
        _ if !may_be_in_file(option) => Err(error("is for the command line only")),
        (true, [_, ..]) => Err(error("takes no value; a line with the name alone turns it on")),
        (false, []) => Err(error(&needs)),
        (false, [b'=', ..]) => Err(error("the value follows a space, without =")),
        (false, [b'"' | b'\'', ..]) => Err(error("the value needs no quotes, also where it has spaces")),
        _ => {
            Ok(Some(ConfigLine { line: line.to_owned(), option, value: resolved(option, value, directory) }))
        }
    }
}

/// Returns the line up to a word that begins with `#`.
fn without_comment(line: &[u8]) -> &[u8] {
    let is_white = |at: usize| line.get(at).is_some_and(u8::is_ascii_whitespace);
    let begins_word = |at: usize| at.checked_sub(1).is_none_or(is_white);
    let end = (0..line.len()).find(|at| line.get(*at) == Some(&b'#') && begins_word(*at));
    line.get(..end.unwrap_or(line.len())).unwrap_or_default()
}

fn option_named(name: &[u8]) -> Option<&'static ProgramOption> {
    PROGRAM.all_options().find(|option| name_in_file(option.long).as_bytes() == name)
}

/// What to do about a name that is no option.
fn advice(name: &[u8]) -> &'static str {
    let before_equals = name.split(|&byte| byte == b'=').next().unwrap_or_default();
    match name.strip_prefix(DASHES.as_bytes()) {
        Some(bare) if option_named(bare).is_some() => "is written without dashes in this file",
        None if option_named(before_equals).is_some() => "the value follows a space, without =",
        _ => "is not an option; cfpd.conf(5) lists them",
    }
}

/// Refuses an option that an earlier line has, unless it is repeatable.
fn once(earlier: &[ConfigLine], entry: Option<ConfigLine>) -> Result<Option<ConfigLine>> {
    let Some(entry) = entry else { return Ok(None) };
    let same = earlier.iter().find(|earlier| earlier.option.long == entry.option.long);
    match same.filter(|_| !entry.option.is_repeatable()) {
        Some(first) => {
            let number = first.line.rsplit(':').next().unwrap_or_default();
            let what = format!("{}: is set in line {number} already", name_in_file(entry.option.long));
            Err(Error::invalid(&entry.line, what))
        }
        None => Ok(Some(entry)),
    }
}

/// Returns the value, where it is a relative path, or a Unix socket with one, as a path from `directory` on.
fn resolved(option: &ProgramOption, value: &[u8], directory: &Path) -> OsString {
    const UNIX: &[u8] = b"unix:";
    let is_path = matches!(option.complete, Completion::File | Completion::Directory) && value != b"-";
    let from_directory = |path: &[u8]| directory.join(OsStr::from_bytes(path)).into_os_string();
    match value.strip_prefix(UNIX).filter(|_| option.long == "--listen") {
        Some(path) => [OsStr::from_bytes(UNIX), &from_directory(path)].into_iter().collect(),
        None if is_path => from_directory(value),
        None => OsStr::from_bytes(value).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, argv: &[&str]) -> (ConfigFile, Vec<String>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c");
        std::fs::write(&path, text).unwrap();
        let arguments = Arguments::new(&PROGRAM, argv.iter().copied());
        let (file, errors) = ConfigFile::read(Some(path.clone()), &arguments);
        let bare = |error: &Error| error.to_string().replace(path.to_str().unwrap(), "c");
        (file, errors.iter().map(bare).collect())
    }

    fn values(file: &ConfigFile, long: &str) -> Vec<String> {
        file.values(long).map(|entry| entry.value.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_line_is_a_name_and_the_rest_of_it_is_the_value() {
        let text = "\u{feff}# whole\r\n\r\nroot /srv/my files \t\r\n  max-connections\t500 # many\r\n\
                    host a#b\nhost c\nread-only\nlog -";
        let (file, errors) = read(text, &[]);
        assert_eq!(errors, [""; 0]);
        for (long, expected) in [
            ("--root", &["/srv/my files"][..]),
            ("--max-connections", &["500"]),
            ("--host", &["a#b", "c"]),
            ("--read-only", &[""]),
            ("--log", &["-"]),
            ("--users", &[]),
        ] {
            assert_eq!(values(&file, long), expected, "{long}");
        }
    }

    #[test]
    fn what_the_command_line_has_replaces_all_lines_of_the_same_name() {
        let text = "listen :1\nlisten :2\nread-only\nhost h";
        let (file, _) = read(text, &["-l", ":3", "--host=i"]);
        assert_eq!(values(&file, "--listen"), [""; 0]);
        assert_eq!((file.has("--host"), file.has("--read-only")), (false, true));
    }

    #[test]
    fn a_relative_path_begins_at_the_directory_of_the_file() {
        let text = "root files\nusers ../u\nlisten unix:s,mode=0600\nlisten unix:/run/s\nlisten :1\ntrusted-proxy unix:";
        let (file, _) = read(text, &[]);
        let directory = file.path().unwrap().parent().unwrap().to_str().unwrap();
        assert_eq!(values(&file, "--root"), [format!("{directory}/files")]);
        assert_eq!(values(&file, "--users"), [format!("{directory}/../u")]);
        let sockets = [format!("unix:{directory}/s,mode=0600"), "unix:/run/s".to_owned(), ":1".to_owned()];
        assert_eq!(values(&file, "--listen"), sockets);
        assert_eq!(values(&file, "--trusted-proxy"), ["unix:"]);
    }

    #[test]
    fn each_line_that_is_wrong_is_named() {
        let text = "max-conections 5\n--root /srv\nroot=/srv\nroot = /srv\nroot\nroot \"/my files\"\n\
                    read-only yes\nconfig other\ncheck\nexplain - read /\nhelp\nroot /a\nroot /b\n-r /c\nlog # a";
        let said = [
            "c:1: max-conections: is not an option; cfpd.conf(5) lists them",
            "c:2: --root: is written without dashes in this file",
            "c:3: root=/srv: the value follows a space, without =",
            "c:4: root: the value follows a space, without =",
            "c:5: root: needs a value: DIR",
            "c:6: root: the value needs no quotes, also where it has spaces",
            "c:7: read-only: takes no value; a line with the name alone turns it on",
            "c:8: config: is for the command line only",
            "c:9: check: is for the command line only",
            "c:10: explain: is for the command line only",
            "c:11: help: is for the command line only",
            "c:13: root: is set in line 12 already",
            "c:14: -r: is not an option; cfpd.conf(5) lists them",
            "c:15: log: needs a value: FILE",
        ];
        assert_eq!(read(text, &[]).1, said);
    }
}

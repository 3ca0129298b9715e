//! `upload` and `download`. The last of several operands may name where the files go; whether it does depends on what
//! exists on either side.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::cli::ExitStatus;
use crate::client::progress::display;
use crate::client::{BodySource, Operand, Output, Precondition, RemoteName};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::http::Query;
use crate::tools::shell::filters::print;
use crate::tools::shell::line::ShellWord;
use crate::tools::shell::location::{Resolved, local};
use crate::tools::shell::parsing::ParsedCommand;
use crate::tools::shell::session::{Session, locals};
use crate::tools::targets::{TargetKind, Targets};

/// `upload FILE... [DIR]`.
pub fn upload(session: &mut Session, parsed: &ParsedCommand) -> Result<ExitStatus> {
    let (files, target) = match parsed.operands.split_last() {
        Some((last, before)) if !before.is_empty() && is_stored(last) => (before, Some(last)),
        _ => (parsed.operands.as_slice(), None),
    };
    let target = target.map(|word| session.directory.stored(&word.literal()));
    if files.iter().any(|word| word.literal() == b"-") {
        return upload_input(session, files.len(), target);
    }
    let sources = all(files, locals)?;
    let is_directory = match &target {
        Some(target) => {
            sources.len() > 1
                || target.value.directory
                || session.client().is_directory(&target.value).map_err(|error| target.blame(error))?
        }
        None => true,
    };
    let target = target.unwrap_or_else(|| session.directory.stored(b":"));
    let place = |source: Resolved<PathBuf>| {
        let base = source.value.file_name().unwrap_or_default().as_bytes();
        let to = if is_directory { below(&target, base) } else { target.clone() };
        (source, to)
    };
    let pairs: Vec<_> = sources.into_iter().map(place).collect();
    let mut taken = Targets::default();
    for (source, to) in &pairs {
        taken.take(to.typed.as_bytes(), TargetKind::File, source.typed.as_bytes())?;
    }
    for (source, _) in &pairs {
        display::add_total(1, source.value.metadata().map_or(0, |meta| meta.len()));
    }
    session.for_each(pairs, |session, (source, to)| {
        store(session, &source.value, &to.value).map_err(|error| to.blame(error))?;
        session.done(&format!("{} is stored as {}.", source.typed, to.typed))
    })
}

/// Stores standard input, which is the only source and has a new name on the server.
fn upload_input(
    session: &mut Session,
    sources: usize,
    target: Option<Resolved<RemoteName>>,
) -> Result<ExitStatus> {
    session.require_free_input()?;
    let Some(to) = target.filter(|_| sources == 1) else {
        return Err(Error::usage("-: standard input needs a name on the server: upload - :NAME"));
    };
    let stored = match to.value.directory {
        true => Err(Error::is_directory(to.value.shown(), "is a directory: name the file in it")),
        false => {
            let (input, precondition) = (BodySource::stdin()?, Precondition::default());
            session.client().put(input, &to.value, &Query::default(), &precondition)
        }
    };
    stored.map_err(|error| to.blame(error))?;
    session.done(&format!("Standard input is stored as {}.", to.typed))
}

/// Stores a file, and resumes an upload of it that was interrupted, by this session or an earlier one.
fn store(session: &Session, path: &Path, name: &RemoteName) -> Result<()> {
    let (body, precondition) = (BodySource::open(path)?, Precondition::default());
    let mut client = session.client();
    match client.resume_put(&body, name, &precondition)? {
        Some(_) => Ok(()),
        None => client.put(body, name, &Query::default(), &precondition).map(drop),
    }
}

/// Returns whether the last operand of an upload is on the server: it says so, or there is no such local file.
fn is_stored(word: &ShellWord) -> bool {
    let is_file = |word: &ShellWord| {
        let path = local(&word.literal()).value;
        path.symlink_metadata().is_ok() && !path.is_dir()
    };
    word.0.starts_with(b":") || !(word.is_glob() || is_file(word))
}

/// Returns the name of a file in a directory on the server.
fn below(directory: &Resolved<RemoteName>, base: &[u8]) -> Resolved<RemoteName> {
    let name = RemoteName { components: vec![base.to_vec()], directory: false };
    let slash = if matches!(directory.typed.as_str(), ":" | ":/") || directory.typed.ends_with('/') {
        ""
    } else {
        "/"
    };
    let typed = format!("{}{slash}{}", directory.typed, shown(base));
    Resolved { value: directory.value.join(&name), typed }
}

/// `download [-c] NAME... [DIR]`. The DIR `-` is standard output.
pub fn download(session: &mut Session, parsed: &ParsedCommand) -> Result<ExitStatus> {
    if let Some((last, names @ [_, ..])) = parsed.operands.split_last()
        && last.literal() == b"-"
    {
        let sources = all(names, |word| session.stored(word))?;
        return print(session, sources.into_iter().map(|name| name.map(Operand::Stored)).collect());
    }
    let (names, target) = match parsed.operands.split_last() {
        Some((last, before)) if !before.is_empty() && is_local(session, last, before.len())? => {
            (before, Some(local(&last.literal())))
        }
        _ => (parsed.operands.as_slice(), None),
    };
    let sources = all(names, |word| session.stored(word))?;
    let into = match &target {
        Some(target) if target.typed.ends_with('/') => {
            fs::create_dir_all(&target.value).map_err(|error| Error::io(&target.typed, error))?;
            true
        }
        Some(target) => target.value.is_dir(),
        None => false,
    };
    if let Some(target) = target.as_ref().filter(|_| sources.len() > 1 && !into) {
        return Err(Error::conflict(
            &target.typed,
            "is not a directory, which several files need: make it, or end it in /",
        ));
    }
    let place = |source: Resolved<RemoteName>| {
        let base = PathBuf::from(source.value.base().unwrap_or_default());
        let path = match &target {
            Some(target) if into => target.value.join(base),
            Some(target) => target.value.clone(),
            None => base,
        };
        (source, path)
    };
    let pairs: Vec<_> = sources.into_iter().map(place).collect();
    let mut taken = Targets::default();
    for (source, path) in &pairs {
        taken.take(path.as_os_str().as_bytes(), TargetKind::File, source.typed.as_bytes())?;
    }
    let resumes = parsed.has("--continue");
    display::add_total(pairs.len() as u64, 0);
    session.for_each(pairs, |session, (source, path)| {
        fetch(session, &source.value, &path, resumes).map_err(|error| source.blame(error))?;
        session.done(&format!("{} is stored here as {}.", source.typed, shown(path.as_os_str().as_bytes())))
    })
}

/// Returns whether the last operand of a download is local: it is a directory here, is written as a path, or it is the
/// second of two and there is no such file on the server.
fn is_local(session: &mut Session, word: &ShellWord, before: usize) -> Result<bool> {
    let literal = word.literal();
    let is_path = [&b"./"[..], b"../", b"/", b"~/"].iter().any(|start| literal.starts_with(start));
    if literal.starts_with(b":") || word.is_glob() {
        return Ok(false);
    }
    let is_here = is_path || local(&literal).value.is_dir();
    if is_here || before > 1 {
        return Ok(is_here);
    }
    let name = session.directory.stored(&literal);
    match session.client().stat(&name.value) {
        Ok(_) => Ok(false),
        Err(Error::Failed { kind: ErrorKind::NotFound, .. }) => Ok(true),
        Err(error) => Err(name.blame(error)),
    }
}

fn fetch(session: &mut Session, name: &RemoteName, path: &Path, resumes: bool) -> Result<()> {
    name.refuse_none()?;
    if name.directory {
        return Err(Error::is_directory(name.shown(), "is a directory"));
    }
    if resumes {
        return session.client().resume(name, path, &|_| Ok(()));
    }
    let mut output = Output::create(path)?;
    session.client().fetch(name, &mut output, &|_| Ok(()))?;
    output.commit()
}

/// Returns all files that several operands mean.
fn all<T>(words: &[ShellWord], mean: impl Fn(&ShellWord) -> Result<Vec<T>>) -> Result<Vec<T>> {
    let mut found = Vec::new();
    for word in words {
        found.extend(mean(word)?);
    }
    Ok(found)
}

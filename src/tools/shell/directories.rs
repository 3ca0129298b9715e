//! The commands on names and directories: list, rename, copy, delete, mkdir, cd, lcd, lpwd.

use std::env;

use crate::cli::ExitStatus;
use crate::client::{Precondition, RemoteName};
use crate::error::{Error, Result, shown};
use crate::tools::listing;
use crate::tools::removal::remove;
use crate::tools::shell::command::OperandKind;
use crate::tools::shell::line::ShellWord;
use crate::tools::shell::location::{Resolved, WorkingDirectory, bytes_of, home};
use crate::tools::shell::parsing::ParsedCommand;
use crate::tools::shell::session::{Ask, Question, Session, locals};

/// `list [-l] [DIR]`.
pub fn list(session: &mut Session, parsed: &ParsedCommand) -> Result<ExitStatus> {
    let names = match parsed.operands.first() {
        Some(word) => session.stored(word)?,
        None => session.stored(&ShellWord::default())?,
    };
    let (several, is_long) = (names.len() > 1, parsed.has("--long"));
    session.for_each(names, |session, name| list_one(session, &name, is_long, several))
}

/// Lists a file, or the entries of a directory: where several are listed, after the name of the directory.
fn list_one(
    session: &mut Session,
    name: &Resolved<RemoteName>,
    is_long: bool,
    several: bool,
) -> Result<ExitStatus> {
    let columns = |entry| if is_long { listing::columns(entry, false) } else { String::new() };
    let file = session.client().find_file(&name.value).map_err(|error| name.blame(error))?;
    let bare = name.typed.strip_prefix(':').unwrap_or(&name.typed);
    if let Some(file) = file {
        return session.done(&format!("{}{bare}", columns(&file)));
    }
    let entries = session.client().list(&name.value, false).map_err(|error| name.blame(error))?;
    for entry in &entries {
        let before = if several { format!("{}/", bare.trim_end_matches('/')) } else { String::new() };
        session.say(&format!("{}{before}{}", columns(entry), shown(&entry.name.bare())))?;
    }
    if entries.is_empty() && !several {
        session.say("There are no files.")?;
    }
    Ok(ExitStatus::DONE)
}

/// `rename OLD NEW` and `copy OLD NEW`.
pub fn relocate(
    session: &mut Session,
    parsed: &ParsedCommand,
    method: &'static str,
    verb: &str,
) -> Result<ExitStatus> {
    let old = session.one_stored(&parsed.operand(0))?;
    let new = session.directory.stored(&parsed.operand(1).literal());
    let done = session.client().relocate(method, &old.value, new.value.clone(), &Precondition::default());
    let (target, _) = done.map_err(|error| old.blame(new.blame(error)))?;
    // It may have gone into a directory.
    let typed = match target.components == new.value.components {
        true => format!("{}{}", new.typed, if target.directory { "/" } else { "" }),
        false => format!("{}/{}", new.typed.trim_end_matches('/'), base_of(&target)),
    };
    session.done(&format!("{} {verb} {}.", old.typed, typed.replace("//", "/")))
}

fn base_of(name: &RemoteName) -> String {
    let slash = if name.directory { "/" } else { "" };
    format!("{}{slash}", shown(name.components.last().map(Vec::as_slice).unwrap_or_default()))
}

/// `delete [-r] NAME...`: at a terminal it asks before a directory is deleted.
pub fn delete(session: &mut Session, parsed: &ParsedCommand, ask: &mut Ask<'_>) -> Result<ExitStatus> {
    let mut names = Vec::new();
    for word in &parsed.operands {
        names.extend(session.stored(word)?);
    }
    if names.iter().any(|name| name.value.is_root()) {
        return Err(Error::usage("the root cannot be deleted"));
    }
    session.for_each(names, |session, name| {
        let mut may = |_: &RemoteName| confirm(ask, &name.typed);
        let is_recursive = parsed.has("--recursive");
        let removed =
            remove(&mut session.client(), &name.value, is_recursive, &Precondition::default(), &mut may);
        let is_removed = removed.map_err(|error| name.blame(error))?;
        session.say(&format!("{} is {}.", name.typed, if is_removed { "deleted" } else { "kept" }))?;
        Ok(ExitStatus::of(is_removed))
    })
}

/// Asks whether a directory may be deleted. Where there is nobody to ask, `-r` is enough.
fn confirm(ask: &mut Ask<'_>, name: &str) -> Result<bool> {
    let Some(ask) = ask else { return Ok(true) };
    let text = format!("Delete the directory {name} and everything in it (yes or no)?");
    let answer = ask(Question { text, kind: OperandKind::Word })?.unwrap_or_default();
    Ok([&b"y"[..], b"yes"].iter().any(|yes| answer.trim_ascii().eq_ignore_ascii_case(yes)))
}

/// `mkdir DIR`.
pub fn make(session: &mut Session, parsed: &ParsedCommand) -> Result<ExitStatus> {
    let name = session.directory.stored(&parsed.operand(0).literal());
    name.value.refuse_none().map_err(|error| name.blame(error))?;
    let made = session.client().make_directory(&name.value.clone().as_directory());
    match made.map_err(|error| name.blame(error))? {
        true => session.done(&format!("{}/ is made.", name.typed.trim_end_matches('/'))),
        false => Err(Error::already_exists(&name.typed, "exists already")),
    }
}

/// `cd [DIR]`, without DIR to the root.
pub fn change(session: &mut Session, parsed: &ParsedCommand) -> Result<ExitStatus> {
    let mut directory = match parsed.operands.first() {
        Some(word) => session.one_stored(word)?,
        None => session.directory.stored(b":/"),
    };
    // The directory above the root is the root, as in sh(1) and sftp(1).
    directory.value.components.retain(|component| component != b"..");
    let file = RemoteName { directory: false, ..directory.value.clone() };
    if !file.is_root()
        && !session.client().stat(&file).map_err(|error| directory.blame(error))?.name.directory
    {
        return Err(Error::conflict(&directory.typed, "is a file, not a directory"));
    }
    session.directory = WorkingDirectory::at(directory.value);
    Ok(ExitStatus::DONE)
}

/// `lcd [DIR]`, without DIR to the home directory.
pub fn change_local(parsed: &ParsedCommand) -> Result<ExitStatus> {
    let path = match parsed.operands.first().map(locals).transpose()?.as_deref() {
        Some([only]) => only.value.clone(),
        Some(_) => return Err(Error::usage("lcd takes one DIR")),
        None => home().ok_or_else(|| Error::usage("$HOME names no directory"))?,
    };
    env::set_current_dir(&path).map_err(|error| Error::io(bytes_of(path), error))?;
    Ok(ExitStatus::DONE)
}

/// `lpwd`.
pub fn print_local(session: &mut Session) -> Result<ExitStatus> {
    let path = env::current_dir().map_err(|error| Error::io("the local directory", error))?;
    session.done(&shown(&bytes_of(path)))
}

//! The files that operands mean: with `-r` those beneath a directory, local or on the server.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::client::ops::list::ListEntry;
use crate::client::{Client, Operand, RemoteName};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::http::Query;
use crate::text::Globs;
use crate::tools::glob_arguments::GlobArguments;
use crate::tools::walk::{Step, walk};

/// Whether a symbolic link to a file is one of the files beneath a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkHandling {
    /// It is read like the file.
    Followed,
    /// It is left out, as where files are changed: its target may be anywhere, or be changed by its own name already.
    LeftOut,
}

/// Returns the files of these operands, each of which may have an error. `globs` choose among those beneath a directory;
/// without them a directory is left to the caller.
pub(super) fn sources(
    operands: &[OsString],
    globs: Option<&GlobArguments>,
    links: LinkHandling,
    client: &mut Option<Client>,
) -> Vec<Result<Operand>> {
    let operands = operands.iter().cloned().map(Operand::read);
    let Some(globs) = globs else { return operands.map(Ok).collect() };
    let beneath =
        |operand| expand(operand, globs, links, client.as_mut()).unwrap_or_else(|error| vec![Err(error)]);
    operands.flat_map(beneath).collect()
}

fn expand(
    operand: Operand,
    globs: &GlobArguments,
    links: LinkHandling,
    client: Option<&mut Client>,
) -> Result<Vec<Result<Operand>>> {
    match (&operand, client) {
        (Operand::Local(path), _) if path.is_dir() => {
            let is_left_out = |path: &Path| links == LinkHandling::LeftOut && path.is_symlink();
            let globs = globs.globs()?;
            let files = files_beneath(path, &globs);
            let files = files.filter(|file| !file.as_ref().is_ok_and(|path| is_left_out(path)));
            Ok(files.map(|file| file.map(Operand::Local)).collect())
        }
        (Operand::Stored(name), Some(client)) => match name.directory || client.is_directory(name)? {
            true => stored_beneath(client, name, globs, links),
            false => Ok(vec![Ok(operand)]),
        },
        _ => Ok(vec![Ok(operand)]),
    }
}

/// Names the option that the program has for directories, if the error is that this operand is one.
pub(super) fn advise_recursion(operand: &Operand, error: Error) -> Error {
    let operand = match operand {
        Operand::Stored(name) => name.shown(),
        operand => operand.shown().into_vec(),
    };
    let is_of_it = matches!(&error, Error::Failed { name, .. } | Error::System { name, .. }
        if *name == shown(&operand));
    match error.kind() {
        ErrorKind::IsDirectory if is_of_it => Error::is_directory(operand, "is a directory: use -r"),
        _ => error,
    }
}

/// Returns the local files beneath a directory that the globs choose.
pub(super) fn files_beneath<'a>(
    root: &'a Path,
    globs: &'a Globs,
) -> impl Iterator<Item = Result<PathBuf>> + use<'a> {
    let is_chosen = move |path: &Path| {
        let relative = path.strip_prefix(root).unwrap_or(path);
        globs.includes(relative.as_os_str().as_bytes(), false)
    };
    walk(root).filter_map(move |step| match step {
        Ok(Step::File(path)) => is_chosen(&path).then_some(Ok(path)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    })
}

/// Returns the files of the server beneath a directory that the globs choose.
pub(super) fn stored_beneath(
    client: &mut Client,
    name: &RemoteName,
    globs: &GlobArguments,
    links: LinkHandling,
) -> Result<Vec<Result<Operand>>> {
    let mut query = Query::default();
    globs.add_to(&mut query);
    let entries = client.list_chosen(name, true, query)?;
    let is_left_out =
        |entry: &ListEntry| entry.name.directory || (entry.is_link && links == LinkHandling::LeftOut);
    let files = entries.into_iter().filter(|entry| !is_left_out(entry));
    Ok(files.map(|file| Ok(Operand::Stored(name.join(&file.name)))).collect())
}

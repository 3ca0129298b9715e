//! Deletes a file or a directory on the server, as cfp-rm and the shell do: a directory only if that was asked for.

use crate::client::{Client, Precondition, RemoteName};
use crate::error::{Error, ErrorKind, Result};

/// Deletes a file, or with `recursive` a directory, if `may` says so. Returns false if it does not.
pub fn remove(
    client: &mut Client,
    name: &RemoteName,
    recursive: bool,
    precondition: &Precondition,
    may: &mut dyn FnMut(&RemoteName) -> Result<bool>,
) -> Result<bool> {
    let directory = || Err(Error::is_directory(name.shown(), "is a directory: use -r"));
    if name.directory && !recursive {
        let file = RemoteName { directory: false, ..name.clone() };
        return match client.stat(&file)?.name.directory {
            true => directory(),
            false => Err(Error::conflict(name.shown(), "is a file, not a directory")),
        };
    }
    let found = if recursive { client.stat(name)?.name } else { name.clone() };
    if found.directory && !may(&found)? {
        return Ok(false);
    }
    match client.delete(&found, precondition) {
        // The server's message advises a final slash instead of an option.
        Err(Error::Failed { kind: ErrorKind::IsDirectory, .. }) if !recursive => directory(),
        outcome => outcome.map(|()| true),
    }
}

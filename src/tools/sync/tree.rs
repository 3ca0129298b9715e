//! The two trees: a local directory and one on the server, with what a run asks of each: list, make a directory, name a
//! thing in a message. What is done to files is in `transfer.rs` and `removal.rs`.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::client::output::local_version::LocalVersion;
use crate::client::output::part::PartOwner;
use crate::client::output::staged_file::is_staged;
use crate::client::{Client, Operand, RemoteName, Retries};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::http::time::rfc3339;

/// A directory tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// Beneath a local directory.
    Local(PathBuf),
    /// Beneath a directory on the server.
    Stored(RemoteName),
}

/// One entry of a directory in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TreeEntry {
    /// Its name in the directory.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// The size of a file in bytes.
    pub size: u64,
    /// The modification time (RFC 3339).
    pub modified: String,
    /// The entity tag on the server, or the version of the local file; empty if it is unknown.
    pub version: String,
    /// Whether it is a symbolic link.
    pub is_link: bool,
}

/// The version of a symbolic link on the server that is to be deleted: the entity tag is that of the file behind it.
pub(super) const LINK: &str = "link";

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    /// A regular file, or a symbolic link to one.
    File,
    /// A directory, but no symbolic link to one, which may form a loop.
    Directory,
    /// Anything else, which is not sent, and why.
    Other(&'static str),
}

impl TreeEntry {
    /// Returns whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == EntryKind::Directory
    }

    /// Returns the modification time without a fraction of a second.
    pub fn seconds(&self) -> &str {
        self.modified.get(.."2026-01-02T03:04:05".len()).unwrap_or(&self.modified)
    }
}

impl Tree {
    /// Reads the operands FROM and TO, of which one must be on the server.
    pub fn pair(from: OsString, to: OsString) -> Result<(Tree, Tree)> {
        match (Tree::read(from)?, Tree::read(to)?) {
            (Tree::Local(_), Tree::Local(_)) => {
                Err(Error::usage("FROM and TO are both local: write the one on the server as :DIR/"))
            }
            (Tree::Stored(_), Tree::Stored(_)) => {
                Err(Error::usage("FROM and TO are both on the server: cfp-cp copies there"))
            }
            trees => Ok(trees),
        }
    }

    fn read(operand: OsString) -> Result<Tree> {
        match Operand::read(operand) {
            Operand::Standard => Err(Error::usage("FROM and TO are directories, not a standard stream")),
            Operand::Local(path) => Ok(Tree::Local(path)),
            Operand::Stored(name) => {
                name.refuse_none()?;
                Ok(Tree::Stored(name.as_directory()))
            }
        }
    }

    /// Lists a directory of the tree, sorted by the bytes of the names.
    pub(super) fn list(&self, client: &mut Client, path: &[u8]) -> Result<Vec<TreeEntry>> {
        match self {
            Tree::Local(_) => {
                let directory = self.local(path);
                list_local(&directory).map_err(|error| Error::io(directory.as_os_str().as_bytes(), error))
            }
            Tree::Stored(_) => list_stored(client, &self.stored(path, true)),
        }
    }

    /// Lists a directory of FROM, as [`Tree::list`] does, without what an interrupted run in the other direction has
    /// left: partial files and temporary ones.
    pub(super) fn list_source(&self, client: &mut Client, path: &[u8]) -> Result<Vec<TreeEntry>> {
        let listed = self.list(client, path);
        let mut entries = match (self, listed) {
            (Tree::Stored(root), Err(error)) if path.is_empty() && error.kind() == ErrorKind::NotFound => {
                let file = RemoteName { directory: false, ..root.clone() };
                return match client.find_file(&file) {
                    Ok(Some(_)) => Err(Error::conflict(file.shown(), "is a file, not a directory")),
                    _ => Err(error),
                };
            }
            (_, listed) => listed?,
        };
        if matches!(self, Tree::Local(_)) {
            entries.retain(|entry| !PartOwner::Sync.owns(&entry.name) && !is_staged(&entry.name));
        }
        Ok(entries)
    }

    /// Makes a directory of the tree; that of the tree itself with those above it.
    pub(super) fn make_directory(&self, client: &mut Client, path: &[u8]) -> Result<()> {
        match self {
            Tree::Local(_) => {
                let directory = self.local(path);
                fs::create_dir_all(&directory)
                    .map_err(|error| Error::io(directory.as_os_str().as_bytes(), error))
            }
            Tree::Stored(_) => match self.stored(path, true) {
                root if root.is_root() => Ok(()),
                name => client.make_directory(&name).map(drop),
            },
        }
    }

    /// Returns the local path of a path in a local tree; the path itself in another.
    pub(super) fn local(&self, path: &[u8]) -> PathBuf {
        let below = Path::new(OsStr::from_bytes(path));
        match self {
            Tree::Local(root) if path.is_empty() => root.clone(),
            Tree::Local(root) => root.join(below),
            Tree::Stored(_) => below.to_owned(),
        }
    }

    /// Returns the name on the server of a path in a tree there; the path itself in another.
    pub(super) fn stored(&self, path: &[u8], is_directory: bool) -> RemoteName {
        let components = path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).map(<[u8]>::to_vec);
        let below = RemoteName { components: components.collect(), directory: is_directory };
        match self {
            Tree::Stored(root) => root.join(&below),
            Tree::Local(_) => below,
        }
    }

    /// Returns a path as the user would type it.
    pub(super) fn shown(&self, path: &[u8], is_directory: bool) -> String {
        let mut typed = match self {
            Tree::Local(_) => self.local(path).into_os_string().into_vec(),
            Tree::Stored(_) => [b":".to_vec(), self.stored(path, is_directory).bare()].concat(),
        };
        if is_directory && !typed.ends_with(b"/") && typed != b":" {
            typed.push(b'/');
        }
        shown(&typed)
    }
}

fn list_stored(client: &mut Client, directory: &RemoteName) -> Result<Vec<TreeEntry>> {
    let mut retries = Retries::new(client.retries());
    let list = loop {
        match client.list(directory, false) {
            Err(error) => client.wait_to_retry(&mut retries, error)?,
            Ok(list) => break list,
        }
    };
    let entries = list.into_iter().map(|entry| {
        let kind = match (entry.name.directory, entry.is_link) {
            (true, true) => EntryKind::Other("is a symbolic link to a directory"),
            (true, false) => EntryKind::Directory,
            (false, _) => EntryKind::File,
        };
        let [name] = <[Vec<u8>; 1]>::try_from(entry.name.components)
            .map_err(|_| Error::bad_response("list", "holds a name of another directory"))?;
        let (size, modified, is_link) = (entry.size, entry.modified, entry.is_link);
        Ok(TreeEntry { name, kind, size, modified, version: entry.etag.unwrap_or_default(), is_link })
    });
    entries.collect()
}

fn list_local(directory: &Path) -> io::Result<Vec<TreeEntry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        match entry_of(&entry?) {
            // It was removed since the directory was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            entry => entries.push(entry?),
        }
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

/// Reads an entry of a local directory. A symbolic link to a regular file counts as the file.
fn entry_of(entry: &fs::DirEntry) -> io::Result<TreeEntry> {
    let mut meta = entry.metadata()?;
    // A symbolic link has a version of its own: it is replaced and deleted, and not the file behind it.
    let (version, is_link) = (version(&meta).to_string(), meta.is_symlink());
    let mut kind = EntryKind::Other("is neither a file nor a directory");
    if is_link {
        kind = EntryKind::Other("is a symbolic link to no file");
        meta = fs::metadata(entry.path()).ok().filter(|target| target.is_file()).unwrap_or(meta);
    }
    if meta.is_file() {
        kind = EntryKind::File;
    } else if meta.is_dir() {
        kind = EntryKind::Directory;
    }
    Ok(TreeEntry {
        name: entry.file_name().into_vec(),
        kind,
        size: meta.len(),
        modified: rfc3339(meta.modified()?),
        version,
        is_link,
    })
}

/// Returns the version of what is at a local path, of a symbolic link that of the link; `None` if there is nothing.
pub(super) fn version_of(path: &Path) -> Result<Option<LocalVersion>> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(LocalVersion::of(&meta))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path.as_os_str().as_bytes(), error)),
    }
}

/// Returns the version to be noted of a local entry. The change time of a file with several names changes when one of
/// them is removed.
fn version(meta: &fs::Metadata) -> LocalVersion {
    match meta.nlink() > 1 && meta.is_file() {
        true => LocalVersion::without_change_time(meta),
        false => LocalVersion::of(meta),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_operand_is_local_and_the_other_on_the_server() {
        let pair = |from: &str, to: &str| Tree::pair(from.into(), to.into());
        let stored = |name: &[u8]| Tree::Stored(RemoteName::parse(name).as_directory());
        assert_eq!(pair("d/", ":e").unwrap(), (Tree::Local("d/".into()), stored(b"e/")));
        assert_eq!(pair(":", "d").unwrap(), (stored(b""), Tree::Local("d".into())));
        for (from, to) in [("d", "e"), (":d", ":e"), ("-", ":e"), (":d/", "-"), ("d", ":a//b"), ("d", ":..")]
        {
            assert!(pair(from, to).is_err(), "{from} {to}");
        }
    }

    #[test]
    fn a_path_is_named_as_the_user_types_it() {
        let tree = |operand: &str| Tree::read(operand.into()).unwrap();
        let rows = [
            ("d", "f", false, "d/f"),
            ("d/", "e", true, "d/e/"),
            ("d", "", true, "d/"),
            (":", "", true, ":"),
            (":d", "", true, ":d/"),
            (":d/", "e/f\n", false, ":d/e/f\\x0a"),
            (":", "e", true, ":e/"),
        ];
        for (operand, path, is_directory, typed) in rows {
            assert_eq!(tree(operand).shown(path.as_bytes(), is_directory), typed, "{operand} {path}");
        }
    }
}

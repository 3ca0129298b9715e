//! Walks a local directory, for the tools' `-r`. A symbolic link to a regular file counts as the file; one to a
//! directory is skipped, since it could form a loop, and so is anything that is not a regular file.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result, shown};

/// An entry that a walk finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A directory, before its entries.
    Directory(PathBuf),
    /// A regular file.
    File(PathBuf),
    /// A symbolic link to something other than a regular file, which is skipped.
    Link(PathBuf),
    /// Anything else, which is skipped.
    Other(PathBuf),
}

/// Walks a directory, the directory itself first, in the order of the names' bytes.
pub fn walk(root: &Path) -> impl Iterator<Item = Result<Step>> {
    let mut stack = vec![Step::Directory(root.to_owned())];
    std::iter::from_fn(move || {
        let step = stack.pop()?;
        if let Step::Directory(path) = &step {
            match below(path) {
                Ok(steps) => stack.extend(steps),
                Err(error) => return Some(Err(Error::io(shown(path.as_os_str().as_encoded_bytes()), error))),
            }
        }
        Some(Ok(step))
    })
}

/// Lists a directory, last name first.
fn below(directory: &Path) -> std::io::Result<Vec<Step>> {
    let mut entries = fs::read_dir(directory)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.file_name()));
    let step = |entry: fs::DirEntry| {
        let (path, kind) = (entry.path(), entry.file_type()?);
        let is_file =
            kind.is_file() || (kind.is_symlink() && fs::metadata(&path).is_ok_and(|meta| meta.is_file()));
        Ok(match is_file {
            true => Step::File(path),
            false if kind.is_dir() => Step::Directory(path),
            false if kind.is_symlink() => Step::Link(path),
            false => Step::Other(path),
        })
    };
    entries.into_iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_walk_is_sorted_follows_links_to_files_and_ends() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::create_dir(path("d")).unwrap();
        fs::write(path("d/f"), "").unwrap();
        fs::write(path("a"), "").unwrap();
        std::os::unix::fs::symlink(".", path("circle")).unwrap();
        std::os::unix::fs::symlink("d/f", path("z")).unwrap();
        let steps: Vec<_> = walk(root.path()).map(Result::unwrap).collect();
        let expected = [
            Step::Directory(root.path().to_owned()),
            Step::File(path("a")),
            Step::Link(path("circle")),
            Step::Directory(path("d")),
            Step::File(path("d/f")),
            Step::File(path("z")),
        ];
        assert_eq!(steps, expected);
        assert_eq!(walk(&path("none")).next().unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    }
}

//! A directory of its own with an engine on it, and the verbs in one word each.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use cfp::error::{Error, Result};
use cfp::store::{Check, Content, Detail, Local, Meta, Name, Store, Transfer, Written};
use tempfile::TempDir;

/// The engine on `root`, which lies in a directory with room for what is outside.
pub struct Sandbox {
    outer: TempDir,
    pub store: Local,
}

impl Sandbox {
    pub fn new() -> Self {
        let outer = tempfile::tempdir().unwrap();
        fs::create_dir(outer.path().join("root")).unwrap();
        fs::create_dir(outer.path().join("outside")).unwrap();
        fs::write(outer.path().join("outside/secret"), "secret").unwrap();
        let store = Local::open(&outer.path().join("root")).unwrap();
        Sandbox { outer, store }
    }

    /// Another daemon on the same directory.
    pub fn second(&self) -> Local {
        Local::open(&self.path("")).unwrap()
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.outer.path().join("root").join(below)
    }

    pub fn outside(&self, below: &str) -> PathBuf {
        self.outer.path().join("outside").join(below)
    }

    /// Makes files, and directories where the path ends with a slash, with those above them.
    pub fn with(self, paths: &[&str]) -> Self {
        for path in paths {
            let whole = self.path(path);
            match path.ends_with('/') {
                true => fs::create_dir_all(whole).unwrap(),
                false => {
                    fs::create_dir_all(whole.parent().unwrap()).unwrap();
                    fs::write(whole, path).unwrap();
                }
            }
        }
        self
    }

    /// Makes symbolic links: `(name, what it says)`.
    pub fn linked(self, links: &[(&str, &str)]) -> Self {
        for (path, target) in links {
            std::os::unix::fs::symlink(target, self.path(path)).unwrap();
        }
        self
    }

    /// All names there are in the root, hidden ones too, sorted.
    pub fn everything(&self) -> Vec<String> {
        fn walk(directory: &std::path::Path, prefix: &str, names: &mut Vec<String>) {
            for entry in fs::read_dir(directory).unwrap() {
                let entry = entry.unwrap();
                let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
                names.push(name.clone());
                if entry.file_type().unwrap().is_dir() {
                    walk(&entry.path(), &format!("{name}/"), names);
                }
            }
        }
        let mut names = Vec::new();
        walk(&self.path(""), "", &mut names);
        names.sort();
        names
    }
}

impl Verbs for Sandbox {
    fn store(&self) -> &dyn Store {
        &self.store
    }
}

/// The verbs of a store in one word each.
pub trait Verbs {
    fn store(&self) -> &dyn Store;

    fn meta(&self, path: &str) -> Result<Meta> {
        self.store().meta(&name(path))
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<Written> {
        put(self.store(), path, bytes)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Content>> {
        self.store().open(&name(path))
    }

    fn get(&self, path: &str) -> Result<Vec<u8>> {
        self.open(path).map(|content| all_of(content.as_ref()))
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.store().delete(&name(path), &any, &unwatched).map(drop)
    }

    fn rename(&self, from: &str, to: &str) -> Result<Written> {
        self.store().rename(transfer(&name(from), &name(to), &any, &any))
    }

    fn copy(&self, from: &str, to: &str) -> Result<Written> {
        self.store().copy(transfer(&name(from), &name(to), &any, &any))
    }

    fn make_directory(&self, path: &str) -> Result<()> {
        self.store().make_directory(&name(path), &any)
    }

    /// The names in a list, sorted; directories with a final slash.
    fn list(&self, path: &str, recursive: bool) -> Vec<String> {
        let entries = self.store().list(&name(path), recursive, Detail::Metadata).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| {
                let entry = entry.unwrap();
                let slash = if entry.kind == cfp::store::Kind::Directory { "/" } else { "" };
                String::from_utf8(entry.name).unwrap() + slash
            })
            .collect();
        names.sort();
        names
    }
}

pub fn name(path: &str) -> Name {
    let components = path.as_bytes().split(|&byte| byte == b'/').filter(|part| !part.is_empty());
    Name::new(components.map(<[u8]>::to_vec).collect(), path.ends_with('/')).unwrap()
}

pub fn put(store: &dyn Store, path: &str, bytes: &[u8]) -> Result<Written> {
    let mut draft = store.create(&name(path), Some(bytes.len() as u64), &|_| Ok(()))?;
    draft.write_all(bytes).unwrap();
    draft.commit(None, &any)
}

pub fn all_of(content: &dyn Content) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(content.meta().size).unwrap() + 1];
    let mut filled = 0;
    loop {
        match content.read_at(&mut bytes[filled..], filled as u64).unwrap() {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    bytes
}

pub fn transfer<'a>(from: &'a Name, to: &'a Name, source: Check<'a>, target: Check<'a>) -> Transfer<'a> {
    Transfer { from, to, source, target, report: &unwatched, replaces_any: false, is_shallow: false }
}

/// Lets a copy or a deletion go on.
pub fn unwatched(_: u64, _: u64) -> std::io::Result<()> {
    Ok(())
}

pub fn any(_: Option<&Meta>) -> Result<()> {
    Ok(())
}

/// What `If-None-Match: *` asks.
pub fn only_new(standing: Option<&Meta>) -> Result<()> {
    match standing {
        Some(_) => Err(Error::precondition_failed("f", "exists already")),
        None => Ok(()),
    }
}

pub fn never(_: Option<&Meta>) -> Result<()> {
    Err(Error::precondition_failed("f", "never"))
}

/// The status of a refusal.
pub fn status<T>(result: Result<T>) -> u16 {
    result.err().map_or(200, |error| cfp::server::status_of(&error))
}

//! What the contract says of every engine, on each of them: the local directory, and one in memory.

use cfp::store::{Local, Store};
use tempfile::TempDir;

use super::memory::Memory;
use super::sandbox::{Verbs, put};

/// Makes a test of each function, for every engine.
macro_rules! contract {
    ($($test:ident),*) => {
        mod local {
            $(#[test]
            fn $test() {
                super::$test(super::super::Subject::local);
            })*
        }

        mod memory {
            $(#[test]
            fn $test() {
                super::$test(super::super::Subject::memory);
            })*
        }
    };
}

mod copies;
mod deletes;
mod kinds;
mod lists;
mod partials;
mod properties;
mod reads;
mod renames;
mod writes;

/// Makes an empty store.
type New = fn() -> Subject;

/// An engine, known by the contract alone.
struct Subject {
    store: Box<dyn Store>,
    _root: Option<TempDir>,
}

impl Subject {
    fn local() -> Self {
        let root = tempfile::tempdir().unwrap();
        let store =
            Local::open(root.path()).unwrap().keeping_partials(8, std::time::Duration::from_secs(3600));
        Subject { store: Box::new(store), _root: Some(root) }
    }

    fn memory() -> Self {
        Subject { store: Box::new(Memory::default()), _root: None }
    }

    /// Makes files, and directories where the path ends with a slash, with those above them.
    fn with(self, paths: &[&str]) -> Self {
        for path in paths {
            for (end, _) in path.match_indices('/') {
                // It may exist already.
                let _ = self.make_directory(&format!("/{}/", &path[..end]));
            }
            if !path.ends_with('/') {
                put(self.store.as_ref(), &format!("/{path}"), path.as_bytes()).unwrap();
            }
        }
        self
    }

    /// All names there are, sorted.
    fn everything(&self) -> Vec<String> {
        let mut names = self.list("/", true);
        names.iter_mut().for_each(|name| *name = name.trim_end_matches('/').to_owned());
        names.sort();
        names
    }
}

impl Verbs for Subject {
    fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }
}

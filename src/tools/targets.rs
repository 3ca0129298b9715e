//! Targets: the names that the sources of one command go to. No two sources go to one name, where the second would replace
//! the first; that is found out before anything is sent. What a source is, and how it goes there, is not this file's business.

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, Result, shown};

/// What takes a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file, of which there can be one.
    File,
    /// A directory, which takes what is in several.
    Directory,
}

/// The names that are taken, and what each is taken by.
#[derive(Debug, Default)]
pub struct Targets {
    taken: HashMap<Vec<u8>, (Kind, Vec<u8>)>,
}

impl Targets {
    /// Takes a name for a source. A name that another source has taken is an error, unless both are directories.
    pub fn take(&mut self, name: &[u8], kind: Kind, source: &[u8]) -> Result<()> {
        match self.taken.get(name) {
            Some((Kind::Directory, _)) if kind == Kind::Directory => Ok(()),
            Some((_, other)) => {
                let what = format!("would replace {}: both go to {}", shown(other), shown(name));
                Err(Error::status(409, source, what))
            }
            None => {
                self.taken.insert(name.to_vec(), (kind, source.to_vec()));
                Ok(())
            }
        }
    }
}

/// Which of these names are beneath another one or have one beneath them, or are equal: only there can two sources of
/// trees meet.
pub fn overlapping<'a>(names: &'a [impl AsRef<Path>]) -> impl Iterator<Item = usize> + 'a {
    let meet = |one: &Path, other: &Path| one.starts_with(other) || other.starts_with(one);
    let is_met = move |at: usize, name: &Path| {
        names.iter().enumerate().any(|(other, beside)| other != at && meet(name, beside.as_ref()))
    };
    names.iter().enumerate().filter(move |(at, name)| is_met(*at, name.as_ref())).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_once_unless_it_is_a_directory() {
        use Kind::{Directory, File};
        let rows = [
            (vec![("x", File, "a/x"), ("y", File, "b/x")], None),
            (vec![("x", Directory, "a/x"), ("x", Directory, "b/x"), ("x/f", File, "b/x/f")], None),
            (vec![("x", File, "a/x"), ("x", File, "b/x")], Some("b/x: would replace a/x: both go to x")),
            (vec![("x", File, "a/x"), ("x", Directory, "b/x")], Some("b/x: would replace a/x: both go to x")),
            (vec![("x", Directory, "a"), ("x", File, "b")], Some("b: would replace a: both go to x")),
        ];
        for (names, error) in rows {
            let mut targets = Targets::default();
            let mut take = |(name, kind, source): &(&str, Kind, &str)| {
                targets.take(name.as_bytes(), *kind, source.as_bytes())
            };
            let outcome = names.iter().try_for_each(&mut take);
            assert_eq!(outcome.err().map(|error| error.to_string()).as_deref(), error, "{names:?}");
        }
    }

    #[test]
    fn names_overlap_where_one_is_the_other_or_beneath_it() {
        let rows: [(&[&str], &[usize]); 5] = [
            (&["a", "b", "ab"], &[]),
            (&["a", "b", "a"], &[0, 2]),
            (&["a/b", "c", "a"], &[0, 2]),
            (&["", "c"], &[0, 1]),
            (&["a"], &[]),
        ];
        for (names, expected) in rows {
            assert_eq!(overlapping(names).collect::<Vec<_>>(), expected, "{names:?}");
        }
    }
}

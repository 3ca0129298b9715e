//! Targets: the names that the sources of one command are stored as. Two sources with one target, of which the second
//! would replace the first, are refused before anything is sent. It does not know what a source is or how it is sent.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result, shown};

/// The kind of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A file: only one may have a target.
    File,
    /// A directory: several may be merged into one target.
    Directory,
}

/// The targets in use, and the kind of each.
#[derive(Debug, Default)]
pub struct Targets {
    taken: HashMap<Vec<u8>, (TargetKind, Vec<u8>)>,
}

impl Targets {
    /// Adds the target of a source, both named as in a message. A target that is in use is an error, unless both sources are
    /// directories.
    pub fn take(&mut self, name: &[u8], kind: TargetKind, source: &[u8]) -> Result<()> {
        match self.taken.get(name) {
            Some((TargetKind::Directory, _)) if kind == TargetKind::Directory => Ok(()),
            Some((_, other)) => {
                let what = format!("would replace {}: both go to {}", shown(other), shown(name));
                Err(Error::conflict(source, what))
            }
            None => {
                self.taken.insert(name.to_vec(), (kind, source.to_vec()));
                Ok(())
            }
        }
    }
}

/// Returns an error for each source that would replace an earlier one. `take` adds the target of a source, and those of
/// everything beneath it; it is called only for sources whose targets overlap another's.
pub fn collisions<S: Copy + Eq + Hash>(
    sources: &[(S, PathBuf)],
    mut take: impl FnMut(S, &Path, &mut Targets) -> Result<()>,
) -> HashMap<S, Error> {
    let mut targets = Targets::default();
    let paths: Vec<_> = sources.iter().map(|(_, path)| path).collect();
    let overlapping = overlapping(&paths).filter_map(|at| sources.get(at));
    overlapping
        .filter_map(|(source, path)| Some((*source, take(*source, path, &mut targets).err()?)))
        .collect()
}

/// Returns which of these names are equal to another, beneath one or above one: only the trees of those can collide.
fn overlapping<'a>(names: &'a [impl AsRef<Path>]) -> impl Iterator<Item = usize> + 'a {
    let (mut numbers, mut above) = (HashMap::<&Path, usize>::new(), HashSet::new());
    for name in names.iter().map(AsRef::as_ref) {
        *numbers.entry(name).or_default() += 1;
        above.extend(name.ancestors().skip(1));
    }
    let is_met = move |name: &Path| {
        let is_repeated = numbers.get(name).is_some_and(|number| *number > 1);
        is_repeated
            || above.contains(name)
            || name.ancestors().skip(1).any(|above| numbers.contains_key(above))
    };
    names.iter().enumerate().filter(move |(_, name)| is_met(name.as_ref())).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_once_unless_it_is_a_directory() {
        use TargetKind::{Directory, File};
        let rows = [
            (vec![("x", File, "a/x"), ("y", File, "b/x")], None),
            (vec![("x", Directory, "a/x"), ("x", Directory, "b/x"), ("x/f", File, "b/x/f")], None),
            (vec![("x", File, "a/x"), ("x", File, "b/x")], Some("b/x: would replace a/x: both go to x")),
            (vec![("x", File, "a/x"), ("x", Directory, "b/x")], Some("b/x: would replace a/x: both go to x")),
            (vec![("x", Directory, "a"), ("x", File, "b")], Some("b: would replace a: both go to x")),
        ];
        for (names, error) in rows {
            let mut targets = Targets::default();
            let mut take = |(name, kind, source): &(&str, TargetKind, &str)| {
                targets.take(name.as_bytes(), *kind, source.as_bytes())
            };
            let outcome = names.iter().try_for_each(&mut take);
            assert_eq!(outcome.err().map(|error| error.to_string()).as_deref(), error, "{names:?}");
        }
    }

    #[test]
    fn names_overlap_where_one_is_the_other_or_beneath_it() {
        let rows: [(&[&str], &[usize]); 7] = [
            (&["a/b/c", "a/b/d", "a/bc"], &[]),
            (&["a/b/c/d", "x", "a", "a/b"], &[0, 2, 3]),
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

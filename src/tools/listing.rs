//! The columns of a long list, which cfp-ls and the shell print alike. They print the name after them.

use crate::client::ops::list::ListEntry;
use crate::error::shown;
use crate::tools::human_size::human_size;

/// Returns the size, with a unit if it is for people, or a dash for a directory, and the modification time.
pub fn columns(entry: &ListEntry, human: bool) -> String {
    let size = match entry.name.directory {
        true => "-".to_owned(),
        false if human => human_size(entry.size),
        false => entry.size.to_string(),
    };
    format!("{size:>12} {:20} ", shown(entry.modified.as_bytes()))
}

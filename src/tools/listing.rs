//! The columns of a long list, which cfp-ls and the shell print alike. They print the name after them.

use crate::client::ops::list::ListEntry;
use crate::error::shown;

/// Returns the size, or a dash for a directory, and the modification time.
pub fn columns(entry: &ListEntry) -> String {
    let size = if entry.name.directory { "-".to_owned() } else { entry.size.to_string() };
    format!("{size:>12} {:20} ", shown(entry.modified.as_bytes()))
}

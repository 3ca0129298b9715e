//! What a run is about: the two trees, the rules, and whether anything is changed.

use super::rules::Rules;
use super::tree::Tree;
use crate::cli;
use crate::client::Settings;
use crate::error::Result;

/// One directory tree that is made like another.
#[derive(Debug)]
pub struct Synchronization {
    /// How the server is reached.
    pub settings: Settings,
    /// The source.
    pub from: Tree,
    /// The tree that is changed.
    pub to: Tree,
    /// What is compared and deleted.
    pub rules: Rules,
    /// Whether the changes are only listed on standard output.
    pub is_dry: bool,
    /// How many files are transferred at once.
    pub jobs: usize,
}

impl Synchronization {
    /// Prints a change that would be made to TO.
    pub(super) fn list_change(&self, verb: &str, path: &[u8], is_directory: bool) -> Result<()> {
        cli::print(&format!("{verb} {}\n", self.to.shown(path, is_directory))).map(drop)
    }
}

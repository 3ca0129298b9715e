//! What several programs need besides the client: local files, the terminal, the shell.

pub mod change;
mod in_place;
pub mod local;
pub mod prepared_filter;
pub mod relocation;
pub mod shell;
pub mod targets;
pub mod terminal;
pub mod walk;

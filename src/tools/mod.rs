//! What several programs need besides the client: local files, the terminal, the shell.

pub mod change;
pub mod file_download;
pub mod glob_arguments;
mod human_size;
mod in_place;
mod json_lines;
pub mod listing;
pub mod local;
mod named_lines;
pub mod prepared_filter;
pub mod relocation;
pub mod removal;
mod response_head;
pub mod search;
pub mod shell;
mod sources;
pub mod sync;
pub mod targets;
pub mod terminal;
mod url_download;
mod utf16;
pub mod walk;

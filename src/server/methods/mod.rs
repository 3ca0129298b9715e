//! The methods: their table, the router, and a file for each kind of request.

mod archive;
mod get;
mod internal;
mod list;
mod login;
mod names;
mod options;
mod page_file;
mod post;
mod put;
mod result_queue;
pub(crate) mod router;
mod search_tree;
mod table;

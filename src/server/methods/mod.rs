//! What each method does: the table, the router that reads it, and a file for each kind of request.

mod get;
mod internal;
mod list;
mod names;
mod options;
mod post;
mod put;
pub(crate) mod router;
mod search_tree;
mod table;

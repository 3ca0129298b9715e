//! The pages that a browser gets.

pub(crate) mod list_page;

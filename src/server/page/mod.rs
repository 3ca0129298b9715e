//! HTML pages for browsers.

pub(crate) mod list_page;

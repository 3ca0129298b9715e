//! HTML pages for browsers, as text: the list of a directory, errors, and the files that both load. It does not send them.

mod error_page;
mod files;
mod html;
mod list_page;
mod list_row;
mod size;
mod viewer;

pub use error_page::error_page;
pub use files::{POLICY, PageFile};
pub use list_page::ListPage;
pub use viewer::Viewer;

//! The `If` header of a request, with names in place of URLs.

use crate::http::if_header::IfHeader;
use crate::store::Name;

/// The `If` header; `None` in place of a resource that cannot be one of this store.
pub type IfConditions = IfHeader<Option<Name>>;

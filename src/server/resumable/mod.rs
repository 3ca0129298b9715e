//! Uploads in several requests (draft-ietf-httpbis-resumable-upload): creation, appending, offset and cancellation.

pub(crate) mod append;
pub(crate) mod metadata;
pub(crate) mod resource;

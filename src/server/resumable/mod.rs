//! Uploads in several requests (draft-ietf-httpbis-resumable-upload): creation, appending, offset and cancellation.

pub(crate) mod append;
pub(crate) mod metadata;
mod public_url;
pub(crate) mod resource;

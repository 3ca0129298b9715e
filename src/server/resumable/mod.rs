//! Resumable uploads (draft-ietf-httpbis-resumable-upload-12): creation, offset, appending and cancellation.

pub(crate) mod append;
pub(crate) mod metadata;
mod origin;
pub(crate) mod resource;

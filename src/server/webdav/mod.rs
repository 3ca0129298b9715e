//! WebDAV (RFC 4918): properties, and what its methods and bodies have in common. Copying, moving, deleting and making
//! collections is `methods::names`, for all clients alike.

pub(crate) mod condition;
mod depth;
mod live_property;
mod multistatus;
mod property_request;
pub(crate) mod propfind;
pub(crate) mod xml;

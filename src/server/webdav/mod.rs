//! WebDAV (RFC 4918): properties and locks, and what its methods and bodies have in common. Copying, moving, deleting and making
//! collections is `methods::names`, for all clients alike.

pub(crate) mod collection;
pub(crate) mod condition;
mod dead_properties;
mod depth;
mod element;
mod live_property;
pub(crate) mod lock;
mod lock_discovery;
mod lock_request;
mod multistatus;
mod property_request;
mod property_update;
pub(crate) mod propfind;
pub(crate) mod proppatch;
pub(crate) mod xml;

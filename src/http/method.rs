//! Request methods (RFC 9110 §9, RFC 4918 §9, RFC 5789) as values. What one does, and where, is decided elsewhere.

/// A method that is known by name, whether anything is offered under it or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads a representation.
    Get,
    /// The same without the body.
    Head,
    /// Has the target process the body.
    Post,
    /// Stores the body.
    Put,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
    /// Says what can be done.
    Options,
    /// Copies to `Destination`.
    Copy,
    /// Renames to `Destination`.
    Move,
    /// Makes a directory.
    Mkcol,
    /// Sends the request back.
    Trace,
    /// Makes a tunnel.
    Connect,
    /// Reads properties.
    Propfind,
    /// Changes properties.
    Proppatch,
    /// Locks.
    Lock,
    /// Unlocks.
    Unlock,
    /// Reads with a body.
    Query,
    /// Any other name, which a client may have made up.
    Unknown,
}

/// The methods by name, which is case-sensitive (RFC 9110 §9.1).
const NAMES: [(&str, Method); 17] = [
    ("GET", Method::Get),
    ("HEAD", Method::Head),
    ("POST", Method::Post),
    ("PUT", Method::Put),
    ("PATCH", Method::Patch),
    ("DELETE", Method::Delete),
    ("OPTIONS", Method::Options),
    ("COPY", Method::Copy),
    ("MOVE", Method::Move),
    ("MKCOL", Method::Mkcol),
    ("TRACE", Method::Trace),
    ("CONNECT", Method::Connect),
    ("PROPFIND", Method::Propfind),
    ("PROPPATCH", Method::Proppatch),
    ("LOCK", Method::Lock),
    ("UNLOCK", Method::Unlock),
    ("QUERY", Method::Query),
];

impl Method {
    /// The method of this name.
    pub fn parse(name: &str) -> Self {
        NAMES.iter().find(|(known, _)| *known == name).map_or(Method::Unknown, |(_, method)| *method)
    }

    /// Its name; `other` for one that is unknown, so that no client makes up a label of the metrics.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, method)| *method == self).map_or("other", |(name, _)| *name)
    }
}

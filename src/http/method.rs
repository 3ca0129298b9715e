//! Request methods (RFC 9110 §9, RFC 4918 §9, RFC 5789) as values. The server decides what each one does.

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
    /// Describes what is available.
    Options,
    /// Copies to `Destination`.
    Copy,
    /// Renames to `Destination`.
    Move,
    /// Makes a directory.
    Mkcol,
    /// Reads properties.
    Propfind,
    /// Changes properties.
    Proppatch,
    /// Locks.
    Lock,
    /// Unlocks.
    Unlock,
    /// Makes a tunnel.
    Connect,
    /// Another method with a specification, by name.
    Other(&'static str),
    /// Any other name, which a client may have made up.
    Unknown,
}

/// The methods by name, which is case-sensitive (RFC 9110 §9.1).
const NAMES: [(&str, Method); 15] = [
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
    ("PROPFIND", Method::Propfind),
    ("PROPPATCH", Method::Proppatch),
    ("LOCK", Method::Lock),
    ("UNLOCK", Method::Unlock),
    ("CONNECT", Method::Connect),
];

/// The names of [`Method::Other`].
const OTHER_NAMES: [&str; 2] = ["TRACE", "QUERY"];

impl Method {
    /// Returns the method of this name.
    pub fn parse(name: &str) -> Self {
        let other = || OTHER_NAMES.into_iter().find(|other| *other == name).map(Method::Other);
        let known = NAMES.iter().find(|(known, _)| *known == name).map(|(_, method)| *method);
        known.or_else(other).unwrap_or(Method::Unknown)
    }

    /// Its name; `other` for one that is unknown, so that no client can make up a label of the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Method::Other(name) => name,
            known => NAMES.iter().find(|(_, method)| *method == known).map_or("other", |(name, _)| *name),
        }
    }
}

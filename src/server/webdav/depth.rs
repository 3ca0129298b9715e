//! The field `Depth` (RFC 4918 §10.2): how much of a directory a request is about.

use crate::error::{Error, Result};
use crate::http::Fields;

/// How much of a directory a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The directory itself.
    Zero,
    /// It and its entries.
    One,
    /// It and everything beneath it.
    Infinity,
}

impl Depth {
    /// Parses the field; without it the depth is infinity. Errors have kind `Invalid`.
    pub fn of_request(fields: &Fields) -> Result<Self> {
        match fields.get_once("Depth")? {
            Some(b"0") => Ok(Depth::Zero),
            Some(b"1") => Ok(Depth::One),
            None => Ok(Depth::Infinity),
            Some(other) if other.eq_ignore_ascii_case(b"infinity") => Ok(Depth::Infinity),
            Some(_) => Err(Error::invalid("Depth", "is neither 0, 1 nor infinity")),
        }
    }
}

//! Reads configuration files with one record per line. What a line means is up to the caller.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result, shown};

/// U+FEFF in UTF-8, an invisible mark that some editors write at the start.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a file. Returns its name for error messages, and its text.
pub fn read(path: &Path) -> Result<(String, Vec<u8>)> {
    let name = path.as_os_str().as_encoded_bytes();
    fs::read(path).map(|text| (shown(name), text)).map_err(|error| Error::io(name, error))
}

/// The lines of a text with their numbers from 1 on, without a byte order mark.
pub fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    (1..).zip(text.split(|&byte| byte == b'\n'))
}

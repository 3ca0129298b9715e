//! Reads configuration files with one record per line. What a line means is up to the caller.

use std::fmt::Display;
use std::path::Path;

use crate::error::{Error, Result, shown};
use crate::server::admin_path;
use crate::text::BYTE_ORDER_MARK;

/// The records of a file, and the errors of its lines, each with file and line.
pub type Records<T> = (Vec<T>, Vec<Error>);

/// Reads a file: a record a line, with its errors.
pub fn read<T, E: Display>(
    path: &Path,
    record: impl FnMut(&str, &[u8]) -> Result<Option<T>, E>,
) -> Records<T> {
    match admin_path::read(path) {
        Ok(text) => parse(&shown(path.as_os_str().as_encoded_bytes()), &text, record),
        Err(error) => (Vec::new(), vec![error]),
    }
}

/// Parses a text, which errors call `file`. `record` parses a line, which errors call `FILE:NUMBER`; `None` is a line
/// without a record.
pub fn parse<T, E: Display>(
    file: &str,
    text: &[u8],
    mut record: impl FnMut(&str, &[u8]) -> Result<Option<T>, E>,
) -> Records<T> {
    // Some editors write this invisible mark at the start.
    let text = text.strip_prefix(&BYTE_ORDER_MARK).unwrap_or(text);
    let (mut records, mut errors) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
        let line_name = format!("{file}:{number}");
        match record(&line_name, line) {
            Ok(record) => records.extend(record),
            Err(what) => errors.push(Error::usage(format!("{line_name}: {what}"))),
        }
    }
    (records, errors)
}

/// Returns the records, or the first error.
pub fn valid<T>((records, errors): Records<T>) -> Result<Vec<T>> {
    errors.into_iter().next().map_or(Ok(records), Err)
}

//! The response to a write, and the modification time that a client may set with it.

use crate::error::{Error, Result};
use crate::http::{Fields, Query, target, time};
use crate::server::exchange::Exchange;
use crate::server::shared::Server;
use crate::store::{Name, Written};

/// Answers 201 or 204 with these fields and the entity tag of what was written.
pub fn answer_written(
    exchange: &mut Exchange<'_>,
    name: &Name,
    written: &Written,
    mut fields: Fields,
) -> Result<()> {
    let status = fields_of_written(exchange.server, &mut fields, name, written);
    exchange.reply.empty(status, fields)
}

/// Returns the status of that response, and adds its fields.
pub fn fields_of_written(server: &Server, fields: &mut Fields, name: &Name, written: &Written) -> u16 {
    fields.push("ETag", &written.meta.etag);
    if written.created {
        fields.push("Location", location(server, name, name.is_directory(), &Query::default()));
    }
    if written.created { 201 } else { 204 }
}

/// Returns the URL path of a name, beneath the prefix, for `Location`.
pub fn location(server: &Server, name: &Name, directory: bool, query: &Query) -> Vec<u8> {
    [server.prefix.encoded(), &target::encode(name.components(), directory, query)].concat()
}

/// Returns the modification time that a client sets. A malformed one is an error of kind `Invalid`: the client relies on it.
pub fn modified(fields: &Fields) -> Result<Option<i64>> {
    let Some(value) = fields.get_once(time::MODIFIED)? else { return Ok(None) };
    let invalid = || Error::invalid(time::MODIFIED, "is not a number of seconds since 1970");
    time::seconds(value).map(Some).ok_or_else(invalid)
}

/// Confirms the modification time that the client set, unless the file system keeps another: it has a largest time, or
/// counts in steps of two seconds.
pub fn accept_modified(fields: &mut Fields, modified: Option<i64>, written: &Written) {
    if modified.is_some_and(|seconds| seconds == time::unix_seconds(written.meta.modified)) {
        fields.push(time::MODIFIED, "accepted");
    }
}

//! PROPFIND (RFC 4918 §9.1): the properties of a file, or of a directory and its entries, streamed as the directory is
//! read.

use std::io::{self, Write};

use crate::error::{Error, Result};
use crate::http::{Fields, Query, target};
use crate::server::auth::locks::LockTable;
use crate::server::auth::rights::AuthorizedStore;
use crate::server::exchange::{Exchange, LineSink, XML_DECLARATION, XML_TYPE, location, send_buffered};
use crate::server::shared::Server;
use crate::server::webdav::condition;
use crate::server::webdav::dead_properties::DeadProperties;
use crate::server::webdav::depth::Depth;
use crate::server::webdav::live_property::Resource;
use crate::server::webdav::lock_discovery::discovery;
use crate::server::webdav::multistatus::{END, START, write_response};
use crate::server::webdav::property_request::PropertyRequest;
use crate::server::webdav::xml;
use crate::store::{Detail, DiskSpace, Entries, Entry, Kind, Meta, Name};

/// Sends the properties that the body asks for.
pub fn answer(exchange: &mut Exchange<'_>, store: &AuthorizedStore, name: &Name) -> Result<()> {
    let depth = Depth::of_request(&exchange.request.fields)?;
    let body = xml::read(exchange)?;
    let request = PropertyRequest::parse(body.as_deref())?;
    let reader = store.reader();
    let meta = reader.describe(name)?;
    let is_directory = meta.kind == Kind::Directory;
    if is_directory && depth == Depth::Infinity && !exchange.server.dav_infinity {
        let error = Error::forbidden(name.shown(), "is not described with all in it: ask with Depth: 1");
        return condition::refuse(exchange, &error, "<D:propfind-finite-depth/>");
    }
    let (detail, dead) = match request.wants_dead() {
        true => (Detail::Properties, DeadProperties::parse(&reader.properties(name)?)),
        false => (Detail::Metadata, DeadProperties::default()),
    };
    let entries = match is_directory && depth != Depth::Zero {
        true => Some(reader.list(&name.as_directory(), depth == Depth::Infinity, detail)?),
        false => None,
    };
    let space = match is_directory && request.wants_space() {
        true => reader.disk_space(&name.as_directory())?,
        false => None,
    };
    let href = location(exchange.server, name, is_directory, &Query::default());
    let mut fields = Fields::new().with("Content-Type", XML_TYPE);
    fields.push("Cache-Control", exchange.server.cache_control());
    fields.push("Vary", "Accept-Encoding");
    let is_bare_prefix = exchange.server.prefix.below(exchange.request.target()) == Some(b"");
    if is_directory && (!name.is_directory() || is_bare_prefix) {
        // RFC 4918 §5.2: the directory answers under the name without the slash too.
        fields.push("Content-Location", &href);
    }
    let coding = exchange.reply.choose_coding(exchange.request);
    let (server, locks) = (exchange.server, reader.locks()?);
    let description = Description { request: &request, href: &href, name, server, locks: &locks, space };
    let last = name.components().last().map(Vec::as_slice).unwrap_or_default();
    send_buffered(&mut exchange.reply, 207, fields, coding, |out| {
        let locks = discovery(server, &locks, name);
        description.write(Resource { last, meta: &meta, locks: &locks, dead: &dead, space }, entries, out)
    })
}

/// What is asked of which resource, and of the entries of a directory.
struct Description<'a> {
    request: &'a PropertyRequest,
    /// The encoded path of the resource.
    href: &'a [u8],
    name: &'a Name,
    server: &'a Server,
    locks: &'a LockTable,
    /// The disk space, where it is asked for: that of every directory.
    space: Option<DiskSpace>,
}

impl Description<'_> {
    fn write(
        &self,
        resource: Resource<'_>,
        entries: Option<Entries<'_>>,
        out: &mut LineSink<'_>,
    ) -> io::Result<()> {
        let mut text = [XML_DECLARATION, START].concat();
        write_response(self.request, self.href, resource, &mut text);
        out.write_all(text.as_bytes())?;
        for entry in entries.into_iter().flatten() {
            let entry = entry?;
            let Some(meta) = &entry.meta else { continue };
            text.clear();
            self.write_entry(&entry, meta, &mut text);
            out.write_all(text.as_bytes())?;
        }
        out.write_all(END.as_bytes())
    }

    fn write_entry(&self, entry: &Entry, meta: &Meta, text: &mut String) {
        let mut href = self.href.strip_suffix(b"/").unwrap_or(self.href).to_vec();
        target::push_components(&mut href, entry.name.split(|&byte| byte == b'/'));
        if entry.kind == Kind::Directory {
            href.push(b'/');
        }
        let last = entry.name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let locks = &match self.locks.is_empty() {
            true => String::new(),
            false => discovery(self.server, self.locks, &self.name.join(&entry.name, false)),
        };
        let dead = &DeadProperties::parse(&entry.properties);
        let space = self.space.filter(|_| entry.kind == Kind::Directory);
        write_response(self.request, &href, Resource { last, meta, locks, dead, space }, text);
    }
}

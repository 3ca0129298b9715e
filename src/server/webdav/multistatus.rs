//! The `DAV:response` of one resource in a multi-status response to a PROPFIND (RFC 4918 §14.24).

use crate::server::webdav::live_property::{LiveProperty, Resource};
use crate::server::webdav::property_request::{PropertyName, PropertyRequest};
use crate::server::webdav::xml;

/// The beginning of a multi-status response.
pub const START: &str = "<D:multistatus xmlns:D=\"DAV:\">\n";
/// Its end.
pub const END: &str = "</D:multistatus>\n";

/// Writes what `request` asks of a resource; `href` is its encoded path.
pub fn write_response(request: &PropertyRequest, href: &[u8], resource: Resource<'_>, out: &mut String) {
    out.push_str("<D:response><D:href>");
    xml::escape(href, out);
    out.push_str("</D:href><D:propstat><D:prop>");
    let mut missing = String::new();
    match request {
        PropertyRequest::Names => {
            LiveProperty::all().for_each(|live| write_name(live, resource, out));
            for property in resource.dead.iter() {
                let (namespace, local) = (property.namespace.clone(), property.local.clone());
                PropertyName { namespace, local, live: None }.write_empty(out);
            }
        }
        PropertyRequest::All(more) => {
            for live in LiveProperty::all() {
                live.write(resource, out);
            }
            resource.dead.iter().for_each(|property| out.push_str(&property.element));
            let is_dead = |name: &&PropertyName| resource.dead.get(&name.namespace, &name.local).is_some();
            let more = more.iter().filter(|name| !is_dead(name)).filter(|name| name.live.is_none());
            more.for_each(|name| write_listed(name, resource, out, &mut missing));
        }
        PropertyRequest::Listed(names) => {
            names.iter().for_each(|name| write_listed(name, resource, out, &mut missing));
        }
    }
    out.push_str("</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>");
    if !missing.is_empty() {
        out.push_str("<D:propstat><D:prop>");
        out.push_str(&missing);
        out.push_str("</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>");
    }
    out.push_str("</D:response>\n");
}

/// Writes the name of a live property, where the resource has it.
fn write_name(live: LiveProperty, resource: Resource<'_>, out: &mut String) {
    let start = out.len();
    if live.write(resource, out) {
        out.truncate(start);
        out.extend(["<D:", live.name(), "/>"]);
    }
}

/// Writes a property that was asked for by name, or its name to `missing`.
fn write_listed(name: &PropertyName, resource: Resource<'_>, out: &mut String, missing: &mut String) {
    match (name.live, resource.dead.get(&name.namespace, &name.local)) {
        (Some(live), _) if live.write(resource, out) => {}
        (None, Some(dead)) => out.push_str(&dead.element),
        _ => name.write_empty(missing),
    }
}

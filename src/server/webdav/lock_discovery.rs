//! The properties `lockdiscovery` and `supportedlock` (RFC 4918 §15.8, §15.10).

use std::time::SystemTime;

use crate::http::Query;
use crate::server::auth::locks::{LockExclusion, LockTable, WriteLock};
use crate::server::exchange::location;
use crate::server::shared::Server;
use crate::server::webdav::xml;
use crate::store::Name;

/// The value of `supportedlock`: what LOCK can do on any name.
pub const SUPPORTED: &str = "<D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>\
                             </D:lockentry><D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/>\
                             </D:locktype></D:lockentry>";

/// Makes the value of `lockdiscovery` for a name.
pub fn discovery(server: &Server, locks: &LockTable, name: &Name) -> String {
    let mut value = String::new();
    locks.covering(name).iter().for_each(|lock| write_discovery(server, lock, &mut value));
    value
}

/// Writes a lock as an `activelock` of `lockdiscovery`.
pub fn write_discovery(server: &Server, lock: &WriteLock, out: &mut String) {
    let scope = if lock.exclusion == LockExclusion::Exclusive { "exclusive" } else { "shared" };
    let depth = if lock.is_deep { "infinity" } else { "0" };
    let seconds = lock.time_left(SystemTime::now()).unwrap_or_default().as_secs();
    let root = location(server, &lock.root, lock.root.is_directory(), &Query::default());
    *out +=
        &format!("<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:{scope}/></D:lockscope>");
    *out += &format!("<D:depth>{depth}</D:depth>");
    // What its client has sent; it was parsed as XML.
    *out += &String::from_utf8_lossy(&lock.owner);
    *out += &format!(
        "<D:timeout>Second-{seconds}</D:timeout><D:locktoken><D:href>{}</D:href></D:locktoken>",
        lock.token
    );
    *out += "<D:lockroot><D:href>";
    xml::escape(&root, out);
    *out += "</D:href></D:lockroot></D:activelock>";
}

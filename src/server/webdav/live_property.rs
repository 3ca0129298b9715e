//! The live properties (RFC 4918 §15, RFC 4331 §3): what the daemon itself knows of a file or directory.

use crate::http::time::{http_date, rfc3339};
use crate::server::exchange::NamedType;
use crate::server::webdav::dead_properties::DeadProperties;
use crate::server::webdav::lock_discovery::SUPPORTED;
use crate::server::webdav::xml;
use crate::store::{DiskSpace, Kind, Meta};

/// A property whose value the daemon knows; no client can set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveProperty {
    /// Whether it is a directory.
    ResourceType,
    /// The size of a file.
    ContentLength,
    /// The media type of a file, where its name tells it.
    ContentType,
    /// The entity tag of a file.
    Etag,
    /// When the content was last changed.
    LastModified,
    /// The same: nothing else is known of the time when a name was first used.
    CreationDate,
    /// The last component of the name.
    DisplayName,
    /// The locks that may be taken.
    SupportedLock,
    /// The locks that are held.
    LockDiscovery,
    /// How many more bytes may be stored beneath a directory.
    QuotaAvailable,
    /// How many bytes are in use there.
    QuotaUsed,
}

/// The live properties by name.
const NAMES: [(&str, LiveProperty); 11] = [
    ("resourcetype", LiveProperty::ResourceType),
    ("getcontentlength", LiveProperty::ContentLength),
    ("getcontenttype", LiveProperty::ContentType),
    ("getetag", LiveProperty::Etag),
    ("getlastmodified", LiveProperty::LastModified),
    ("creationdate", LiveProperty::CreationDate),
    ("displayname", LiveProperty::DisplayName),
    ("supportedlock", LiveProperty::SupportedLock),
    ("lockdiscovery", LiveProperty::LockDiscovery),
    ("quota-available-bytes", LiveProperty::QuotaAvailable),
    ("quota-used-bytes", LiveProperty::QuotaUsed),
];

/// A file or directory that is described.
#[derive(Clone, Copy)]
pub struct Resource<'a> {
    /// The last component of its name; empty for the root.
    pub last: &'a [u8],
    /// Its metadata.
    pub meta: &'a Meta,
    /// The locks that cover it, as the value of `lockdiscovery`.
    pub locks: &'a str,
    /// What clients have set.
    pub dead: &'a DeadProperties,
    /// The disk space beneath it, of a directory, where that is asked for by name (RFC 4331 §3).
    pub space: Option<DiskSpace>,
}

impl LiveProperty {
    /// Returns the property of this name.
    pub fn named(namespace: &str, local: &str) -> Option<Self> {
        let found = NAMES.iter().find(|(name, _)| *name == local);
        found.filter(|_| namespace == xml::DAV).map(|(_, property)| *property)
    }

    /// Returns all live properties.
    pub fn all() -> impl Iterator<Item = LiveProperty> {
        NAMES.into_iter().map(|(_, property)| property)
    }

    /// Returns its local name.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, property)| *property == self).map_or("", |(name, _)| name)
    }

    /// Writes its value in its element; false where the resource has none.
    pub fn write(self, resource: Resource<'_>, out: &mut String) -> bool {
        let (start, name) = (out.len(), self.name());
        out.extend(["<D:", name, ">"]);
        if self.write_value(resource, out).is_none() {
            out.truncate(start);
            return false;
        }
        out.extend(["</D:", name, ">"]);
        true
    }

    fn write_value(
        self,
        Resource { last, meta, locks, space, .. }: Resource<'_>,
        out: &mut String,
    ) -> Option<()> {
        let is_file = meta.kind == Kind::File;
        match self {
            LiveProperty::ResourceType if is_file => {}
            LiveProperty::ResourceType => out.push_str("<D:collection/>"),
            LiveProperty::ContentLength => *out += &is_file.then(|| meta.size.to_string())?,
            LiveProperty::ContentType => {
                let named = is_file.then(|| NamedType::of_last(last).essence()).flatten()?;
                xml::escape(named.as_bytes(), out);
            }
            LiveProperty::Etag => xml::escape(is_file.then_some(meta.etag.as_bytes())?, out),
            LiveProperty::LastModified => *out += &http_date(meta.modified),
            LiveProperty::CreationDate => *out += &rfc3339(meta.modified),
            LiveProperty::DisplayName if last.is_empty() => out.push('/'),
            LiveProperty::DisplayName => xml::escape(last, out),
            LiveProperty::SupportedLock => out.push_str(SUPPORTED),
            LiveProperty::LockDiscovery => out.push_str(locks),
            LiveProperty::QuotaAvailable => *out += &space?.available.to_string(),
            LiveProperty::QuotaUsed => *out += &space?.used.to_string(),
        }
        Some(())
    }
}

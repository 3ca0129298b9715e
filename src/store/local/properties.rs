//! The properties that clients set, by name: reading them, and changing them under the lock of the name. Setting the attribute
//! changes the ctime, which invalidates the digest attribute: that is written again.

use std::fs::File;
use std::io;

use rustix::fs::{XattrFlags, fremovexattr, fsetxattr};
use rustix::io::Errno;

use super::{
    HANDLE, Links, READ, Volume, absent, as_owner, lookup, map_errno, properties_of_handle,
    read_consistently, stat_file, write_attribute,
};
use crate::attributes::PROPERTIES;
use crate::error::{Error, Result};
use crate::store::{ChangeProperties, Check, Kind, Name};

/// Reads the properties of what a name leads to.
pub(super) fn read(volume: &Volume, name: &Name) -> Result<Vec<u8>> {
    let handle =
        volume.root.open_beneath(name.components(), HANDLE).map_err(|errno| map_errno(name, errno))?;
    Ok(properties_of_handle(&handle))
}

/// Changes the properties of a name, under its lock. `change` gets the present ones and returns the new ones.
pub(super) fn change(
    volume: &Volume,
    name: &Name,
    check: Check<'_>,
    change: ChangeProperties<'_>,
) -> Result<()> {
    let entry = volume.root.entry_to_write(name, Links::Followed)?;
    let _guard = volume.lock_names(&[&entry]).map_err(|errno| map_errno(name, errno))?;
    let found = lookup(&volume.root, name, &entry)?.require(name)?;
    if found.meta.kind == Kind::File && name.is_directory() {
        return Err(absent(name));
    }
    check(Some(&found.meta))?;
    let handle = entry.open(READ).map_err(|errno| map_errno(name, errno))?;
    let before = properties_of_handle(&handle);
    let after = change(&before)?;
    if after == before {
        return Ok(());
    }
    let file = File::from(handle);
    let attribute = match found.meta.kind {
        Kind::File => read_consistently(|| stat_file(&file)).map_err(|errno| map_errno(name, errno))?.1,
        Kind::Directory => None,
    };
    as_owner(&file, || write(&file, &after)).map_err(|error| map_error(name, error))?;
    if let Some(attribute) = attribute {
        // Ignore the error: the digest can be computed again.
        let _ = write_attribute(&attribute, &file);
    }
    volume.sync.content(&file).map_err(|errno| map_errno(name, errno))
}

fn write(file: &File, properties: &[u8]) -> io::Result<()> {
    match properties.is_empty() {
        true => match fremovexattr(file, PROPERTIES) {
            Err(Errno::NODATA) => Ok(()),
            removed => Ok(removed?),
        },
        false => Ok(fsetxattr(file, PROPERTIES, properties, XattrFlags::empty())?),
    }
}

/// Maps the error of a file system that keeps no attributes, or none of this size.
fn map_error(name: &Name, error: io::Error) -> Error {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::TOOBIG | Errno::RANGE | Errno::NOSPC) => {
            Error::no_space(name.shown(), "its file system has no room for these properties")
        }
        Some(Errno::OPNOTSUPP) => {
            Error::forbidden(name.shown(), "is on a file system that keeps no properties")
        }
        _ => Error::io(name.shown(), error),
    }
}

//! A part of a local file, read at offsets and never past its end. It does not know what is sent with it.

use std::borrow::Borrow;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use crate::client::output::local_version::LocalVersion;
use crate::error::Error;

/// The error text for a file that ends before its size.
pub const SHORTER: &str = "became shorter while it was sent";

/// A part of a file, read at offsets. A file that became shorter is an error, not EOF: what was sent must not look
/// complete.
pub(super) struct FileSpan<F> {
    /// The file.
    pub file: F,
    /// The offset of the next byte.
    pub at: u64,
    /// How many bytes are left.
    pub left: u64,
    /// The name of the file, and the version that it must still have at the end, if changes are refused.
    pub version: Option<(String, LocalVersion)>,
}

impl<F: Borrow<File>> FileSpan<F> {
    fn check_version(&self) -> io::Result<()> {
        match &self.version {
            Some((name, version)) if *version != LocalVersion::of(&self.file.borrow().metadata()?) => {
                Err(Error::busy(name, "changed while it was sent").into())
            }
            _ => Ok(()),
        }
    }
}

impl<F: Borrow<File>> Read for FileSpan<F> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        let read = self.file.borrow().read_at(out.get_mut(..most).unwrap_or_default(), self.at)?;
        if read == 0 {
            self.check_version()?;
        }
        if read == 0 && most > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, SHORTER));
        }
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

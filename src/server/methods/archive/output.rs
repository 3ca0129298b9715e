//! The response that an archive is written to. It discards what is written once the archive has failed: the writers of archive
//! formats complete an archive when they are dropped, and a failed one must not look complete.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};

/// The response. Its writers share it, and are never told of an error: a `ZipWriter` that cannot complete its archive prints so.
pub struct ArchiveOutput<'a> {
    response: RefCell<&'a mut dyn Write>,
    /// The first error of the response, until it is reported.
    error: RefCell<Option<io::Error>>,
    is_discarding: Cell<bool>,
}

impl<'a> ArchiveOutput<'a> {
    /// Writes to this response.
    pub fn new(response: &'a mut dyn Write) -> Self {
        ArchiveOutput {
            response: RefCell::new(response),
            error: RefCell::default(),
            is_discarding: Cell::new(false),
        }
    }

    /// Returns the first error of the response, once. To be called before each block of the archive, and at its end.
    pub fn check(&self) -> io::Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// Discards all that is written from now on. To be called before the writers of a failed archive are dropped.
    pub fn discard(&self) {
        self.is_discarding.set(true);
    }

    fn pass_on(&self, act: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.is_discarding.get() {
            return;
        }
        if let Err(error) = act(&mut **self.response.borrow_mut()) {
            self.error.replace(Some(error));
            self.discard();
        }
    }
}

impl Write for &ArchiveOutput<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pass_on(|response| response.write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on(|response| response.flush());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A response that takes so many bytes.
    struct Short(usize);

    impl Write for Short {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.checked_sub(bytes.len()) {
                Some(left) => self.0 = left,
                None => return Err(io::ErrorKind::BrokenPipe.into()),
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_error_is_reported_once_and_to_no_writer() {
        let mut response = Short(3);
        let output = ArchiveOutput::new(&mut response);
        for (bytes, is_ok) in [("ab", true), ("cd", false), ("e", true)] {
            assert_eq!((&output).write(bytes.as_bytes()).unwrap(), bytes.len());
            assert_eq!(output.check().is_ok(), is_ok, "{bytes}");
        }
        assert_eq!(response.0, 1);
    }

    #[test]
    fn what_comes_after_a_failure_is_discarded() {
        let mut response = Vec::new();
        let output = ArchiveOutput::new(&mut response);
        (&output).write_all(b"before").unwrap();
        output.discard();
        (&output).write_all(b"after").unwrap();
        output.check().unwrap();
        assert_eq!(response, b"before");
    }
}

//! Prints response heads as received, on standard output; on a terminal, control characters are escaped.

use std::io::{self, Write};

use crate::client::{STDOUT, standard_streams};
use crate::error::{Error, Result};
use crate::http::Response;
use crate::tools::terminal::{self, Visible};

/// Prints a head if it is `wanted`. `before_content` says that the content follows on standard output, too.
pub(super) fn print(head: &Response, wanted: bool, before_content: bool) -> Result<()> {
    let written = if wanted { write(&head.raw) } else { Ok(()) };
    match written {
        // A reader that closes the pipe after the head does not stop a download to a file.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe && !before_content => Ok(()),
        written => written.map_err(|error| Error::io(STDOUT, error)),
    }
}

fn write(raw: &[u8]) -> io::Result<()> {
    let output = standard_streams::output()?;
    match terminal::is_stdout() {
        true => {
            let mut visible = Visible::new(output);
            raw.split(|&byte| byte == b'\r').try_for_each(|part| visible.write_all(part))?;
            visible.finish().map(drop)
        }
        false => (&output).write_all(raw),
    }
}

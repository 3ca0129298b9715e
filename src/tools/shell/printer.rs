//! Prints sentences and the content of files on standard output: a sentence begins on a line of its own, and on a terminal
//! control characters are shown.

use std::io::{self, Write};

use crate::client::output::standard_streams::STDOUT;
use crate::client::progress::display::mute;
use crate::client::{Cancellation, Operand, Output};
use crate::error::{Error, Result};
use crate::tools::terminal::{self, Visible};

/// Standard output.
pub struct Printer {
    output: Output,
    /// Whether the output ends within a line: a displayed file need not end in a newline.
    midline: bool,
    /// Whether the reader has closed the pipe: a command is still completed, but no sentence printed.
    is_closed: bool,
    /// When this is cancelled, nothing more of a file is printed.
    pub cancellation: Cancellation,
}

impl Printer {
    /// Opens standard output.
    pub fn new(cancellation: Cancellation) -> Result<Self> {
        Ok(Printer { output: Output::stdout()?, midline: false, is_closed: false, cancellation })
    }

    /// Prints a line.
    pub fn say(&mut self, line: &str) -> Result<()> {
        let end = if std::mem::take(&mut self.midline) { "\n" } else { "" };
        match self.output.write_all(format!("{end}{line}\n").as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.is_closed = true,
            written => written.map_err(|error| Error::io(STDOUT, error))?,
        }
        Ok(())
    }

    /// Returns the error of a closed pipe, after a command that printed sentences.
    pub fn check(&self) -> Result<()> {
        match self.is_closed {
            true => Err(Error::io(STDOUT, io::ErrorKind::BrokenPipe.into())),
            false => Ok(()),
        }
    }

    /// Ends the unterminated line of a displayed file: the prompt, written from the start of the line, would
    /// overwrite it.
    pub fn end_line(&mut self) -> Result<()> {
        match std::mem::take(&mut self.midline) {
            true => self.output.write_all(b"\n").map_err(|error| Error::io(STDOUT, error)),
            false => Ok(()),
        }
    }

    /// Prints the content that `act` writes to the sink.
    pub fn show(&mut self, act: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
        if !terminal::is_stdout() {
            return act(self);
        }
        mute();
        let mut visible = Visible::new(self);
        act(&mut visible)?;
        visible.finish().map(drop).map_err(|error| Error::io(STDOUT, error))
    }

    /// Refuses a source that is the file standard output goes to.
    pub fn refuse_itself(&self, source: &Operand) -> Result<()> {
        self.output.refuse_itself(source)
    }
}

impl Write for Printer {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.cancellation.refuse_cancelled()?;
        let written = self.output.write(block)?;
        if let Some(last) = block.get(..written).and_then(<[u8]>::last) {
            self.midline = *last != b'\n';
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

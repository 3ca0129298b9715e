//! A progress bar on standard error, at a terminal and for long transfers only.

use std::io::{self, IsTerminal, Read};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A transfer that ends within this time shows no bar.
const LASTS: Duration = Duration::from_secs(1);

/// The progress of one transfer. Clones share the bar.
#[derive(Clone, Debug)]
pub struct Progress {
    bar: ProgressBar,
    /// When the bar appears; `None` for never.
    due: Option<Instant>,
}

impl Progress {
    /// Makes the progress of a transfer of `size` bytes, if known.
    pub fn new(what: &str, size: Option<u64>, quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::hidden());
        let due = (!quiet && io::stderr().is_terminal()).then(|| Instant::now() + LASTS);
        if due.is_some() {
            let template = match size {
                Some(_) => "{msg} {bytes}/{total_bytes} {wide_bar} {bytes_per_sec} {eta}",
                None => "{msg} {bytes} {bytes_per_sec}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(what.to_owned());
        }
        Progress { bar, due }
    }

    /// Adds bytes.
    pub fn add(&mut self, bytes: u64) {
        let Some(due) = self.due else { return };
        if self.bar.is_hidden() && Instant::now() >= due {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(bytes);
    }

    /// Removes the bar.
    pub fn clear(&self) {
        if self.due.is_some() {
            self.bar.finish_and_clear();
        }
    }
}

/// A reader that counts its bytes.
pub struct ProgressReader<R> {
    /// The inner reader.
    pub reader: R,
    /// The bar.
    pub progress: Progress,
}

impl<R: Read> Read for ProgressReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(out)?;
        self.progress.add(read as u64);
        Ok(read)
    }
}

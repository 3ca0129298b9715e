//! The numbers of the work that is shown, and how they are shown. It does not know the terminal.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::client::progress::server_counts::{DoneOf, ServerCounts};

/// Work that ends within this time is not shown.
const LASTS: Duration = Duration::from_secs(1);

/// When a line with the sum is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// At the end of any work.
    Always,
    /// At the end of work that was long enough to be shown.
    IfShown,
    /// Never.
    Never,
}

/// The work of one program.
pub(super) struct ShownWork {
    sum: Sum,
    begun: Instant,
    /// What is worked on.
    name: String,
    /// How many files were begun, and how many there are.
    files: u64,
    files_total: Option<u64>,
    /// The bytes of the files before this one, and of all.
    before: u64,
    bytes_total: Option<u64>,
    /// The bytes of this file so far, and its size.
    at: u64,
    size: Option<u64>,
    /// Whether all bytes were sent.
    is_waiting: bool,
    served: ServerCounts,
    /// Whether the last file that was begun is still worked on.
    is_in_work: bool,
    /// How many names were listed.
    names: u64,
    /// Whether several files are transferred at once: then no name is shown, and their bytes are one sum.
    is_concurrent: bool,
    /// The bytes so far of the transfers that are not done.
    in_flight: u64,
    /// How many names were deleted.
    deleted: u64,
    bar: ProgressBar,
    is_muted: bool,
    is_paused: bool,
    /// Ends the thread that draws when it is dropped.
    _stop: Sender<()>,
}

impl ShownWork {
    pub fn new(sum: Sum, is_concurrent: bool, stop: Sender<()>) -> Self {
        ShownWork {
            sum,
            is_concurrent,
            in_flight: 0,
            deleted: 0,
            begun: Instant::now(),
            name: String::new(),
            files: 0,
            files_total: None,
            before: 0,
            bytes_total: None,
            at: 0,
            size: None,
            is_waiting: false,
            served: ServerCounts::default(),
            is_in_work: false,
            names: 0,
            bar: hidden_bar(),
            is_muted: false,
            is_paused: false,
            _stop: stop,
        }
    }

    pub fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    pub fn add_total(&mut self, files: u64, bytes: u64) {
        self.files_total = Some(self.files_total.unwrap_or(0) + files);
        self.bytes_total = Some(self.bytes_total.unwrap_or(0) + bytes);
    }

    pub fn list(&mut self) {
        self.names += 1;
    }

    pub fn mute(&mut self) {
        self.is_muted = true;
        self.clear();
    }

    /// Shows nothing for a while, or goes on.
    pub fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
        if is_paused {
            self.clear();
            self.bar = hidden_bar();
        }
    }

    /// Begins a file, or resumes it where only the rest is transferred.
    pub fn begin_file(&mut self, name: &str, size: Option<u64>) {
        (self.is_waiting, self.is_in_work) = (false, true);
        if self.name == name && self.files > 0 {
            self.at = self.size.zip(size).map_or(0, |(all, rest)| all.saturating_sub(rest));
            return;
        }
        self.before += self.at;
        (self.at, self.size) = (0, size);
        name.clone_into(&mut self.name);
        self.files += 1;
    }

    pub fn add(&mut self, bytes: u64) {
        self.at += bytes;
    }

    /// Adds bytes to the transfers that are not done.
    pub fn add_in_flight(&mut self, bytes: u64) {
        self.in_flight += bytes;
    }

    /// Removes the bytes of a transfer that has ended, well or not.
    pub fn end_flight(&mut self, bytes: u64) {
        self.in_flight = self.in_flight.saturating_sub(bytes);
    }

    pub fn is_concurrent(&self) -> bool {
        self.is_concurrent
    }

    pub fn count(&mut self, bytes: u64) {
        self.files += 1;
        self.before += bytes;
    }

    pub fn end_file(&mut self) {
        (self.is_waiting, self.is_in_work) = (false, false);
    }

    pub fn wait(&mut self) {
        self.is_waiting = true;
    }

    pub fn serve(&mut self, counts: ServerCounts) {
        if !self.is_concurrent {
            self.served = counts;
        }
    }

    pub fn end_serving(&mut self, name: Option<&str>) {
        let served = std::mem::take(&mut self.served);
        let all = |count: Option<DoneOf>| count.map_or(0, |count| count.total.unwrap_or(count.done));
        if self.is_concurrent {
            // The only work on the server is to delete.
            self.deleted += u64::from(name.is_some());
        } else if let Some(name) = name {
            name.clone_into(&mut self.name);
            self.files += all(served.files).max(1);
            self.before += all(served.bytes);
        }
    }

    /// How many files are done: all that were begun but the one in work.
    pub fn files_done(&self) -> u64 {
        self.files.saturating_sub(self.is_in_work.into())
    }

    /// Removes the bar.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Draws the bar, once the work has lasted long enough.
    pub fn draw(&mut self) {
        if self.is_muted || self.is_paused || self.begun.elapsed() < LASTS {
            return;
        }
        let (done, total) = self.bytes();
        let template = if total.is_some() { "{msg} {wide_bar}" } else { "{wide_msg}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        // While the bar is hidden, nothing of this is drawn.
        total.into_iter().for_each(|total| self.bar.set_length(total));
        self.bar.set_message(self.state());
        if self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(done);
        self.bar.tick();
    }

    /// The bytes that are done, and all.
    fn bytes(&self) -> (u64, Option<u64>) {
        let served = self.served.bytes.unwrap_or(DoneOf { done: 0, total: None });
        // With only one thing to do its size is that of all.
        let only = self
            .size
            .or(served.total)
            .filter(|_| self.files <= 1 && self.files_total.is_none_or(|total| total == 1));
        let total = self.bytes_total.filter(|total| *total > 0).or(only);
        let done = self.before + self.at + self.in_flight + served.done;
        // What was read twice, or is sent again, counts once.
        (done.min(total.unwrap_or(done)), total)
    }

    /// What the bar says.
    fn state(&self) -> String {
        let mut parts = Vec::new();
        let total = self.files_total.filter(|total| *total > 1 || self.is_concurrent);
        let own = total.map(|_| DoneOf { done: self.files_done(), total });
        match self.served.files.or(own) {
            Some(DoneOf { done, total: Some(total) }) => parts.push(format!("{done} of {total} files")),
            Some(DoneOf { done, total: None }) => parts.push(format!("{done} files")),
            None if self.files > 1 => parts.push(format!("{} files", self.files_done())),
            None => parts.extend(Some(self.name.clone()).filter(|name| !name.is_empty())),
        }
        if self.names > 0 && self.files == 0 {
            parts.push(format!("{} names", self.names));
        }
        if self.deleted > 0 {
            parts.push(format!("{} deleted", self.deleted));
        }
        let (done, total) = self.bytes();
        let elapsed = self.begun.elapsed();
        let rate = done as f64 / elapsed.as_secs_f64();
        match total {
            Some(total) => parts.push(format!("{} of {}", HumanBytes(done), HumanBytes(total))),
            None if done > 0 => parts.push(HumanBytes(done).to_string()),
            None => {}
        }
        if done > 0 {
            parts.push(format!("{}/s", HumanBytes(rate as u64)));
        }
        match total.filter(|total| *total > done && done > 0) {
            Some(total) => parts.push(format!("{:.0} s left", (total - done) as f64 / rate)),
            None if self.is_waiting => parts.push("sent, waiting for the server".to_owned()),
            None => {}
        }
        parts.push(format!("{:.1} s", elapsed.as_secs_f64()));
        parts.join(", ")
    }

    /// Formats the sum: name, size, time and rate. `None` where none is wanted, or nothing was done.
    pub fn sum(&self) -> Option<String> {
        let is_wanted = match self.sum {
            Sum::Always => true,
            Sum::IfShown => !self.bar.is_hidden(),
            Sum::Never => false,
        };
        if self.is_muted || !is_wanted || self.files == 0 {
            return None;
        }
        let name = if self.files == 1 { self.name.clone() } else { format!("{} files", self.files) };
        let (bytes, seconds) = (self.before + self.at, self.begun.elapsed().as_secs_f64());
        let rate = HumanBytes((bytes as f64 / seconds) as u64);
        Some(match bytes {
            0 => format!("{name}: {seconds:.1} s"),
            bytes => format!("{name}: {} in {seconds:.1} s, {rate}/s", HumanBytes(bytes)),
        })
    }
}

fn hidden_bar() -> ProgressBar {
    ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn job() -> ShownWork {
        ShownWork::new(Sum::Always, false, channel().0)
    }

    #[test]
    fn a_transfer_that_goes_on_is_counted_once() {
        let mut job = job();
        job.begin_file("a", Some(10));
        job.add(4);
        job.begin_file("a", Some(7));
        job.add(7);
        assert_eq!((job.bytes(), job.files), ((10, Some(10)), 1));
        job.begin_file("b", None);
        job.add(1);
        assert_eq!((job.bytes(), job.files), ((11, None), 2));
        assert!(job.state().starts_with("1 files, 11 B, "), "{}", job.state());
        assert!(job.sum().unwrap().starts_with("2 files: 11 B in "), "{:?}", job.sum());
    }

    #[test]
    fn what_the_server_does_is_shown_while_it_works_and_counted_at_its_end() {
        let mut job = job();
        job.serve(ServerCounts::parse("files 2/5, bytes 1024/4096"));
        assert!(job.state().starts_with("2 of 5 files, 1.00 KiB of 4.00 KiB, "), "{}", job.state());
        job.end_serving(Some(":d/"));
        assert_eq!((job.bytes().0, job.files), (4096, 5));
        job.end_serving(None);
        assert_eq!(job.files, 5);
    }

    #[test]
    fn transfers_at_once_are_one_sum_in_which_what_is_sent_again_counts_once() {
        let mut job = ShownWork::new(Sum::Never, true, channel().0);
        job.add_total(2, 20);
        job.add_in_flight(6);
        job.add_in_flight(9);
        assert!(job.state().starts_with("0 of 2 files, 15 B of 20 B, "), "{}", job.state());
        job.end_flight(6);
        job.count(10);
        assert!(job.state().starts_with("1 of 2 files, 19 B of 20 B, "), "{}", job.state());
        job.add_in_flight(9);
        job.end_serving(Some(":d/old"));
        assert!(job.state().starts_with("1 of 2 files, 1 deleted, 20 B of 20 B, "), "{}", job.state());
    }
}

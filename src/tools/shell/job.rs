//! A job: one command of a session in a thread of its own, so that whoever has the terminal can answer its questions and
//! end it. A job that does not end within the grace period is abandoned; its later requests fail.

use std::io::{self, PipeReader, Read, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::cli::ExitStatus;
use crate::client::Cancellation;
use crate::error::{Error, Result};
use crate::tools::shell::interrupts::Interrupts;
use crate::tools::shell::session::{Ask, Question, Session};

/// What happens while a job runs.
pub enum JobEvent {
    /// It asks a question, and waits for the answer.
    Asked(Question, Sender<Option<Vec<u8>>>),
    /// It has ended.
    Ended(Box<Session>, Result<ExitStatus>),
    /// ^C was typed.
    Interrupted,
    /// Nothing happened for as long as was waited.
    Late,
}

/// A command that runs.
pub struct Job {
    /// The way to end it early.
    pub cancellation: Cancellation,
    events: Receiver<JobEvent>,
    /// Becomes readable when there is an event, and is closed at the end.
    wake: PipeReader,
}

impl Job {
    /// Runs `work` on a session in a thread of its own.
    pub fn start(
        mut session: Session,
        work: impl FnOnce(&mut Session, Ask<'_>) -> Result<ExitStatus> + Send + 'static,
    ) -> io::Result<Self> {
        let cancellation = session.cancellation();
        let (events, received) = mpsc::channel();
        let (wake, mut waker) = io::pipe()?;
        let run = move || {
            let mut ask = |question| {
                let (answer, answered) = mpsc::channel();
                let asked =
                    events.send(JobEvent::Asked(question, answer)).is_ok() && waker.write(b"?").is_ok();
                let gone = || Error::interrupted("terminal", "answers no more");
                asked.then(|| answered.recv().ok()).flatten().ok_or_else(gone)
            };
            let outcome = work(&mut session, Some(&mut ask));
            let _ = events.send(JobEvent::Ended(Box::new(session), outcome));
            drop(waker);
        };
        thread::Builder::new().spawn(run)?;
        Ok(Job { cancellation, events: received, wake })
    }

    /// Waits for the next event, at most as long as `limit` says.
    pub fn next(&mut self, interrupts: &Interrupts, limit: Option<Duration>) -> Result<JobEvent> {
        let limit = limit.map_or(PollTimeout::NONE, |limit| limit.try_into().unwrap_or(PollTimeout::MAX));
        loop {
            match self.events.try_recv() {
                Ok(event) => return Ok(event),
                Err(TryRecvError::Disconnected) => {
                    return Err(Error::interrupted("command", "ended unfinished"));
                }
                Err(TryRecvError::Empty) => {}
            }
            let mut watched =
                [self.wake.as_fd(), interrupts.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
            match poll(&mut watched, limit) {
                Ok(0) => return Ok(JobEvent::Late),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(Error::io("terminal", errno.into())),
            }
            let is_woken = watched.first().and_then(PollFd::any) == Some(true);
            if interrupts.take() {
                return Ok(JobEvent::Interrupted);
            }
            if is_woken {
                let _ = self.wake.read(&mut [0]);
            }
        }
    }
}

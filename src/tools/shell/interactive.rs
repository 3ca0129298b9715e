//! A session at a terminal: prompts, answers the questions of the commands from the keyboard, ends a command on ^C, and
//! goes on after an error.

use std::io::{self, Write};
use std::time::Duration;

use crate::cli::{ExitStatus, remark, report};
use crate::client::Client;
use crate::client::progress::display;
use crate::error::{Error, ErrorKind, Result, shown};
use crate::tools::shell::editor::{Prompt, Typed};
use crate::tools::shell::escape;
use crate::tools::shell::execution::execute;
use crate::tools::shell::interrupts::Interrupts;
use crate::tools::shell::job::{Job, JobEvent};
use crate::tools::shell::script::may_fail;
use crate::tools::shell::session::{Ask, Session};

/// How long a command may take to end after ^C, before it is abandoned: it may wait for a local pipe, which nothing else
/// ends.
const GRACE: Duration = Duration::from_millis(500);

/// The exit status of a shell for a program that SIGINT ended.
const INTERRUPTED: u8 = 130;

/// Runs a session until it is ended.
pub fn run(name: &'static str, client: Client) -> Result<ExitStatus> {
    // First of all, so that no thread can be ended by the signal.
    let interrupts = Interrupts::new().map_err(|error| Error::io("terminal", error))?;
    let session = Session::new(name, client, false)?;
    let prompt = Prompt::new(&session)?;
    let mut shell = Shell { name, interrupts, session, prompt };
    match shell.begin()? {
        ExitStatus::DONE => shell.run_lines(),
        ended => Ok(ended),
    }
}

/// The interactive shell: session, prompt and interrupts.
struct Shell {
    name: &'static str,
    interrupts: Interrupts,
    session: Session,
    prompt: Prompt,
}

impl Shell {
    /// Logs in, and greets.
    fn begin(&mut self) -> Result<ExitStatus> {
        let logged_in = self.session.client().log_in();
        match logged_in {
            Err(error @ Error::Usage(_)) => self.stay_anonymous(&error),
            logged_in => logged_in?,
        }
        loop {
            match self.run_job(|session, _| session.greet().map(|()| ExitStatus::DONE)) {
                Err(error) if error.kind() == ErrorKind::Unauthenticated => {
                    if !self.asks_again(&error) {
                        return Ok(ExitStatus::DONE);
                    }
                }
                begun => return begun.map(|begun| begun.unwrap_or(ExitStatus::code(INTERRUPTED))),
            }
        }
    }

    /// Reads lines and runs them.
    fn run_lines(&mut self) -> Result<ExitStatus> {
        while !self.session.ended {
            self.session.printer.end_line()?;
            self.prompt.serve(&self.session);
            // One that came while nothing ran is not for the next command.
            self.interrupts.take();
            match self.prompt.command() {
                Err(error @ Error::Usage(_)) => drop(report(self.name, &error)),
                Err(error) => return Err(error),
                Ok(Typed::Nothing) => {}
                Ok(Typed::End) => return self.session.logout(),
                Ok(Typed::Line(lines)) => {
                    for line in lines.split('\n') {
                        self.run_line(line.as_bytes())?;
                    }
                }
            }
        }
        Ok(ExitStatus::DONE)
    }

    /// Runs one line, and reports its error.
    fn run_line(&mut self, line: &[u8]) -> Result<()> {
        let (_, line) = may_fail(line);
        if let Some(command) = escape::command(line) {
            match escape::run(command, Some(&self.interrupts), true) {
                Ok(0) => {}
                Ok(code) => {
                    if code == INTERRUPTED {
                        end_shown_interrupt();
                    }
                    remark(self.name, format!("!{}: exit status {code}", shown(command)));
                }
                Err(error) => drop(report(self.name, &error)),
            }
            return Ok(());
        }
        loop {
            let owned = line.to_vec();
            match self.run_job(move |session, ask| execute(session, &owned, ask)) {
                Err(error) if error.is_closed_pipe() => return Err(error),
                Ok(None) => {
                    end_shown_interrupt();
                    let command = line.trim_ascii().split(u8::is_ascii_whitespace).next().unwrap_or_default();
                    remark(self.name, format!("{}: interrupted", shown(command)));
                }
                Err(error) if error.kind() == ErrorKind::Unauthenticated => {
                    if self.asks_again(&error) {
                        continue;
                    }
                }
                Err(error) => drop(report(self.name, &error)),
                Ok(Some(_)) => {}
            }
            return Ok(());
        }
    }

    /// Reports the wrong password and asks again. Returns false if the user gives none, or no user is named.
    fn asks_again(&mut self, error: &Error) -> bool {
        report(self.name, error);
        let asked = self.session.client().ask_password();
        match asked {
            Ok(is_asked) => is_asked,
            Err(error) => {
                self.stay_anonymous(&error);
                false
            }
        }
    }

    fn stay_anonymous(&mut self, error: &Error) {
        report(self.name, error);
        self.session.client().stay_anonymous();
        self.interrupts.take();
    }

    /// Runs work of the session in a job, until it ends, or ^C ends it: `None`.
    fn run_job(
        &mut self,
        work: impl FnOnce(&mut Session, Ask<'_>) -> Result<ExitStatus> + Send + 'static,
    ) -> Result<Option<ExitStatus>> {
        self.prompt.serve(&self.session);
        let another = self.session.another()?;
        let session = std::mem::replace(&mut self.session, another);
        let mut job = Job::start(session, work).map_err(|error| Error::io("a thread", error))?;
        let mut limit = None;
        loop {
            match job.next(&self.interrupts, limit)? {
                JobEvent::Asked(question, answer) => {
                    display::pause();
                    let answered = if limit.is_none() { self.prompt.answer(&question)? } else { None };
                    display::resume();
                    // A job that has ended meanwhile needs no answer.
                    let _ = answer.send(answered);
                }
                JobEvent::Ended(session, outcome) => {
                    self.session = *session;
                    // An error that leaves the outcome unknown is reported even after ^C.
                    let is_interrupted =
                        limit.is_some() && outcome.is_err() && !self.session.client().take_doubt();
                    return if is_interrupted { Ok(None) } else { outcome.map(Some) };
                }
                JobEvent::Interrupted => {
                    display::end(false);
                    job.cancellation.cancel();
                    limit = Some(GRACE);
                }
                JobEvent::Late => return Ok(None),
            }
        }
    }
}

/// Ends the line on which the terminal has shown ^C.
fn end_shown_interrupt() {
    let _ = writeln!(io::stderr());
}

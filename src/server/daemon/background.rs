//! `--background`, for machines without a service manager: the program starts itself again in a new session, and this
//! process exits when the new one is ready, or with its exit code. Until then it copies the daemon's output. It does
//! not fork: a process with threads cannot.

use std::env;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio, id};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{getppid, setsid};

use crate::error::{Error, Result};
use crate::server::daemon::command::{exit_code, private_directory};
use crate::server::daemon::run_as::Account;

/// The environment variable with the id of the process that waits for the background process.
const PARENT: &str = "CFPD_PARENT";

/// Returns whether this process is the one in the background. If so, starts a new session without a terminal (setsid(2)).
pub fn is_there() -> Result<bool> {
    let is_child = env::var(PARENT).is_ok_and(|parent| parent == getppid().to_string());
    match is_child.then(setsid) {
        Some(Err(error)) => Err(Error::io("session", error.into())),
        session => Ok(session.is_some()),
    }
}

/// Starts this program again in the background, and returns its exit code, or 0 once it is ready. `account` may write
/// to the notification socket.
pub fn start(account: Option<&Account>) -> Result<u8> {
    let named = |error| Error::io("background", error);
    let directory = private_directory()?;
    let path = directory.path().join("notify");
    let news = UnixDatagram::bind(&path).map_err(named)?;
    account.map_or(Ok(()), |account| account.chown(&path).and_then(|()| account.chown(directory.path())))?;
    let child = Command::new(env::current_exe().map_err(named)?)
        .args(env::args_os().skip(1))
        .env(PARENT, id().to_string())
        .env("NOTIFY_SOCKET", &path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(named)?;
    follow(child, &news).map_err(named)
}

/// Copies what the child prints, until it is ready or has exited.
fn follow(mut child: Child, news: &UnixDatagram) -> io::Result<u8> {
    let (mut said, mut complained) = (child.stdout.take(), child.stderr.take());
    let mut ready = false;
    while said.is_some() || complained.is_some() {
        let mut waits = vec![news.as_fd()];
        waits.extend(said.as_ref().map(AsFd::as_fd));
        waits.extend(complained.as_ref().map(AsFd::as_fd));
        // Once it is ready, copy only what it has already printed.
        if !wait(&waits, if ready { PollTimeout::ZERO } else { PollTimeout::NONE })? {
            return Ok(0);
        }
        if has_come(news.as_fd())? {
            let mut message = [0; 4096];
            let length = news.recv(&mut message)?;
            let mut lines = message.get(..length).unwrap_or_default().split(|&byte| byte == b'\n');
            ready |= lines.any(|line| line == b"READY=1");
        }
        pass_on(&mut said, &mut io::stdout())?;
        pass_on(&mut complained, &mut io::stderr())?;
    }
    Ok(exit_code(child))
}

/// Copies what has arrived; at the end of the stream the source becomes `None`.
fn pass_on(source: &mut Option<impl Read + AsFd>, sink: &mut impl Write) -> io::Result<()> {
    let Some(from) = source.as_mut().filter(|from| has_come(from.as_fd()).unwrap_or(true)) else {
        return Ok(());
    };
    let mut block = [0; 4096];
    match from.read(&mut block)? {
        0 => *source = None,
        read => sink.write_all(block.get(..read).unwrap_or_default()).and_then(|()| sink.flush())?,
    }
    Ok(())
}

fn has_come(source: BorrowedFd<'_>) -> io::Result<bool> {
    wait(&[source], PollTimeout::ZERO)
}

fn wait(sources: &[BorrowedFd<'_>], limit: PollTimeout) -> io::Result<bool> {
    let mut fds: Vec<_> = sources.iter().map(|source| PollFd::new(*source, PollFlags::POLLIN)).collect();
    loop {
        match poll(&mut fds, limit) {
            Err(Errno::EINTR) => {}
            count => return Ok(count? > 0),
        }
    }
}

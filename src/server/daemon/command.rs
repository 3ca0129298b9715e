//! `cfpd -- COMMAND`: a private socket, and a command that connects to it. The daemon ends with the command.

use std::env;
use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc::Sender;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::{AccessFlags, Pid, eaccess};
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::server::daemon::run_as::Account;
use crate::server::net::ListenAddress;
use crate::server::shared::threads;

/// Why the daemon stops.
pub(crate) enum StopReason {
    /// This signal was received.
    Signal(Signal),
    /// The command has exited with this code.
    Command(u8),
}

/// A Unix socket in a directory that only this user can enter. Both are removed when this is dropped.
pub struct PrivateSocket {
    directory: TempDir,
    /// The address to listen on.
    pub address: ListenAddress,
}

impl PrivateSocket {
    /// Makes a socket for a command; none without a command.
    pub fn for_command(command: &[OsString]) -> Result<Option<Self>> {
        if command.is_empty() {
            return Ok(None);
        }
        let directory = private_directory()?;
        let address =
            ListenAddress::Unix { path: directory.path().join("socket"), mode: Some(0o600), group: None };
        Ok(Some(PrivateSocket { directory, address }))
    }

    /// Changes the owner of the bound socket and its directory to the account that the daemon and the command run as.
    pub fn give_to(&self, account: &Account) -> Result<()> {
        account.chown(&self.path())?;
        account.chown(self.directory.path())
    }

    /// Returns the URL of the socket.
    pub fn url(&self) -> String {
        format!("unix:{}", self.path().display())
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    /// Starts the command with this server in its environment, and sends its exit code to `ends`.
    pub fn start(&self, command: &[OsString], ends: Sender<StopReason>) -> Result<Pid> {
        let (program, arguments) = command.split_first().ok_or_else(|| Error::usage("no COMMAND"))?;
        let child = Command::new(program)
            .args(arguments)
            .env("CFP_SERVER", self.url())
            // The command must not notify the service manager of this daemon.
            .env_remove("NOTIFY_SOCKET")
            .env("PATH", path_with_own_folder())
            .spawn()
            .map_err(|error| Error::io(program.as_encoded_bytes(), error))?;
        let id = Pid::from_raw(child.id().cast_signed());
        threads::start("command", move || {
            // The receiver is gone where a signal came first.
            let _ = ends.send(StopReason::Command(exit_code(child)));
        })?;
        Ok(id)
    }
}

/// Checks that the program of a command exists and may be run, without running it.
pub fn check(command: &[OsString]) -> Result<()> {
    let Some(program) = command.first() else { return Ok(()) };
    let named = |errno: Errno| Error::io(program.as_encoded_bytes(), errno.into());
    if program.as_encoded_bytes().contains(&b'/') {
        return eaccess(Path::new(program), AccessFlags::X_OK).map_err(named);
    }
    let is_found = |folder: PathBuf| {
        let path = folder.join(program);
        path.is_file() && eaccess(&path, AccessFlags::X_OK).is_ok()
    };
    match env::split_paths(&path_with_own_folder()).any(is_found) {
        true => Ok(()),
        false => Err(named(Errno::ENOENT)),
    }
}

/// Makes a directory that no other user can enter; it is removed when dropped.
pub(crate) fn private_directory() -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix("cfpd-").permissions(Permissions::from_mode(0o700)).tempdir();
    made.map_err(|error| Error::io(env::temp_dir().as_os_str().as_encoded_bytes(), error))
}

/// The search path where `PATH` is unset (confstr(3), `_CS_PATH`).
const STANDARD_PATH: &str = "/bin:/usr/bin";

/// Returns `PATH` with the directory of this program first, so that the command finds the tools that belong to it.
fn path_with_own_folder() -> OsString {
    let inherited = env::var_os("PATH").unwrap_or_else(|| STANDARD_PATH.into());
    let own = env::current_exe().ok().and_then(|program| program.parent().map(|folder| folder.to_path_buf()));
    env::join_paths(own.into_iter().chain(env::split_paths(&inherited))).unwrap_or(inherited)
}

/// Waits for a process, and returns its exit code as a shell does.
pub fn exit_code(mut child: Child) -> u8 {
    let Ok(status) = child.wait() else { return 3 };
    match status.signal().and_then(|number| Signal::try_from(number).ok()) {
        Some(signal) => exit_code_of(signal),
        None => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(3),
    }
}

/// Returns the exit code of a command that a signal killed, as in a shell: 128 plus the signal number.
pub fn exit_code_of(signal: Signal) -> u8 {
    u8::try_from(128 + signal as i32).unwrap_or(u8::MAX)
}

//! Confinement by Landlock once all sockets are bound: the process keeps the served directory, the log, and the files
//! it reads again. It can start no program, open no TCP connection, and neither signal other processes nor connect to
//! their abstract Unix sockets. This is a second line of defence: names that lead out of the root are refused before.
//!
//! A Landlock rule applies to an inode, not to a name, and logs, rules and certificates are replaced by renames. So
//! access is granted to their directories, and where a name is a symbolic link, also to the directory of its target.

use std::fs;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use crate::error::{Error, Result};
use crate::server::admin_path::parent_of;
use crate::server::daemon::config::Config;
use crate::server::net::ListenAddress;
use crate::server::observe::log::is_standard_error;
use crate::store::Confinement;

/// The highest version of Landlock that is used. Later versions would forbid notifying the service manager.
const LEVEL: ABI = ABI::V6;

/// Confines this thread and those it starts later. Returns a message for the log where the kernel cannot enforce all of
/// it.
pub fn confine(config: &Config, store: &Confinement) -> Result<Option<&'static str>> {
    match restrict(config, store).map_err(|error| Error::io("Landlock", std::io::Error::other(error)))? {
        RulesetStatus::FullyEnforced => Ok(None),
        RulesetStatus::PartiallyEnforced => Ok(Some("is confined by Landlock as far as this kernel can")),
        RulesetStatus::NotEnforced => Ok(Some("is not confined: this kernel has no Landlock")),
    }
}

fn restrict(config: &Config, store: &Confinement) -> Result<RulesetStatus, RulesetError> {
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(LEVEL))?
        .handle_access(AccessNet::from_all(LEVEL))?
        .scope(scopes())?
        .create()?;
    for (path, access) in allowed(config, store) {
        // One that is missing needs no rule: opening it fails anyway.
        if let Ok(beneath) = PathFd::new(path) {
            rules = rules.add_rule(PathBeneath::new(beneath, access))?;
        }
    }
    Ok(rules.restrict_self()?.ruleset)
}

/// Returns the scopes to confine. A service manager may listen on an abstract socket (sd_notify(3)).
fn scopes() -> BitFlags<Scope> {
    let socket = std::env::var_os("NOTIFY_SOCKET");
    match socket.is_some_and(|socket| socket.as_encoded_bytes().starts_with(b"@")) {
        true => Scope::Signal.into(),
        false => Scope::Signal | Scope::AbstractUnixSocket,
    }
}

/// Returns the paths and what is granted on each.
fn allowed(config: &Config, store: &Confinement) -> Vec<(PathBuf, BitFlags<AccessFs>)> {
    use AccessFs::{
        Execute, IoctlDev, MakeBlock, MakeChar, MakeFifo, MakeReg, MakeSock, ReadDir, ReadFile, RemoveFile,
        WriteFile,
    };
    let never_granted = Execute | IoctlDev | MakeBlock | MakeChar | MakeFifo | MakeSock;
    let tls = config.tls.iter().flat_map(|files| [&files.certificate, &files.key]);
    let files = config.file.iter().chain(&config.users).chain(&config.access).chain(tls);
    let log = config.log.as_ref().filter(|path| !is_standard_error(path));
    let sockets = config.listen.iter().filter_map(|address| match address {
        ListenAddress::Unix { path, .. } => Some(path),
        ListenAddress::Tcp(_) => None,
    });
    let removal_directories = sockets.chain(&config.pid_file).map(|file| parent_of(file).to_owned());
    let mut all = Vec::new();
    let mut allow = |places: Vec<PathBuf>, access: BitFlags<AccessFs>| {
        all.extend(places.into_iter().map(|place| (place, access)));
    };
    allow(vec!["/proc/self/status".into(), "/dev/urandom".into()], ReadFile.into());
    allow(store.changed.clone(), AccessFs::from_all(LEVEL) & !never_granted);
    allow(store.read.clone(), ReadFile.into());
    allow(files.flat_map(|file| around(file)).collect(), ReadFile.into());
    // The names of local users, where rules may name them.
    allow(config.access.iter().map(|_| "/etc".into()).collect(), ReadFile.into());
    // For the log it is enough to resolve the users that exist now.
    allow(log.iter().map(|_| "/etc/passwd".into()).collect(), ReadFile.into());
    allow(log.iter().flat_map(|file| around(file)).collect(), MakeReg | WriteFile);
    allow(removal_directories.collect(), RemoveFile.into());
    allow(config.spools().into_iter().collect(), ReadDir | MakeReg | ReadFile | WriteFile | RemoveFile);
    all
}

/// Returns the directory of a file, and that of the target where it is a symbolic link.
fn around(file: &Path) -> impl Iterator<Item = PathBuf> {
    let target = fs::canonicalize(file).ok().map(|target| parent_of(&target).to_owned());
    [parent_of(file).to_owned()].into_iter().chain(target)
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::io::ErrorKind::PermissionDenied;
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
    use std::process::Command;
    use std::thread;

    use nix::errno::Errno;
    use nix::sys::signal::kill;
    use nix::unistd::Pid;

    use super::*;

    /// Landlock applies to a thread: this one is confined, and ends.
    #[test]
    fn whoever_is_confined_comes_to_its_files_and_to_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let [root, logs, keys, other] =
            ["root", "logs", "keys", "other"].map(|name| folder.path().join(name));
        for directory in [&root, &logs, &keys, &other] {
            fs::create_dir(directory).unwrap();
            fs::write(directory.join("f"), "text").unwrap();
        }
        let config = Config {
            log: Some(logs.join("log")),
            users: Some(keys.join("users")),
            root: root.clone(),
            ..Config::default()
        };
        let store = Confinement { changed: vec![root.clone()], ..Confinement::default() };
        let name = SocketAddr::from_abstract_name(folder.path().as_os_str().as_encoded_bytes()).unwrap();
        let _listens = UnixListener::bind_addr(&name).unwrap();
        UnixStream::connect_addr(&name).unwrap();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let confined = move || {
            let status = restrict(&config, &store).unwrap();
            if status == RulesetStatus::NotEnforced {
                return false;
            }
            let denied = |what: std::io::Result<()>| what.unwrap_err().kind() == PermissionDenied;
            fs::write(root.join("g"), "more").unwrap();
            fs::read("/etc/passwd").unwrap();
            assert!(denied(fs::read("/etc/group").map(drop)));
            fs::create_dir(root.join("d")).unwrap();
            fs::rename(root.join("g"), root.join("d/g")).unwrap();
            fs::remove_dir_all(root.join("d")).unwrap();
            OpenOptions::new().append(true).create(true).open(logs.join("log")).unwrap();
            assert!(denied(File::open(logs.join("f")).map(drop)));
            assert!(denied(fs::remove_file(logs.join("f"))));
            assert_eq!(fs::read(keys.join("f")).unwrap(), b"text");
            assert!(denied(fs::write(keys.join("f"), "mine")));
            assert!(denied(File::open(other.join("f")).map(drop)));
            assert!(denied(fs::write(other.join("g"), "mine")));
            assert!(denied(fs::read_dir("/").map(drop)));
            assert!(denied(Command::new("/bin/true").spawn().map(drop)));
            // Since version 6.
            if status == RulesetStatus::FullyEnforced {
                assert!(denied(UnixStream::connect_addr(&name).map(drop)));
                assert_eq!(kill(Pid::parent(), None), Err(Errno::EPERM));
            }
            // Only since version 4.
            if let Err(error) = TcpStream::connect(address) {
                assert_eq!(error.kind(), PermissionDenied);
            }
            true
        };
        if !thread::spawn(confined).join().unwrap() {
            // As the tests of tests/ say it, past the harness.
            writeln!(std::io::stderr(), "LEFT OUT whoever_is_confined: no Landlock in this kernel").unwrap();
        }
    }
}

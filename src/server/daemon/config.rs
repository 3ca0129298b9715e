//! The configuration of the daemon, and the check of it before anything is started.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::http::PathPrefix;
use crate::server::admin_path::{self, parent_of, require_writable};
use crate::server::auth::access::parse_name;
use crate::server::auth::{AccessList, Gate, Policy, PolicyFiles, Principal, Verb, htpasswd};
use crate::server::daemon::run_as::Account;
use crate::server::daemon::{command, pid_file};
use crate::server::limits::{self, Limits};
use crate::server::net::{ListenAddress, Tls, TlsFiles, TrustedProxies};
use crate::server::observe::log::{LogFormat, is_standard_error};
use crate::store::{Local, Spools, Store};

/// What is required to listen on an address that other machines can reach.
const NEEDS_GUARD: &str = "--users FILE, or --access FILE with rules that name only `*`, or --read-only";
const NEEDS_SECRECY: &str = "--tls-cert and --tls-key, or --insecure-plain";

/// The configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The file that further options were read from, which a reload reads again.
    pub file: Option<PathBuf>,
    /// The served directory.
    pub root: PathBuf,
    /// Whether to create it where it is missing: true for the default directory, false for a configured one.
    pub make_root: bool,
    /// The addresses to listen on. Where none is given: the default address, with a command the private socket alone,
    /// with socket activation those sockets alone.
    pub listen: Vec<ListenAddress>,
    /// Whether writes are fsynced before they are acknowledged.
    pub sync: bool,
    /// Whether daemons of other machines write to the same files.
    pub shared: bool,
    /// Bytes of the file system that uploads leave free.
    pub keep_free: u64,
    /// Bytes that all spool files may take together; a tenth of the disk where it is not given.
    pub max_spool: Option<u64>,
    /// Bytes of small files that are kept in memory.
    pub file_cache: u64,
    /// The users with their passwords: a file of `htpasswd -B`.
    pub users: Option<PathBuf>,
    /// The access rules.
    pub access: Option<PathBuf>,
    /// Host names that requests may be for besides those of this machine, where there are no users.
    pub hosts: Vec<String>,
    /// Whether passwords and files may travel unencrypted over a network.
    pub insecure_plain: bool,
    /// Whether the server is read-only.
    pub read_only: bool,
    /// Bytes handed to a socket in one call.
    pub send_size: Option<usize>,
    /// The file of the log.
    pub log: Option<PathBuf>,
    /// The format of its lines.
    pub log_format: LogFormat,
    /// Certificate and key for TLS on TCP connections.
    pub tls: Option<TlsFiles>,
    /// The proxies whose fields about a client are trusted.
    pub trusted_proxies: TrustedProxies,
    /// The path of a site beneath which this server is.
    pub prefix: PathPrefix,
    /// Whether a PROPFIND may ask for everything beneath a directory.
    pub dav_infinity: bool,
    /// `max-age` of `Strict-Transport-Security`, in seconds.
    pub hsts: Option<u64>,
    /// The limits on clients.
    pub limits: Limits,
    /// Whether to run in the background.
    pub background: bool,
    /// The file for the process id.
    pub pid_file: Option<PathBuf>,
    /// The account to run as once all sockets are bound.
    pub run_as: Option<Account>,
    /// The command to run, with which the daemon ends.
    pub command: Vec<OsString>,
}

impl Config {
    /// Reads users and access rules. Errors name file and line.
    pub(crate) fn policy(&self) -> Result<Policy> {
        let files = PolicyFiles { users: self.users.clone(), access: self.access.clone() };
        Policy::read(files, self.read_only)
    }

    /// Returns the directory for spool files where the root is not writable: `$TMPDIR` or `/var/tmp`, since `/tmp` may be in
    /// memory.
    pub(crate) fn spools(&self) -> Option<PathBuf> {
        let may_write = require_writable(&self.root.join(".")).is_ok();
        let set = || std::env::var_os("TMPDIR").filter(|place| !place.is_empty());
        (!may_write).then(|| set().map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from))
    }

    /// Refuses an address that other machines can reach without a password, or by unencrypted connections.
    pub(crate) fn refuse_exposed(&self, address: &ListenAddress) -> Result<()> {
        if !address.is_exposed() {
            return Ok(());
        }
        let needs = match (self.is_guarded()?, self.tls.is_some() || self.insecure_plain) {
            (true, true) => return Ok(()),
            (false, true) => NEEDS_GUARD.to_owned(),
            (true, false) => NEEDS_SECRECY.to_owned(),
            (false, false) => format!("{NEEDS_GUARD}; and {NEEDS_SECRECY}"),
        };
        Err(Error::usage(format!("{address}: other machines can reach it: needs {needs}")))
    }

    /// Returns whether access is restricted on purpose: users have passwords, or the rules name `*` alone, or the server is
    /// read-only.
    fn is_guarded(&self) -> Result<bool> {
        match &self.access {
            _ if self.users.is_some() || self.read_only => Ok(true),
            Some(rules) => Ok(AccessList::read(rules, false)?.is_for_anyone()),
            None => Ok(false),
        }
    }

    /// Returns the errors with which the daemon would fail to start, as far as they can be found without starting it.
    /// Switches to the configured account before it opens any file, as the daemon does.
    pub fn errors(&self) -> Vec<Error> {
        let listen: Vec<_> = self.listen.iter().map(ListenAddress::check).collect();
        let pid_file = self.pid_file.as_deref().map(pid_file::check_writable);
        let run_as = self.run_as.as_ref().map(Account::assume);
        let users = self.users.iter().flat_map(|path| htpasswd::errors(path));
        let with_users = self.users.is_some();
        let access = self.access.iter().flat_map(|path| AccessList::errors(path, with_users));
        let root: Vec<_> = match self.make_root && !self.root.exists() {
            true => check_can_create(&self.root).err().into_iter().collect(),
            false => self.root_errors(),
        };
        let tls = self.tls.iter().flat_map(tls_errors);
        let command = Some(command::check(&self.command));
        let account = run_as.and_then(Result::err);
        let rest = [self.log.as_deref().map(check_log), pid_file, command];
        let exposed = self.listen.iter().map(|address| self.refuse_exposed(address));
        let before = rest.into_iter().flatten().chain(exposed).filter_map(Result::err);
        let after = listen.into_iter().filter_map(Result::err);
        account
            .into_iter()
            .chain(root)
            .chain(before)
            .chain(users)
            .chain(access)
            .chain(tls)
            .chain(after)
            .collect()
    }

    /// Returns what is wrong with the files of a root that exists.
    fn root_errors(&self) -> Vec<Error> {
        let store = match self.open_store(true) {
            Ok((store, _)) => store,
            Err(error) => return vec![error],
        };
        // Rules that cannot be read are reported by themselves.
        let policy = self.policy().or_else(|_| Policy::read(PolicyFiles::default(), self.read_only));
        let Ok(policy) = policy else { return Vec::new() };
        let spelling = policy.require_one_spelling(&*store);
        [spelling, Gate::new(store, policy).load_locks()].into_iter().filter_map(Result::err).collect()
    }

    /// Opens the engine at the configured root, and its spools: the one place that says which engine it is.
    pub fn open_store(&self, read_only: bool) -> Result<(Arc<dyn Store>, Spools)> {
        let store = Local::open(&self.root)?
            .with_reserve(self.keep_free)
            .spooling_at_most(self.max_spool)
            .snapshotting(
                limits::SNAPSHOT_MEMORY,
                self.limits.file_size.min(limits::SPILL_MAX),
                limits::SPILL_PARTS,
            )
            .caching_at_most(self.file_cache)?
            .keeping_partials(self.limits.partials, self.limits.partial_time);
        let store = if self.sync { store } else { store.without_sync() };
        let store = match self.spools() {
            Some(place) => store.spooling_in(&place),
            None => store,
        };
        let store = if read_only { store.read_only() } else { store };
        let store = if self.shared { store.shared(read_only && !self.read_only)? } else { store };
        let spools = store.spools();
        Ok((Arc::new(store), spools))
    }

    /// Explains which rule decides whether a principal may do this to a name: whether it is allowed, and a line that
    /// says why.
    pub fn explain(&self, [who, verb, name]: [&OsStr; 3]) -> Result<(bool, String)> {
        let (who, verb) = (Principal::parse(who.as_bytes())?, Verb::parse(verb.as_bytes())?);
        Ok(self.policy()?.explain(&who, verb, &parse_name(name.as_bytes())?))
    }
}

/// Checks that a directory could be created, with its missing parents.
fn check_can_create(path: &Path) -> Result<()> {
    let ancestor = path.ancestors().skip(1).find(|above| above.symlink_metadata().is_ok());
    require_writable(&ancestor.unwrap_or(Path::new(".")).join("."))
        .map_err(|error| Error::io(path.as_os_str().as_encoded_bytes(), error.into()))
}

/// Returns what is wrong with the files for TLS: those that cannot be read, else what is in them.
fn tls_errors(files: &TlsFiles) -> Vec<Error> {
    let files_of = [&files.certificate, &files.key];
    let unreadable: Vec<_> = files_of.into_iter().filter_map(|path| admin_path::read(path).err()).collect();
    match unreadable.is_empty() {
        true => Tls::open(files).err().into_iter().collect(),
        false => unreadable,
    }
}

/// Checks that a log can be appended to or created, without creating it.
fn check_log(path: &Path) -> Result<()> {
    if is_standard_error(path) {
        return Ok(());
    }
    let named = |error| Error::io(path.as_os_str().as_encoded_bytes(), error);
    match path.try_exists().map_err(named)? {
        true => OpenOptions::new().append(true).open(path).map(drop).map_err(named),
        false => require_writable(parent_of(path)).map_err(|error| named(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_root_is_one_that_can_be_made() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        for (root, errors) in [("new", 0), ("new/er/cfpd", 0), (".", 0), ("file/cfpd", 1), ("file/x/y", 1)] {
            let root = folder.path().join(root);
            let config = Config { make_root: true, root: root.clone(), ..Config::default() };
            assert_eq!(config.errors().len(), errors, "{}", root.display());
        }
    }
}

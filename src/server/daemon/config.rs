//! What an admin may choose, and what is wrong with it before anything is started.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::server::admin_path::{above, require_change};
use crate::server::auth::access::{AccessList, Principal, Verb, name_of};
use crate::server::auth::htpasswd;
use crate::server::auth::policy::{Policy, PolicyFiles};
use crate::server::daemon::pid_file;
use crate::server::daemon::run_as::Account;
use crate::server::limits::Limits;
use crate::server::net::forwarded::TrustedProxies;
use crate::server::net::listen::Address;
use crate::server::net::tls::{Files as TlsFiles, Tls};
use crate::server::observe::log::{LogFormat, is_standard_error};
use crate::store::Local;

/// What an address that other machines can reach needs.
const NEEDS_GUARD: &str = "--users FILE, or --access FILE with rules that name only `*`, or --read-only";
const NEEDS_SECRECY: &str = "--tls-cert and --tls-key, or --insecure-plain";

/// What an admin may choose.
#[derive(Clone, Debug)]
pub struct Config {
    /// The directory whose files are served.
    pub root: PathBuf,
    /// Whether to make it where it is not there: a default may be, a name an admin typed must not.
    pub make_root: bool,
    /// Where to listen. Nothing is the default address; but with a command only a private socket, and with sockets
    /// that were handed over only those.
    pub listen: Vec<Address>,
    /// Whether a write is on the disk before it is acknowledged.
    pub sync: bool,
    /// Bytes of the file system that uploads leave free.
    pub keep_free: u64,
    /// Bytes that answers and bodies kept for the time of a request may take together; a tenth of the disk without it.
    pub max_spool: Option<u64>,
    /// Who has a password: a file of `htpasswd -B`.
    pub users: Option<PathBuf>,
    /// Who may what: an access file.
    pub access: Option<PathBuf>,
    /// Hosts that requests may be for, besides those of this machine, where there are no users.
    pub hosts: Vec<String>,
    /// Whether passwords and files may travel unencrypted over a network.
    pub insecure_plain: bool,
    /// Whether nobody may write.
    pub read_only: bool,
    /// Bytes handed to a socket in one call.
    pub send_size: Option<usize>,
    /// Where access lines go.
    pub log: Option<PathBuf>,
    /// The form of its lines.
    pub log_format: LogFormat,
    /// What TCP connections are encrypted with.
    pub tls: Option<TlsFiles>,
    /// Whose word about a client is believed.
    pub trusted_proxies: TrustedProxies,
    /// For how many seconds browsers are told to come by TLS alone.
    pub hsts: Option<u64>,
    /// What clients may push against.
    pub limits: Limits,
    /// Whether to go on in the background once connections are taken.
    pub background: bool,
    /// Where the number of the process is written.
    pub pid_file: Option<PathBuf>,
    /// Who the daemon is once it is bound.
    pub run_as: Option<Account>,
    /// A command to serve, and to end with.
    pub command: Vec<OsString>,
}

impl Config {
    /// Those of a test.
    #[cfg(test)]
    pub(crate) fn of_root(root: &Path) -> Self {
        Config {
            root: root.to_owned(),
            make_root: false,
            listen: Vec::new(),
            sync: false,
            keep_free: 0,
            max_spool: None,
            users: None,
            access: None,
            hosts: Vec::new(),
            insecure_plain: false,
            read_only: false,
            send_size: None,
            log: None,
            log_format: LogFormat::default(),
            tls: None,
            hsts: None,
            trusted_proxies: TrustedProxies::default(),
            limits: Limits::default(),
            background: false,
            pid_file: None,
            run_as: None,
            command: Vec::new(),
        }
    }

    /// Who there is, and who may what. Errors name file and line.
    pub(crate) fn policy(&self) -> Result<Policy> {
        let files = PolicyFiles { users: self.users.clone(), access: self.access.clone() };
        Policy::read(files, self.read_only)
    }

    /// Where what a client does not take at once is spooled, where that cannot be at the root: `$TMPDIR` or `/var/tmp`,
    /// since `/tmp` may be memory.
    pub(crate) fn spools(&self) -> Option<PathBuf> {
        let may_write = require_change(&self.root.join(".")).is_ok();
        let set = || std::env::var_os("TMPDIR").filter(|place| !place.is_empty());
        (!may_write).then(|| set().map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from))
    }

    /// Refuses to be reached from other machines by who is not asked for a password, or sends it in the clear.
    pub(crate) fn refuse_exposure(&self) -> Result<()> {
        self.listen.iter().try_for_each(|address| self.refuse_exposed(address))
    }

    /// The same of one address.
    pub(crate) fn refuse_exposed(&self, address: &Address) -> Result<()> {
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

    /// Whether an admin has said what anybody may do: whoever comes is asked for a password, or the rules speak of
    /// anyone and nobody else, or nobody changes anything.
    fn is_guarded(&self) -> Result<bool> {
        match &self.access {
            _ if self.users.is_some() || self.read_only => Ok(true),
            Some(rules) => Ok(AccessList::read(rules, false)?.is_for_anyone()),
            None => Ok(false),
        }
    }

    /// All that would keep the daemon from starting, as far as it can be known without starting it. As the daemon
    /// does, this process goes on as the user an admin named before it opens any file.
    pub fn faults(&self) -> Vec<Error> {
        let listen: Vec<_> = self.listen.iter().map(Address::check).collect();
        let pid_file = self.pid_file.as_deref().map(pid_file::check_place);
        let run_as = self.run_as.as_ref().map(Account::assume);
        let users = self.users.iter().flat_map(|path| htpasswd::faults(path));
        let with_users = self.users.is_some();
        let access = self.access.iter().flat_map(|path| AccessList::faults(path, with_users));
        let root = match self.make_root && !self.root.exists() {
            true => check_place(&self.root),
            false => Local::open(&self.root).and_then(|store| self.check_spelling(&store.read_only())),
        };
        let tls = self.tls.as_ref().map(|files| Tls::open(files).map(drop));
        let rest = [run_as, Some(root), self.log.as_deref().map(check_log), pid_file];
        let exposed = self.listen.iter().map(|address| self.refuse_exposed(address));
        let before = rest.into_iter().flatten().chain(exposed).filter_map(Result::err);
        let after = tls.into_iter().chain(listen).filter_map(Result::err);
        before.chain(users).chain(access).chain(after).collect()
    }

    /// Whether the rules can hold at the root, where there are any that can be read.
    fn check_spelling(&self, store: &Local) -> Result<()> {
        match self.policy() {
            Ok(policy) => policy.require_one_spelling(store),
            // That is said elsewhere.
            Err(_) => Ok(()),
        }
    }

    /// Which rule decides whether a user, as an admin writes him, may do this to a name: whether that is a yes, and a
    /// line that says why.
    pub fn explain(&self, [who, verb, name]: [&OsStr; 3]) -> Result<(bool, String)> {
        let (who, verb) = (Principal::parse(who.as_bytes())?, Verb::parse(verb.as_bytes())?);
        Ok(self.policy()?.explain(&who, verb, &name_of(name.as_bytes())?))
    }
}

/// Whether a directory could be made, with those above it that are missing.
fn check_place(path: &Path) -> Result<()> {
    let stands = path.ancestors().skip(1).find(|above| above.symlink_metadata().is_ok());
    require_change(&stands.unwrap_or(Path::new(".")).join("."))
        .map_err(|error| Error::io(path.as_os_str().as_encoded_bytes(), error.into()))
}

/// Whether a log can be appended to, or made, without making it.
fn check_log(path: &Path) -> Result<()> {
    if is_standard_error(path) {
        return Ok(());
    }
    let named = |error| Error::io(path.as_os_str().as_encoded_bytes(), error);
    match path.try_exists().map_err(named)? {
        true => OpenOptions::new().append(true).open(path).map(drop).map_err(named),
        false => require_change(above(path)).map_err(|error| named(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_root_is_one_that_can_be_made() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        for (root, faults) in [("new", 0), ("new/er/cfpd", 0), (".", 0), ("file/cfpd", 1), ("file/x/y", 1)] {
            let root = folder.path().join(root);
            let config = Config { make_root: true, ..Config::of_root(&root) };
            assert_eq!(config.faults().len(), faults, "{}", root.display());
        }
    }
}

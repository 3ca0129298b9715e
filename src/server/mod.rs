//! The daemon: where HTTP meets store and text. This room owns listeners, connections and the exchange of a
//! request for an answer; how bytes are framed, kept or changed it leaves to the other rooms.
//!
//! A thread accepts on each listener, a thread serves each connection, and the first thread waits for signals.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::{Error, Result};
use crate::server::auth::{policy, rights, sites};
use crate::server::conn::accept;
use crate::server::daemon::command::{self, PrivateSocket};
use crate::server::daemon::{
    background, cleanup, landlock, pid_file, run_as, sd_notify, signals, socket_activation,
};
use crate::server::exchange::{decoding, liveness};
use crate::server::net::listen::Listener;
use crate::server::net::{connections, tls};
use crate::server::observe::log;
use crate::server::observe::metrics::{self, Moment, Refusal};
use crate::server::observe::peer::Peer;
use crate::server::shared::{coders, health, outcomes, processing, upload_locks};
use crate::store::{Local, Store};

pub use crate::server::auth::sites::parse as parse_host;
pub use crate::server::daemon::config::Options;
pub use crate::server::daemon::run_as::Account;
pub use crate::server::net::forwarded::{Network, TrustedProxies};
pub use crate::server::net::listen::{Address, DEFAULT};
pub use crate::server::net::tls::Files as TlsFiles;
pub use crate::server::observe::log::LogFormat;
pub use limits::Limits;

pub mod auth;
pub(crate) mod conn;
pub(crate) mod daemon;
pub(crate) mod exchange;
mod limits;
mod methods;
pub(crate) mod net;
pub(crate) mod observe;
pub(crate) mod page;
pub(crate) mod resumable;
pub(crate) mod shared;

/// What every connection shares.
pub struct Server {
    rights: rights::Rights,
    /// The store that `rights` has, as the engine it is; another one where a reload found another root.
    store: RwLock<Arc<Local>>,
    health: health::Health,
    limits: Limits,
    send_size: Option<usize>,
    log: log::Log,
    connections: Arc<connections::Connections>,
    helpers: methods::Helpers,
    metrics: metrics::Metrics,
    coders: coders::Coders,
    claims: upload_locks::Claims,
    trusted_proxies: TrustedProxies,
    outcomes: outcomes::Outcomes,
    tls: Option<tls::Tls>,
    /// What browsers are told over TLS of later visits.
    hsts: Option<String>,
    /// Which hosts requests must be for; where there are users, their passwords tell pages of others apart.
    sites: Option<sites::Sites>,
}

impl Server {
    /// A daemon that serves nobody yet.
    fn new(
        options: &Options,
        policy: policy::Policy,
        store: Local,
        sites: Option<sites::Sites>,
    ) -> Result<Arc<Self>> {
        let store = Arc::new(store);
        let server = Arc::new(Server {
            rights: rights::Rights::new(Arc::clone(&store) as Arc<dyn Store>, policy),
            store: RwLock::new(store),
            health: health::Health::default(),
            helpers: methods::Helpers::new(options.limits.scan_jobs),
            metrics: metrics::Metrics::new(),
            coders: coders::Coders::new(options.limits.scan_jobs),
            limits: options.limits.clone(),
            send_size: options.send_size,
            log: log::Log::open(options.log.as_deref(), options.log_format)?,
            connections: Arc::default(),
            claims: upload_locks::Claims::default(),
            trusted_proxies: options.trusted_proxies.clone(),
            outcomes: outcomes::Outcomes::default(),
            tls: options.tls.as_ref().map(tls::Tls::open).transpose()?,
            hsts: options.hsts.map(|seconds| format!("max-age={seconds}")),
            sites,
        });
        if !options.sync {
            server.log.remark("writes are acknowledged before they are on the disk (--no-sync)");
        }
        Ok(server)
    }

    /// Takes up what an admin has changed since the start. Users, rules and certificate are read and checked first;
    /// when any of them cannot be taken up, all stay as they were. The log is another matter: who moved it away may
    /// compress it whatever comes of the rest.
    fn reload(&self) -> Result<()> {
        self.log.swap(self.log.reopened()?);
        let policy = self.rights.reopened()?;
        let config = self.tls.as_ref().map(tls::Tls::reopened).transpose()?;
        let store = self.store().reopened().map_err(advise)?.map(Arc::new);
        let now = self.store();
        policy.require_one_spelling(store.as_ref().unwrap_or(&now))?;
        self.rights.swap(policy, store.clone().map(|store| store as Arc<dyn Store>));
        if let Some(store) = store {
            *self.store.write().unwrap_or_else(PoisonError::into_inner) = store;
            self.log.remark("the served directory is another one now");
        }
        if let (Some(tls), Some(config)) = (&self.tls, config) {
            tls.swap(config);
        }
        Ok(())
    }

    /// The store as it is now.
    fn store(&self) -> Arc<Local> {
        Arc::clone(&self.store.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How what `client` sends or asks for is decoded.
    fn decoding<'a>(&'a self, client: &'a liveness::Presence<'a>) -> decoding::Decoding<'a> {
        decoding::Decoding { coders: &self.coders, limits: &self.limits, client }
    }

    /// What is so at this moment.
    fn moment(&self) -> Moment {
        let (scan_jobs, scan_jobs_max) = self.helpers.busy();
        let connections = self.connections.count();
        Moment { connections, connections_max: self.limits.connections, scan_jobs, scan_jobs_max }
    }

    /// What goes on, in one line.
    fn status(&self) -> String {
        self.metrics.line(&self.moment())
    }

    /// What caches may do with stored bytes and what is made of them: keep them, and ask each time; where there are users,
    /// no cache that others share.
    fn cache_control(&self) -> &'static str {
        if self.sites.is_some() { "no-cache" } else { "private, no-cache" }
    }

    /// Notes and counts a client that was refused.
    fn refuse(&self, peer: &Peer, why: Refusal, error: &Error) {
        self.metrics.refused(why);
        self.log.refusal(peer, error.http_status(), error);
    }

    /// Notes and counts a login that was refused.
    fn refuse_login(&self, user: Option<&[u8]>, peer: &Peer) {
        self.metrics.refused(Refusal::Login);
        self.log.refused_login(user, peer);
    }
}

/// Says what to do where the process may not open what it finds: Landlock holds for directories, not for names.
fn advise(error: Error) -> Error {
    match error {
        Error::System { name, source } if source.kind() == io::ErrorKind::PermissionDenied => {
            let what =
                "is another directory than at the start, which a confined process cannot open: restart cfpd";
            Error::usage(format!("{name}: {what}"))
        }
        error => error,
    }
}

/// Why the daemon ends.
pub(crate) enum End {
    /// This signal asked for it.
    Signal(Signal),
    /// The command has ended with this exit code.
    Command(u8),
}

/// Serves until a signal or the command's end, and gives the exit code. `say` prints a line for whoever started
/// the daemon.
pub fn run(options: Options, say: &dyn Fn(&str) -> io::Result<()>) -> Result<u8> {
    if options.background && !background::is_there()? {
        socket_activation::refuse("--background")?;
        return background::start(options.run_as.as_ref());
    }
    options.refuse_exposure()?;
    let caught = signals::catch()?;
    let handed = socket_activation::listeners(&options)?;
    let private = PrivateSocket::for_command(&options.command)?;
    let mut listeners = bind(&options, private.as_ref(), handed.is_empty())?;
    listeners.extend(handed);
    let pid_file = options.pid_file.as_deref().map(pid_file::PidFile::write).transpose()?;
    become_account(&options, private.as_ref())?;
    // Rules name users of this machine, whom the system may look up by code that it loads then.
    let policy = options.policy()?;
    let sites = options.users.is_none().then(|| sites::Sites::of_machine(&options.hosts));
    let restricted = restrict(&options, private.is_some())?;
    let store = open_store(&options)?;
    policy.require_one_spelling(&store)?;
    let server = Server::new(&options, policy, store, sites)?;
    restricted.iter().for_each(|remark| server.log.remark(remark));
    cleanup::recover(&server);
    cleanup::start(&server)?;
    health::start(&server)?;
    processing::start(&server.connections)?;
    let (ends, end) = channel();
    signals::watch(&server, caught, ends.clone())?;
    let acceptors = accept::Acceptors::start(&server, listeners, |url| {
        let shown = private.as_ref().is_none_or(|private| private.url() != url);
        match shown.then(|| say(&format!("cfpd: listening on {url}"))) {
            // Who wants to know no more, as head(1) after a line, may want to be served all the same.
            Some(Err(wrong)) if wrong.kind() != io::ErrorKind::BrokenPipe => Err(wrong),
            _ => Ok(()),
        }
    })?;
    sd_notify::ready(&server.status());
    sd_notify::keep_telling(&server)?;
    let child = private.as_ref().map(|private| private.start(&options.command, ends)).transpose()?;
    let code = wait_for_end(&end, child);
    sd_notify::stopping();
    acceptors.stop();
    pid_file.iter().for_each(pid_file::PidFile::release);
    finish(&server, end);
    Ok(code)
}

/// Goes on as the user an admin named. No thread may have been started before.
fn become_account(options: &Options, private: Option<&PrivateSocket>) -> Result<()> {
    make_root(options)?;
    let Some(account) = &options.run_as else { return Ok(()) };
    private.map_or(Ok(()), |private| private.give_to(account))?;
    account.assume()
}

/// Gives up what is not needed once all is bound, and says so, for the log. No thread may have been started before. A
/// command would inherit it, and may be one that cannot have it.
fn restrict(options: &Options, has_command: bool) -> Result<Vec<String>> {
    if has_command {
        return Ok(Vec::new());
    }
    run_as::load_names();
    let unraised = accept::raise_descriptor_limit().err().map(|error| error.to_string());
    let confined = landlock::confine(options)?;
    Ok(unraised.into_iter().chain(confined.map(str::to_owned)).collect())
}

/// Makes a default root where it is missing.
fn make_root(options: &Options) -> Result<()> {
    if !options.make_root || options.root.is_dir() {
        return Ok(());
    }
    let named = |wrong| Error::io(options.root.as_os_str().as_encoded_bytes(), wrong);
    // What is kept there is not for every user of the machine, and a package makes it so too.
    fs::DirBuilder::new().recursive(true).mode(0o750).create(&options.root).map_err(named)?;
    options.run_as.as_ref().map_or(Ok(()), |account| account.own(&options.root))
}

/// The store at the root an admin chose.
fn open_store(options: &Options) -> Result<Local> {
    let store = Local::open(&options.root)?
        .keeping_free(options.keep_free)
        .spooling_at_most(options.max_spool)
        .snapshotting(
            limits::SNAPSHOT_MEMORY,
            options.limits.file_size.min(limits::SPILL_MAX),
            limits::SPILL_PARTS,
        )
        .keeping_partials(options.limits.partials, options.limits.partial_time);
    let store = if options.sync { store } else { store.without_sync() };
    let store = match options.spools() {
        Some(place) => store.spooling_in(&place),
        None => store,
    };
    Ok(if options.read_only { store.untouched() } else { store })
}

/// Binds what an admin chose, and the private socket; `alone` where no socket was handed over.
fn bind(options: &Options, private: Option<&PrivateSocket>, alone: bool) -> Result<Vec<Listener>> {
    let default = match alone && options.listen.is_empty() && private.is_none() {
        true => Address::parse(DEFAULT)?,
        false => Vec::new(),
    };
    let addresses = options.listen.iter().chain(&default).chain(private.map(|private| &private.address));
    addresses.map(|address| Listener::bind(address, options.tls.is_some())).collect()
}

/// Waits for a signal, or with a command for the command's end: an INT from the keyboard has reached the command
/// too, which may go on; a TERM is passed on to it, and a second one does not wait for it.
fn wait_for_end(end: &Receiver<End>, child: Option<Pid>) -> u8 {
    let mut told = false;
    loop {
        match (end.recv(), child) {
            (Ok(End::Command(code)), _) => return code,
            (Ok(End::Signal(Signal::SIGTERM)), Some(child)) if !told => {
                // A command that has ended is heard of next.
                let _ = kill(child, Signal::SIGTERM);
                told = true;
            }
            (Ok(End::Signal(Signal::SIGINT)), Some(_)) if !told => {}
            (Ok(End::Signal(signal)), Some(_)) => return command::code_of(signal),
            (Ok(End::Signal(_)), None) | (Err(_), _) => return 0,
        }
    }
}

/// Starts a thread of the daemon's own. An error where the system has none left.
fn start_thread(work: impl FnOnce() + Send + 'static) -> Result<()> {
    thread::Builder::new().spawn(work).map(drop).map_err(|wrong| Error::io("a thread", wrong))
}

/// Lets running exchanges end within their grace; a second signal, or the end of it, cuts them.
fn finish(server: &Arc<Server>, end: Receiver<End>) {
    let connections = Arc::clone(&server.connections);
    let hears = start_thread(move || {
        while let Ok(reason) = end.recv() {
            if matches!(reason, End::Signal(_)) {
                connections.cut_all();
            }
        }
    });
    // Without it a second signal is not heard of, and all ends within the grace.
    hears.unwrap_or_else(|error| server.log.trouble(&error));
    if !server.connections.drain(server.limits.grace) {
        server
            .log
            .trouble(&Error::cut("connections", "were cut at the end of their grace or by a second signal"));
    }
}

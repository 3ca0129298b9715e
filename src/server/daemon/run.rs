//! The daemon from start to end: reads files, binds sockets, drops privileges and starts threads, in this order; then
//! waits for the end.

use std::fs;
use std::io::{self, IsTerminal};
use std::os::unix::fs::DirBuilderExt;
use std::path::{self, Path};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::{Error, Result, shown};
use crate::server::auth::{Gate, Policy, ServedHosts};
use crate::server::conn::accept;
use crate::server::daemon::command::{PrivateSocket, StopReason, exit_code_of};
use crate::server::daemon::config::Config;
use crate::server::daemon::signals::ChangedOptions;
use crate::server::daemon::{
    background, cleanup, landlock, pid_file, run_as, sd_notify, signals, socket_activation,
};
use crate::server::net::listen_address::DEFAULT;
use crate::server::net::{ListenAddress, Listener, Tls};
use crate::server::observe::log::STANDARD_ERROR;
use crate::server::observe::{Log, Metrics};
use crate::server::shared::{
    Coders, Health, IdempotentResponses, ScanThreads, Server, UploadLocks, progress, threads,
};
use crate::store::{Confinement, Spools, Store};

/// Serves until a signal or the end of the command, and returns the exit code. `say` prints a line to standard output;
/// `changed` names the options of the config file that have changed since the start.
pub fn run(config: Config, say: &dyn Fn(&str) -> io::Result<()>, changed: ChangedOptions) -> Result<u8> {
    if config.background && !background::is_there()? {
        socket_activation::refuse("--background")?;
        return background::start(config.run_as.as_ref());
    }
    config.listen.iter().try_for_each(|address| config.refuse_exposed(address))?;
    let caught = signals::catch()?;
    let handed = socket_activation::listeners(&config)?;
    let private = PrivateSocket::for_command(&config.command)?;
    let mut listeners = bind(&config, private.as_ref(), handed.is_empty())?;
    listeners.extend(handed);
    let pid_file = config.pid_file.as_deref().map(pid_file::PidFile::write).transpose()?;
    become_account(&config, private.as_ref())?;
    // Rules name users of this machine; looking them up may load shared libraries, which Landlock forbids later.
    let policy = config.policy()?;
    let served_hosts = config.users.is_none().then(|| ServedHosts::of_machine(&config.hosts));
    let (store, spools) = config.open_store(config.read_only)?;
    let restricted = restrict(&config, &store.confinement(), private.is_some())?;
    policy.require_one_spelling(&*store)?;
    let server = new_server(&config, policy, (store, spools), served_hosts)?;
    restricted.iter().for_each(|remark| server.log.remark(remark));
    server.gate.load_locks()?;
    cleanup::recover(&server);
    start_threads(&server)?;
    let (ends, end) = channel();
    signals::watch(&server, caught, ends.clone(), changed)?;
    say_root(&config, &server.log);
    let acceptors = accept::Acceptors::start(&server, listeners, |url| {
        let is_said = private.as_ref().is_none_or(|private| private.url() != url);
        // The URL of a Unix socket has no path.
        let prefix = if url.starts_with("unix:") { &[][..] } else { config.prefix.encoded() };
        match is_said.then(|| say(&format!("cfpd: listening on {url}{}", shown(prefix)))) {
            // The reader may have closed the pipe after a line, as head(1) does; continue.
            Some(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    })?;
    sd_notify::ready(&server.status());
    sd_notify::start_watchdog(&server)?;
    let child = private.as_ref().map(|private| private.start(&config.command, ends)).transpose()?;
    let code = wait_for_end(&end, child);
    sd_notify::stopping();
    acceptors.stop();
    pid_file.iter().for_each(pid_file::PidFile::release);
    finish(&server, end);
    Ok(code)
}

/// Starts the threads that run as long as the daemon.
fn start_threads(server: &Arc<Server>) -> Result<()> {
    cleanup::start(server)?;
    watch_health(server)?;
    write_log(server)?;
    progress::start(&server.connections)
}

/// Creates a default root and switches to the configured account. Must run before any thread is started.
fn become_account(config: &Config, private: Option<&PrivateSocket>) -> Result<()> {
    make_root(config)?;
    let Some(account) = &config.run_as else { return Ok(()) };
    private.map_or(Ok(()), |private| private.give_to(account))?;
    account.assume()
}

/// Raises the descriptor limit and confines the process; returns messages for the log. Must run before any thread is
/// started. With a command nothing is confined, since the command would inherit it.
fn restrict(config: &Config, store: &Confinement, has_command: bool) -> Result<Vec<String>> {
    if has_command {
        return Ok(Vec::new());
    }
    run_as::load_names();
    let unraised = accept::raise_descriptor_limit().err().map(|error| error.to_string());
    let confined = landlock::confine(config, store)?;
    Ok(unraised.into_iter().chain(confined.map(str::to_owned)).collect())
}

/// Creates a default root where it is missing.
fn make_root(config: &Config) -> Result<()> {
    if !config.make_root || config.root.is_dir() {
        return Ok(());
    }
    let named = |error| Error::io(config.root.as_os_str().as_encoded_bytes(), error);
    // The mode that the package uses: not readable by other users of the machine.
    fs::DirBuilder::new().recursive(true).mode(0o750).create(&config.root).map_err(named)?;
    config.run_as.as_ref().map_or(Ok(()), |account| account.chown(&config.root))
}

/// Makes the shared state.
fn new_server(
    config: &Config,
    policy: Policy,
    (store, spools): (Arc<dyn Store>, Spools),
    served_hosts: Option<ServedHosts>,
) -> Result<Arc<Server>> {
    let server = Arc::new(Server {
        gate: Gate::new(store, policy),
        spools,
        health: Health::default(),
        scan_threads: ScanThreads::new(config.limits.scan_jobs),
        metrics: Metrics::new(),
        coders: Coders::new(config.limits.scan_jobs),
        limits: config.limits.clone(),
        send_size: config.send_size,
        log: open_log(config)?,
        connections: Arc::default(),
        upload_locks: UploadLocks::default(),
        trusted_proxies: config.trusted_proxies.clone(),
        prefix: config.prefix.clone(),
        dav_infinity: config.dav_infinity,
        responses: IdempotentResponses::default(),
        tls: config.tls.as_ref().map(Tls::open).transpose()?,
        hsts: config.hsts.map(|seconds| format!("max-age={seconds}")),
        has_users: config.users.is_some(),
        served_hosts,
    });
    if !config.sync {
        server.log.remark("writes are acknowledged before they are on the disk (--no-sync)");
    }
    Ok(server)
}

/// Opens the log: at a terminal standard error, where none is configured.
fn open_log(config: &Config) -> Result<Log> {
    let terminal = is_at_terminal(config).then_some(Path::new(STANDARD_ERROR));
    Log::open(config.log.as_deref().or(terminal), config.log_format)
}

/// Returns whether a person reads what the daemon says, and nothing else writes there.
fn is_at_terminal(config: &Config) -> bool {
    config.command.is_empty() && io::stderr().is_terminal()
}

/// Says which directory is served where nobody has named it, and to a person at a terminal, with how to stop.
fn say_root(config: &Config, log: &Log) {
    let is_default = config.make_root && config.command.is_empty();
    let how = if is_at_terminal(config) { "; Ctrl-C stops it" } else { "" };
    if is_default || !how.is_empty() {
        let root = path::absolute(&config.root).unwrap_or_else(|_| config.root.clone());
        log.alarm(&format!("serving {}{how}", shown(root.as_os_str().as_encoded_bytes())));
    }
}

/// Starts the thread that checks that the store responds, on request and periodically, and looks for other daemons.
fn watch_health(server: &Arc<Server>) -> Result<()> {
    let server = Arc::clone(server);
    threads::start("health", move || {
        let ask = || {
            cleanup::find_others(&server);
            server.upkeep().check_health()
        };
        server.health.keep_asking(ask, |news| server.log.remark(news));
    })
}

/// Starts the thread that writes the log lines that are gathered under load.
fn write_log(server: &Arc<Server>) -> Result<()> {
    let server = Arc::clone(server);
    threads::start("log", move || server.log.keep_writing())
}

/// Binds the configured addresses, and the private socket; the default address where nothing else is served. `alone`
/// without socket activation.
fn bind(config: &Config, private: Option<&PrivateSocket>, alone: bool) -> Result<Vec<Listener>> {
    let default = match alone && config.listen.is_empty() && private.is_none() {
        true => ListenAddress::parse(DEFAULT)?,
        false => Vec::new(),
    };
    let addresses = config.listen.iter().chain(&default).chain(private.map(|private| &private.address));
    addresses.map(|address| Listener::bind(address, config.tls.is_some())).collect()
}

/// Waits for a signal or the end of the command, and returns the exit code. With a command: an INT from the keyboard
/// has reached the command too, which may continue; a TERM is passed on to it, and a second one does not wait for it.
fn wait_for_end(end: &Receiver<StopReason>, child: Option<Pid>) -> u8 {
    let mut is_term_sent = false;
    loop {
        match (end.recv(), child) {
            (Ok(StopReason::Command(code)), _) => return code,
            (Ok(StopReason::Signal(Signal::SIGTERM)), Some(child)) if !is_term_sent => {
                // If the command has exited already, its exit code is received next.
                let _ = kill(child, Signal::SIGTERM);
                is_term_sent = true;
            }
            (Ok(StopReason::Signal(Signal::SIGINT)), Some(_)) if !is_term_sent => {}
            (Ok(StopReason::Signal(signal)), Some(_)) => return exit_code_of(signal),
            (Ok(StopReason::Signal(_)), None) | (Err(_), _) => return 0,
        }
    }
}

/// Waits for running requests within the grace period; then, or after a second signal, aborts their connections.
fn finish(server: &Arc<Server>, end: Receiver<StopReason>) {
    let connections = Arc::clone(&server.connections);
    let hears = threads::start("shutdown", move || {
        while let Ok(reason) = end.recv() {
            if matches!(reason, StopReason::Signal(_)) {
                connections.abort_all();
            }
        }
    });
    // Without this thread a second signal is ignored, and everything still ends within the grace period.
    hears.unwrap_or_else(|error| server.log.error(&error));
    if !server.connections.drain(server.limits.grace) {
        server.log.error(&Error::interrupted(
            "connections",
            "were cut at the end of their grace or by a second signal",
        ));
    }
    server.log.finish();
}

//! The state that all connections share, and its reload. Each part is documented in its own file.

use std::io;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::http::PathPrefix;
use crate::server::auth::{Gate, ServedHosts};
use crate::server::limits::Limits;
use crate::server::net::{Connections, Tls, TrustedProxies};
use crate::server::observe::{Gauges, Log, Metrics, Peer, Refusal};
use crate::server::shared::{Coders, Health, IdempotentResponses, ScanThreads, UploadLocks};
use crate::server::status::status_of;
use crate::store::{Spools, Upkeep};

/// The state that all connections share.
pub struct Server {
    pub(crate) gate: Gate,
    pub(crate) spools: Spools,
    pub(crate) health: Health,
    pub(crate) limits: Limits,
    pub(crate) send_size: Option<usize>,
    pub(crate) log: Log,
    pub(crate) connections: Arc<Connections>,
    pub(crate) scan_threads: ScanThreads,
    pub(crate) metrics: Metrics,
    pub(crate) coders: Coders,
    pub(crate) upload_locks: UploadLocks,
    pub(crate) trusted_proxies: TrustedProxies,
    /// The path beneath which all names are.
    pub(crate) prefix: PathPrefix,
    /// Whether a PROPFIND may ask for everything beneath a directory.
    pub(crate) dav_infinity: bool,
    pub(crate) responses: IdempotentResponses,
    pub(crate) tls: Option<Tls>,
    /// The value of `Strict-Transport-Security` (RFC 6797).
    pub(crate) hsts: Option<String>,
    /// Whether there are users with passwords.
    pub(crate) has_users: bool,
    /// The hosts that requests may be for; `None` where users have passwords, which protect against pages of other
    /// sites.
    pub(crate) served_hosts: Option<ServedHosts>,
}

impl Server {
    /// Opens the log by its name again: logrotate(8) may be about to compress the old file.
    pub(crate) fn reopen_log(&self) -> Result<()> {
        self.log.swap(self.log.reopened()?);
        Ok(())
    }

    /// Reloads the configured files. Users, rules and certificate are read and validated first; where one of them is
    /// invalid, none is replaced.
    pub(crate) fn reload(&self) -> Result<()> {
        let policy = self.gate.reopened()?;
        let config = self.tls.as_ref().map(Tls::reopened).transpose()?;
        let store = self.upkeep().reopened().map_err(advise)?;
        let is_replaced = store.is_some();
        let next = store.clone().map_or_else(|| self.upkeep(), |store| store as Arc<dyn Upkeep>);
        policy.require_one_spelling(&*next)?;
        self.gate.swap(policy, store)?;
        if is_replaced {
            self.log.remark("the served directory is another one now");
        }
        if let (Some(tls), Some(config)) = (&self.tls, config) {
            tls.swap(config);
        }
        Ok(())
    }

    /// Returns the upkeep of the current store.
    pub(crate) fn upkeep(&self) -> Arc<dyn Upkeep> {
        self.gate.upkeep()
    }

    /// Returns the current values of the gauges.
    pub(crate) fn gauges(&self) -> Gauges {
        let (scan_jobs, scan_jobs_max) = self.scan_threads.busy();
        let connections = self.connections.count();
        Gauges { connections, connections_max: self.limits.connections, scan_jobs, scan_jobs_max }
    }

    /// Returns the status line.
    pub(crate) fn status(&self) -> String {
        self.metrics.line(&self.gauges())
    }

    /// Returns `Cache-Control` of stored bytes and of filter results: caches may store them and must revalidate; with users, no
    /// shared cache may store them.
    pub(crate) fn cache_control(&self) -> &'static str {
        if self.has_users { "private, no-cache" } else { "no-cache" }
    }

    /// Logs and counts a client that was refused.
    pub(crate) fn refuse(&self, peer: &Peer, why: Refusal, error: &Error) {
        self.metrics.refused(why);
        self.log.refusal(peer, status_of(error), error);
    }

    /// Logs and counts a login that was refused.
    pub(crate) fn refuse_login(&self, user: Option<&[u8]>, peer: &Peer) {
        self.metrics.refused(Refusal::Login);
        self.log.refused_login(user, peer);
    }
}

/// Explains the permission error of a confined process: Landlock grants access to inodes, not to names.
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

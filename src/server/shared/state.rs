//! The state that all connections share, and its reload. Each part of it owns its own rules; here is what belongs
//! together.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use crate::error::{Error, Result};
use crate::server::auth::rights::Gate;
use crate::server::auth::sites::Sites;
use crate::server::limits::Limits;
use crate::server::net::connections::Connections;
use crate::server::net::forwarded::TrustedProxies;
use crate::server::net::tls::Tls;
use crate::server::observe::log::Log;
use crate::server::observe::metrics::{Metrics, Moment, Refusal};
use crate::server::observe::peer::Peer;
use crate::server::shared::coders::Coders;
use crate::server::shared::health::Health;
use crate::server::shared::outcomes::Outcomes;
use crate::server::shared::scan_threads::ScanThreads;
use crate::server::shared::upload_locks::UploadLocks;
use crate::store::{Local, Store};

/// What every connection shares.
pub struct Server {
    pub(crate) gate: Gate,
    /// The store that `gate` has, as the engine it is; another one where a reload found another root.
    pub(crate) store: RwLock<Arc<Local>>,
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
    pub(crate) outcomes: Outcomes,
    pub(crate) tls: Option<Tls>,
    /// What browsers are told over TLS of later visits.
    pub(crate) hsts: Option<String>,
    /// Which hosts requests must be for; where there are users, their passwords tell pages of others apart.
    pub(crate) sites: Option<Sites>,
}

impl Server {
    /// Takes up what an admin has changed since the start. Users, rules and certificate are read and checked first;
    /// when any of them cannot be taken up, all stay as they were. The log is another matter: who moved it away may
    /// compress it whatever comes of the rest.
    pub(crate) fn reload(&self) -> Result<()> {
        self.log.swap(self.log.reopened()?);
        let policy = self.gate.reopened()?;
        let config = self.tls.as_ref().map(Tls::reopened).transpose()?;
        let store = self.store().reopened().map_err(advise)?.map(Arc::new);
        let now = self.store();
        policy.require_one_spelling(store.as_ref().unwrap_or(&now))?;
        self.gate.swap(policy, store.clone().map(|store| store as Arc<dyn Store>));
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
    pub(crate) fn store(&self) -> Arc<Local> {
        Arc::clone(&self.store.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is so at this moment.
    pub(crate) fn moment(&self) -> Moment {
        let (scan_jobs, scan_jobs_max) = self.scan_threads.busy();
        let connections = self.connections.count();
        Moment { connections, connections_max: self.limits.connections, scan_jobs, scan_jobs_max }
    }

    /// What goes on, in one line.
    pub(crate) fn status(&self) -> String {
        self.metrics.line(&self.moment())
    }

    /// What caches may do with stored bytes and what is made of them: keep them, and ask each time; where there are users,
    /// no cache that others share.
    pub(crate) fn cache_control(&self) -> &'static str {
        if self.sites.is_some() { "no-cache" } else { "private, no-cache" }
    }

    /// Notes and counts a client that was refused.
    pub(crate) fn refuse(&self, peer: &Peer, why: Refusal, error: &Error) {
        self.metrics.refused(why);
        self.log.refusal(peer, error.http_status(), error);
    }

    /// Notes and counts a login that was refused.
    pub(crate) fn refuse_login(&self, user: Option<&[u8]>, peer: &Peer) {
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

//! The metrics, for Prometheus and the status line: their names and their values. Callers decide when to count. After
//! the first use of a label, counting does not allocate.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::error::{Error, ErrorKind, Result};
use crate::server::observe::Outcome;

/// The media type of [`Metrics::text`]: OpenMetrics 1.0, the text that Prometheus asks for.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the duration histogram in seconds: from a small file in the page cache to a search of a large tree.
const DURATIONS: [f64; 11] = [0.001, 0.0025, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0, 600.0];

/// Why a client was refused without a response to a request of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The limit of connections is reached.
    Connections,
    /// The limit of connections of its address is reached.
    Address,
    /// The system cannot start another thread.
    Threads,
    /// It sent a malformed request.
    Malformed,
    /// It sent a head past the limits.
    Size,
    /// It sent or read too slowly.
    Slow,
    /// It failed to authenticate.
    Login,
}

impl Refusal {
    /// Returns the reason for which an error of this kind refuses a malformed request.
    pub fn of_kind(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::TimedOut => Refusal::Slow,
            ErrorKind::NameTooLong | ErrorKind::HeadTooLarge => Refusal::Size,
            _ => Refusal::Malformed,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Refusal::Connections => "connections",
            Refusal::Address => "address",
            Refusal::Threads => "threads",
            Refusal::Malformed => "malformed",
            Refusal::Size => "size",
            Refusal::Slow => "slow",
            Refusal::Login => "login",
        }
    }
}

/// The bytes that were received and sent by all sockets.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// From clients.
    pub received: Counter,
    /// To clients.
    pub sent: Counter,
}

/// The values of the gauges.
pub struct Gauges {
    /// Open connections.
    pub connections: usize,
    /// The limit of connections.
    pub connections_max: usize,
    /// Scan threads in use.
    pub scan_jobs: usize,
    /// The limit of scan threads.
    pub scan_jobs_max: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    filter: &'static str,
    status: u16,
}

/// A family with one label.
type By<M> = Family<[(&'static str, &'static str); 1], M>;

/// All metrics.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: By<Histogram>,
    refusals: By<Counter>,
    /// All responses and all refusals, for the status line.
    totals: [Counter; 2],
    /// `/proc/self/status`, opened at the start: Landlock denies it later.
    process: Option<File>,
    /// Counted by every connection.
    pub traffic: Traffic,
    /// Those of [`Gauges`], in its order, and the threads of the process.
    gauges: [Gauge; 5],
}

impl Metrics {
    /// Registers all metrics.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("cfpd");
        let requests = Family::default();
        registry.register("requests", "Requests that were answered", requests.clone());
        let durations = By::<Histogram>::new_with_constructor(|| Histogram::new(DURATIONS));
        let help = "From the end of a request's head to the end of its answer";
        registry.register_with_unit("request_duration", help, Unit::Seconds, durations.clone());
        let refusals = Family::default();
        registry.register(
            "refusals",
            "Clients refused before they had an answer of their own",
            refusals.clone(),
        );
        let traffic = Traffic::default();
        registry.register_with_unit("received", "Bytes from clients", Unit::Bytes, traffic.received.clone());
        registry.register_with_unit("sent", "Bytes to clients", Unit::Bytes, traffic.sent.clone());
        let gauges: [Gauge; 5] = Default::default();
        let names = [
            ("connections", "Connections that have a thread"),
            ("connections_max", "Connections there may be"),
            ("scan_jobs", "Threads that help searches"),
            ("scan_jobs_max", "Threads that may"),
            ("threads", "Threads of the process"),
        ];
        for ((name, help), gauge) in names.into_iter().zip(&gauges) {
            registry.register(name, help, gauge.clone());
        }
        let process = File::open("/proc/self/status").ok();
        Metrics {
            registry,
            requests,
            durations,
            refusals,
            totals: Default::default(),
            process,
            traffic,
            gauges,
        }
    }

    /// Returns the number of threads of the process; 0 where `/proc` is not readable.
    fn threads(&self) -> usize {
        let mut text = [0; 4096];
        let read = self.process.as_ref().and_then(|file| file.read_at(&mut text, 0).ok()).unwrap_or(0);
        let text = String::from_utf8_lossy(text.get(..read).unwrap_or_default());
        let count = text.lines().find_map(|line| line.strip_prefix("Threads:"));
        count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    }

    /// Counts a response. Method and filter come from tables, so that no client can create labels.
    pub fn answered(&self, method: &'static str, outcome: &Outcome, took: Duration) {
        let (filter, status) = (outcome.filter.unwrap_or("none"), outcome.status);
        self.totals[0].inc();
        self.requests.get_or_create(&RequestLabels { method, filter, status }).inc();
        self.durations.get_or_create(&[("method", method)]).observe(took.as_secs_f64());
    }

    /// Counts a refusal.
    pub fn refused(&self, why: Refusal) {
        self.totals[1].inc();
        self.refusals.get_or_create(&[("reason", why.name())]).inc();
    }

    /// Returns the most important metrics in one line, for a person.
    pub fn line(&self, now: &Gauges) -> String {
        let Gauges { connections, connections_max, scan_jobs, scan_jobs_max } = now;
        let [answered, refused] = self.totals.each_ref().map(|total| total.get());
        let (received, sent, threads) =
            (self.traffic.received.get(), self.traffic.sent.get(), self.threads());
        format!(
            "{connections} of {connections_max} connections, {answered} requests answered, {refused} refused, \
             {received} bytes received, {sent} sent, {scan_jobs} of {scan_jobs_max} search helpers busy, \
             {threads} threads"
        )
    }

    /// Returns all metrics in the text format of OpenMetrics.
    pub fn text(&self, now: &Gauges) -> Result<String> {
        let Gauges { connections, connections_max, scan_jobs, scan_jobs_max } = *now;
        let values = [connections, connections_max, scan_jobs, scan_jobs_max, self.threads()];
        for (gauge, value) in self.gauges.iter().zip(values) {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        encode(&mut text, &self.registry).map_err(|_| Error::internal("metrics", "cannot be written"))?;
        Ok(text)
    }
}

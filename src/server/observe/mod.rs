//! What an operator sees: the log and the metrics.

pub(crate) use log::{Log, LogEntry};
pub(crate) use metrics::{Gauges, Metrics, Refusal, Traffic};
pub(crate) use outcome::{CloseReason, Outcome};
pub(crate) use peer::Peer;

pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod outcome;
pub(crate) mod peer;

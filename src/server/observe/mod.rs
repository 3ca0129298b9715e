//! What an operator sees: the log and the metrics.

pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod outcome;
pub(crate) mod peer;

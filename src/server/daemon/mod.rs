//! The process: start, confinement, signals, systemd, and end.

pub(crate) mod background;
pub(crate) mod cleanup;
pub(crate) mod command;
pub(crate) mod config;
pub(crate) mod landlock;
pub(crate) mod pid_file;
pub(crate) mod run;
pub(crate) mod run_as;
pub(crate) mod sd_notify;
pub(crate) mod signals;
pub(crate) mod socket_activation;

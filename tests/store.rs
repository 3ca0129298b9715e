//! The store room against real directories: every verb, and what happens to it while others do theirs.

mod cache;
mod contract;
mod copies;
mod deletes;
mod handover;
mod hostile;
mod lists;
mod lock_record;
mod memory;
mod reads;
mod renames;
mod sandbox;
mod sweeps;
mod writes;

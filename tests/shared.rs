//! Several daemons on one directory: what one promises holds between all of them. `nodes` has two daemons, on one local
//! directory or on two mounts of one volume.

mod balancer;
mod check;
mod cluster;
mod hangs;
mod killed;
mod locks;
pub mod nodes;
mod uploads;
mod writes;

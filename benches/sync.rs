//! What durability costs: many small uploads by one, a few and many clients, with sync and without, and how many
//! syncs each upload takes (counted by strace, where it is there and may). `cargo bench --bench sync`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::thread;
use std::time::Instant;

use common::client::Client;
use common::strace::Strace;
use common::{Sandbox, need};

/// Uploads of a run.
const UPLOADS: usize = 2048;
/// The size of each, in bytes.
const SIZE: usize = 1000;

/// Uploads by so many clients at once, each file new.
fn upload(sandbox: &Sandbox, clients: usize, uploads: usize) {
    let body = vec![b'x'; SIZE];
    thread::scope(|scope| {
        for number in 0..clients {
            let (address, body) = (sandbox.address(), &body);
            scope.spawn(move || {
                let mut client = Client::connect(address).unwrap();
                for upload in 0..uploads / clients {
                    let answer = client.ask("PUT", &format!("/{number}-{upload}"), &[], Some(body)).unwrap();
                    assert_eq!(answer.status, 201);
                }
            });
        }
    });
}

/// Syncs for each upload. strace slows all calls down, so this is another run than the one with the clock.
fn syncs(options: &[&str], clients: usize) -> Option<f64> {
    const COUNTED: usize = 512;
    need::root_and(&["strace"]).then(|| {
        let sandbox = Sandbox::with(options);
        let strace = Strace::attach(&sandbox, &["trace=fsync,fdatasync,syncfs"]);
        upload(&sandbox, clients, COUNTED);
        // A call that others interrupt in the trace stands on two lines.
        let calls =
            strace.lines().iter().filter(|line| line.contains("sync(") || line.contains("syncfs(")).count();
        calls as f64 / COUNTED as f64
    })
}

fn main() {
    println!("clients  mode       files/s  syncs/file");
    for clients in [1, 8, 64] {
        for (mode, options) in [("sync", [].as_slice()), ("--no-sync", &["--no-sync"])] {
            let sandbox = Sandbox::with(options);
            let start = Instant::now();
            upload(&sandbox, clients, UPLOADS);
            let rate = UPLOADS as f64 / start.elapsed().as_secs_f64();
            let syncs = syncs(options, clients).map_or("-".to_owned(), |syncs| format!("{syncs:.2}"));
            println!("{clients:>7}  {mode:<9} {rate:>8.0}  {syncs:>10}");
        }
    }
}

//! The work of the store on a request: how far it is, and whether the client still waits for it.

use std::io;

use crate::server::auth::rights::Writer;
use crate::server::exchange::ClientLiveness;
use crate::server::net::Stream;
use crate::store::{Detail, Kind, Name};

/// The work on one request.
pub struct Work<'a> {
    client: ClientLiveness<'a>,
}

impl<'a> Work<'a> {
    /// Returns the work for the client of this connection.
    pub fn new(stream: &'a Stream) -> Self {
        Work { client: ClientLiveness::new(stream) }
    }

    /// Sets how much there is to do, for a client that asked: a directory is counted first, as far as the client may
    /// list it, with the sizes if `detail` has them.
    pub fn set_total(&self, writer: &Writer<'_>, name: &Name, size: u64, detail: Detail) {
        let interim = &self.client.stream.interim;
        if !interim.is_counted() {
            return;
        }
        if !name.is_directory() {
            return interim.work.set_total(0, size);
        }
        let Ok(entries) = writer.reader().list(name, true, detail) else { return };
        let files = entries.flatten().filter(|entry| entry.kind == Kind::File);
        let sizes = files.map(|entry| entry.stat.map_or(0, |stat| stat.size));
        let (files, bytes) = sizes.fold((0, 0), |(files, bytes), size| (files + 1, bytes + size));
        interim.work.set_total(files, bytes);
    }

    /// Returns what the store calls: it counts, and fails with `EPIPE` once the client has disconnected.
    pub fn report(&self) -> impl Fn(u64, u64) -> io::Result<()> {
        |files, bytes| {
            let work = &self.client.stream.interim.work;
            work.add_files(files);
            work.add_written(bytes);
            self.client.check_connected()
        }
    }
}

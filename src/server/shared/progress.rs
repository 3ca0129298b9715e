//! The thread that sends `102 Processing` to clients that asked for it and wait. `interim` has the message.

use std::sync::Arc;
use std::thread;

use crate::error::Result;
use crate::server::limits::{COUNTS_EVERY, PROGRESS_EVERY};
use crate::server::net::Connections;
use crate::server::net::interim::InterimPace;
use crate::server::shared::threads;

/// Starts the thread, which runs as long as the daemon: the threads of the connections cannot send it, since they may
/// be in long system calls.
pub fn start(connections: &Arc<Connections>) -> Result<()> {
    let connections = Arc::clone(connections);
    let pace = InterimPace { plain: PROGRESS_EVERY, counted: COUNTS_EVERY };
    threads::start("progress", move || {
        connections.send_interim_from_here();
        loop {
            // A request that asks for counts ends this early.
            thread::park_timeout(PROGRESS_EVERY);
            thread::sleep(COUNTS_EVERY);
            while send_due(&connections, pace) {
                thread::sleep(COUNTS_EVERY);
            }
        }
    })
}

/// Sends `102 Processing` to every client that is due, and returns whether there are counts to send to any.
fn send_due(connections: &Connections, pace: InterimPace) -> bool {
    let mut is_counted = false;
    for connection in connections.all() {
        // The client may have disconnected; ignore the error, which its own thread will see too.
        let stream = &connection.stream;
        is_counted |= stream.interim.send_if_due(pace, |head| stream.try_write(head)).unwrap_or(false);
    }
    is_counted
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use std::time::Duration;

    use super::*;
    use crate::http::Request;
    use crate::server::limits::Limits;
    use crate::server::net::{Socket, Stream, TrustedProxies};
    use crate::server::observe::metrics::Traffic;
    use crate::server::observe::peer::Peer;

    fn request(head: &str) -> Request {
        Request::read(&mut head.as_bytes(), None).unwrap().unwrap()
    }

    #[test]
    fn only_who_asked_and_waits_is_told_and_nothing_comes_once_the_answer_begins() {
        let asks = "Host: h\r\nCfp-Progress: ?1\r\n\r\n";
        let plain = "HTTP/1.1 102 Processing\r\n\r\n";
        let counted = "HTTP/1.1 102 Processing\r\nCfp-Progress: bytes 2/3\r\n\r\n";
        let rows = [
            (format!("GET / HTTP/1.1\r\n{asks}"), plain),
            (format!("GET / HTTP/1.1\r\nPrefer: progress\r\n{asks}"), counted),
            ("GET / HTTP/1.1\r\nHost: h\r\nPrefer: progress\r\n\r\n".to_owned(), ""),
            (format!("GET / HTTP/1.0\r\nPrefer: progress\r\n{asks}"), ""),
        ];
        let (never, now) = (Duration::from_secs(3600), Duration::ZERO);
        for (head, told) in rows {
            let (server, mut client) = UnixStream::pair().unwrap();
            let connections = Arc::new(Connections::default());
            let limits = Limits::default();
            let socket = Socket::new(server.into(), None, &limits, Traffic::default());
            let stream = Stream::new(socket, Peer::Local, None);
            let guard = connections.enter(stream, &limits, &TrustedProxies::default()).ok().unwrap();
            let stream = &guard.connection.stream;
            stream.interim.begin(&request(&head));
            stream.interim.work.set_total(0, 3);
            stream.interim.work.add_read(2);
            let is_counted = told == counted;
            let (plain, counted) = if is_counted { (never, now) } else { (now, never) };
            assert!(!send_due(&connections, InterimPace { plain: never, counted: never }) || is_counted);
            assert_eq!(send_due(&connections, InterimPace { plain, counted }), is_counted);
            stream.interim.end(stream).unwrap();
            assert!(!send_due(&connections, InterimPace { plain: now, counted: now }));
            stream.end_writing();
            let mut said = Vec::new();
            client.read_to_end(&mut said).unwrap();
            assert_eq!(String::from_utf8(said).unwrap(), told, "{head}");
        }
    }
}

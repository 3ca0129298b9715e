//! The thread that sends `102 Processing` to clients that asked for it and wait. `interim` has the message.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::error::Result;
use crate::server::limits::PROGRESS_EVERY;
use crate::server::net::Connections;
use crate::server::shared::threads;

/// Starts the thread, which runs as long as the daemon: the threads of the connections cannot send it, since they may
/// be in long system calls.
pub fn start(connections: &Arc<Connections>) -> Result<()> {
    let connections = Arc::clone(connections);
    threads::start("progress", move || {
        loop {
            thread::sleep(PROGRESS_EVERY);
            send_due(&connections, PROGRESS_EVERY);
        }
    })
}

/// Sends `102 Processing` to every client that is due.
fn send_due(connections: &Connections, every: Duration) {
    for connection in connections.all() {
        // The client may have disconnected; ignore the error, which its own thread will see too.
        let stream = &connection.stream;
        let _ = stream.interim.send_if_due(every, |head| stream.try_write(head));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

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
        let rows = [
            (format!("GET / HTTP/1.1\r\n{asks}"), 1),
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), 0),
            (format!("GET / HTTP/1.0\r\n{asks}"), 0),
        ];
        for (head, told) in rows {
            let (server, mut client) = UnixStream::pair().unwrap();
            let connections = Arc::new(Connections::default());
            let limits = Limits::default();
            let socket = Socket::new(server.into(), None, &limits, Traffic::default()).unwrap();
            let stream = Stream::new(socket, Peer::Local, None);
            let guard = connections.enter(stream, &limits, &TrustedProxies::default()).ok().unwrap();
            let stream = &guard.connection.stream;
            stream.interim.begin(&request(&head));
            send_due(&connections, Duration::from_secs(3600));
            send_due(&connections, Duration::ZERO);
            stream.interim.end(stream).unwrap();
            send_due(&connections, Duration::ZERO);
            stream.end_writing();
            let mut said = Vec::new();
            client.read_to_end(&mut said).unwrap();
            assert_eq!(said, b"HTTP/1.1 102 Processing\r\n\r\n".repeat(told), "{head}");
        }
    }
}

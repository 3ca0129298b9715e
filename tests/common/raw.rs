//! One raw connection: bytes go out as a test wrote them, and answers are read by their framing. It is the plain client
//! of a daemon that is well: what fails there is a panic here. What bytes mean is the test's.

use std::io::{self, BufRead, BufReader, Read};
use std::net::TcpStream;

use cfp::http::framing::Framing;
use cfp::http::{Body, Response};

pub use super::client::Answer;
use super::client::Client;

/// A connection to the daemon.
pub struct Raw {
    client: Client,
}

impl Raw {
    pub fn connect(address: &str) -> Self {
        Raw { client: Client::connect(address).unwrap() }
    }

    /// The socket itself.
    pub fn socket(&self) -> &TcpStream {
        self.client.input.get_ref()
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).unwrap();
    }

    /// Sends to a server that may have closed.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.client.send(bytes.as_ref())
    }

    /// Sends what a client sends that ends after it.
    pub fn end(&mut self) {
        self.client.end();
    }

    /// Ends the connection with a reset.
    pub fn reset(self) {
        self.client.reset();
    }

    /// Reads a head.
    pub fn head(&mut self) -> Response {
        self.client.head().expect("an answer and not the end")
    }

    /// Reads a whole answer to a request with a body.
    pub fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    /// Reads a whole answer to a request with this method.
    pub fn answer_to(&mut self, method: &str) -> Answer {
        self.client.answer(method).unwrap()
    }

    /// Reads the body that belongs to a head; an error when it does not come whole.
    pub fn body_of(&mut self, head: &Response, method: &str) -> io::Result<Vec<u8>> {
        self.client.rest(head, method)
    }

    /// The body that comes next, to be read as it comes.
    pub fn body(&mut self, framing: Framing) -> Body<&mut BufReader<TcpStream>> {
        self.client.body(framing)
    }

    /// Sends a request and reads its answer.
    pub fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(&request);
        let text = String::from_utf8_lossy(request.as_ref());
        self.answer_to(text.split(' ').next().unwrap_or_default())
    }

    /// The next line with its end, or what came before the server's end.
    pub fn line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        self.client.input.read_until(b'\n', &mut line).unwrap();
        line
    }

    /// The next bytes, fewer only at the server's end.
    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        Read::by_ref(&mut self.client.input).take(count as u64).read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Whatever still comes, to the server's end. A reset after it is an end too.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.client.input.read_to_end(&mut bytes) {
            Err(wrong) if wrong.kind() != io::ErrorKind::ConnectionReset => panic!("no end: {wrong}"),
            _ => bytes,
        }
    }
}

/// A request with these fields, which must each end in CRLF, and no body.
pub fn request(method: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

/// A request with a body of a known length.
pub fn request_with(method: &str, target: &str, fields: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let fields = format!("{fields}Content-Length: {}\r\n", body.len());
    [request(method, target, &fields).as_bytes(), body].concat()
}

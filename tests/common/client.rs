//! A client as plain as can be, for daemons that die: one connection, requests as methods, targets, fields and bytes;
//! whatever fails is an error and not a panic. What answers mean is the test's.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};

use cfp::http::framing::of_response;
use cfp::http::{Body, Fields, Framing, Response};
use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};

use super::HANG;

/// A connection to the daemon.
pub struct Client {
    pub(super) input: BufReader<TcpStream>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub fields: Fields,
    pub body: Vec<u8>,
}

impl Answer {
    /// A field as text; empty where there is none.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get_text(name).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    pub fn connect(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(HANG))?;
        stream.set_write_timeout(Some(HANG))?;
        Ok(Client { input: BufReader::new(stream) })
    }

    /// A request and its answer; with a body of this length, where there is one.
    pub fn ask(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> io::Result<Answer> {
        let mut fields = fields.to_vec();
        let length = body.map(|body| body.len().to_string());
        fields.extend(length.iter().map(|length| ("Content-Length", length.as_str())));
        let mut message = head(method, target, &fields);
        message.extend_from_slice(body.unwrap_or_default());
        // A server that refuses a body answers before it has read all of it.
        let sent = self.send(&message);
        self.answer(method).map_err(|wrong| sent.err().unwrap_or(wrong))
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.input.get_mut().write_all(bytes)
    }

    /// Reads a whole answer to a request with this method; one that is cut is an error.
    pub fn answer(&mut self, method: &str) -> io::Result<Answer> {
        let head = self.head()?;
        let body = self.rest(&head, method)?;
        Ok(Answer { status: head.status, fields: head.fields, body })
    }

    /// Reads a head.
    pub fn head(&mut self) -> io::Result<Response> {
        Response::read(&mut self.input)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Reads what a head announces.
    pub fn rest(&mut self, head: &Response, method: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.body(of_response(head, method)?).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The body that comes next, to be read as it comes.
    pub fn body(&mut self, framing: Framing) -> Body<&mut BufReader<TcpStream>> {
        Body::new(&mut self.input, framing)
    }

    /// Ends the sending side.
    pub fn end(&self) {
        // A server that closed first is no news here.
        let _ = self.input.get_ref().shutdown(Shutdown::Write);
    }

    /// Ends the connection with a reset.
    pub fn reset(self) {
        setsockopt(self.input.get_ref(), sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 0 }).unwrap();
    }
}

/// The head of a request with these fields.
pub fn head(method: &str, target: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n");
    fields.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    (head + "\r\n").into_bytes()
}

/// A body in chunks of 64 KiB.
pub fn chunked(body: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    for chunk in body.chunks(64 << 10) {
        coded.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        coded.extend_from_slice(chunk);
        coded.extend_from_slice(b"\r\n");
    }
    coded.extend_from_slice(b"0\r\n\r\n");
    coded
}

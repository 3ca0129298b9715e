//! One connection, byte by byte: requests as text, answers as their heads.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use crate::common::{HANG, Sandbox, need};

/// A connection to the daemon.
pub struct Wire {
    input: BufReader<TcpStream>,
}

/// An answer, or one that comes before it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The value of a field, `-` where it is missing.
    pub fn field(&self, name: &str) -> &str {
        let named = |line: &&str| line.split(':').next().unwrap().eq_ignore_ascii_case(name);
        self.head.lines().find(named).map_or("-", |line| line.split_once(": ").unwrap().1)
    }

    /// Status, `Upload-Offset` and `Upload-Complete` in one line.
    pub fn state(&self) -> String {
        format!("{} {} {}", self.status, self.field("upload-offset"), self.field("upload-complete"))
    }
}

impl Wire {
    pub fn to(sandbox: &Sandbox) -> Self {
        let stream = TcpStream::connect(sandbox.address()).unwrap();
        stream.set_read_timeout(Some(HANG)).unwrap();
        Wire { input: BufReader::new(stream) }
    }

    /// Sends a request line and fields; what begins an upload says the version, without which there is no 104.
    pub fn head(&mut self, line: &str, fields: &str) -> &mut Self {
        let begins =
            line.starts_with('P') && !line.starts_with("PATCH") && fields.contains("Upload-Complete");
        match begins && !fields.contains("Interop-Version") {
            true => self.plain_head(line, &format!("{fields}\nUpload-Draft-Interop-Version: 8")),
            false => self.plain_head(line, fields),
        }
    }

    /// Sends a request line and no other fields than these.
    pub fn plain_head(&mut self, line: &str, fields: &str) -> &mut Self {
        self.bare_head(line, &format!("Host: h\n{fields}"))
    }

    /// Sends a request line and these fields, `Host` among them.
    pub fn bare_head(&mut self, line: &str, fields: &str) -> &mut Self {
        let lines = fields.lines().map(str::trim).filter(|field| !field.is_empty());
        let fields: String = lines.map(|field| format!("{field}\r\n")).collect();
        self.send(format!("{line} HTTP/1.1\r\n{fields}\r\n").as_bytes())
    }

    pub fn send(&mut self, bytes: &[u8]) -> &mut Self {
        self.input.get_mut().write_all(bytes).unwrap();
        self
    }

    /// The next head, with its body where it has one.
    pub fn answer(&mut self, has_body: bool) -> Answer {
        let mut answer = self.try_answer().expect("an answer");
        if has_body && let Ok(length) = answer.field("content-length").parse() {
            let mut body = vec![0; length];
            self.input.read_exact(&mut body).unwrap();
            answer.body = String::from_utf8(body).unwrap();
        }
        answer
    }

    /// Sends, and reads what is answered, as far as the daemon lets that happen.
    pub fn try_send(&mut self, bytes: &[u8]) {
        if self.input.get_mut().write_all(bytes).is_ok() {
            let _ = self.try_answer();
        }
    }

    /// The next head; nothing where the connection ends before.
    pub fn try_answer(&mut self) -> Option<Answer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            self.input.read_line(&mut head).ok().filter(|read| *read > 0)?;
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Some(Answer { status, head, body: String::new() })
    }

    /// Ends the request in the middle, and waits until the daemon has ended its part too.
    pub fn cut(mut self) {
        self.input.get_ref().shutdown(Shutdown::Write).unwrap();
        self.rest();
    }

    /// Whether the daemon ends the connection.
    pub fn ends(mut self) -> bool {
        self.rest() == 0
    }

    /// How many bytes still come, to the daemon's end. A reset is an end too.
    fn rest(&mut self) -> usize {
        match self.input.read_to_end(&mut Vec::new()) {
            Err(wrong) if wrong.kind() != ErrorKind::ConnectionReset => panic!("no end: {wrong}"),
            read => read.unwrap_or(0),
        }
    }
}

/// One request on a connection of its own, with all of its body.
pub fn ask(sandbox: &Sandbox, line: &str, fields: &str, body: &[u8]) -> Answer {
    let mut wire = Wire::to(sandbox);
    wire.head(line, &format!("{fields}\nContent-Length: {}", body.len())).send(body);
    let mut answer = wire.answer(!line.starts_with("HEAD"));
    while answer.status < 200 {
        answer = wire.answer(true);
    }
    answer
}

/// Begins an upload of this many bytes and sends the first ones, then cuts. Gives the place to go on at.
pub fn begin_and_cut(sandbox: &Sandbox, name: &str, fields: &str, size: usize, first: &[u8]) -> String {
    // Without them there is no 104 to wait for.
    assert!(need::has_attributes(), "what is to be gone on with keeps what it knows in attributes");
    let mut wire = Wire::to(sandbox);
    let fields = format!("{fields}\nUpload-Complete: ?1\nContent-Length: {size}");
    wire.head(&format!("PUT /{name}"), &fields);
    let interim = wire.answer(false);
    assert_eq!(interim.status, 104, "{interim:?}");
    let place = interim.field("location").to_owned();
    wire.send(first);
    wire.cut();
    place
}

pub fn look(sandbox: &Sandbox, place: &str) -> Answer {
    ask(sandbox, &format!("HEAD {place}"), "", b"")
}

/// Appends bytes; `complete` is `?0` or `?1`.
pub fn patch(
    sandbox: &Sandbox,
    place: &str,
    offset: usize,
    complete: &str,
    more: &str,
    bytes: &[u8],
) -> Answer {
    let fields = format!(
        "Content-Type: application/partial-upload\nUpload-Offset: {offset}\nUpload-Complete: {complete}\n{more}"
    );
    ask(sandbox, &format!("PATCH {place}"), &fields, bytes)
}

/// The value of a digest field for these bytes.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha-256=:{}:", BASE64_STANDARD.encode(Sha256::digest(bytes)))
}

/// Bytes that are the same nowhere else.
pub fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 31 + at / 251 * 7) as u8).collect()
}

/// The names of all that is kept to be gone on with.
pub fn kept(sandbox: &Sandbox) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(sandbox.root().join(".cfpd-uploads")) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // What became of the others is remembered beside them.
    names.filter(|name| !name.ends_with(".done")).collect()
}

//! A server that is not cfpd: a listener whose one connection says what a test needs, byte for byte.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

/// A server that takes one connection.
pub struct Stranger {
    listener: TcpListener,
}

impl Stranger {
    /// Listens on a port the system chose.
    pub fn new() -> Self {
        Stranger { listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    /// Answers the requests of one connection in a thread, each head with the next of these, then closes. It gives
    /// back the heads, and the listener, which must not have been asked for more.
    pub fn answer(self, answers: &[impl AsRef<[u8]>]) -> JoinHandle<(Vec<String>, TcpListener)> {
        let answers: Vec<_> = answers.iter().map(|answer| answer.as_ref().to_vec()).collect();
        thread::spawn(move || {
            let (stream, _) = self.listener.accept().unwrap();
            let mut input = BufReader::new(&stream);
            let heads = answers
                .iter()
                .map(|answer| {
                    let head = read_head(&mut input);
                    (&stream).write_all(answer).unwrap();
                    head
                })
                .collect();
            drop(stream);
            self.listener.set_nonblocking(true).unwrap();
            (heads, self.listener)
        })
    }

    /// The same, on one connection that is left open: each head of `answers`, then this, which is not all.
    pub fn answer_and_stall(self, answers: &[String], last: &str) -> TcpStream {
        let (stream, _) = self.listener.accept().unwrap();
        let mut input = BufReader::new(stream.try_clone().unwrap());
        for answer in answers.iter().map(String::as_str).chain([last]) {
            read_head(&mut input);
            (&stream).write_all(answer.as_bytes()).unwrap();
        }
        stream
    }

    /// Whether anybody has connected.
    pub fn was_asked(&self) -> bool {
        self.listener.set_nonblocking(true).unwrap();
        self.listener.accept().is_ok()
    }

    /// Takes a connection, sends this after the head of the request, and leaves the connection open.
    pub fn stall(self, answer: &str) -> TcpStream {
        let (stream, _) = self.listener.accept().unwrap();
        read_head(&mut BufReader::new(&stream));
        (&stream).write_all(answer.as_bytes()).unwrap();
        stream
    }
}

fn read_head(input: &mut impl BufRead) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(input.read_line(&mut head).unwrap() > 0, "the client closed in {head:?}");
    }
    head
}

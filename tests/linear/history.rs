//! Recording: a client that chooses at random, asks, and notes question and answer with the moments of both; and
//! contents that say themselves whether they are whole.

use std::sync::atomic::{AtomicU64, Ordering};

use super::register::{Answer, Event, Request};
use crate::common::client::Client;

/// Words in a content.
const WORDS: i64 = 400;

/// A content with this number: `NUMBER WORD... NUMBER`; reversed by words it is that of the negative number.
pub fn content(number: i64) -> Vec<u8> {
    let mut words: Vec<_> = (0..WORDS).map(|word| format!("{}x{word}", number.abs())).collect();
    if number < 0 {
        words.reverse();
    }
    words.join(" ").into_bytes()
}

/// The number of a content, which must be whole.
pub fn number_of(bytes: &[u8]) -> i64 {
    let text = String::from_utf8_lossy(bytes);
    let (number, word) = text.split(' ').next().unwrap().split_once('x').unwrap();
    let number = number.parse::<i64>().unwrap() * if word == "0" { 1 } else { -1 };
    assert_eq!(bytes, content(number), "mixed or cut");
    number
}

/// The clock of a history: each moment comes once.
#[derive(Default)]
pub struct Moments(AtomicU64);

impl Moments {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// One client in one round.
pub struct Recorder<'a> {
    pub client: Client,
    pub moments: &'a Moments,
    pub names: [String; 2],
    /// Contents it makes have numbers from here on.
    pub number: i64,
    pub chance: u64,
    /// The last tag it saw under each name.
    pub seen: [String; 2],
}

impl Recorder<'_> {
    fn below(&mut self, most: u64) -> u64 {
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 33) % most
    }

    /// Does so many things, and says what came of each.
    pub fn record(&mut self, count: usize) -> Vec<Event> {
        (0..count).map(|_| self.step()).collect()
    }

    fn step(&mut self) -> Event {
        let name = self.below(2) as usize;
        self.number += 1;
        let tag = self.seen[name].clone();
        let request = match self.below(14) {
            0..3 => Request::Get(name),
            3 | 4 => Request::Put(name, self.number),
            5..8 => Request::PutIf(name, self.number, tag),
            8 => Request::PutNew(name, self.number),
            9 => Request::Delete(name),
            10 => Request::DeleteIf(name, tag),
            11 => Request::Move(name),
            12 => Request::MoveNew(name),
            _ => Request::Turn(name),
        };
        let asked = self.moments.next();
        let answer = self.ask(name, &request);
        let answered = self.moments.next();
        if !answer.tag.is_empty() {
            self.seen[name].clone_from(&answer.tag);
        }
        Event { asked, answered, request, answer }
    }

    fn ask(&mut self, name: usize, request: &Request) -> Answer {
        let (this, other) = (self.names[name].clone(), self.names[1 - name].clone());
        let to_other = ("Destination", other.as_str());
        let turned = format!("{this}?reverse");
        let (method, target, fields, body) = match request {
            Request::Get(_) => ("GET", &this, vec![], None),
            Request::Put(_, number) => ("PUT", &this, vec![], Some(content(*number))),
            Request::PutIf(_, number, tag) => {
                ("PUT", &this, vec![("If-Match", tag.as_str())], Some(content(*number)))
            }
            Request::PutNew(_, number) => {
                ("PUT", &this, vec![("If-None-Match", "*")], Some(content(*number)))
            }
            Request::Delete(_) => ("DELETE", &this, vec![], None),
            Request::DeleteIf(_, tag) => ("DELETE", &this, vec![("If-Match", tag.as_str())], None),
            Request::Move(_) => ("MOVE", &this, vec![to_other], None),
            Request::MoveNew(_) => ("MOVE", &this, vec![to_other, ("Overwrite", "F")], None),
            Request::Turn(_) => ("COPY", &turned, vec![("Destination", this.as_str())], None),
        };
        let answer = self.client.ask(method, target, &fields, body.as_deref()).unwrap();
        assert!([200, 201, 204, 404, 412].contains(&answer.status), "{request:?}: {}", answer.text());
        let number = if method == "GET" && answer.status == 200 { number_of(&answer.body) } else { 0 };
        Answer { status: answer.status, tag: answer.field("etag").to_owned(), number }
    }
}

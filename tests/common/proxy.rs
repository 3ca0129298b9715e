//! A way between a tool and a real cfpd on which things go wrong: the n-th connection suffers the n-th fault. It keeps
//! what was sent, byte for byte.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::thread;

/// What happens to a connection.
pub enum Fault {
    /// It is cut when the answers are so long; this is done right before.
    CutAnswer(usize, Box<dyn FnOnce() + Send>),
    /// It is cut when the requests are so long.
    CutRequest(usize),
    /// The same, and this is done right before.
    ActAndCutRequest(usize, Box<dyn FnOnce() + Send>),
    /// So many requests come through, and the next one does not: the connection is cut in its place.
    LoseRequest(usize),
    /// So many final answers come through. The next request does too, but its answer does not: this is done, and the
    /// connection is cut in its place.
    LoseAnswer(usize, Box<dyn FnOnce() + Send>),
    /// The answer to the first request of this method is lost in the same way. Connections that share the flag lose one together.
    LoseAnswerTo(&'static str, Arc<AtomicBool>),
    /// From this place on the answers are held until this is sent something, or dropped.
    HoldAnswer(usize, Receiver<()>),
    /// The same with the requests.
    HoldRequest(usize, Receiver<()>),
    /// The byte at this place of the requests is another at the other end.
    Damage(usize),
    /// The byte at this place of the answers is another at this end.
    DamageAnswer(usize),
}

/// A listener in front of a server. Connections without a fault pass as they are.
pub struct Proxy {
    /// Where it is.
    pub url: String,
    requests: Arc<Mutex<Vec<u8>>>,
    answered: Arc<AtomicUsize>,
}

impl Proxy {
    /// In front of the server at this address.
    pub fn new(server: &str, faults: impl IntoIterator<Item = Fault>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let answered = Arc::new(AtomicUsize::new(0));
        let (server, kept, count) = (server.to_owned(), requests.clone(), answered.clone());
        let mut faults: VecDeque<_> = faults.into_iter().collect();
        // It ends with the test program: nobody waits for another connection.
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                // A server that is not there is told by the end of the connection.
                if let Ok(server) = TcpStream::connect(&server) {
                    join(client, server, faults.pop_front(), kept.clone(), count.clone());
                }
            }
        });
        Proxy { url, requests, answered }
    }

    /// A way that cuts the answers of its first connections at these places.
    pub fn cutting(server: &str, places: impl IntoIterator<Item = usize>) -> Self {
        Self::new(server, places.into_iter().map(|place| Fault::CutAnswer(place, Box::new(|| {}))))
    }

    /// A way that loses the first answer to a request of this method, on whichever connection a browser sends it.
    pub fn losing_answer_to(server: &str, method: &'static str) -> Self {
        let is_lost = Arc::new(AtomicBool::new(false));
        Self::new(server, (0..100).map(|_| Fault::LoseAnswerTo(method, is_lost.clone())))
    }

    /// All that was sent so far.
    pub fn requests(&self) -> Vec<u8> {
        self.requests.lock().unwrap().clone()
    }

    /// How many bytes of answers have come so far.
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }
}

fn join(
    client: TcpStream,
    server: TcpStream,
    fault: Option<Fault>,
    kept: Arc<Mutex<Vec<u8>>>,
    answered: Arc<AtomicUsize>,
) {
    let (mut cut_answer, mut cut_request, mut damage, mut damage_answer) = (None, None, None, None);
    let (mut lose_answer, mut lose_request) = (None, None);
    let mut lose_answer_to = None;
    let losing = Arc::new(AtomicBool::new(false));
    let is_losing = losing.clone();
    let (mut hold_answer, mut hold_request) = (None, None);
    let mut before: Box<dyn FnOnce() + Send> = Box::new(|| {});
    match fault {
        Some(Fault::CutAnswer(place, act)) => (cut_answer, before) = (Some(place), act),
        Some(Fault::ActAndCutRequest(place, act)) => (cut_request, before) = (Some(place), act),
        Some(Fault::CutRequest(place)) => cut_request = Some(place),
        Some(Fault::LoseRequest(after)) => lose_request = Some(after),
        Some(Fault::LoseAnswer(after, act)) => (lose_answer, before) = (Some(after), act),
        Some(Fault::LoseAnswerTo(method, is_lost)) => lose_answer_to = Some((method, is_lost)),
        Some(Fault::HoldAnswer(place, until)) => hold_answer = Some((place, until)),
        Some(Fault::HoldRequest(place, until)) => hold_request = Some((place, until)),
        Some(Fault::Damage(place)) => damage = Some(place),
        Some(Fault::DamageAnswer(place)) => damage_answer = Some(place),
        None => {}
    }
    // Only one of the two is ever cut.
    let (before_answer, before_request) = match cut_answer.or(lose_answer) {
        Some(_) => (Some(before), None),
        None => (None, Some(before)),
    };
    let ends = || (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (from, to) = ends();
    thread::spawn(move || {
        let is_cut = pass(&from, &to, cut_request, &mut |offset, block| {
            hold(&mut hold_request, offset, block);
            spoil(damage, offset, block);
            kept.lock().unwrap().extend_from_slice(block);
            if let Some((method, is_lost)) = &lose_answer_to
                && block.starts_with(format!("{method} ").as_bytes())
                && !is_lost.swap(true, Ordering::Relaxed)
            {
                losing.store(true, Ordering::Relaxed);
            }
            is_lost(&mut lose_request, block.windows(11).any(|part| part == b" HTTP/1.1\r\n"))
        });
        if is_cut {
            before_request.into_iter().for_each(|act| act());
            let _ = from.shutdown(Shutdown::Both);
        }
        let _ = to.shutdown(Shutdown::Write);
    });
    let (to, from) = ends();
    thread::spawn(move || {
        let is_cut = pass(&from, &to, cut_answer, &mut |offset, block| {
            hold(&mut hold_answer, offset, block);
            spoil(damage_answer, offset, block);
            answered.fetch_add(block.len(), Ordering::Relaxed);
            let begins = block.starts_with(b"HTTP/1.1 ") && block.get(9) != Some(&b'1');
            is_lost(&mut lose_answer, begins) || (begins && is_losing.load(Ordering::Relaxed))
        });
        if is_cut {
            before_answer.into_iter().for_each(|act| act());
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}

/// Whether a block is to be lost: the one in which a message begins after so many others.
fn is_lost(after: &mut Option<usize>, begins: bool) -> bool {
    match after {
        Some(0) => begins,
        Some(left) if begins => {
            *left -= 1;
            false
        }
        _ => false,
    }
}

/// Waits where the bytes from a place on are to be held.
fn hold(from: &mut Option<(usize, Receiver<()>)>, offset: usize, block: &[u8]) {
    if from.as_ref().is_some_and(|(place, _)| offset + block.len() > *place)
        && let Some((_, until)) = from.take()
    {
        let _ = until.recv();
    }
}

/// Makes the byte at a place another one, if it is in this block.
fn spoil(place: Option<usize>, offset: usize, block: &mut [u8]) {
    if let Some(byte) = place.and_then(|place| block.get_mut(place.checked_sub(offset)?)) {
        *byte ^= 1;
    }
}

/// Passes bytes on to the end, or to the place where they are cut, or to the block that `act` says is lost; whether
/// they were cut.
fn pass(
    mut from: &TcpStream,
    mut to: &TcpStream,
    cut: Option<usize>,
    act: &mut dyn FnMut(usize, &mut [u8]) -> bool,
) -> bool {
    let (mut block, mut offset) = (vec![0; 16 * 1024], 0);
    loop {
        let most = cut.map_or(block.len(), |cut| block.len().min(cut - offset));
        if most == 0 {
            return true;
        }
        let read = from.read(&mut block[..most]).unwrap_or(0);
        if act(offset, &mut block[..read]) {
            return true;
        }
        if read == 0 || to.write_all(&block[..read]).is_err() {
            return false;
        }
        offset += read;
    }
}

//! Heads: read the same wherever they are cut, and framed as a plain reading of their lines would have it. What can be
//! read in two ways must be refused.

use cfp::error::{ErrorKind, Result};
use cfp::http::head::write_request;
use cfp::http::{Framing, Request, Response, Version, framing};

use super::{Drip, is_token};

/// What is seen of a head: method, target, fields, and how many bytes it took.
type Seen = (String, Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>, usize);

pub fn check(bytes: &[u8]) {
    let mut input = bytes;
    let request = Request::read(&mut input, None);
    let used = bytes.len() - input.len();
    let whole = seen(&request, used);
    for at_once in [1, 7] {
        let mut input = Drip::new(bytes, at_once);
        // The memory of another request must not shine through.
        let other = Request::read(&mut &b"PUT /other HTTP/1.1\r\nA: b\r\n\r\n"[..], None).unwrap();
        let request = Request::read(&mut input, other);
        assert_eq!(seen(&request, bytes.len() - input.left.len()), whole);
    }
    if let Ok(Some(request)) = request {
        check_framing(&request, &bytes[..used]);
        check_round_trip(&request);
    }
    let answer = |at_once| {
        Response::read(&mut Drip::new(bytes, at_once))
            .map(|answer| {
                answer.map(|answer| {
                    (answer.status, answer.raw.clone(), framing::of_response(&answer, "GET").ok())
                })
            })
            .map_err(|wrong| wrong.kind())
    };
    assert_eq!(answer(1), answer(usize::MAX));
}

fn seen(request: &Result<Option<Request>>, used: usize) -> Result<Option<Seen>, ErrorKind> {
    match request {
        Err(wrong) => Err(wrong.kind()),
        Ok(None) => Ok(None),
        Ok(Some(request)) => {
            let fields = request.fields.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
            Ok(Some((request.method_name().to_owned(), request.target().to_vec(), fields, used)))
        }
    }
}

/// Reads the lines of a head in the plainest way there is, and compares.
fn check_framing(request: &Request, head: &[u8]) {
    let lines = head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let lines: Vec<_> = lines.skip_while(|line| line.is_empty()).collect();
    let fields = &lines[1..lines.len() - 2];
    assert!(lines.iter().all(|line| !line.contains(&b'\r') && !line.contains(&0)));
    let name = |line: &&[u8]| line.split(|&byte| byte == b':').next().unwrap().to_ascii_lowercase();
    assert!(fields.iter().all(|line| line.contains(&b':') && is_token(&name(line))));
    assert!(is_token(request.method_name().as_bytes()) && !request.target().is_empty());
    let count = |wanted: &[u8]| fields.iter().filter(|line| name(line) == wanted).count();
    let Ok(framing) = framing::of_request(request) else { return };
    let counts = (count(b"content-length"), count(b"transfer-encoding"));
    match framing {
        Framing::None => assert_eq!(counts, (0, 0)),
        Framing::Length(_) => assert_eq!(counts, (1, 0)),
        Framing::Chunked => assert!(counts == (0, 1) && request.version == Version::Http11),
        Framing::UntilClose => panic!("a request has an end"),
    }
    assert!(count(b"host") == 1 || (count(b"host") == 0 && request.version == Version::Http10));
}

/// What was read is written and read again.
fn check_round_trip(request: &Request) {
    let mut text = Vec::new();
    write_request(&mut text, request.method_name(), request.target(), &request.fields);
    // Spaces are put in that may not have been there.
    if text.len() < cfp::http::limits::HEAD_MAX {
        let again = Request::read(&mut &text[..], None);
        assert_eq!(seen(&again, 0), seen(&Ok(Some(request.clone())), 0));
    }
}

//! Bodies: the same content wherever the wire is cut, whole only when it is whole, and not a byte read past the end.
//! The first byte says which framing, the second how many bytes come at once.

use std::io::{Read, Write};

use cfp::http::limits::{CHUNK_LINE_MAX, TRAILERS_MAX};
use cfp::http::{Body, BodyWriter, Fields, Framing};

use super::{Drip, is_token, numbers};

pub fn check(bytes: &[u8]) {
    let ([kind, at_once], wire) = numbers(bytes);
    let framing = match kind % 4 {
        0 => Framing::Length(at_once as u64),
        1 => Framing::UntilClose,
        _ => Framing::Chunked,
    };
    let read = read(wire, usize::MAX, 4096, framing);
    for (at_once, block) in [(1, 1), (at_once, 3)] {
        assert_eq!(self::read(wire, at_once, block, framing), read);
    }
    let expected = match framing {
        Framing::Length(length) => wire.get(..length as usize).map(|body| (body.to_vec(), body.len())),
        Framing::Chunked => decode(wire).map(|(content, used, _)| (content, used)),
        _ => Some((wire.to_vec(), wire.len())),
    };
    match (&read, &expected) {
        (Some(_), _) => assert_eq!(read, expected),
        // The plain decoder says nothing of what a trailer field may hold.
        (None, Some(_)) => assert!(decode(wire).is_some_and(|(.., trailers)| trailers), "refused"),
        (None, None) => {}
    }
    if let Some((content, _)) = read {
        check_round_trip(&content, at_once);
    }
}

/// The content of a body that is whole, and how many bytes of the wire it took.
fn read(wire: &[u8], at_once: usize, block: usize, framing: Framing) -> Option<(Vec<u8>, usize)> {
    let mut input = Drip::new(wire, at_once);
    let mut body = Body::new(&mut input, framing);
    let (mut content, mut block) = (Vec::new(), vec![0; block]);
    loop {
        match body.read(&mut block) {
            Ok(0) => break,
            Ok(read) => content.extend_from_slice(&block[..read]),
            Err(_) => {
                assert!(body.is_broken() && !body.is_ended() && body.finish().is_err());
                return None;
            }
        }
    }
    assert!(body.is_ended());
    body.finish().unwrap();
    Some((content, wire.len() - input.left.len()))
}

/// The chunked coding as RFC 9112 §7.1 has it, and no other way: the content, how many bytes of the wire it took, and
/// whether there were trailers.
fn decode(wire: &[u8]) -> Option<(Vec<u8>, usize, bool)> {
    let (mut content, mut rest) = (Vec::new(), wire);
    loop {
        let line;
        (line, rest) = split_line(rest)?;
        let (digits, extended) = match line.iter().position(|&byte| byte == b';') {
            Some(at) => (&line[..at], true),
            None => (line, false),
        };
        let digits = std::str::from_utf8(digits).ok()?;
        let digits = if extended { digits.trim_end_matches([' ', '\t']) } else { digits };
        let fits = line.len() < CHUNK_LINE_MAX && (1..=16).contains(&digits.len());
        if !fits || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let size = usize::from_str_radix(digits, 16).ok()?;
        if size == 0 {
            break;
        }
        content.extend_from_slice(rest.get(..size)?);
        rest = rest[size..].strip_prefix(b"\r\n")?;
    }
    let trailers = rest;
    loop {
        let line;
        (line, rest) = split_line(rest)?;
        if line.is_empty() {
            let fits = trailers.len() - rest.len() <= TRAILERS_MAX;
            return fits.then_some((content, wire.len() - rest.len(), trailers.len() - rest.len() > 2));
        }
        let name = line.split(|&byte| byte == b':').next()?;
        if !line.contains(&b':') || !is_token(name) {
            return None;
        }
    }
}

/// A line that ends in CRLF and holds neither of both, and what follows it.
fn split_line(wire: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = wire.iter().position(|&byte| byte == b'\n')?;
    let line = wire[..end].strip_suffix(b"\r").filter(|line| !line.contains(&b'\r'))?;
    Some((line, &wire[end + 1..]))
}

/// What is written comes back, and is a chunked body to the plain decoder too.
fn check_round_trip(content: &[u8], at_once: usize) {
    let mut writer = BodyWriter::new(Vec::new(), Framing::Chunked);
    content.chunks(at_once.max(1)).for_each(|block| writer.write_all(block).unwrap());
    let wire = writer.finish(&Fields::new()).unwrap();
    assert_eq!(decode(&wire), Some((content.to_vec(), wire.len(), false)));
    assert_eq!(read(&wire, 1, 64, Framing::Chunked), Some((content.to_vec(), wire.len())));
}

//! What a few coded bytes may cost: what is unpacked has the limits of what is sent, coders are few, and nothing is decoded
//! for a client that has left.

use std::io::Write;

use crate::common::Sandbox;
use crate::common::raw::{Raw, request, request_with};
use crate::common::watch::Watch;

/// zstd that says nothing of its size: blocks of 128 KiB of one byte, in 4 bytes each (RFC 8878 §3.1.1.2).
fn bomb(byte: u8, blocks: usize) -> Vec<u8> {
    let block = |last: u32| [&(last | 1 << 1 | (128 << 10) << 3).to_le_bytes()[..3], &[byte]].concat();
    [b"\x28\xb5\x2f\xfd\x00\x38".to_vec(), block(0).repeat(blocks - 1), block(1)].concat()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Lines that differ.
fn numbers(count: u64) -> String {
    (0..count).map(|number| format!("{:x}\n", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect()
}

const ZSTD: &str = "Content-Encoding: zstd\r\n";

#[test]
fn what_is_unpacked_is_held_against_the_limit_of_a_file() {
    let sandbox = Sandbox::with(&["--max-file-size", "1M"]);
    let bombs = [bomb(b'a', 100_000), gzip(&vec![b'a'; 2 << 20])];
    for (name, packed) in ["d/1", "d/2"].into_iter().zip(&bombs) {
        sandbox.keep(name, packed);
        for more in ["", "&lines", "&substring"] {
            let target = format!("/{name}?search=b&decompress{more}");
            let answer = sandbox.connect().ask(request("GET", &target, ""));
            assert_eq!(answer.status, 413, "{target}: {}", answer.text());
        }
        let answer = sandbox.connect().ask(request_with("POST", "/?search=b&decompress", "", packed));
        assert_eq!((answer.status, answer.text().as_str()), (413, "body: is larger than 1048576 bytes\n"));
        let answer = sandbox.connect().ask(request_with("PUT", "/new?search=b&decompress", "", packed));
        assert_eq!(answer.status, 413, "{}", answer.text());
        let copy = request("COPY", &format!("/{name}?search=b&decompress"), "Destination: /new\r\n");
        assert_eq!(sandbox.connect().ask(copy).status, 413);
    }
    assert_eq!(sandbox.connect().ask(request("GET", "/d/?search=b&decompress", "")).status, 413);
    sandbox.keep("fits", gzip(&vec![b'a'; 1 << 20]));
    assert_eq!(sandbox.connect().ask(request("GET", "/fits?search=b&decompress", "")).text(), "0\n");
    // What was put there past the daemon may be larger, as long as it is not packed.
    sandbox.keep("large", vec![b'a'; 2 << 20]);
    assert_eq!(sandbox.connect().ask(request("GET", "/large?search=b&decompress", "")).text(), "0\n");
}

#[test]
fn a_ratio_limits_what_is_decoded_and_without_one_an_image_of_zeros_is_stored() {
    let zeros = bomb(0, 80);
    let asked: [(&str, &str, &str); 5] = [
        ("PUT", "/new", ZSTD),
        ("PUT", "/new?reverse", ZSTD),
        ("POST", "/?search=a", ZSTD),
        ("POST", "/?search=a&decompress", ""),
        ("GET", "/zeros?search=a&decompress", ""),
    ];
    let plain = Sandbox::new();
    let limited = Sandbox::with(&["--max-ratio", "1000"]);
    for (method, target, fields) in asked {
        for (sandbox, status) in [(&plain, [200, 201, 204].as_slice()), (&limited, &[413])] {
            sandbox.keep("zeros", &zeros);
            let body: &[u8] = if method == "GET" { b"" } else { &zeros };
            let answer = sandbox.connect().ask(request_with(method, target, fields, body));
            assert!(
                status.contains(&answer.status),
                "{method} {target}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
    let text = numbers(20_000);
    let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
    assert!(text.len() / packed.len() < 1000, "a ratio of {}", text.len() / packed.len());
    assert_eq!(limited.connect().ask(request_with("PUT", "/text", ZSTD, packed)).status, 201);
    // A short text may say little.
    let short = zstd::encode_all(&[b'a'; 60_000][..], 1).unwrap();
    assert_eq!(limited.connect().ask(request_with("PUT", "/short", ZSTD, short)).status, 201);
}

#[test]
fn a_window_past_8_mib_is_refused_wherever_it_is() {
    let sandbox = Sandbox::new();
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(24).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(b"small").unwrap();
    let wide = encoder.finish().unwrap();
    sandbox.keep("wide.zst", &wide);
    sandbox.write("wide.zst", &wide);
    let ask = |message: Vec<u8>| sandbox.connect().ask(message).status;
    assert_eq!(ask(request("GET", "/wide.zst?search=a&decompress", "").into_bytes()), 422);
    assert_eq!(ask(request_with("POST", "/?search=a&decompress", "", &wide)), 422);
    assert_eq!(ask(request_with("POST", "/?search=a", ZSTD, &wide)), 400);
    sandbox.run("cfp-search", ["--decompress", "--local", "a", "wide.zst"]).code(2);
    sandbox.run("cfp-search", ["--decompress", "a", ":wide.zst"]).code(2);
    // What cfpd sends asks for little.
    sandbox.keep("text", "some words\n".repeat(1 << 17));
    let answer = sandbox.connect().ask(request("GET", "/text", "Accept-Encoding: zstd\r\n"));
    let mut decoder = zstd::stream::read::Decoder::new(&*answer.body).unwrap();
    decoder.window_log_max(16).unwrap();
    let mut text = Vec::new();
    std::io::copy(&mut decoder, &mut text).unwrap();
    assert_eq!(text, sandbox.stored("text"));
}

#[test]
fn work_on_a_body_ends_when_its_client_is_reset() {
    let sandbox = Sandbox::with(&["--log", "access.log"]);
    let mut watch = Watch::new(&sandbox);
    let before = watch.held();
    // All of it is in the buffers of the system when the client is reset; to search it would take minutes.
    let body = bomb(b'a', 100_000);
    let slow = "search=a&substring&ignore-case";
    let work = [
        ("POST", format!("/?{slow}"), ZSTD),
        ("POST", format!("/?{slow}&decompress"), ""),
        ("PUT", format!("/new?{slow}"), ZSTD),
        ("PUT", format!("/new?{slow}&decompress"), ""),
        ("PUT", "/new".to_owned(), ZSTD),
    ];
    for (method, target, fields) in &work {
        let received = watch.received();
        let mut raw = sandbox.connect();
        raw.send(request_with(method, target, fields, &body));
        watch.until(target, |watch| watch.received() > received + (100 << 10));
        raw.reset();
        watch.until_nothing_is_left(before, &[]);
    }
    watch.until_log("access.log", |log| log.matches(" HTTP/1.1\" 499 0 ").count() >= work.len());
    let log = std::fs::read_to_string(sandbox.work().join("access.log")).unwrap();
    assert!(!log.contains("cfpd: "), "{log}");
}

/// Encoders there are (limits.rs).
const ENCODERS: usize = 256;
/// Decoders there are with one thread that searches directories.
const DECODERS: usize = 32 + 1;

#[test]
fn past_the_last_encoder_answers_come_as_they_are() {
    let sandbox = Sandbox::new();
    // More than the system has buffers for.
    sandbox.keep("text", numbers(2_000_000));
    let coding = |raw: &mut Raw| {
        raw.send(request("GET", "/text", "Accept-Encoding: zstd\r\n"));
        let head = raw.head();
        (
            head.fields.get_text("content-encoding").map(str::to_owned),
            head.fields.get_text("etag").unwrap().to_owned(),
        )
    };
    // They read the head, and no more.
    let mut slow: Vec<_> = (0..ENCODERS).map(|_| sandbox.connect()).collect();
    for raw in &mut slow {
        assert_eq!(coding(raw).0.as_deref(), Some("zstd"));
    }
    let mut plain = sandbox.connect();
    let (coded, etag) = coding(&mut plain);
    assert_eq!(coded, None);
    assert!(!etag.contains("zstd"), "{etag}");
    slow.pop().unwrap().reset();
    Watch::new(&sandbox).until("an encoder", |_| coding(&mut sandbox.connect()).0.is_some());
}

#[test]
fn past_the_last_decoder_a_body_is_refused_until_a_slow_client_makes_room() {
    let sandbox = Sandbox::with(&["--scan-jobs", "1"]);
    let packed = zstd::encode_all(&b"a word"[..], 1).unwrap();
    let head = |name: &str| {
        request("PUT", name, &format!("{ZSTD}Expect: 100-continue\r\nContent-Length: {}\r\n", packed.len()))
    };
    let begin = |name: String| {
        let mut raw = sandbox.connect();
        raw.send(head(&name));
        raw
    };
    let mut slow: Vec<_> = (0..DECODERS).map(|number| begin(format!("/{number}"))).collect();
    for raw in &mut slow {
        assert_eq!(raw.line(), b"HTTP/1.1 100 Continue\r\n");
    }
    let refused = begin("/more".to_owned()).answer_to("PUT");
    assert_eq!((refused.status, refused.field("retry-after")), (503, "1"));
    // Who needs none is served, and one of those that send nothing loses its place.
    assert_eq!(sandbox.connect().ask(request_with("PUT", "/plain", "", "text")).status, 201);
    let stored =
        |_: &Watch<'_>| sandbox.connect().ask(request_with("PUT", "/more", ZSTD, &packed)).status == 201;
    Watch::new(&sandbox).until("a place", stored);
    assert_eq!(sandbox.stored("more"), b"a word");
}

/// Tells what `docs/operating.md` says of memory, and judges that it is not much more; `make bench ROWS=coders` shows it.
#[test]
fn what_a_slow_reader_and_a_dripping_body_hold_is_what_is_said_of_them() {
    const READERS: usize = 100;
    let sandbox = Sandbox::with(&["--scan-jobs", "1"]);
    sandbox.keep("text", numbers(2_000_000));
    let mut watch = Watch::new(&sandbox);
    let mut tell = |what: &str, fields: &str, most: u64| {
        let before = watch.memory();
        let readers: Vec<_> = (0..READERS)
            .map(|_| {
                let mut raw = sandbox.connect();
                raw.send(request("GET", "/text", fields));
                raw.head();
                raw
            })
            .collect();
        let each = watch.memory().saturating_sub(before) / READERS as u64;
        eprintln!("coders: {what}: {each} KiB each");
        assert!(each < most, "{what}: {each} KiB each");
        let threads = watch.held().threads;
        readers.into_iter().for_each(Raw::reset);
        watch.until("their end", |watch| watch.held().threads + READERS <= threads);
    };
    tell("slow readers of a file as it is", "", 64);
    tell("slow readers of a compressed answer", "Accept-Encoding: zstd\r\n", 800);
    // A window of 8 MiB, and enough to fill it.
    let mut wide = bomb(b'a', 100);
    wide[5] = 0x68;
    let before = watch.memory();
    let _dripping: Vec<_> = (0..DECODERS)
        .map(|_| {
            let mut raw = sandbox.connect();
            raw.send(request("POST", "/?search=b", &format!("{ZSTD}Content-Length: 100000\r\n")));
            raw.send(&wide[..wide.len() - 4]);
            raw
        })
        .collect();
    let all = DECODERS as u64;
    watch.until("full windows", |watch| watch.memory().saturating_sub(before) > all * (8 << 10));
    let each = watch.memory().saturating_sub(before) / all;
    eprintln!("coders: bodies that drip into a window of 8 MiB: {each} KiB each");
    assert!(each < 10 << 10, "{each} KiB each");
}

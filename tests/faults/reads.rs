//! How often a stored file is read: shown by what the daemon asks of the system.

use crate::common::client::Client;
use crate::common::strace::Strace;
use crate::common::{Sandbox, need};

#[test]
fn a_file_is_read_only_where_the_answer_needs_its_bytes() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let sandbox = Sandbox::with(&["--file-cache", "0"]);
    for name in ["f.png", "f.txt", "f.json", "f"] {
        sandbox.keep(name, "words");
    }
    let strace = |method: &str, target: &str, fields: &[(&str, &str)]| {
        let strace = Strace::attach(&sandbox, &["trace=read,pread64,readv,preadv,preadv2,sendfile,splice"]);
        let answer = Client::connect(sandbox.address()).unwrap().ask(method, target, fields, None).unwrap();
        let name = target.split('?').next().unwrap();
        let path = format!("<{}{name}>", sandbox.root().to_str().unwrap());
        let reads = strace.lines().iter().filter(|line| line.contains(&path)).count();
        (answer, reads)
    };
    let tag_of = |target: &str, fields: &[(&str, &str)]| {
        let answer = strace("GET", target, fields).0;
        answer.fields.get_text("etag").unwrap().to_owned()
    };
    let zstd = ("Accept-Encoding", "zstd");
    let old = ("If-Modified-Since", "Thu, 31 Dec 2099 00:00:00 GMT");
    let other = ("If-Match", "\"other\"");
    // The name tells the media type of a picture, that of a text but not its charset, or nothing.
    type Row<'r> = (&'r str, &'r str, &'r [(&'r str, &'r str)], u16, usize);
    let rows: [Row<'_>; 13] = [
        ("HEAD", "/f.png", &[], 200, 0),
        ("HEAD", "/f.png", &[zstd], 200, 0),
        ("HEAD", "/f.json", &[], 200, 0),
        ("HEAD", "/f.txt", &[], 200, 1),
        ("HEAD", "/f", &[], 200, 1),
        ("GET", "/f", &[], 200, 1),
        ("GET", "/f", &[old], 304, 0),
        ("GET", "/f.txt", &[old], 304, 0),
        ("GET", "/f.json", &[old], 304, 0),
        ("GET", "/f", &[other], 412, 0),
        ("HEAD", "/f.txt", &[zstd, other], 412, 0),
        ("HEAD", "/f?search=words", &[], 200, 0),
        ("GET", "/f?reverse", &[other], 412, 0),
    ];
    for (method, target, fields, status, wanted) in rows {
        let (answer, reads) = strace(method, target, fields);
        assert_eq!((answer.status, reads), (status, wanted), "{method} {target} {fields:?}");
    }
    for target in ["/f", "/f.txt", "/f.json", "/f?reverse", "/f.txt?search=words&lines"] {
        for fields in [&[][..], &[zstd]] {
            let tag = tag_of(target, fields);
            let asked = [fields, &[("If-None-Match", tag.as_str())]].concat();
            let (answer, reads) = strace("GET", target, &asked);
            assert_eq!((answer.status, reads), (304, 0), "{target} {asked:?}");
            assert_eq!(answer.fields.get_text("etag"), Some(tag.as_str()), "{target} {asked:?}");
            let vary = answer.fields.get_text("vary").map(str::to_owned);
            assert_eq!(vary.as_deref(), Some("Accept-Encoding"), "{target}");
        }
    }
    // A GET and a HEAD name the same type.
    for target in ["/f", "/f.txt", "/f.png"] {
        let type_of =
            |method| strace(method, target, &[]).0.fields.get_text("content-type").map(str::to_owned);
        assert_eq!(type_of("HEAD"), type_of("GET"), "{target}");
    }
}

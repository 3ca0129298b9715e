//! The programs people have already: curl, wget, Python's http.client, a browser's request, strace to look on. Each
//! test names the program it needs and says loudly when it is left out for want of it.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};

use crate::common::raw::{request, request_with};
use crate::common::strace::Strace;
use crate::common::watch::Watch;
use crate::common::{Sandbox, need};
use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::contains;

/// A text worth compressing, of many blocks.
fn text() -> String {
    (0..40_000).map(|line| format!("line {line}: a lamp and no other light\n")).collect()
}

#[test]
fn curl_puts_gets_resumes_and_renames() {
    if !need::programs(&["curl"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("f", text());
    sandbox
        .sh(r#"
            curl -fsS -T f "$CFP_SERVER/f"
            curl -fsS -o got "$CFP_SERVER/f"
            cmp f got
            # In chunks, and with Expect, which curl sends by itself for a large body.
            cat f | curl -fsS -T - -H 'Expect: 100-continue' "$CFP_SERVER/chunked"
            curl -fsS "$CFP_SERVER/chunked" | cmp - f
            # A part, and the rest of a transfer that was cut.
            head -c 1000 f > half
            curl -fsS -r 0-999 "$CFP_SERVER/f" | cmp - half
            curl -fsS -C - -o half "$CFP_SERVER/f"
            cmp f half
            # Nothing left to fetch: 416, which curl takes for done.
            curl -sS -C - -o half "$CFP_SERVER/f"
            # Only if it is newer, only if it is another.
            curl -fsS -z '1 Jan 2100' -o newer "$CFP_SERVER/f"
            [ ! -s newer ]
            curl -fsS -z '1 Jan 2000' -o newer "$CFP_SERVER/f"
            cmp f newer
            curl -fsS --etag-save tag -o got "$CFP_SERVER/f"
            rm got
            curl -fsS --etag-compare tag -o got "$CFP_SERVER/f"
            [ ! -s got ]
            # A directory without its slash is elsewhere.
            curl -fsS -X MKCOL "$CFP_SERVER/d/"
            curl -fsS -X MOVE -H 'Destination: /d/g' "$CFP_SERVER/f"
            curl -fsSL -H 'Accept: text/plain' "$CFP_SERVER/d"
            curl -fsS -X DELETE "$CFP_SERVER/d/"
            # Many at once on one connection.
            curl -fsS "$CFP_SERVER/chunked?search=lamp" "$CFP_SERVER/chunked?search=light"
            ! curl -fsS "$CFP_SERVER/f"
        "#)
        .success()
        .stdout("g\n40000\n40000\n")
        .stderr(contains("404"));
    assert_eq!(sandbox.all_stored(), ["chunked"]);
}

/// `--compressed` asks for whatever this curl can undo; a zstd among it comes back plain.
#[test]
fn curl_takes_compressed_answers() {
    if !need::programs(&["curl"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.keep("f", text());
    sandbox.write("f", text());
    sandbox
        .sh(r#"
            curl -fsS --compressed "$CFP_SERVER/f" | cmp - f
            curl -fsS --compressed "$CFP_SERVER/f?replace=lamp&with=lamp" | cmp - f
            curl -fsS -H 'Accept-Encoding: zstd' -o f.zst "$CFP_SERVER/f"
            curl -fsS -H 'Content-Encoding: zstd' -T f.zst "$CFP_SERVER/g"
            curl -fsS -H 'Content-Encoding: zstd' -H 'Accept-Encoding: zstd' --data-binary @f.zst \
                -o reversed.zst "$CFP_SERVER/?reverse"
        "#)
        .success();
    let file = |name: &str| fs::read(sandbox.work().join(name)).unwrap();
    assert!(file("f.zst").len() < text().len() / 5);
    assert_eq!(sandbox.stored("g"), text().as_bytes());
    let reversed = String::from_utf8(zstd::decode_all(&file("reversed.zst")[..]).unwrap()).unwrap();
    assert!(reversed.starts_with("light other no and lamp a 39999: line\n"), "{}", &reversed[..100]);
    assert_eq!(reversed.len(), text().len());
}

#[test]
fn wget_downloads_and_goes_on() {
    if !need::programs(&["wget"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.keep("f", text());
    sandbox.keep("d/e/g", "deep");
    sandbox.write("f", &text()[..1000]);
    sandbox
        .sh(r#"
            wget -q -c "$CFP_SERVER/f"
            cmp f ../root/f
            wget -q -N "$CFP_SERVER/f"
            wget -q -O - "$CFP_SERVER/d/e/g"
            # A list can be walked.
            wget -q -r -np -nH "$CFP_SERVER/d/"
            cmp d/e/g ../root/d/e/g
            ! wget -q "$CFP_SERVER/nothing"
        "#)
        .success()
        .stdout("deep");
}

#[test]
fn python_s_http_client_does_every_method() {
    const SCRIPT: &str = r#"
import http.client, json, sys
connection = http.client.HTTPConnection(sys.argv[1])
def ask(method, target, body=None, **fields):
    fields = {name.replace("_", "-"): value for name, value in fields.items()}
    connection.request(method, target, body, fields)
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers
assert ask("PUT", "/f", b"one two\n")[0] == 201
status, body, headers = ask("GET", "/f")
assert (status, body) == (200, b"one two\n")
assert ask("GET", "/f", If_None_Match=headers["ETag"])[0] == 304
assert ask("PUT", "/f", b"x", If_None_Match="*")[0] == 412
assert ask("HEAD", "/f")[2]["Content-Length"] == "8"
# An iterator has no length: in chunks.
assert ask("PUT", "/g", iter([b"three ", b"four\n"]))[0] == 201
assert ask("POST", "/?reverse", iter([b"one ", b"two\n"]))[1] == b"two one\n"
assert ask("COPY", "/f?replace=one&with=1", Destination="/h")[0] == 201
assert ask("GET", "/h")[1] == b"1 two\n"
assert ask("MOVE", "/h", Destination="/i")[0] == 201
names = [json.loads(line)["name"] for line in ask("GET", "/", Accept="application/json")[1].splitlines()]
assert sorted(names) == ["f", "g", "i"], names
assert ask("DELETE", "/i")[0] == 204
assert ask("DELETE", "/i")[0] == 404
assert b"PUT /name" in ask("OPTIONS", "*")[1]
"#;
    if need::programs(&["python3"]) {
        let sandbox = Sandbox::new();
        sandbox.run("python3", ["-c", SCRIPT, sandbox.address()]).success();
    }
}

/// What Chrome sends when a person types the address, and what it must get: a list to click in, and a stored page
/// that can run nothing.
#[test]
fn a_browser_sees_a_list_and_a_harmless_page() {
    const CHROME: &str = "Connection: keep-alive\r\n\
        sec-ch-ua: \"Chromium\";v=\"130\", \"Google Chrome\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\n\
        sec-ch-ua-mobile: ?0\r\n\
        sec-ch-ua-platform: \"Linux\"\r\n\
        Upgrade-Insecure-Requests: 1\r\n\
        User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
        Chrome/130.0.0.0 Safari/537.36\r\n\
        Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,\
        application/signed-exchange;v=b3;q=0.7\r\n\
        Sec-Fetch-Site: none\r\n\
        Sec-Fetch-Mode: navigate\r\n\
        Sec-Fetch-User: ?1\r\n\
        Sec-Fetch-Dest: document\r\n\
        Accept-Encoding: gzip, deflate, br, zstd\r\n\
        Accept-Language: en-GB,en-US;q=0.9,en;q=0.8\r\n";
    let sandbox = Sandbox::new();
    sandbox.keep("page.html", "<script>alert(1)</script>");
    let mut raw = sandbox.connect();
    let plain = |answer: &crate::common::raw::Answer| {
        assert_eq!(answer.field("content-encoding"), "zstd");
        String::from_utf8(zstd::decode_all(&answer.body[..]).unwrap()).unwrap()
    };
    let list = raw.ask(request("GET", "/", CHROME));
    assert_eq!((list.status, list.field("content-type")), (200, "text/html; charset=utf-8"));
    assert!(plain(&list).contains("<a href=\"page.html\">page.html</a>"));
    let page = raw.ask(request("GET", "/page.html", CHROME));
    assert_eq!((page.status, page.field("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(page.field("content-security-policy"), "sandbox");
    assert_eq!(page.field("x-content-type-options"), "nosniff");
    assert_eq!(plain(&page), "<script>alert(1)</script>");
    assert!(page.field("vary").contains("Accept-Encoding"));
    // Asked again with what it remembers, as a reload does.
    let again = format!("{CHROME}If-None-Match: {}\r\n", page.field("etag"));
    assert_eq!(raw.ask(request("GET", "/page.html", &again)).status, 304);
    assert_eq!(raw.ask(request("GET", "/favicon.ico", CHROME)).status, 404);
}

#[test]
fn a_unix_socket_serves_curl_and_the_tools() {
    if !need::programs(&["curl"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let socket = sandbox.work().join("cfpd.sock");
    let listen = format!("unix:{},mode=0660", socket.display());
    let mut second = Sandbox::with(&["--listen", &listen]);
    second.keep("f", "a lamp\n");
    let shape = fs::symlink_metadata(&socket).unwrap();
    assert!(shape.file_type().is_socket());
    assert_eq!(shape.permissions().mode() & 0o777, 0o660);
    sandbox
        .sh(r#"
            curl -fsS --unix-socket cfpd.sock 'http://any/f?search=lamp'
            curl -fsS --unix-socket cfpd.sock -T - http://any/g <<-EOF
			sent
			EOF
            cfp-cat -s "unix:$PWD/cfpd.sock" :g
            cfp-search -s "unix:$PWD/cfpd.sock" lamp :f
        "#)
        .success()
        .stdout("1\nsent\n1\n");
    // It goes with the daemon.
    let pid = nix::unistd::Pid::from_raw(i32::try_from(second.pid()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(second.wait().code(), Some(0));
    assert!(!socket.exists());
}

/// `--send-size 1000`: the daemon under strace hands no call on a connection more than that.
#[test]
fn send_size_holds_for_every_call() {
    if !need::root_and(&["strace", "curl"]) {
        return;
    }
    let sandbox = Sandbox::with(&["--send-size", "1000"]);
    let text = text();
    sandbox.keep("bio.txt", &text[..100_000]);
    let strace = Strace::attach(&sandbox, &["trace=sendfile,sendto,sendmsg,write,writev,splice"]);
    sandbox
        .sh(r#"
            curl -fsS "$CFP_SERVER/bio.txt" | cmp - ../root/bio.txt
            curl -fsS "$CFP_SERVER/bio.txt?replace=lamp&with=lamp" | cmp - ../root/bio.txt
            curl -fsS -H 'Accept-Encoding: zstd' -o bio.zst "$CFP_SERVER/bio.txt"
        "#)
        .success();
    let calls = strace.lines();
    let sent: Vec<&String> =
        calls.iter().filter(|line| line.contains("TCP:") || line.contains("socket:")).collect();
    let asked = |line: &str| {
        // The size asked for is the number after the last comma but for `sendto`, whose third argument it is.
        let arguments = line.rsplit_once(") =").unwrap().0;
        let (name, rest) = arguments.split_once('(').unwrap();
        let rest = if name.ends_with("sendto") { rest.rsplitn(4, ", ").nth(3).unwrap() } else { rest };
        rest.rsplit_once(", ").unwrap().1.parse::<usize>().unwrap_or_else(|_| panic!("{line}"))
    };
    let largest = sent.iter().filter(|line| line.contains(") =")).map(|line| asked(line)).max();
    assert_eq!(largest, Some(1000), "{calls:#?}");
    assert!(sent.len() >= 200, "{} calls", sent.len());
}

/// One request over a directory is the sum of single ones, and more than one thread works on it.
#[test]
fn a_search_beneath_a_directory_is_the_sum_of_single_ones() {
    let sandbox = Sandbox::with(&["--scan-jobs", "4"]);
    for number in 0..60 {
        let lines = (0..number * 50).map(|line| format!("{line} a lamp, no lamplight\n"));
        sandbox.keep(&format!("d/{}/f{number}", number % 7), lines.collect::<String>());
    }
    sandbox.keep("e", "lamp");
    let mut raw = sandbox.connect();
    let answer = raw.ask(request("GET", "/d/?search=lamp", "")).text();
    let mut lines: Vec<&str> = answer.lines().collect();
    let total = lines.pop().unwrap();
    assert_eq!(lines.len(), 60);
    let mut sum = 0;
    for line in lines {
        let (count, name) = line.split_once(' ').unwrap();
        assert_eq!(
            raw.ask(request("GET", &format!("/d/{name}?search=lamp"), "")).text(),
            format!("{count}\n")
        );
        sum += count.parse::<u64>().unwrap();
    }
    assert_eq!(total, format!("{sum} total"));
    assert_eq!(sum, (0..60).sum::<u64>() * 50);
    sandbox.run("cfp-search", ["-r", "lamp", ":d/"]).success().stdout(format!("{sum}\n"));
    // Holes take long to search, and no room: seen are more threads than serve the two connections.
    for number in 0..8 {
        let path = sandbox.keep(&format!("big/{number}"), "");
        fs::File::options().write(true).open(path).unwrap().set_len(1 << 29).unwrap();
    }
    let mut watch = Watch::new(&sandbox);
    let before = watch.held();
    raw.send(request("GET", "/big/?search=lamp", ""));
    watch.until("more threads", |watch| watch.held().threads >= before.threads + 3);
    assert!(raw.answer().text().ends_with("\n0 total\n"));
    watch.until("their end", |watch| watch.held().threads <= before.threads);
}

#[test]
fn many_helpers_end_a_search_of_few_files() {
    let sandbox = Sandbox::with(&["--scan-jobs", "1000"]);
    sandbox.keep("d/f", "a word\n");
    // A search that never ends is cut by the harness.
    sandbox.run("cfp-search", ["-r", "word", ":d/"]).success().stdout("1\n");
}

/// The field of rclone, Nextcloud and others: the file has the second that the client says, and its own tag all the same.
#[test]
fn a_modification_time_that_a_client_gives_is_kept() {
    let sandbox = Sandbox::new();
    let mut raw = sandbox.connect();
    let modified = |name: &str| {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(sandbox.root().join(name)).unwrap().mtime()
    };
    let mut tags = Vec::new();
    for (said, seconds) in
        [("1557057600", 1_557_057_600), ("1557057600.75", 1_557_057_600), ("-86401", -86_401)]
    {
        let answer = raw.ask(request_with("PUT", "/f", &format!("X-OC-Mtime: {said}\r\n"), "text"));
        assert_eq!((answer.field("x-oc-mtime"), modified("f")), ("accepted", seconds), "{said}");
        tags.push(answer.field("etag").to_owned());
    }
    // The last second of 9999: tmpfs keeps it, ext4 the largest time it has.
    let answer = raw.ask(request_with("PUT", "/far", "X-OC-Mtime: 253402300799\r\n", "text"));
    assert_eq!(answer.status, 201);
    assert_eq!(answer.field("x-oc-mtime") == "accepted", modified("far") == 253_402_300_799);
    tags.dedup();
    assert_eq!(tags.len(), 3);
    let head = raw.ask(request("HEAD", "/f", ""));
    assert_eq!(head.field("last-modified"), "Tue, 30 Dec 1969 23:59:59 GMT");
    let since = "If-Modified-Since: Tue, 30 Dec 1969 23:59:59 GMT\r\n";
    assert_eq!(raw.ask(request("GET", "/f", since)).status, 304);
    assert!(
        raw.ask(request("GET", "/?format=json", "")).text().contains("\"mtime\":\"1969-12-30T23:59:59Z\"")
    );
    let plain = raw.ask(request_with("PUT", "/f", "", "text"));
    assert!(plain.field("x-oc-mtime").is_empty() && modified("f") > 1_557_057_600);
    for bad in ["yesterday", "", "0x10", "99999999999999"] {
        let refused = raw.ask(request_with("PUT", "/f", &format!("X-OC-Mtime: {bad}\r\n"), "other"));
        assert_eq!((refused.status, sandbox.stored("f")), (400, b"text".to_vec()), "{bad}");
    }
    // One that comes in pieces is given it with the last.
    if !need::has_attributes() {
        return;
    }
    let first = "X-OC-Mtime: 1557057600\r\nUpload-Complete: ?0\r\n";
    let begun = raw.ask(request_with("PUT", "/g", first, "one "));
    assert_eq!(begun.status, 201);
    let rest = "Content-Type: application/partial-upload\r\nUpload-Complete: ?1\r\nUpload-Offset: 4\r\n";
    let path = begun.field("location").split_once("/.cfpd/").unwrap().1;
    let ended = raw.ask(request_with("PATCH", &format!("/.cfpd/{path}"), rest, "two"));
    assert_eq!((ended.status, ended.field("x-oc-mtime")), (201, "accepted"), "{}", ended.text());
    assert_eq!(modified("g"), 1_557_057_600);
}

/// Files between boundaries are no text: their words would be counted with those of the boundaries.
#[test]
fn a_form_with_files_is_refused_and_said_how_it_is_done() {
    let sandbox = Sandbox::new();
    let fields = "Content-Type: Multipart/form-data; boundary=x\r\n";
    let answer =
        sandbox.connect().ask(request_with("POST", "/?search=a", fields, "--x\r\n\r\na\r\n--x--\r\n"));
    assert_eq!((answer.status, answer.field("accept-encoding")), (415, ""));
    assert!(answer.text().contains("send the file itself"), "{}", answer.text());
}

/// What is compressed already keeps its length, whatever it is called; text does not pay for that.
#[test]
fn what_is_compressed_already_is_sent_as_it_is() {
    const TAKES_ZSTD: &str = "Accept-Encoding: gzip, deflate, br, zstd\r\n";
    let sandbox = Sandbox::new();
    let mut raw = sandbox.connect();
    let mut coding = |name: &str, content: &[u8]| {
        sandbox.keep(name, content);
        let answer = raw.ask(request("GET", &format!("/{name}"), TAKES_ZSTD));
        let length = answer.field("content-length").to_owned();
        (answer.field("content-type").to_owned(), answer.field("content-encoding").to_owned(), length)
    };
    let noise: Vec<u8> = (0..20_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for ending in ["zst", "tgz", "bz2", "deb", "lz4", "br", "rpm", "iso", "xz", "7z", "unknown"] {
        let (_, coded, length) = coding(&format!("f.{ending}"), &noise);
        assert_eq!((coded.as_str(), length.as_str()), ("", "20000"), "{ending}");
    }
    let (_, coded, _) = coding("named.txt", &[b"\x1f\x8b\x08".as_slice(), &noise].concat());
    assert_eq!(coded, "");
    let (kind, coded, _) = coding("f.ts", b"export const x = 1;\n");
    assert_eq!((kind.as_str(), coded.as_str()), ("text/plain; charset=utf-8", "zstd"));
    assert_eq!(coding("v.ts", b"\x47\x40\x00\x10\xff\x00").0, "video/vnd.dlna.mpeg-tts");
    assert_eq!(coding("r.rpm", b"\xed\xab\xee\xdb").0, "application/x-rpm");
    assert_eq!(coding("z.zst", b"\x28\xb5\x2f\xfd\x00").0, "application/zstd");
    assert_eq!(coding("f.json", b"{}").1, "zstd");
}

/// A tree for programs that copy all they find.
fn tree() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in ["a", "d/b", "d/e/a b:c", "d/e/\u{e9}", "d/empty"] {
        sandbox.keep(name, name);
    }
    sandbox
}

#[test]
fn wget_mirrors_a_tree_as_it_is() {
    if need::programs(&["wget", "diff"]) {
        let sandbox = tree();
        sandbox
            .sh(r#"wget -q -m -nH -np --restrict-file-names=nocontrol "$CFP_SERVER/"
            find . -name 'index.html*' -delete
            diff -r . ../root"#)
            .success();
    }
}

#[test]
fn lftp_mirrors_a_tree_as_it_is() {
    if need::programs(&["lftp", "diff"]) {
        let sandbox = tree();
        sandbox
            .sh(r#"lftp -e "set cmd:fail-exit yes; mirror / copy; exit" "$CFP_SERVER"
            diff -r copy ../root"#)
            .success();
        // It knows the sizes from the list, and finds that there is nothing to do.
        sandbox
            .sh(r#"lftp -e "set cmd:fail-exit yes; mirror --ignore-time -v / copy; exit" "$CFP_SERVER""#)
            .success()
            .stdout(contains("ransferring").not());
    }
}

/// What docs/clients.md says of rclone over WebDAV: as of ownCloud, it keeps times.
#[test]
fn rclone_syncs_a_tree_over_webdav_and_keeps_its_times() {
    if !need::programs(&["rclone", "diff"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("tree/d/a b", "text");
    sandbox.write("tree/e", "more");
    sandbox
        .sh(r#"touch -d '2020-01-02 03:04:05' 'tree/d/a b'
            there=":webdav,url='$CFP_SERVER',vendor=owncloud:tree"
            rclone --config /dev/null sync tree "$there"
            rclone --config /dev/null sync -v tree "$there" 2>&1 | grep -c Copied || true
            rclone --config /dev/null sync "$there" back
            diff -r tree back; find back -newermt 2020-01-02 ! -newermt 2020-01-03 -type f
            rm tree/e; rclone --config /dev/null sync tree "$there"; cfp-ls -R"#)
        .success()
        .stdout("0\nback/d/a b\ntree/\ntree/d/\ntree/d/a b\n");
}

#[test]
fn rclone_copies_a_tree_as_it_is() {
    if need::programs(&["rclone", "diff"]) {
        let sandbox = tree();
        sandbox
            .sh(r#"rclone --config /dev/null copy --http-url "$CFP_SERVER" :http: copy
            diff -r copy ../root
            rclone --config /dev/null check --http-url "$CFP_SERVER" :http: copy --one-way --size-only"#)
            .success();
    }
}

#[test]
fn text_browsers_follow_a_directory_without_its_slash_to_its_page() {
    for program in [["lynx", "-dump"], ["w3m", "-dump"]] {
        if need::programs(&program[..1]) {
            let sandbox = tree();
            let address = format!("{}/d", sandbox.url());
            sandbox
                .run(program[0], [program[1], &address])
                .success()
                .stdout(contains("empty").and(contains("e/")));
        }
    }
}

/// A flat repository is asked for by `/./` before its names.
#[test]
fn apt_reads_a_flat_repository() {
    if !need::root_and(&["apt-get"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let package = "Package: cfp-none\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\n\
                   Filename: ./none.deb\nSize: 0\nDescription: none\n";
    sandbox.keep("Packages", package);
    let place = sandbox.work();
    sandbox.write("sources", format!("deb [trusted=yes] {} ./\n", sandbox.url()));
    for directory in ["lists/partial", "cache/archives/partial", "parts", "dpkg"] {
        fs::create_dir_all(place.join(directory)).unwrap();
    }
    sandbox.write("dpkg/status", "");
    let options = format!(
        "-o Dir::Etc::SourceList={0}/sources -o Dir::Etc::SourceParts={0}/parts -o Dir::State::Lists={0}/lists \
         -o Dir::Cache={0}/cache -o Dir::State::status={0}/dpkg/status -o APT::Sandbox::User=root \
         -o Acquire::Languages=none",
        place.display()
    );
    sandbox
        .sh(&format!("apt-get {options} update >said 2>&1 || {{ cat said; exit 1; }}; apt-cache {options} show cfp-none"))
        .success()
        .stdout(contains("Package: cfp-none"));
}

//! Tricks with names and links, each with every method: nothing outside of the root is read, and nothing there
//! changes. What is refused how is told elsewhere (`tests/wire/names.txt`, `tests/store/hostile.rs`); here it may be
//! answered in any way but one. What lies outside is open to everybody, so that only the root keeps a daemon in.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::unistd::{User, geteuid};

use crate::common::raw::{request, request_with};
use crate::common::{Runner, Sandbox, need};

/// What the secret file says after a word that can be searched for, and what a file beside it is called.
const SECRET: &str = "e81a2c7f55d94b0c";
const WITNESS: &str = "b7736fd0914ac2e8";
/// No other file has this length.
const LENGTH: usize = 7919;

/// How a client may write the directory above, or something that another program takes for it.
const ABOVE: [&str; 26] = [
    "..",
    "%2e%2e",
    ".%2E",
    "%2e.",
    "%252e%252e",
    "%25%32%65%25%32%65",
    "..;",
    "..;a=b",
    "..%3b",
    "..%00",
    "%00..",
    "..%20",
    "%20..",
    "..%09",
    "..%0d%0a",
    "...",
    "..%5c..",
    "..\\..",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%f0%80%80%ae%f0%80%80%ae",
    "%ef%bc%8e%ef%bc%8e",
    "%u002e%u002e",
    "..%ff",
    "..%c2%a0",
    ".%e2%80%8b.",
];

/// Where they are put.
const PATTERNS: [&str; 4] = [
    "/{}/outside/secret",
    "/d/deep/{}/{}/{}/outside/secret",
    "/d/{}/../outside/secret",
    "/{}%2foutside%2fsecret",
];

/// Links, and where each leads; `OUT` is where the secret lies, `ROOT` what is served.
const LINKS: [(&str, &str); 28] = [
    ("absolute", "OUT/secret"),
    ("relative", "../outside/secret"),
    ("directory", "OUT"),
    ("beside", "../outside"),
    ("d/beside", "../../outside"),
    ("chain", "chain-b"),
    ("chain-b", "d/chain-c"),
    ("d/chain-c", "../beside"),
    ("chained", "absolute"),
    ("dangling", "../outside/made"),
    ("dangling-absolute", "OUT/made"),
    ("dangling-directory", "OUT/made/below"),
    ("loop", "loop-b"),
    ("loop-b", "loop"),
    ("self", "self"),
    ("loop-out", "loop-out/../../outside"),
    ("up", ".."),
    ("up-up", "../.."),
    ("d/up", "../.."),
    ("through", "up/outside/secret"),
    ("twice", "d/../../outside/secret"),
    ("again", "../root/../outside/secret"),
    ("home", "ROOT/d"),
    ("process", "/proc/self/root"),
    ("here", "/proc/self/cwd"),
    ("descriptors", "/proc/self/fd"),
    ("top", "/"),
    (".cfpd-0011223344556677", "../outside/secret"),
];

/// What is asked of a link.
const BELOW: [&str; 6] = ["", "/", "/secret", "/deep/secret", "/outside/secret", "/../outside/secret"];

/// Whatever else may be taken for a name.
const TARGETS: [&str; 64] = [
    "//",
    "///",
    "//..//outside/secret",
    "/./../outside/secret",
    "/d/./.././../outside/secret",
    "/d//../../outside/secret",
    "/%2e/%2e%2e/outside/secret",
    "/%2foutside%2fsecret",
    "/%2f..%2foutside%2fsecret",
    "/%2F%2E%2E%2Foutside%2Fsecret",
    "/d%2f..%2f..%2foutside%2fsecret",
    "/..%5coutside%5csecret",
    "/\\..\\outside\\secret",
    "/%5c%5coutside%5csecret",
    "/..%c0%afoutside%c0%afsecret",
    "/..%ef%bc%8foutside%ef%bc%8fsecret",
    "/..%e2%88%95outside%e2%88%95secret",
    "/f/../../outside/secret",
    "/f%00/../../outside/secret",
    "/f%00.txt",
    "/%00",
    "/f/.",
    "/f/..",
    "/d/..",
    "/d/.",
    "/.",
    "/..",
    "/../",
    "/f.",
    "/f%20",
    "/f::$DATA",
    "/~root/",
    "/~",
    "/$HOME/",
    "/%24%7bHOME%7d",
    "/`id`",
    "/*",
    "/OUT/secret",
    "/%2fetc%2fpasswd",
    "//etc/passwd",
    "/etc/passwd",
    "/proc/self/root/etc/passwd",
    "/dev/stdin",
    "OUT/secret",
    "../outside/secret",
    "..",
    "outside/secret",
    "file://OUT/secret",
    "http://h/../outside/secret",
    "http://h/%2e%2e/outside/secret",
    "http://h//outside/secret",
    "http://../outside/secret",
    "http://h%2f..%2foutside/secret",
    "http://h\\..\\outside/secret",
    "http:/../outside/secret",
    "http://h?/../../outside/secret",
    "http://h#/../../outside/secret",
    "https://h@other/../outside/secret",
    "/f?/../../outside/secret",
    "/f#/../../outside/secret",
    "/.cfpd/../../outside/secret",
    "/.cfpd/uploads/../../../outside/secret",
    "/.cfpd/uploads/..%2f..%2f..%2foutside%2fsecret",
    "/.cfpd-uploads/../../outside/secret",
];

/// All targets; `out` is the directory of the secret, as an absolute path.
fn targets(out: &Path, root: &Path) -> Vec<String> {
    let spelled = ABOVE.iter().flat_map(|above| PATTERNS.map(|pattern| pattern.replace("{}", above)));
    let linked = LINKS.iter().flat_map(|(link, _)| BELOW.map(|below| format!("/{link}{below}")));
    let long = [
        format!("/{}outside/secret", "../".repeat(5000)),
        format!("/{}outside/secret", "d/../".repeat(4000)),
        format!("/{}/../../outside/secret", "a".repeat(300)),
        format!("/{}", "beside/../".repeat(2000)),
        format!("/{}f", "./".repeat(10_000)),
    ];
    let own = [".cfpd", ".cfpd/", ".cfpd/secret", ".cfpd-uploads", ".cfpd-uploads/", ".cfpd-uploads/secret"];
    let own =
        own.iter().flat_map(|own| [format!("/{own}"), format!("/d/{own}"), format!("/%2ecfpd/../{own}")]);
    let all: Vec<String> = spelled.chain(linked).chain(long).chain(own).collect();
    let named = |target: String| at(&target, out, root);
    all.into_iter().chain(TARGETS.map(str::to_owned)).map(named).collect()
}

fn at(text: &str, out: &Path, root: &Path) -> String {
    text.replace("OUT", out.to_str().unwrap()).replace("ROOT", root.to_str().unwrap())
}

/// Everything that can be asked of a name, reading first. A request that ends the connection says so itself.
fn requests(target: &str) -> Vec<Vec<u8>> {
    const CLOSE: &str = "Connection: close\r\n";
    let with = |query: &str| match target.contains('?') {
        true => format!("{target}&{query}"),
        false => format!("{target}?{query}"),
    };
    let plain = |method: &str, target: &str| request(method, target, CLOSE).into_bytes();
    let body = |method: &str, target: &str, fields: &str| {
        request_with(method, target, &format!("{CLOSE}{fields}"), "planted")
    };
    let to = |method: &str, from: &str, to: &str| {
        request(method, from, &format!("{CLOSE}Destination: {to}\r\n")).into_bytes()
    };
    let copied = format!("http://h{target}");
    let mut all: Vec<_> = ["GET", "HEAD", "OPTIONS"].map(|method| plain(method, target)).into();
    let queries =
        ["search=key&lines", "search=key", "recursive", "reverse", "replace=key&with=lock&decompress"];
    all.extend(queries.map(|query| plain("GET", &with(query))));
    all.push(request("GET", target, &format!("{CLOSE}Range: bytes=0-99\r\n")).into_bytes());
    all.push(body("POST", &with("search=key"), ""));
    all.extend([to("COPY", target, "/copied"), to("COPY", &with("reverse"), "/copied")]);
    all.extend([to("MOVE", target, "/moved"), to("MOVE", "/f", target), to("MOVE", "/d/", target)]);
    all.extend([to("COPY", "/f", target), to("COPY", "/d/", target), to("COPY", "/f?reverse", target)]);
    all.extend([to("COPY", "/f", &copied), to("MOVE", "/f", &copied)]);
    all.extend([body("PUT", target, ""), body("PUT", &with("replace=key&with=lock"), "")]);
    all.extend(
        ["Upload-Complete: ?0\r\n", "Upload-Complete: ?1\r\n"].map(|fields| body("PUT", target, fields)),
    );
    let piece = "Content-Type: application/partial-upload\r\nUpload-Complete: ?1\r\nUpload-Offset: 0\r\n";
    all.push(body("PATCH", target, piece));
    let slashed = format!("{target}/");
    all.extend(
        [target, &slashed].iter().flat_map(|target| ["MKCOL", "DELETE"].map(|method| plain(method, target))),
    );
    all
}

/// A root full of links, and a secret beside it.
struct World {
    sandbox: Sandbox,
    out: PathBuf,
}

impl World {
    fn new(runner: Runner) -> Self {
        let sandbox = Sandbox::run_by(runner, &["--no-sync"], |root| {
            let out = root.with_file_name("outside");
            fs::create_dir_all(out.join("deep")).unwrap();
            let secret = format!("key {SECRET} ").repeat(LENGTH)[..LENGTH].to_owned();
            for name in ["secret", "deep/secret", WITNESS] {
                fs::write(out.join(name), &secret).unwrap();
                open_to_all(&out.join(name), 0o666);
            }
            [&out, &out.join("deep")].iter().for_each(|directory| open_to_all(directory, 0o777));
            furnish(root);
        });
        let out = sandbox.root().with_file_name("outside");
        World { sandbox, out }
    }

    /// Asks once, on a connection of its own, and gives back all that comes.
    fn ask(&self, request: &[u8]) -> Vec<u8> {
        let mut raw = self.sandbox.connect();
        // A server that refuses a head may close before it has read all of it.
        let _ = raw.try_send(request);
        raw.rest()
    }

    /// All there is beside the root: kind, mode, owner, time and content.
    fn beside(&self) -> BTreeMap<PathBuf, (u32, u32, i64, i64, Vec<u8>)> {
        let mut found = BTreeMap::new();
        let mut waiting = vec![self.sandbox.root().parent().unwrap().to_owned()];
        while let Some(path) = waiting.pop() {
            let meta = fs::symlink_metadata(&path).unwrap();
            let content = match meta.is_file() {
                true => fs::read(&path).unwrap(),
                false => Vec::new(),
            };
            if meta.is_dir() {
                waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
            waiting.retain(|path| !["root", "cfpd.stderr", "cfpd"].iter().any(|own| path.ends_with(own)));
            found.insert(path, (meta.mode(), meta.uid(), meta.mtime(), meta.mtime_nsec(), content));
        }
        found
    }

    /// Whatever the daemon stored, it is nothing from outside.
    fn assert_nothing_came_in(&self, said: &str) {
        for name in self.sandbox.all_stored() {
            assert!(!name.contains(WITNESS), "{said} brought in {name}");
            let path = self.sandbox.root().join(&name);
            // A temporary file may go between two looks.
            let is_file = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file());
            if is_file && let Ok(content) = fs::read(&path) {
                assert!(!has(&content, SECRET), "{said} brought the secret into {name}");
            }
        }
    }
}

/// Makes the root what it was in the beginning; what the daemon keeps for itself stays.
fn furnish(root: &Path) {
    for entry in fs::read_dir(root).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true if entry.file_name() == ".cfpd-uploads" => {}
            true => fs::remove_dir_all(entry.path()).unwrap(),
            false => fs::remove_file(entry.path()).unwrap(),
        }
    }
    fs::create_dir_all(root.join("d/deep")).unwrap();
    for name in ["f", "d/f", "d/deep/f"] {
        fs::write(root.join(name), "key and lock").unwrap();
    }
    for directory in [root, &root.join("d"), &root.join("d/deep")] {
        open_to_all(directory, 0o777);
    }
    let out = root.with_file_name("outside");
    LINKS.iter().for_each(|(link, to)| symlink(at(to, &out, root), root.join(link)).unwrap());
}

fn open_to_all(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn assert_tells_nothing(said: &str, answer: &[u8]) {
    let length = format!("Content-Length: {LENGTH}\r\n");
    for told in [SECRET, WITNESS, "root:x:0", &length] {
        assert!(!has(answer, told), "{said} was told {told}: {}", answer.escape_ascii());
    }
}

/// A kernel without Landlock, as far as the daemon can tell.
const WITHOUT_LANDLOCK: &[&str] = &["python3", "-c", include_str!("without_landlock.py")];

const NO_FILTER: &str = "no python3 that may filter calls";

fn without_landlock() -> Option<&'static [&'static str]> {
    let works = Command::new("python3").args(&WITHOUT_LANDLOCK[1..]).arg("/bin/true").status();
    works.is_ok_and(|works| works.success()).then_some(WITHOUT_LANDLOCK)
}

fn nobody() -> Option<User> {
    User::from_name("nobody").unwrap().filter(|_| geteuid().is_root())
}

fn try_all(runner: Runner) {
    let confined = runner.under.is_empty();
    let world = World::new(runner);
    assert!(confined || world.sandbox.log().contains("is not confined"), "{}", world.sandbox.log());
    let targets = targets(&world.out, &world.sandbox.root());
    assert!(targets.len() >= 100);
    let before = world.beside();
    for target in &targets {
        for request in requests(target) {
            let said = request.escape_ascii().to_string();
            let answer = world.ask(&request);
            assert_tells_nothing(&said, &answer);
            // What has done something may have done it to the links.
            if answer.starts_with(b"HTTP/1.1 2") && !request.starts_with(b"GET") {
                world.assert_nothing_came_in(&said);
                furnish(&world.sandbox.root());
            }
        }
        world.assert_nothing_came_in(target);
        assert!(world.beside() == before, "something outside has changed by {target}");
    }
    // The daemon is well, and the secret was there to be found.
    assert!(world.ask(request("GET", "/f", "Connection: close\r\n").as_bytes()).ends_with(b"key and lock"));
    assert!(has(&fs::read(world.out.join("secret")).unwrap(), SECRET));
}

#[test]
fn no_trick_with_a_name_leads_out_of_the_root() {
    try_all(Runner::default());
}

#[test]
fn no_trick_with_a_name_leads_a_daemon_without_rights_out_of_the_root() {
    match nobody() {
        Some(nobody) => try_all(Runner { user: Some(nobody), under: &[] }),
        None => need::left_out("only root may start a daemon of another user"),
    }
}

#[test]
fn no_trick_with_a_name_leads_out_of_the_root_without_landlock() {
    match without_landlock() {
        Some(under) => try_all(Runner { user: None, under }),
        None => need::left_out(NO_FILTER),
    }
}

#[test]
fn no_trick_with_a_name_leads_a_daemon_without_rights_out_of_the_root_without_landlock() {
    match (nobody(), without_landlock()) {
        (Some(nobody), Some(under)) => try_all(Runner { user: Some(nobody), under }),
        (None, _) => need::left_out("only root may start a daemon of another user"),
        (_, None) => need::left_out(NO_FILTER),
    }
}

/// Whether a request comes before or after the swap is chance; it must not come out.
#[test]
fn no_link_swapped_in_while_a_name_is_used_leads_out_of_the_root() {
    let world = World::new(Runner::default());
    let before = world.beside();
    let (d, beside) = (world.sandbox.root().join("d"), world.sandbox.root().join("beside"));
    thread::scope(|scope| {
        let user = scope.spawn(|| {
            for _ in 0..15 {
                for target in ["/d/secret", "/d/deep/secret", "/d/made", "/d/", "/d"] {
                    for request in requests(target) {
                        assert_tells_nothing(&request.escape_ascii().to_string(), &world.ask(&request));
                    }
                }
            }
        });
        while !user.is_finished() {
            // Either may be gone for a moment, or for good: what is left is then swapped in from outside again.
            if renameat2(AT_FDCWD, &d, AT_FDCWD, &beside, RenameFlags::RENAME_EXCHANGE).is_err() {
                let _ = fs::create_dir_all(d.join("deep"));
                let _ = symlink("../outside", &beside);
            }
        }
    });
    world.assert_nothing_came_in("a swap");
    assert!(world.beside() == before, "something outside has changed");
}

/// Uploads that wait are kept in a directory of the daemon's own. Who plants a link there gets none of them.
#[test]
fn a_link_planted_for_uploads_leads_nowhere() {
    let sandbox = Sandbox::prepared(&["--no-sync"], |root| {
        fs::create_dir(root.with_file_name("outside")).unwrap();
        symlink("../outside", root.join(".cfpd-uploads")).unwrap();
    });
    let mut raw = sandbox.connect();
    for (name, complete) in [("/new", "?0"), ("/new", "?1")] {
        raw.send(request_with(
            "PUT",
            name,
            &format!("Upload-Complete: {complete}\r\nConnection: close\r\n"),
            "x",
        ));
        raw.rest();
        raw = sandbox.connect();
    }
    assert!(fs::read_dir(sandbox.root().with_file_name("outside")).unwrap().next().is_none());
}

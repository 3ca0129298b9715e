//! The cache of small files: nothing comes out of it that an open without it would not find at that moment.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use cfp::store::{Content, Local, Store};

use super::sandbox::{Sandbox, all_of, name};
use crate::common::{HANG, need};

const SIZE: u64 = 1 << 20;

fn cached(sandbox: &Sandbox) -> Local {
    sandbox.second().caching_at_most(SIZE).unwrap()
}

/// Opens a file until it comes from memory, which takes two opens and a few milliseconds since its last change.
fn warm(store: &Local, path: &str) -> Box<dyn Content> {
    let end = Instant::now() + HANG;
    loop {
        let content = store.open(&name(path)).unwrap();
        if content.bytes().is_some() {
            return content;
        }
        assert!(Instant::now() < end, "{path} is never cached");
    }
}

/// What an open finds: bytes and metadata, or the error.
fn found(store: &dyn Store, path: &str) -> String {
    match store.open(&name(path)) {
        Ok(content) => {
            let text = String::from_utf8(all_of(content.as_ref())).unwrap();
            format!("{text} {:?}", content.meta())
        }
        Err(error) => format!("{:?} {error}", error.kind()),
    }
}

#[test]
fn a_small_file_that_is_asked_for_again_comes_from_memory() {
    if !need::cacheable() {
        return;
    }
    let sandbox = Sandbox::new().with(&["f", "d/f", "d/e/f", "empty"]).linked(&[("link", "d/e")]);
    fs::write(sandbox.path("empty"), "").unwrap();
    fs::write(sandbox.path("large"), vec![b'x'; 65 << 10]).unwrap();
    let store = cached(&sandbox);
    for path in ["/f", "/d/f", "/d/e/f", "/link/f", "/empty"] {
        let content = warm(&store, path);
        assert!(content.descriptor().is_none());
        let fresh = sandbox.second().open(&name(path)).unwrap();
        assert_eq!(content.bytes().unwrap(), all_of(fresh.as_ref()));
        assert_eq!(content.meta(), fresh.meta());
        let mut part = String::new();
        content.reader(1..3).unwrap().read_to_string(&mut part).unwrap();
        assert_eq!(part.as_bytes(), all_of(fresh.as_ref()).get(1..3).unwrap_or_default());
    }
    for _ in 0..20 {
        assert!(store.open(&name("/large")).unwrap().bytes().is_none());
        assert!(sandbox.store.open(&name("/f")).unwrap().bytes().is_none(), "without a cache");
    }
}

#[test]
fn a_digest_that_was_computed_of_a_cached_file_is_known_until_it_changes() {
    if !need::cacheable() {
        return;
    }
    let sandbox = Sandbox::new().with(&["f"]);
    let store = cached(&sandbox);
    assert_eq!(warm(&store, "/f").digest(), None);
    let mut content = warm(&store, "/f");
    content.prepare_digest();
    content.keep_digest(&[7; 32]);
    assert_eq!(warm(&store, "/f").digest(), Some([7; 32]));
    fs::write(sandbox.path("f"), "g").unwrap();
    assert_eq!(store.open(&name("/f")).unwrap().digest(), None);
}

#[test]
fn the_cache_keeps_to_its_size_and_what_is_asked_for_stays() {
    if !need::cacheable() {
        return;
    }
    let sandbox = Sandbox::new().with(&["f"]);
    let store = cached(&sandbox);
    let many: Vec<_> = (0..60).map(|number| format!("/{number}")).collect();
    for path in &many {
        fs::write(sandbox.path(&path[1..]), vec![b'x'; 60 << 10]).unwrap();
    }
    warm(&store, "/f");
    for path in &many {
        warm(&store, path);
        warm(&store, "/f");
    }
    let is_cached = |path: &String| store.open(&name(path)).unwrap().bytes().is_some();
    let held = many.iter().rev().filter(|path| is_cached(path)).count();
    assert!((8..=17).contains(&held), "{held}");
}

type Change = (&'static str, fn(&Path, &Path));

/// Changes to the file at a path; the second path is one outside of the root.
const CHANGES: [Change; 15] = [
    ("nothing", |_, _| {}),
    ("written in place with the size and times of before", |path, _| {
        let before = fs::metadata(path).unwrap();
        fs::write(path, vec![b'y'; usize::try_from(before.len()).unwrap()]).unwrap();
        let times = fs::FileTimes::new()
            .set_modified(before.modified().unwrap())
            .set_accessed(before.accessed().unwrap());
        File::options().write(true).open(path).unwrap().set_times(times).unwrap();
    }),
    ("replaced by one with the size and times of before", |path, outside| {
        let before = fs::metadata(path).unwrap();
        fs::write(outside, vec![b'y'; usize::try_from(before.len()).unwrap()]).unwrap();
        let times = fs::FileTimes::new().set_modified(before.modified().unwrap());
        File::options().write(true).open(outside).unwrap().set_times(times).unwrap();
        fs::rename(outside, path).unwrap();
    }),
    ("longer", |path, _| {
        File::options().append(true).open(path).unwrap().write_all(b"y").unwrap();
    }),
    ("shorter", |path, _| File::options().write(true).open(path).unwrap().set_len(0).unwrap()),
    ("gone", |path, _| fs::remove_file(path).unwrap()),
    ("renamed", |path, _| fs::rename(path, path.with_extension("other")).unwrap()),
    ("a link to itself outside", |path, outside| {
        fs::rename(path, outside).unwrap();
        symlink(outside, path).unwrap();
    }),
    ("a link to another name of it outside", |path, outside| {
        fs::hard_link(path, outside).unwrap();
        fs::remove_file(path).unwrap();
        symlink(outside, path).unwrap();
    }),
    ("a link to itself beside", |path, _| {
        fs::rename(path, path.with_extension("other")).unwrap();
        symlink(path.with_extension("other").file_name().unwrap(), path).unwrap();
    }),
    ("a directory", |path, _| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    }),
    ("a FIFO", |path, _| {
        fs::remove_file(path).unwrap();
        nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    }),
    ("one that may not be read", |path, _| {
        fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
    }),
    ("one with another attribute", |path, _| {
        xattr::set(path, "user.cfpd.sha256", b"nonsense").unwrap();
    }),
    ("in a root that has moved", |path, outside| {
        let root = path.ancestors().find(|above| above.ends_with("root")).unwrap();
        fs::rename(root, outside).unwrap();
    }),
];

/// Changes to the directory of a path.
const CHANGES_ABOVE: [Change; 7] = [
    ("moved", |above, _| fs::rename(above, above.with_extension("other")).unwrap()),
    ("exchanged for another", |above, _| {
        let other = above.with_extension("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("f"), "other").unwrap();
        fs::rename(above, above.with_extension("moved")).unwrap();
        fs::rename(&other, above).unwrap();
    }),
    ("exchanged for another with a second name of the file", |above, _| {
        let other = above.with_extension("other");
        fs::create_dir(&other).unwrap();
        fs::hard_link(above.join("f"), other.join("f")).unwrap();
        fs::rename(above, above.with_extension("moved")).unwrap();
        fs::rename(&other, above).unwrap();
    }),
    ("a link to itself outside", |above, outside| {
        fs::rename(above, outside).unwrap();
        symlink(outside, above).unwrap();
    }),
    ("an absolute link to itself", |above, _| {
        let other = above.with_extension("other");
        fs::rename(above, &other).unwrap();
        symlink(&other, above).unwrap();
    }),
    ("a relative link to itself", |above, _| {
        let other = above.with_extension("other");
        fs::rename(above, &other).unwrap();
        symlink(other.file_name().unwrap(), above).unwrap();
    }),
    ("one that may not be searched", |above, _| {
        fs::set_permissions(above, Permissions::from_mode(0o000)).unwrap();
    }),
];

#[test]
fn what_comes_from_the_cache_is_what_an_open_finds_whatever_was_changed() {
    if !need::cacheable() {
        return;
    }
    let rows = CHANGES.iter().flat_map(|change| ["f", "d/f", "d/e/f"].map(|path| (path, path, change)));
    let above = CHANGES_ABOVE.iter().flat_map(|change| {
        [("d/f", "d", change), ("d/e/f", "d/e", change), ("link/f", "d", change), ("d/e/f", "d", change)]
    });
    for (path, changed, (what, change)) in rows.chain(above) {
        let sandbox = Sandbox::new().with(&["f", "d/f", "d/e/f"]).linked(&[("link", "d")]);
        let (store, fresh) = (cached(&sandbox), sandbox.second());
        warm(&store, path);
        let before = found(&fresh, path);
        assert_eq!(found(&store, path), before);
        change(&sandbox.path(changed), &sandbox.outside("moved"));
        let after = found(&fresh, path);
        for _ in 0..3 {
            assert_eq!(found(&store, path), after, "{path} when {changed} is {what}");
        }
        // So that it can be removed.
        if *what == "one that may not be searched" {
            fs::set_permissions(sandbox.path(changed), Permissions::from_mode(0o755)).unwrap();
        }
    }
}

#[test]
fn a_link_that_leads_elsewhere_now_is_followed_there() {
    if !need::cacheable() {
        return;
    }
    let sandbox = Sandbox::new().with(&["a/f", "b/f"]).linked(&[("link", "a")]);
    let store = cached(&sandbox);
    assert_eq!(warm(&store, "/link/f").bytes(), Some(&b"a/f"[..]));
    fs::remove_file(sandbox.path("link")).unwrap();
    symlink("b", sandbox.path("link")).unwrap();
    assert_eq!(all_of(store.open(&name("/link/f")).unwrap().as_ref()), b"b/f");
    assert_eq!(warm(&store, "/link/f").bytes(), Some(&b"b/f"[..]));
}

/// Maps the file shared, and writes a letter at its begin for each line it reads.
const MAPPER: &str = r#"
import mmap, sys
file = open(sys.argv[1], "r+b")
map = mmap.mmap(file.fileno(), 0)
for line in sys.stdin:
    map[0:1] = line[0:1].encode()
    print("done", flush=True)
"#;

#[test]
fn what_another_program_writes_through_a_mapping_is_seen() {
    if !need::cacheable() || !need::programs(&["python3"]) {
        return;
    }
    let sandbox = Sandbox::new().with(&["f"]);
    let store = cached(&sandbox);
    let mut mapper = Command::new("python3");
    mapper.args(["-c", MAPPER]).arg(sandbox.path("f")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut mapper = mapper.spawn().unwrap();
    let mut asks = mapper.stdin.take().unwrap();
    let mut answers = mapper.stdout.take().unwrap();
    // The first store is one into a page that is mapped and dirty when the file is read into the cache.
    for letter in "abcdefgh".chars() {
        writeln!(asks, "{letter}").unwrap();
        answers.read_exact(&mut [0; 5]).unwrap();
        for _ in 0..2 {
            assert_eq!(all_of(store.open(&name("/f")).unwrap().as_ref()), letter.to_string().as_bytes());
        }
        warm(&store, "/f");
    }
    drop(asks);
    mapper.wait().unwrap();
}

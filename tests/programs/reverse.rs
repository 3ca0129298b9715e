//! cfp-reverse: the words last first, wherever they come from and go to.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::common::Sandbox;

const TEXT: &str = "one  two\n\tthree four";
const REVERSED: &str = "four  three\n\ttwo one";

// Row A3.
#[test]
fn words_are_reversed_and_stored_under_the_name_they_are_given() {
    let sandbox = Sandbox::new();
    sandbox.write("f", TEXT);
    sandbox.keep("f", TEXT);
    for source in ["f", ":f", "-"] {
        sandbox.feed("cfp-reverse", [source], TEXT).stdout(REVERSED).stderr("").success();
        sandbox.feed("cfp-reverse", [source, "-o", "out"], TEXT).stdout("").success();
        assert_eq!(fs::read_to_string(sandbox.work().join("out")).unwrap(), REVERSED);
        sandbox.feed("cfp-reverse", [source, "-o", ":out"], TEXT).stdout("").success();
        assert_eq!(fs::read_to_string(sandbox.root().join("out")).unwrap(), REVERSED);
    }
    sandbox.feed("cfp-reverse", ["--local"], TEXT).stdout(REVERSED).success();
    sandbox.run("cfp-reverse", ["--local", "f"]).stdout(REVERSED).success();
}

#[test]
fn each_line_by_itself_and_in_place() {
    let sandbox = Sandbox::new();
    sandbox.write("f", TEXT);
    sandbox.keep("f", TEXT);
    let by_line = "two  one\n\tfour three";
    for argv in [&["--per-line", "f"][..], &["--per-line", ":f"], &["--per-line", "--local", "f"]] {
        sandbox.run("cfp-reverse", argv).stdout(by_line).success();
    }
    sandbox.run("cfp-reverse", ["--in-place", ":f"]).success();
    sandbox.run("cfp-reverse", ["--in-place", "f"]).success();
    assert_eq!(fs::read_to_string(sandbox.root().join("f")).unwrap(), REVERSED);
    assert_eq!(fs::read_to_string(sandbox.work().join("f")).unwrap(), REVERSED);
}

#[test]
fn where_the_order_stays_the_same_nothing_is_written() {
    let sandbox = Sandbox::new();
    let palindrome = "one two\none\n";
    for path in [sandbox.write("f", palindrome), sandbox.keep("f", palindrome)] {
        fs::hard_link(&path, path.with_file_name("link")).unwrap();
    }
    for argv in [&[":f"][..], &["f"], &["--local", "f"], &["--per-line", ":f"]] {
        let same = !argv.contains(&"--per-line");
        sandbox.run("cfp-reverse", [&["--in-place"], argv].concat()).stdout("").stderr("").success();
        let links = |path: PathBuf| fs::metadata(path).unwrap().nlink();
        assert_eq!(links(sandbox.work().join("f")), 2, "{argv:?}");
        assert_eq!(links(sandbox.root().join("f")) == 2, same, "{argv:?}");
    }
}

#[test]
fn twice_gives_back_every_byte_of_a_large_stream() {
    let sandbox = Sandbox::new();
    let script = "seq 300000 > f; cfp-reverse < f | cfp-reverse | cmp - f
        cfp-reverse --local < f | cfp-reverse -z always - | cmp - f";
    sandbox.sh(script).stdout("").stderr("").success();
}

#[test]
fn a_byte_order_mark_at_the_beginning_stays_there() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "\u{feff}one two three\r\nfour\r\n");
    sandbox.keep("f", "\u{feff}one two three\r\nfour\r\n");
    let script = "
        whole() { printf '\\357\\273\\277four three two\\r\\none\\r\\n' | cmp - \"$1\"; }
        lines() { printf '\\357\\273\\277three two one\\r\\nfour\\r\\n' | cmp - \"$1\"; }
        for options in '' --local; do
            cfp-reverse $options f > out; whole out
            cfp-reverse $options < f > out; whole out
            cat f | cfp-reverse $options > out; whole out
            cfp-reverse $options --per-line f > out; lines out
            cat f | cfp-reverse $options --per-line > out; lines out
        done
        cfp-reverse :f > out; whole out
        cfp-reverse --per-line :f > out; lines out
        cfp-reverse f -o :put; cfp-get put; whole put
        cfp-reverse --per-line f -o :put; cfp-get put; lines put
        cfp-reverse :f -o :copy; cfp-get copy; whole copy
        cfp-reverse --per-line :f -o :copy; cfp-get copy; lines copy
        cfp-reverse --in-place :f; cfp-get f -o out; whole out
        cfp-reverse --in-place :f; cfp-get f -o out; cmp f out
        cfp-reverse --local --in-place f; whole f";
    sandbox.sh(script).stdout("").stderr("").success();
}

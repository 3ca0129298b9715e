//! cfp-cat: local files without a server, stored ones from it.

use crate::common::Sandbox;

// Row A4.
#[test]
fn a_local_file_is_shown_without_a_server() {
    let sandbox = Sandbox::new();
    sandbox.write("f", b"a\x1b[2J\xff\0b");
    let nowhere = ["-s", "unix:/nowhere"];
    sandbox.run("cfp-cat", nowhere.iter().chain(&["f"])).stdout(&b"a\x1b[2J\xff\0b"[..]).stderr("").success();
    sandbox.feed("cfp-cat", nowhere, "in\n").stdout("in\n").success();
    sandbox.run("cfp-cat", nowhere.iter().chain(&["f", ":f", "f"])).code(3);
}

#[test]
fn files_follow_each_other_and_lines_are_numbered_through() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "one\ntwo\n");
    sandbox.keep("f", "three\n");
    sandbox.feed("cfp-cat", ["f", ":f", "-"], "four").stdout("one\ntwo\nthree\nfour").success();
    let numbered = "     1\tone\n     2\ttwo\n     3\tthree\n     4\tfour";
    sandbox.feed("cfp-cat", ["-n", "f", ":f", "-"], "four").stdout(numbered).success();
    sandbox.run("cfp-cat", ["nowhere", "f"]).stdout("one\ntwo\n").code(2);
}

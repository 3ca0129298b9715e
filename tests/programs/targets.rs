//! Where several sources meet: two of them under one name, and one that is also the output file.

use std::fs;

use crate::common::Sandbox;

/// Files of the same base names in several directories, here and on the server.
fn furnished() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in ["a/x", "b/x", "a/d/f", "b/d/f", "b/d/g", "c/d/h", "c/x/y", "only"] {
        sandbox.write(name, name);
        sandbox.keep(&format!("there/{name}"), name);
    }
    sandbox
}

#[test]
fn the_second_source_of_a_name_is_refused_before_anything_of_it_is_sent() {
    let rows = [
        ("a/x b/x", "b/x: would replace a/x: both go to :x"),
        ("only a/x b/x", "b/x: would replace a/x: both go to :x"),
        ("a/x b/x -t to", "b/x: would replace a/x: both go to :to/x"),
        ("a/x b/x :to", "b/x: would replace a/x: both go to :to/x"),
        ("[ab]/x", "b/x: would replace a/x: both go to :x"),
        ("only only", "only: would replace only: both go to :only"),
        ("only ./only", "./only: would replace only: both go to :only"),
        ("-n a/x b/x", "b/x: would replace a/x: both go to :x"),
        ("-r a/d b/d", "b/d/f: would replace a/d/f: both go to :d/f"),
        ("-r a/d/ b/d/", "b/d/f: would replace a/d/f: both go to :d/f"),
        ("-r a/x c/x", "c/x: would replace a/x: both go to :x"),
        ("-r a b a", "a/d/f: would replace a/d/f: both go to :a/d/f"),
        ("-r . a/../only", "a/../only: would replace ./only: both go to :only"),
        ("-r a/d/../. b/x", "b/x: would replace a/d/.././x: both go to :x"),
    ];
    for (operands, said) in rows {
        let sandbox = furnished();
        let script = format!("cfp-put {operands} || exit $?");
        sandbox.sh(&script).stdout("").stderr(format!("cfp-put: {said}\n")).code(2);
        // What was first stands, and was not replaced.
        let first = said.split("would replace ").nth(1).unwrap().split(": both go to :").collect::<Vec<_>>();
        let (first, name) = (sandbox.work().join(first[0]), sandbox.root().join(first[1]));
        assert_eq!(fs::read(name).unwrap(), fs::read(first).unwrap(), "{operands}");
    }
    let sandbox = furnished();
    // Trees that share nothing but directories are put together.
    sandbox.run("cfp-put", ["-r", "a/d", "c/d", "a/x"]).stdout("").stderr("").success();
    sandbox.run("cfp-ls", ["-R"]).stdout(predicates::str::starts_with("d/\nd/f\nd/h\nthere/\n")).success();
}

#[test]
fn the_second_source_of_a_local_name_is_refused_before_anything_of_it_is_fetched() {
    let sandbox = furnished();
    fs::create_dir(sandbox.work().join("to")).unwrap();
    let url = format!("{}/there/b/x", sandbox.url());
    let rows: [(&[&str], &str); 10] = [
        (&["there/a/x", "there/b/x"], ":there/b/x: would replace :there/a/x: both go to x"),
        (&[":there/a/x", ":there/b/x", "-o", "to"], ":there/b/x: would replace :there/a/x: both go to to/x"),
        (&["there/only", "there/a/x", "/there/b/x"], ":there/b/x: would replace :there/a/x: both go to x"),
        (&["there/only", ":there/only"], ":there/only: would replace :there/only: both go to only"),
        (&["-c", "there/a/x", "there/b/x"], ":there/b/x: would replace :there/a/x: both go to x"),
        (&["there/a/x", &url, "-o", "to"], "URL: would replace :there/a/x: both go to to/x"),
        (&["-r", "there/a/d", "there/b/d"], ":there/b/d/f: would replace :there/a/d/f: both go to d/f"),
        (&["-r", "there/a/d/", "there/b/d/"], ":there/b/d/f: would replace :there/a/d/f: both go to d/f"),
        (&["-r", "there/a/x", "there/c/x"], ":there/c/x: would replace :there/a/x: both go to x"),
        (&["-r", "there", "there/"], ":there/a/d/f: would replace :there/a/d/f: both go to there/a/d/f"),
    ];
    for (argv, said) in rows {
        let said = said.replace("URL", &url);
        sandbox.run("cfp-get", argv).stdout("").stderr(format!("cfp-get: {said}\n")).code(2);
        // What was first is here, and was not replaced.
        let parts: Vec<_> = said.split("would replace ").nth(1).unwrap().split(": both go to ").collect();
        let first = sandbox.root().join(parts[0].trim_start_matches(':'));
        assert_eq!(fs::read(sandbox.work().join(parts[1])).unwrap(), fs::read(first).unwrap(), "{argv:?}");
        sandbox.sh("rm -rf x d there to only; mkdir to").success();
    }
    // Two names here may be one file.
    sandbox.sh("ln -s x to/only; echo kept > to/x").success();
    sandbox.run("cfp-get", ["there/a/x", "there/only", "-o", "to"]).code(2);
    assert_eq!(fs::read_to_string(sandbox.work().join("to/x")).unwrap(), "a/x");
    // To standard output any may go, and trees that share nothing but directories are put together.
    sandbox.run("cfp-get", ["there/a/x", "there/a/x", "-o", "-"]).stdout("a/xa/x").success();
    sandbox.run("cfp-get", ["-r", "there/a/d", "there/c/d"]).stdout("").stderr("").success();
    sandbox.sh("cat d/f d/h").stdout("a/d/fc/d/h").success();
}

#[test]
fn what_is_written_to_is_not_read() {
    let sandbox = Sandbox::new();
    sandbox.write("t/f", "word\n");
    // Beneath a directory it is left out.
    for options in ["--local --lines", "--lines", "--local --per-file", "--per-file"] {
        sandbox
            .sh(&format!("rm -f t/out; cfp-search {options} -r word t > t/out; cat t/out"))
            .stdout(if options.contains("lines") { "t/f:word\n" } else { "t/f:1\n" })
            .success();
    }
    sandbox
        .sh("echo word >> t/out; cfp-search --local -r word t >> t/out; tail -n 1 t/out")
        .stdout("1\n")
        .success();
    // By its name it is refused.
    let commands = [
        "cfp-cat f >> f",
        "cfp-cat g f >> f",
        "cfp-cat < f >> f",
        "cfp-cat -n ./f >> f",
        "cfp-cat link >> f",
        "cfp-search --lines word f >> f",
        "cfp-search --local --lines word f >> f",
        "cfp-search word < f >> f",
        "cfp-replace --local word deed f >> f",
        "cfp-replace word deed g f >> f",
        "cfp-replace word deed f -o /dev/stdout >> f",
        "cfp-replace -n word deed f >> f",
        "cfp-reverse f 1<> f",
        "cfp-reverse --local < f >> f",
        "cfp-shell -c 'display f' >> f",
    ];
    sandbox.sh("ln -s f link").success();
    for command in commands {
        sandbox.write("f", "a word\n");
        sandbox.write("g", "");
        let said = sandbox.run("sh", ["-c", command]).stdout("").code(2);
        said.stderr(predicates::str::ends_with(": is also the output file\n"));
        assert_eq!(fs::read_to_string(sandbox.work().join("f")).unwrap(), "a word\n", "{command}");
    }
    // What only takes the name at the end may be read, and what is no file has no end.
    sandbox
        .sh("cfp-replace --local word deed f -o f; cat f; cfp-cat /dev/null > /dev/null")
        .stdout("a deed\n")
        .success();
}

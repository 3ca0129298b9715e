//! `--include` and `--exclude`: the same names here and on the server.

use crate::common::Sandbox;

#[test]
fn globs_choose_the_same_files_here_and_there() {
    let sandbox = Sandbox::new();
    for name in ["d/a.txt", "d/b.md", "d/e/c.txt", "d/e/d.md", "d/old/e.txt"] {
        sandbox.write(name, "word\n");
        sandbox.keep(name, "word\n");
    }
    let rows: [(&[&str], &[&str]); 6] = [
        (&["--include=*.txt"], &["a.txt", "e/c.txt", "old/e.txt"]),
        (&["--include", "*.txt", "--exclude", "old/"], &["a.txt", "e/c.txt"]),
        (&["--include=e"], &["e/c.txt", "e/d.md"]),
        (&["--include=e/*.md", "--include=b*"], &["b.md", "e/d.md"]),
        (&["--exclude=*.txt", "--exclude=e/"], &["b.md"]),
        (&["--include=none"], &[]),
    ];
    for (globs, names) in rows {
        for directory in ["d", ":d", ":d/"] {
            let base = directory.trim_end_matches('/');
            let each = |end: &str| names.iter().map(|name| format!("{base}/{name}{end}")).collect::<String>();
            let code = if names.is_empty() { 1 } else { 0 };
            let search = |options: &[&str]| {
                let argv = [&["-r", "word", directory], options, globs].concat();
                sandbox.run("cfp-search", argv).stderr("").code(code)
            };
            search(&[]).stdout(format!("{}\n", names.len()));
            search(&["--per-file"]).stdout(each(":1\n"));
            let lines = search(&["--lines"]).get_output().stdout.clone();
            let mut lines: Vec<_> = std::str::from_utf8(&lines).unwrap().split_inclusive('\n').collect();
            lines.sort_unstable();
            assert_eq!(lines.concat(), each(":word\n"), "{globs:?}");
            let argv = [&["-rn", "word", "deed", directory], globs].concat();
            sandbox.run("cfp-replace", argv).stdout(each(":1\n")).stderr("").code(code);
        }
        let listed = sandbox.run("cfp-ls", [&["-R", "d"], globs].concat()).success();
        let listed = String::from_utf8(listed.get_output().stdout.clone()).unwrap();
        let files: Vec<_> = listed.lines().filter(|name| !name.ends_with('/')).collect();
        assert_eq!(files, names, "{globs:?}");
    }
    // A file that is named is taken, whatever the globs are.
    sandbox.run("cfp-search", ["-r", "--exclude=*", "word", "d/a.txt", ":d/a.txt"]).stdout("2\n").success();
    sandbox.run("cfp-ls", ["--include=*.md", "d", "d/a.txt"]).stdout("d/b.md\nd/a.txt\n").success();
    for tool in ["cfp-search w", "cfp-replace v w", "cfp-ls"] {
        sandbox.run("sh", ["-c", &format!("{tool} --include '[a'")]).stdout("").code(2);
    }
}

//! Options as getopt takes them, in all programs alike.

use crate::common::Sandbox;

#[test]
fn short_options_stand_together_and_a_value_may_follow_at_once() {
    let sandbox = Sandbox::new();
    sandbox.write("d/f", "a Cat\n");
    sandbox.keep("d/f", "a Cat\n");
    sandbox.write("password", "wonderland\n");
    let server = format!("-qvs{}", sandbox.url());
    let rows: [(&[&str], &str); 22] = [
        (&["cfp-search", "-ir", "cat", "d"], "1\n"),
        (&["cfp-search", "-irq", "cat", ":d"], "1\n"),
        (&["cfp-search", &server, "-ri", "cat", "d"], "1\n"),
        (&["cfp-search", "-rizalways", "cat", "d"], "1\n"),
        (&["cfp-ls", "-lR0", "none"], "2"),
        (&["cfp-ls", "-R0", "d"], "f\0"),
        (&["cfp-replace", "-niq", "cat", "dog", "d/f"], "1\n"),
        (&["cfp-replace", "-qioout", "cat", "dog", "d/f"], ""),
        (&["cfp-cat", "-nq", "out"], "     1\ta dog\n"),
        (&["cfp-reverse", "-qo-", "d/f"], "Cat a\n"),
        (&["cfp-reverse", "-qo", "-h", "d/f"], ""),
        (&["cfp-cat", "--", "-h"], "Cat a\n"),
        (&["cfp-put", "-rtto", "d"], ""),
        (&["cfp-put", "-nrt", "to", "d"], "1"),
        (&["cfp-get", "-ro.", "to"], ""),
        (&["cfp-cat", "d/f"], "a Cat\n"),
        (&["cfp-get", "-rco", "got", "to"], ""),
        (&["cfp-cat", "got/d/f"], "a Cat\n"),
        (&["cfp-mv", "-nq", "to/d/f", "to/g"], ""),
        (&["cfp-cp", "-qn", "to/g", "to/h"], ""),
        (&["cfp-rm", "-rf", "to", "none"], ""),
        (&["cfp-shell", "-qclist"], "d/\n"),
    ];
    for (argv, expected) in rows {
        let said = sandbox.run(argv[0], &argv[1..]);
        match expected.parse::<i32>() {
            Ok(code) => said.stdout("").code(code),
            Err(_) => said.stdout(expected.to_owned()).success(),
        };
    }
    sandbox
        .run("cfpd", ["-r.", "-lunix:s", "--", "cfp-cat", ":d/f"])
        .stdout("cfpd: listening on unix:s\na Cat\n")
        .success();
    for argv in [["cfp-ls", "-lRhV"], ["cfp-search", "-irV"], ["cfp-rm", "-rfh"]] {
        sandbox.run(argv[0], &argv[1..]).success().stderr("");
    }
}

#[test]
fn who_means_a_word_by_a_dash_is_told_what_to_write() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "a -x\n");
    for (argv, option) in
        [(["cfp-search", "-x", "f"], "-x"), (["cfp-rm", "-rxf", "f"], "-xf"), (["cfp-cat", "-5", "f"], "-5")]
    {
        let line = format!(
            "{0}: unknown option {option}; put -- before it if it is not an option, see {0} --help\n",
            argv[0]
        );
        sandbox.run(argv[0], &argv[1..]).stdout("").stderr(line).code(2);
    }
    sandbox.run("cfp-search", ["--local", "--", "-x", "f"]).stdout("1\n").success();
    for tool in ["cfp-search", "cfp-replace"] {
        sandbox.run(tool, ["--help"]).stdout(predicates::str::contains(" [--] ")).success();
    }
}

//! The benchmarks run: `make bench` with tiny files in one round, and `make bench-check` against a baseline that is too low. What
//! the figures are is not judged here.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::need;

/// What rows measure with or beside. Those that come by cargo are no need of a test: their sides are left out without them.
const PROGRAMS: [&str; 13] = [
    "python3",
    "nginx",
    "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so",
    "lighttpd",
    "wrk",
    "curl",
    "rg",
    "sed",
    "perl",
    "zstd",
    "strace",
    "time",
    "gnuplot",
];

/// Runs a program of benches/bench with the programs under test and nothing of the caller's settings.
fn bench(program: &str, settings: &[(&str, &Path)]) -> Output {
    let built = assert_cmd::cargo::cargo_bin("cfpd");
    Command::new("python3")
        .args(["-B", program])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .envs([("SCALE", "small"), ("INSTALL", "no")])
        .env("BIN", built.parent().unwrap())
        .envs(["ROWS", "ROUNDS", "OUT", "LOGS", "PLOTS", "BASELINE"].map(|name| (name, "")))
        .envs(settings.iter().copied())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_trial_of_the_benchmarks_has_a_figure_in_every_row_and_a_line_in_every_plot() {
    // strace attaches to what it did not start.
    if !need::root_and(&PROGRAMS) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (page, plots) = (directory.path().join("page.md"), directory.path().join("plots/"));
    fs::write(&page, "before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n").unwrap();
    let done = bench("benches/bench", &[("OUT", &page), ("PLOTS", &plots)]);
    assert!(done.status.success(), "{}", text(&done.stderr));

    let (written, help) =
        (fs::read_to_string(&page).unwrap(), bench("benches/bench", &[("ROWS", Path::new("help"))]));
    let help = text(&help.stdout);
    assert!(written.starts_with("before\n<!-- bench: begin -->\n"), "{written}");
    assert!(written.ends_with("<!-- bench: end -->\nafter\n") && !written.contains("old\n"), "{written}");
    assert!(!written.contains("not measured"), "{written}");
    let names: Vec<_> = help.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let first_plot = names.iter().position(|name| name.starts_with("plot-")).unwrap();
    assert!(first_plot > 15, "{help}");
    for name in &names[..first_plot] {
        assert!(written.contains(&format!("(`{name}`)")), "{name}: {written}");
    }
    for name in names.iter().filter_map(|name| name.strip_prefix("plot-")) {
        let drawn = fs::read_to_string(plots.join(format!("bench-{name}.svg"))).unwrap();
        assert!(drawn.contains("<path stroke") && drawn.contains("cfpd"), "{name}");
    }
}

#[test]
fn a_row_that_nobody_knows_is_refused_by_name() {
    if !need::programs(&["python3"]) {
        return;
    }
    let done = bench("benches/bench", &[("ROWS", Path::new("get,gte"))]);
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).starts_with("bench: no row gte; there are get, "), "{}", text(&done.stderr));
}

#[test]
fn a_count_of_instructions_above_the_baseline_fails_the_check_by_name() {
    const CHECK: &str = "benches/bench/instructions.py";
    if !need::programs(&["python3", "valgrind", "cc"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let baseline = directory.path().join("instructions.txt");
    let write = [("INSTRUCTIONS", baseline.as_path()), ("BASELINE", Path::new("write"))];
    assert!(bench(CHECK, &write).status.success());

    let again = bench(CHECK, &write[..1]);
    assert!(again.status.success(), "{}", text(&again.stderr));

    let counts = fs::read_to_string(&baseline).unwrap();
    for name in ["count-dense", "get"] {
        let lower =
            |line: &str| match line.strip_prefix(name).and_then(|rest| rest.trim().parse::<u64>().ok()) {
                Some(count) => format!("{name} {}\n", count * 9 / 10),
                None => format!("{line}\n"),
            };
        fs::write(&baseline, counts.lines().map(lower).collect::<String>()).unwrap();
        let done = bench(CHECK, &write[..1]);
        assert_eq!(done.status.code(), Some(1));
        let said = text(&done.stderr);
        assert!(said.contains(&format!("more than 5 % above {}: {name}\n", baseline.display())), "{said}");
    }
}

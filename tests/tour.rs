//! The tour that `make demo` runs: every row it is for must pass, and say so. What a row checks stands in the script.

use crate::common::Sandbox;

const ROWS: [&str; 12] = ["A1", "A2", "A3", "A4", "A5", "A6", "B1", "B2", "C1", "C2", "D1", "E1"];

#[test]
fn the_tour_passes_every_row_a1_to_e1() {
    let sandbox = Sandbox::new();
    let tour = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/tour.sh");
    let said = sandbox.run("cfpd", ["--root", "../root", "--", "sh", tour]).success();
    let lines = String::from_utf8_lossy(&said.get_output().stdout).into_owned();
    let rows: Vec<_> = lines.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(rows, ROWS, "{lines}");
    // An upload that came in pieces leaves the directory in which there were some, and two daemons their lock file.
    let is_left = |name: &String| !name.starts_with(".cfpd-");
    let left: Vec<_> = sandbox.all_stored().into_iter().filter(is_left).collect();
    assert!(left.is_empty(), "the tour leaves {left:?} behind");
}

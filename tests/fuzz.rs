//! What fuzzing has found worth keeping, without a fuzzer: every kept input through its check, as it is and a little
//! damaged. The checks stand in `fuzz/checks/`, the inputs in `fuzz/corpus/`; `make fuzz` looks for new ones.

#[path = "../fuzz/checks/mod.rs"]
mod checks;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

/// How many damaged ones are made of each input.
const DAMAGED: u64 = 100;

#[test]
fn what_the_fuzzers_kept_still_holds() {
    for (name, check) in checks::ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 5, "fuzz/corpus/{name} holds {} inputs", files.len());
        for (number, file) in files.iter().enumerate() {
            let kept = fs::read(file).unwrap();
            hold(name, check, &kept);
            let state = &mut (number as u64 + 1);
            (0..DAMAGED).for_each(|_| hold(name, check, &damaged(&kept, state)));
        }
    }
}

/// Checks an input, and says which one it was that did not hold.
fn hold(name: &str, check: fn(&[u8]), input: &[u8]) {
    let held = catch_unwind(|| check(input));
    assert!(held.is_ok(), "{name} does not hold for {}", input.escape_ascii());
}

/// The same input every time, a little other than it was: a byte changed, taken away, doubled, or the end cut off.
fn damaged(kept: &[u8], state: &mut u64) -> Vec<u8> {
    let mut input = kept.to_vec();
    let at = next(state) % (input.len() + 1);
    match next(state) % 4 {
        0 => input.truncate(at),
        1 if at < input.len() => drop(input.remove(at)),
        2 if at < input.len() => input.insert(at, input[at]),
        _ if at < input.len() => input[at] = next(state).to_le_bytes()[0],
        _ => input.push(b'\n'),
    }
    input
}

fn next(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

#[test]
fn every_check_has_a_target_of_its_name() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml")).unwrap();
    let named: Vec<_> = manifest.lines().filter_map(|line| line.strip_prefix("name = ")).skip(1).collect();
    let mut named: Vec<_> = named.iter().map(|name| name.trim_matches('"')).collect();
    named.sort_unstable();
    assert_eq!(named, checks::ALL.map(|(name, _)| name));
}

//! The store room against real directories: every verb, and what happens to it while others do theirs.

// The attribute is for clippy: what helps a test may unwrap as a test may.
#[cfg(test)]
mod store {
    mod copies;
    mod deletes;
    mod hostile;
    mod lists;
    mod reads;
    mod renames;
    mod sandbox;
    mod sweeps;
    mod writes;
}

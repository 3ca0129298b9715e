//! What a rule does not hold for yet: lists that may only get shorter.

use std::collections::BTreeMap;

/// Fails for each finding (its key, and what to tell) without an exception.
pub fn check(exceptions: &[&str], found: &BTreeMap<String, String>) {
    let new = found.iter().filter(|(key, _)| !exceptions.contains(&key.as_str()));
    let wrong: Vec<_> = new.map(|(key, text)| format!("{key}: {text}")).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

//! What a rule finds: nothing, or the test fails and tells all of it.

use std::collections::BTreeMap;

/// Fails for any finding: its key, and what to tell.
pub fn none(found: &BTreeMap<String, String>) {
    let lines: Vec<_> = found.iter().map(|(key, text)| format!("{key}: {text}")).collect();
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

//! Targets and names: what is decoded is encoded again to the same, and what is a name stays beneath the root.

use cfp::http::{Target, target};
use cfp::store::Name;

pub fn check(bytes: &[u8]) {
    let Ok(parsed) = Target::parse(bytes) else { return };
    let encoded = target::encode(&parsed.components, parsed.directory, &parsed.query);
    assert!(encoded.starts_with(b"/") && encoded.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#'));
    assert_eq!(Target::parse(&encoded).unwrap(), parsed);
    if let Ok(name) = Name::new(parsed.components.clone(), parsed.directory) {
        check_name(&name);
        assert_eq!(name.components(), parsed.components);
    }
}

fn check_name(name: &Name) {
    for component in name.components() {
        assert!(!component.is_empty() && component != b"." && component != b"..");
        assert!(!component.contains(&0) && !component.contains(&b'/'));
        assert!(!component.starts_with(b".cfpd-"));
    }
    assert!(name.components().first().is_none_or(|first| first != b".cfpd"));
    let shown = name.shown();
    assert!(shown.starts_with(b"/") && shown.ends_with(b"/") == name.is_directory());
    // A path of it goes down with every component.
    let parts = shown.split(|&byte| byte == b'/').filter(|part| !part.is_empty());
    assert_eq!(parts.count(), name.components().len());
}

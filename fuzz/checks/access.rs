//! Access files: the first rule that fits decides, as if each line stood alone; a yes for a directory with all in it
//! is a yes for everything a rule names there.

use cfp::server::auth::access::{AccessList, Principal, Verb, parse_name};
use cfp::store::Name;

const VERBS: [&[u8]; 6] = [b"list", b"read", b"create", b"replace", b"delete", b"process"];
const WHO: [&[u8]; 4] = [b"-", b"alice", b"bob", b"local:root"];

/// As many rules as are looked at: each name is held against each other one.
const RULES: usize = 10;

pub fn check(bytes: &[u8]) {
    let whole = match AccessList::parse("access", bytes, true) {
        Ok(whole) => whole,
        Err(wrong) => {
            let said = wrong.to_string();
            assert!(said.starts_with("access:") && !said.contains('\n'), "{said}");
            return;
        }
    };
    let lines: Vec<_> = bytes.split(|&byte| byte == b'\n').collect();
    let alone: Vec<_> = lines.iter().map(|line| AccessList::parse("line", line, true).unwrap()).collect();
    // Files longer than this are those of the sizes before them, only slower.
    let none = AccessList::parse("none", b"", true).unwrap();
    if alone.iter().filter(|rules| **rules != none).count() > RULES {
        return;
    }
    let names = names(&lines);
    for who in WHO.map(|who| Principal::parse(who).unwrap()) {
        for verb in VERBS.map(|verb| Verb::parse(verb).unwrap()) {
            let may = |name: &Name| whole.decide(&who, verb, name).is_some_and(|rule| rule.allows);
            for name in &names {
                let first = alone.iter().find_map(|rules| rules.decide(&who, verb, name));
                assert_eq!(may(name), first.is_some_and(|rule| rule.allows), "{name:?}");
                let tree = name.as_directory();
                let beneath = |other: &&Name| other.components().starts_with(tree.components());
                if whole.decide_tree(&who, verb, &tree).is_some_and(|rule| rule.allows) {
                    let denied = names.iter().filter(beneath).find(|other| !may(other) && *other != name);
                    assert!(denied.is_none(), "all of {tree:?} is given, but not {denied:?}");
                }
                // A directory is on the way to something that is allowed, or it is not.
                if whole.rule_beneath(&who, verb, &tree).is_some() {
                    assert!(names.iter().filter(beneath).any(may), "{tree:?} is on the way to nothing");
                }
            }
        }
    }
}

/// The names that rules have, and some beneath them, above them, and beside them.
fn names(lines: &[&[u8]]) -> Vec<Name> {
    let places = lines
        .iter()
        .flat_map(|line| line.split(u8::is_ascii_whitespace))
        .filter(|word| word.starts_with(b"/"));
    let mut names: Vec<_> = places.filter_map(|word| parse_name(word).ok()).collect();
    for name in names.clone() {
        names.push(name.join(b"x", false));
        names.push(name.join(b"y/z", true));
        names.extend(Name::new(parent(&name), true));
        names.push(name.as_directory());
    }
    names.push(Name::root());
    names
}

fn parent(name: &Name) -> Vec<Vec<u8>> {
    name.components().split_last().map(|(_, above)| above.to_vec()).unwrap_or_default()
}

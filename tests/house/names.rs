//! One word, one meaning: no two types of `src` have one name.

use std::collections::BTreeMap;

use regex::Regex;

use super::findings;
use super::source::Source;

/// The names that more than one type has, with where. Each program may have an `Args` of its own.
fn names_used_twice(sources: &[Source]) -> BTreeMap<String, String> {
    let declared = Regex::new(r"(?:^|[\s(])(struct|enum|trait|type) ([A-Z]\w*)").unwrap();
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources {
        let code = source.code();
        for found in declared.captures_iter(&code) {
            let before = &code[..found.get(1).unwrap().start()];
            let is_associated =
                &found[1] == "type" && before.matches('{').count() > before.matches('}').count();
            let is_args = &found[2] == "Args" && source.path.starts_with("bin/");
            if !is_associated && !is_args {
                let place = format!("{}:{}", source.path, before.matches('\n').count() + 1);
                places.entry(found[2].to_owned()).or_default().push(place);
            }
        }
    }
    let twice = places.into_iter().filter(|(_, places)| places.len() > 1);
    twice.map(|(name, places)| (name, format!("is declared in {}", places.join(" and ")))).collect()
}

#[test]
fn no_two_types_have_one_name() {
    findings::none(&names_used_twice(&Source::all()));
}

#[test]
fn a_name_that_is_used_twice_is_found_when_one_is_put_in() {
    let found = |a, b| {
        names_used_twice(&Source::made_up(&[("a.rs", a), ("b.rs", b)])).into_keys().collect::<Vec<_>>()
    };
    assert!(found("pub struct Word;", "enum Words {}\n// struct Word").is_empty());
    assert!(found("impl Iterator for A {\n    type Item = u8;\n}", "type Item = u8;").is_empty());
    assert!(found("struct Word;", "#[cfg(test)]\nmod tests {\n    struct Word;\n}").is_empty());
    assert_eq!(found("pub struct Word;", "fn f() {\n    enum Word {}\n}"), ["Word"]);
    assert_eq!(found("pub(crate) trait Word {}", "type Word = u8;"), ["Word"]);
}

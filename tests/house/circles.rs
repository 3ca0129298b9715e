//! No import circle between files: a reader understands a file from the files below it.

use std::collections::{BTreeMap, BTreeSet};

use super::findings;
use super::modules::{Imports, imports};
use super::source::Source;

/// The circles: files of which each imports all others, directly or through others.
fn circles(imports: &Imports) -> BTreeSet<BTreeSet<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|file| (file.as_str(), reached_from(file, imports))).collect();
    let circle = |file: &str| -> BTreeSet<&str> {
        let leads_back = |other: &&&str| reached.get(**other).is_some_and(|reached| reached.contains(file));
        reached[file].iter().filter(leads_back).copied().collect()
    };
    reached.keys().map(|file| circle(file)).filter(|circle| !circle.is_empty()).collect()
}

/// The files that a file imports, directly or through others.
fn reached_from<'a>(file: &'a str, imports: &'a Imports) -> BTreeSet<&'a str> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![file]);
    while let Some(file) = open.pop() {
        let next = imports.get(file).into_iter().flat_map(BTreeMap::keys).map(String::as_str);
        open.extend(next.filter(|next| reached.insert(*next)));
    }
    reached
}

/// Describes a circle by its imports: `a.rs:3 -> b.rs`.
fn describe(circle: &BTreeSet<&str>, imports: &Imports) -> String {
    let arrows =
        imports.iter().filter(|(file, _)| circle.contains(file.as_str())).flat_map(|(file, others)| {
            let others = others.iter().filter(|(other, _)| circle.contains(other.as_str()));
            others.map(move |(other, line)| format!("\n    {file}:{line} -> {other}"))
        });
    format!("{} files import each other:{}", circle.len(), arrows.collect::<String>())
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let imports = imports(&Source::all());
    let room = |circle: &BTreeSet<&str>| circle.first().unwrap().split(['/', '.']).next().unwrap().to_owned();
    let found = circles(&imports).iter().map(|circle| (room(circle), describe(circle, &imports))).collect();
    findings::none(&found);
}

#[test]
fn a_circle_is_found_when_one_is_put_in() {
    let line = ("lib.rs", "mod a;\nmod b;\nmod c;");
    let row = |a, b, c| Source::made_up(&[line, ("a.rs", a), ("b.rs", b), ("c.rs", c)]);
    let found = |sources: &[Source]| -> Vec<Vec<String>> {
        let imports = imports(sources);
        circles(&imports)
            .iter()
            .map(|circle| circle.iter().map(|file| (*file).to_owned()).collect())
            .collect()
    };
    assert!(found(&row("use crate::b::B;", "use crate::c::C;\nstruct B;", "struct C;")).is_empty());
    assert_eq!(
        found(&row(
            "use crate::b::B;\nstruct A;",
            "use super::c::C;\nstruct B;",
            "fn f() { crate::a::A }\nstruct C;"
        )),
        [["a.rs", "b.rs", "c.rs"]]
    );
    assert_eq!(
        found(&row("use crate::b::B;\nstruct A;", "use crate::a::A;\nstruct B;", "")),
        [["a.rs", "b.rs"]]
    );
}

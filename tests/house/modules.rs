//! Which file imports which: the modules of a crate, and the file that defines what a path names. It resolves `use` trees
//! and paths in code (`crate::`, `super::`, `self::`, or by an imported name), through re-exports; it knows no rule.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::source::Source;

/// For each file, the files it imports, each with the first line that does so.
pub type Imports = BTreeMap<String, BTreeMap<String, usize>>;

type Segments = Vec<String>;

/// The modules of the crate, by their path from its root.
struct Modules(BTreeMap<Segments, Module>);

struct Module {
    file: String,
    code: String,
    children: BTreeSet<String>,
    /// What each imported name stands for, and the line that imports it.
    uses: BTreeMap<String, (Segments, usize)>,
    globs: Vec<(Segments, usize)>,
    items: BTreeSet<String>,
}

/// Reads which file imports which. The programs, which nothing imports, are left out. So is a `mod.rs` that only
/// declares and re-exports: a path through it counts for the file that defines the item.
pub fn imports(sources: &[Source]) -> Imports {
    let modules = Modules::of(sources);
    let mut imports = Imports::new();
    for (path, module) in modules.0.iter().filter(|(_, module)| !module.is_facade()) {
        for (segments, line) in module.paths() {
            let Some(target) = modules.absolute(&segments, path) else { continue };
            let Some((at, is_module)) = modules.definition(&target, &mut BTreeSet::new()) else { continue };
            let other = &modules.0[&at];
            let names_a_folder = is_module && other.file.ends_with("mod.rs");
            if other.file != module.file && !other.is_facade() && !names_a_folder {
                imports.entry(module.file.clone()).or_default().entry(other.file.clone()).or_insert(line);
            }
        }
    }
    imports
}

impl Modules {
    fn of(sources: &[Source]) -> Modules {
        let mut modules: BTreeMap<Segments, Module> = BTreeMap::new();
        for source in sources.iter().filter(|source| !source.path.starts_with("bin/")) {
            let mut path: Segments = source.path.trim_end_matches(".rs").split('/').map(Into::into).collect();
            let _ = path.pop_if(|last| ["mod", "lib"].contains(&last.as_str()));
            modules.insert(path, Module::of(&source.path, source.code()));
        }
        let paths: Vec<_> = modules.keys().filter(|path| !path.is_empty()).cloned().collect();
        for path in paths {
            let (name, parent) = path.split_last().unwrap();
            let parent = modules.get_mut(parent).filter(|parent| parent.declares(name));
            if let Some(parent) = parent {
                parent.children.insert(name.clone());
            }
        }
        Modules(modules)
    }

    /// A path from the root of the crate, for one that was written in a module; none for another crate's.
    fn absolute(&self, segments: &[String], module: &[String]) -> Option<Segments> {
        let (first, rest) = segments.split_first()?;
        let mut at = module.to_vec();
        match first.as_str() {
            "crate" => return Some(rest.to_vec()),
            "self" => at.extend_from_slice(rest),
            "super" => {
                let ups = segments.iter().take_while(|segment| *segment == "super").count();
                at.truncate(at.len().checked_sub(ups)?);
                at.extend_from_slice(&segments[ups..]);
            }
            _ if self.0[module].children.contains(first) => at.extend_from_slice(segments),
            _ => {
                let (target, _) = self.0[module].uses.get(first).filter(|(target, _)| target[0] != *first)?;
                at = self.absolute(target, module)?;
                at.extend_from_slice(rest);
            }
        }
        Some(at)
    }

    /// The module that defines what an absolute path names, and whether the path ends at the module itself.
    fn definition(&self, path: &[String], seen: &mut BTreeSet<Segments>) -> Option<(Segments, bool)> {
        let mut at = Segments::new();
        for (depth, segment) in path.iter().enumerate() {
            let module = self.0.get(&at)?;
            if module.children.contains(segment) {
                at.push(segment.clone());
                continue;
            }
            if module.items.contains(segment) || !seen.insert(path[..=depth].to_vec()) {
                return Some((at, false));
            }
            let rest = &path[depth + 1..];
            let through = |target: &[String], rest: &[String]| {
                self.absolute(target, &at).map(|target| [&target, rest].concat())
            };
            if let Some((target, _)) = module.uses.get(segment) {
                return self.definition(&through(target, rest)?, seen);
            }
            let globs = module.globs.iter().filter_map(|(target, _)| through(target, &path[depth..]));
            let defines = |at: &Segments| self.0[at].items.contains(segment);
            let found = globs
                .filter_map(|path| self.definition(&path, seen))
                .find(|(at, is_module)| *is_module || defines(at));
            return Some(found.unwrap_or((at, false)));
        }
        Some((at, true))
    }
}

impl Module {
    fn of(file: &str, code: String) -> Module {
        let item = r"(?m)^(?:pub(?:\([^)]*\))? )?(?:const |unsafe )*(?:struct|enum|trait|type|fn|const|static|macro_rules!) (?:mut )?(\w+)";
        let items = Regex::new(item).unwrap().captures_iter(&code).map(|found| found[1].to_owned()).collect();
        let (mut uses, mut globs) = (BTreeMap::new(), Vec::new());
        for found in use_item().captures_iter(&code) {
            let line = code[..found.get(0).unwrap().end()].matches('\n').count() + 1;
            let tree = found[1].split_whitespace().collect::<Vec<_>>().join(" ");
            for leaf in leaves(&tree) {
                let (path, alias) = leaf.split_once(" as ").unwrap_or((&leaf, ""));
                let mut path: Segments = path.split("::").map(|segment| segment.trim().to_owned()).collect();
                let _ = path.pop_if(|last| last == "self");
                if path.pop_if(|last| last == "*").is_some() {
                    globs.push((path, line));
                } else if let Some(last) = path.last() {
                    let name = if alias.is_empty() { last } else { alias.trim() };
                    uses.insert(name.to_owned(), (path, line));
                }
            }
        }
        Module { file: file.into(), code, children: BTreeSet::new(), uses, globs, items }
    }

    fn declares(&self, child: &str) -> bool {
        Regex::new(&format!(r"\bmod {child};")).unwrap().is_match(&self.code)
    }

    /// Whether this is a `mod.rs` without code of its own.
    fn is_facade(&self) -> bool {
        let lines = r"#!?\[[^\]]*\]|(?:pub(?:\([^)]*\))? )?(?:use [^;]+|mod \w+);";
        self.file.ends_with("mod.rs")
            && Regex::new(lines).unwrap().replace_all(&self.code, "").trim().is_empty()
    }

    /// Every path that its code names, with the line: those of `use` first.
    fn paths(&self) -> Vec<(Segments, usize)> {
        let rest = use_item()
            .replace_all(&self.code, |found: &regex::Captures| "\n".repeat(found[0].matches('\n').count()));
        let path = Regex::new(r"\b\w+(?:::\w+)+").unwrap();
        let inline = path.find_iter(&rest).map(|found| {
            let segments = found.as_str().split("::").map(Into::into).collect();
            (segments, rest[..found.start()].matches('\n').count() + 1)
        });
        self.uses.values().chain(&self.globs).cloned().chain(inline).collect()
    }
}

fn use_item() -> Regex {
    Regex::new(r"\buse\s+([^;]+);").unwrap()
}

/// The paths of a `use` tree: `a::{b, c::d}` are `a::b` and `a::c::d`.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((head, rest)) = tree.split_once('{') else { return vec![tree.to_owned()] };
    let inside = &rest[..rest.rfind('}').unwrap_or(rest.len())];
    let (mut depth, mut branches) = (0, vec![String::new()]);
    for char in inside.chars() {
        depth += i32::from(char == '{') - i32::from(char == '}');
        if char == ',' && depth == 0 {
            branches.push(String::new());
        } else {
            branches.last_mut().unwrap().push(char);
        }
    }
    let branches = branches.iter().filter(|branch| !branch.trim().is_empty());
    branches.flat_map(|branch| leaves(branch)).map(|leaf| format!("{head}{leaf}")).collect()
}

#[test]
fn a_path_counts_for_the_file_that_defines_what_it_names() {
    let folder = [
        ("lib.rs", "mod a;\nmod b;"),
        ("b/mod.rs", "pub use c::Thing;\nmod c;"),
        ("b/c.rs", "pub struct Thing;"),
    ];
    let rows = [
        ("use crate::b::Thing;", Some(("b/c.rs", 1))),
        ("\nuse crate::{b::Thing, error};", Some(("b/c.rs", 2))),
        ("use crate::b;\nfn f() { b::Thing::new(); }", Some(("b/c.rs", 2))),
        ("use crate::b::{self, c};", Some(("b/c.rs", 1))),
        ("fn f() { super::b::Thing::new() }", Some(("b/c.rs", 1))),
        ("use super::b::Thing as Other;", Some(("b/c.rs", 1))),
        ("use crate::b::*;\nfn f() {}", None),
        ("use std::b::Thing;", None),
        ("#[cfg(test)]\nmod tests {\n use crate::b::Thing;\n}", None),
        ("// crate::b::Thing", None),
    ];
    for (text, expected) in rows {
        let files = [&folder[..], &[("a.rs", text)]].concat();
        let found = imports(&Source::made_up(&files));
        let found = found.get("a.rs").and_then(|found| found.first_key_value());
        assert_eq!(found.map(|(file, line)| (file.as_str(), *line)), expected, "{text}");
    }
}

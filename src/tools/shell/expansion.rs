//! Expands globs as a POSIX shell does, on either side: to the names that match, sorted, or to the word itself where none
//! does. It does not know how a directory is listed.

use crate::error::Result;
use crate::text::Globs;
use crate::tools::shell::line::ShellWord;

/// An entry of a directory: its name, and whether it is a directory.
pub type NamedEntry = (Vec<u8>, bool);

/// Returns the names that a word means. `list` lists the directory with this name, which is empty or ends in a slash.
pub fn expand(
    word: &ShellWord,
    list: &mut dyn FnMut(&[u8]) -> Result<Vec<NamedEntry>>,
) -> Result<Vec<Vec<u8>>> {
    if !word.is_glob() {
        return Ok(vec![word.literal()]);
    }
    if let Some(words) = alternatives(&word.0) {
        let each = words.into_iter().map(|word| expand(&ShellWord(word), list));
        return Ok(each.collect::<Result<Vec<_>>>()?.concat());
    }
    let mut found = vec![Vec::new()];
    let mut is_matching = false;
    let mut components = split(&word.0).into_iter().peekable();
    while let Some(component) = components.next() {
        let component = ShellWord(component);
        let is_last = components.peek().is_none();
        is_matching |= component.is_glob();
        let mut next = Vec::new();
        for directory in found {
            let slash: &[u8] = if is_last { b"" } else { b"/" };
            match is_matching && !component.0.is_empty() {
                true => {
                    let names = matching(&component, list(&directory)?, !is_last);
                    next.extend(names.map(|name| [directory.as_slice(), &name, slash].concat()));
                }
                false => next.push([directory, component.literal(), slash.to_vec()].concat()),
            }
        }
        found = next;
    }
    found.sort();
    Ok(if found.is_empty() { vec![word.literal()] } else { found })
}

/// Returns the names that a component matches. Names with a leading full stop are hidden from globs that begin otherwise.
fn matching(
    component: &ShellWord,
    entries: Vec<NamedEntry>,
    only_directories: bool,
) -> impl Iterator<Item = Vec<u8>> {
    let globs = Globs::new([component.0.as_slice()], []).ok();
    let shows_hidden = component.0.starts_with(b".");
    entries.into_iter().filter_map(move |(name, is_directory)| {
        let is_shown = shows_hidden || !name.starts_with(b".");
        let is_kind = is_directory || !only_directories;
        (is_shown && is_kind && globs.as_ref()?.includes(&name, is_directory)).then_some(name)
    })
}

/// Returns the words that the first braces with a slash within them stand for: no name of a directory matches those.
fn alternatives(word: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut open, mut is_path) = (Vec::new(), false);
    let mut bytes = word.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'{' => open.push((at, vec![at + 1])),
            b',' => open.iter_mut().last().into_iter().for_each(|(_, starts)| starts.push(at + 1)),
            b'/' => is_path |= !open.is_empty(),
            b'}' => {
                let Some((start, starts)) = open.pop() else { continue };
                if !(is_path && open.is_empty()) {
                    continue;
                }
                let (before, after) = (word.get(..start)?, word.get(at + 1..)?);
                let ends = starts.iter().skip(1).map(|next| next - 1).chain([at]);
                let parts = starts.iter().zip(ends).filter_map(|(&from, to)| word.get(from..to));
                return Some(parts.map(|part| [before, part, after].concat()).collect());
            }
            _ => {}
        }
    }
    None
}

/// Splits a word at the slashes that are not quoted.
fn split(word: &[u8]) -> Vec<Vec<u8>> {
    let (mut parts, mut bytes) = (vec![Vec::new()], word.iter().copied());
    while let Some(byte) = bytes.next() {
        match (byte, parts.last_mut()) {
            (b'/', _) => parts.push(Vec::new()),
            (byte, Some(part)) => {
                part.push(byte);
                part.extend(if byte == b'\\' { bytes.next() } else { None });
            }
            (_, None) => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::shell::line::Line;

    fn tree(directory: &[u8]) -> Vec<NamedEntry> {
        let names: &[(&str, bool)] = match directory {
            b"" => &[("b.txt", false), ("a.txt", false), (".hidden.txt", false), ("d", true), ("e", true)],
            b"d/" => &[("x.txt", false), ("[1].txt", false)],
            b"e/" => &[("y.md", false)],
            b"/" => &[("root.txt", false)],
            _ => &[],
        };
        names.iter().map(|(name, is_directory)| (name.as_bytes().to_vec(), *is_directory)).collect()
    }

    #[test]
    fn a_glob_is_the_names_that_match_or_itself() {
        let rows: [(&str, &[&str]); 20] = [
            ("*.txt", &["a.txt", "b.txt"]),
            (".*.txt", &[".hidden.txt"]),
            ("?.txt", &["a.txt", "b.txt"]),
            ("[!a].txt", &["b.txt"]),
            ("{b,a}.txt", &["a.txt", "b.txt"]),
            ("{e/y.md,d/x.txt}", &["e/y.md", "d/x.txt"]),
            ("{d/{x,'[1]'},e/*}.{txt,md}", &["d/[1].txt", "d/x.txt", "e/y.md"]),
            ("{d,e/none}/x.txt", &["d/x.txt", "e/none/x.txt"]),
            (r"\{d/x.txt,b}", &["{d/x.txt,b}"]),
            ("*/*.txt", &["d/[1].txt", "d/x.txt"]),
            ("*/x.txt", &["d/x.txt"]),
            ("d/*", &["d/[1].txt", "d/x.txt"]),
            ("*/", &["d/", "e/"]),
            ("/*", &["/root.txt"]),
            ("*.none", &["*.none"]),
            ("none/*", &["none/*"]),
            ("'*'.txt", &["*.txt"]),
            (r"d/\[*", &["d/[1].txt"]),
            ("[", &["["]),
            ("plain", &["plain"]),
        ];
        for (typed, expected) in rows {
            let word = Line::parse(typed.as_bytes()).unwrap().remove(0);
            let found = expand(&word, &mut |directory| Ok(tree(directory))).unwrap();
            let found: Vec<_> = found.iter().map(|name| String::from_utf8_lossy(name)).collect();
            assert_eq!(found, expected, "{typed}");
        }
    }
}

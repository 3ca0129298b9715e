//! Folders import downwards only, in the order of a request's way.

use std::collections::BTreeMap;

use super::findings;
use super::modules::{Imports, imports};
use super::source::Source;

/// The folders (or files) of each room, from top to bottom: each may import what stands behind it in its row. The
/// `mod.rs` of a room stands above them all.
const ORDER: &[(&str, &[&str])] = &[
    (
        "server",
        &[
            "daemon",
            "conn",
            "methods",
            "webdav",
            "resumable",
            "exchange",
            "page",
            "shared",
            "auth",
            "net",
            "observe",
            "status",
            "limits",
            "admin_path",
        ],
    ),
    ("store", &["local", "contract", "entry", "name"]),
    ("client", &["ops", "call", "output", "login", "settings", "conn", "progress", "operand"]),
];

/// The room of a file, and its folder there, or its own name where it stands in none.
fn place(file: &str) -> (&str, &str) {
    let (room, rest) = file.split_once('/').unwrap_or((file, ""));
    (room, rest.split(['/', '.']).next().unwrap())
}

/// The imports that run upwards: from where to where, with a line for people.
fn back_arrows(imports: &Imports) -> BTreeMap<String, String> {
    let arrows = imports.iter().flat_map(|(file, others)| others.iter().map(move |other| (file, other)));
    let back = arrows.filter_map(|(file, (other, line))| {
        let ((room, from), (other_room, to)) = (place(file), place(other));
        let (_, order) = ORDER.iter().find(|(name, _)| *name == room && room == other_room)?;
        let from_level = order.iter().position(|folder| *folder == from)?;
        let to_level = order.iter().position(|folder| *folder == to);
        let runs_up = to == "mod" || to_level.is_some_and(|to_level| to_level < from_level);
        runs_up.then(|| (format!("{room}/{from} -> {room}/{to}"), format!("{file}:{line} imports {other}")))
    });
    back.collect()
}

#[test]
fn folders_import_downwards_only() {
    findings::none(&back_arrows(&imports(&Source::all())));
}

#[test]
fn the_map_says_the_order() {
    let map = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap();
    for (room, folders) in ORDER {
        let row = format!("//! | {room} | {} |\n", folders.join(", "));
        assert!(map.contains(&row), "src/lib.rs has no row {row}");
    }
}

#[test]
fn every_file_of_an_ordered_room_stands_in_one_of_its_folders() {
    let sources = Source::all();
    let stray = sources.iter().map(|source| source.path.as_str()).filter(|file| {
        let (room, folder) = place(file);
        let order = ORDER.iter().find(|(name, _)| *name == room);
        order.is_some_and(|(_, order)| folder != "mod" && !order.contains(&folder))
    });
    let mut rooms = BTreeMap::<String, String>::new();
    for file in stray {
        let text =
            rooms.entry(place(file).0.to_owned()).or_insert_with(|| "of no folder of the room:".to_owned());
        text.push_str(&format!(" {file}"));
    }
    findings::none(&rooms);
}

#[test]
fn a_back_arrow_is_found_when_one_is_put_in() {
    let lines = [
        ("lib.rs", "mod server;"),
        ("server/mod.rs", "mod net;\nmod methods;\npub struct State;"),
        ("server/net/mod.rs", "mod tls;"),
        ("server/methods/mod.rs", "pub mod get;"),
    ];
    let found = |get, tls| {
        let files = [&lines[..], &[("server/methods/get.rs", get), ("server/net/tls.rs", tls)]].concat();
        back_arrows(&imports(&Source::made_up(&files))).into_keys().collect::<Vec<_>>()
    };
    assert!(found("use crate::server::net::tls::Tls;", "pub struct Tls;").is_empty());
    assert_eq!(
        found("pub fn get() {}", "use crate::server::methods::get;"),
        ["server/net -> server/methods"]
    );
    assert_eq!(found("use crate::server::State;", ""), ["server/methods -> server/mod"]);
}

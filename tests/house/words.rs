//! Plain words: the dialect that the project once had does not come back, neither as a name nor in what people read.

use std::collections::BTreeMap;

use regex::Regex;

use super::findings;
use super::source::Source;

/// Old names, and what to call the thing instead. Each is searched as a whole identifier.
const NAMES: &[(&str, &str)] = &[
    ("settle", "install, sync, finish, persist, flush"),
    ("Comer", "Incoming"),
    ("Settled", "Installed"),
    ("Standing", "Lookup"),
    ("standing", "existing"),
    ("Served", "Found"),
    ("descend", "open_beneath"),
    ("judge", "check_head, classify, may_replace, validate"),
    ("wrong", "error"),
    ("wrong_for", "map_errno_new"),
    ("untouched", "read_only"),
    ("keeping_free", "with_reserve"),
    ("Cutter", "ShutdownHandle"),
    ("is_cut", "aborted"),
    ("Farewell", "Linger"),
    ("Patience", "StallTimer"),
    ("Guesses", "LoginThrottle"),
    ("Marks", "Keys"),
    ("Turn", "Admission"),
    ("Presence", "ClientLiveness"),
    ("Attended", "Cancellable"),
    ("Claims", "UploadLocks"),
    ("Claimed", "UploadGuard"),
    ("Terms", "UploadMetadata"),
    ("Passage", "AuthorizedTransfer"),
    ("View", "AuthorizedStore"),
    ("Who", "Principal"),
    ("Whom", "Subject"),
    ("Seat", "Connection"),
    ("Entered", "ConnectionGuard"),
    ("Far", "PeerState"),
    ("far", "peer_state"),
    ("Ending", "ExitStatus"),
    ("told_from_the_front", "complete_prefix_len"),
    ("stands", "has_word_boundaries"),
    ("leave_body", "close_if_body_pending"),
    ("head_alone", "head_only"),
];

/// Metaphors and old-fashioned words in comments and messages, as patterns, and what to write instead.
const PROSE: &[(&str, &str)] = &[
    ("he|his|him", "the user, the client, they"),
    ("knows? nothing of|knows? no", "does not know, is independent of"),
    ("settle[ds]?", "what is done: installs, finishes, flushes"),
    ("judge[ds]?", "checks"),
    ("vouch(es|ed)? for", "certifies"),
    ("(gone?|goes) on with", "resume, continue"),
    ("no (matter|business) of", "not the concern of; say who does it"),
    ("has the time of it", "restarts the stall timer"),
    ("not agreed on", "the handshake, the negotiated"),
    ("patience", "the stall timer"),
    ("farewell", "closing"),
    ("newcomer|comer", "the new file"),
    ("stranger", "another client, another host"),
    ("anew", "again"),
    ("lest", "so that ... not"),
];

/// The old words in the sources, each with the places.
fn dialect(sources: &[Source]) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut tell = |word: &str, instead: &str, path: &str, line: usize| {
        let start = || format!("write what it is ({instead}):");
        found.entry(word.to_owned()).or_insert_with(start).push_str(&format!(" {path}:{line}"));
    };
    let whole = |pattern: &str| Regex::new(&format!(r"\b(?:{pattern})\b")).unwrap();
    let names: Vec<_> = NAMES.iter().map(|(word, instead)| (word, instead, whole(word))).collect();
    let prose: Vec<_> =
        PROSE.iter().map(|(word, instead)| (word, instead, whole(&format!("(?i){word}")))).collect();
    for source in sources {
        for (at, line) in source.code().lines().enumerate() {
            for (word, instead, _) in names.iter().filter(|(.., pattern)| pattern.is_match(line)) {
                tell(word, instead, &source.path, at + 1);
            }
        }
        for (line, text) in source.prose() {
            for (word, instead, _) in prose.iter().filter(|(.., pattern)| pattern.is_match(text)) {
                tell(word, instead, &source.path, line);
            }
        }
    }
    found
}

#[test]
fn names_and_prose_are_plain_words() {
    findings::none(&dialect(&Source::all()));
}

#[test]
fn an_old_word_is_found_when_one_is_put_in() {
    let found = |text| dialect(&Source::made_up(&[("a.rs", text)])).into_keys().collect::<Vec<_>>();
    assert!(found("/// Installs the file, and farms it out.\nfn install(far_off: Settling) {}").is_empty());
    assert_eq!(found("fn settle() {}"), ["settle"]);
    assert_eq!(found("// What a user says, and his name."), ["he|his|him"]);
    assert_eq!(found("fn f() { g(\"the file settles\") }"), ["settle[ds]?"]);
}

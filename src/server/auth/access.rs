//! Who may what where: verbs, rules and the decision. How a file says it stands in `file`; it asks nobody who he is,
//! and opens nothing that is served.
//!
//! The first rule that fits decides, and where none does the answer is no. An act on a directory with all in it is
//! decided by the rules alone: it is refused where any of them says no to something that could be beneath.

use std::path::Path;

use nix::unistd::{Uid, User};

use crate::error::{Error, Result, shown};
use crate::store::Name;

pub use file::name_of;

mod file;

/// What can be done to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// See that it is there.
    List,
    /// Read its content, also through a filter.
    Read,
    /// Give it to something new.
    Create,
    /// Put something else in its place.
    Replace,
    /// Take it away.
    Delete,
    /// Send a body through a filter.
    Process,
}

impl Verb {
    /// All of them, as the file calls them.
    const NAMES: [(&str, Verb); 6] = [
        ("list", Verb::List),
        ("read", Verb::Read),
        ("create", Verb::Create),
        ("replace", Verb::Replace),
        ("delete", Verb::Delete),
        ("process", Verb::Process),
    ];

    /// The verb of this name.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let found = Verb::NAMES.iter().find(|(name, _)| name.as_bytes() == text);
        found.map(|(_, verb)| *verb).ok_or_else(|| {
            let names = Verb::NAMES.map(|(name, _)| name).join(", ");
            Error::usage(format!("{}: is no verb: use {names}", shown(text)))
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Verb::NAMES.iter().find(|(_, verb)| *verb == self).map_or("", |(name, _)| *name)
    }

    /// Whether it changes what is stored.
    pub fn writes(self) -> bool {
        matches!(self, Verb::Create | Verb::Replace | Verb::Delete)
    }
}

/// Who asks, as far as is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Who {
    /// The user whose password was right.
    pub user: Option<Vec<u8>>,
    /// The user id of the process at the other end of a Unix socket.
    pub local: Option<u32>,
}

impl Who {
    /// Reads `alice`, `local:alice`, `@users` for one whom no rule names, or `-` for nobody in particular, as an
    /// admin writes it.
    pub fn parse(text: &[u8]) -> Result<Self> {
        match (text, text.strip_prefix(LOCAL)) {
            (b"-" | b"*", _) => Ok(Who::default()),
            (_, Some(name)) => Ok(Who { user: None, local: Some(id_of(name)?) }),
            _ => Ok(Who { user: Some(text.to_vec()), local: None }),
        }
    }
}

/// Any user, as a rule and an admin write it.
pub const ANY_USER: &[u8] = b"@users";

/// What begins the name of a peer on a Unix socket.
const LOCAL: &[u8] = b"local:";

/// What editors of other systems write before a text in UTF-8, and nobody sees.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whom a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Whom {
    Anyone,
    AnyUser,
    User(Vec<u8>),
    Local(u32),
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether it says yes.
    pub allows: bool,
    verbs: Vec<Verb>,
    whom: Whom,
    place: Name,
    /// Where it stands and what it says: `access:12: allow all alice /`.
    pub shown: String,
}

impl Rule {
    fn is_about(&self, who: &Who, verb: Verb) -> bool {
        let is_meant = match &self.whom {
            Whom::Anyone => true,
            Whom::AnyUser => who.user.is_some(),
            Whom::User(name) => who.user.as_ref() == Some(name),
            Whom::Local(id) => who.local == Some(*id),
        };
        is_meant && self.verbs.contains(&verb)
    }

    /// A place with a final slash is the directory and all beneath it. One without is, to allow, that file and nothing
    /// else; to deny, whatever has the name, and all beneath it.
    fn covers(&self, name: &Name) -> bool {
        match self.place.is_directory() || !self.allows {
            true => name.components().starts_with(self.place.components()),
            false => !name.is_directory() && name.components() == self.place.components(),
        }
    }

    /// Whether its place lies in a directory, or is it.
    fn is_beneath(&self, directory: &Name) -> bool {
        self.place.components().starts_with(directory.components())
    }
}

/// All rules, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    rules: Vec<Rule>,
}

impl Access {
    /// The rule where no file was named: with users each of them may do all, without users anyone may.
    pub fn standard(with_users: bool) -> Self {
        let (whom, text) = match with_users {
            true => (Whom::AnyUser, "allow all @users /"),
            false => (Whom::Anyone, "allow all * /"),
        };
        let verbs = Verb::NAMES.map(|(_, verb)| verb).to_vec();
        let shown = format!("no --access: {text}");
        let rule = Rule { allows: true, verbs, whom, place: Name::root(), shown };
        Access { rules: vec![rule] }
    }

    /// Reads a file. `with_users` says whether there can be any user at all. Errors name file and line.
    pub fn read(path: &Path, with_users: bool) -> Result<Self> {
        Ok(Access { rules: file::read(path, with_users)? })
    }

    /// All that is wrong with a file, line by line.
    pub fn faults(path: &Path, with_users: bool) -> Vec<Error> {
        file::faults(path, with_users)
    }

    /// Reads the text of one; `file` is what errors call it.
    pub fn parse(file: &str, text: &[u8], with_users: bool) -> Result<Self> {
        Ok(Access { rules: file::parse(file, text, with_users)? })
    }

    /// Whether all rules are about anyone, as `*` says it.
    pub fn is_for_anyone(&self) -> bool {
        self.rules.iter().all(|rule| rule.whom == Whom::Anyone)
    }

    /// The rules that say no, each with its place.
    pub fn denials(&self) -> impl Iterator<Item = (&Rule, &Name)> {
        self.rules.iter().filter(|rule| !rule.allows).map(|rule| (rule, &rule.place))
    }

    /// The rule that decides whether `who` may do this to a name; none is a no.
    pub fn decide(&self, who: &Who, verb: Verb, name: &Name) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.is_about(who, verb) && rule.covers(name))
    }

    /// The rule that decides whether `who` may do this to a directory with whatever is beneath it: the first that
    /// fits the directory, or that denies something beneath which no earlier one allows.
    pub fn decide_tree(&self, who: &Who, verb: Verb, directory: &Name) -> Option<&Rule> {
        let directory = directory.as_directory();
        let decides = |at: usize, rule: &Rule| {
            let place = rule.place.as_directory();
            let mut earlier = self.rules.iter().take(at).filter(|rule| rule.is_about(who, verb));
            let denies_beneath = !rule.allows && rule.is_beneath(&directory);
            rule.covers(&directory) || (denies_beneath && !earlier.any(|earlier| earlier.covers(&place)))
        };
        let mut about = self.rules.iter().enumerate().filter(|(_, rule)| rule.is_about(who, verb));
        about.find(|(at, rule)| decides(*at, rule)).map(|(_, rule)| rule)
    }

    /// The rule that lets `who` do this to something in a directory: it is then on the way there.
    pub fn way(&self, who: &Who, verb: Verb, directory: &Name) -> Option<&Rule> {
        let leads = |rule: &Rule| {
            rule.allows
                && rule.is_beneath(directory)
                && self.decide(who, verb, &rule.place).is_some_and(|first| first.allows)
        };
        self.rules.iter().find(|rule| rule.is_about(who, verb) && leads(rule))
    }
}

/// The id of a user of this machine: names are looked up once, not for each request.
fn id_of(name: &[u8]) -> Result<u32> {
    let found = std::str::from_utf8(name).ok().and_then(|name| User::from_name(name).ok().flatten());
    found
        .map(|user| user.uid.as_raw())
        .ok_or_else(|| Error::usage(format!("local:{}: is no user of this machine", shown(name))))
}

/// How a rule names a user of this machine; one without a name by his id.
pub fn local_name(id: u32) -> Vec<u8> {
    let found = User::from_uid(Uid::from_raw(id)).ok().flatten();
    [LOCAL, found.map_or_else(|| id.to_string(), |user| user.name).as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# verbs            who       where
allow all          alice     /
allow create       backup    /backups/   # only new ones
\tallow list,read  *         /pub/
allow read         @users    /notes%20old.txt
allow read,delete  local:root /d/e/
";

    fn of(text: &str) -> Access {
        Access::parse("access", text.as_bytes(), true).unwrap()
    }

    fn access() -> Access {
        of(FILE)
    }

    fn named(name: &str) -> Name {
        name_of(name.as_bytes()).unwrap()
    }

    fn who(who: &str) -> Who {
        Who::parse(who.as_bytes()).unwrap()
    }

    /// The number of a rule's line, and whether it allows.
    fn told(rule: Option<&Rule>) -> Option<(usize, bool)> {
        rule.map(|rule| (rule.shown.split(':').nth(1).unwrap().parse().unwrap(), rule.allows))
    }

    #[test]
    fn the_first_rule_that_fits_decides_and_none_is_no() {
        let rows = [
            ("alice", "delete", "/any/thing", Some(2)),
            ("alice", "process", "/", Some(2)),
            ("alice", "read", "/pub/x", Some(2)),
            ("backup", "create", "/backups/a/b", Some(3)),
            ("backup", "create", "/backups/", Some(3)),
            ("backup", "replace", "/backups/a", None),
            ("backup", "create", "/backups2/a", None),
            ("backup", "create", "/", None),
            ("-", "list", "/pub/", Some(4)),
            ("-", "read", "/pub/a%2Eb", Some(4)),
            ("-", "read", "/Pub/a", None),
            ("-", "delete", "/pub/a", None),
            ("bob", "read", "/notes old.txt", Some(5)),
            ("bob", "read", "/notes%20old.txt", Some(5)),
            ("bob", "read", "/notes%20old.txt/", None),
            ("bob", "read", "/notes%20old.txt/a", None),
            ("-", "read", "/notes%20old.txt", None),
            ("local:root", "read", "/d/e/f", Some(6)),
            ("local:root", "read", "/notes%20old.txt", None),
        ];
        for (asker, verb, name, line) in rows {
            let verb = Verb::parse(verb.as_bytes()).unwrap();
            let access = access();
            let rule = access.decide(&who(asker), verb, &named(name));
            assert_eq!(told(rule), line.map(|line| (line, true)), "{asker} {verb:?} {name}");
        }
    }

    #[test]
    fn a_rule_that_denies_ends_the_search() {
        let access = of("deny read bob /a/b\nallow read @users /a/\ndeny read * /a/\nallow read * /");
        let rows = [
            ("bob", "/a/b", (1, false)),
            ("bob", "/a/b/", (1, false)),
            ("bob", "/a/b/c", (1, false)),
            ("bob", "/a/bc", (2, true)),
            ("eve", "/a/b", (2, true)),
            ("-", "/a/b", (3, false)),
            ("-", "/a", (3, false)),
            ("-", "/ab", (4, true)),
        ];
        for (asker, name, line) in rows {
            assert_eq!(
                told(access.decide(&who(asker), Verb::Read, &named(name))),
                Some(line),
                "{asker} {name}"
            );
        }
    }

    #[test]
    fn a_directory_with_all_in_it_is_refused_where_anything_beneath_is() {
        let rows = [
            ("allow delete bob /", "/", Some((1, true))),
            ("deny delete bob /a/x\nallow delete bob /", "/", Some((1, false))),
            ("deny delete bob /a/x/\nallow delete bob /", "/a/", Some((1, false))),
            ("deny delete bob /a/x/\nallow delete bob /", "/a/x/y/", Some((1, false))),
            ("deny delete bob /a/x/\nallow delete bob /", "/b/", Some((2, true))),
            ("deny delete bob /ab/x\nallow delete bob /", "/a/", Some((2, true))),
            ("allow delete bob /a/\ndeny delete bob /a/x", "/a/", Some((1, true))),
            // What is allowed beneath first is not denied later, unless only a file of that name is.
            ("allow delete bob /a/b/\ndeny delete bob /a/b/c\nallow delete bob /a/", "/a/", Some((3, true))),
            ("allow delete bob /a/b\ndeny delete bob /a/b\nallow delete bob /a/", "/a/", Some((2, false))),
            // What is about others, or about something else, does not count.
            ("deny delete eve /a/x\ndeny read bob /a/x\nallow delete * /", "/a/", Some((3, true))),
            ("deny delete * /a/x\nallow all bob /", "/a", Some((1, false))),
            // To be allowed beneath is not enough.
            ("allow delete bob /a/b/", "/a/", None),
        ];
        for (text, name, line) in rows {
            let access = of(text);
            let rule = access.decide_tree(&who("bob"), Verb::Delete, &named(name));
            assert_eq!(told(rule), line, "{name}: {text}");
        }
    }

    #[test]
    fn a_rule_is_shown_in_one_line_without_its_comment() {
        let access = access();
        let name = name_of(b"/backups/a").unwrap();
        let rule = access.decide(&Who::parse(b"backup").unwrap(), Verb::Create, &name).unwrap();
        assert_eq!(rule.shown, "access:3: allow create backup /backups/");
    }

    #[test]
    fn a_directory_above_a_place_is_on_the_way_to_it() {
        let rows = [
            ("allow list bob /d/e/", "/", true),
            ("allow list bob /d/e/", "/d/", true),
            ("allow list bob /d/e/", "/d/e/", true),
            ("allow list bob /d/e/", "/d/e/f/", false),
            ("allow list bob /d/e/", "/x/", false),
            ("allow list bob /d/f", "/d/", true),
            ("deny list bob /d/e/\nallow list bob /d/e/", "/d/", false),
            ("deny list bob /d/e/\nallow list bob /d/e/f/", "/d/", false),
            ("deny list bob /d/e/f\nallow list bob /d/e/", "/d/", true),
        ];
        for (text, name, leads) in rows {
            assert_eq!(
                of(text).way(&who("bob"), Verb::List, &named(name)).is_some(),
                leads,
                "{name}: {text}"
            );
        }
    }

    #[test]
    fn without_a_file_users_may_do_all_and_without_users_anyone() {
        let (nobody, bob) = (Who::default(), Who::parse(b"bob").unwrap());
        for (with_users, who, may) in [(false, &nobody, true), (true, &nobody, false), (true, &bob, true)] {
            let access = Access::standard(with_users);
            assert_eq!(access.decide(who, Verb::Delete, &Name::root()).is_some(), may);
        }
    }
}

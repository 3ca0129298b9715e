//! The access list: rules in order, and which of them decides. It authenticates nobody and opens no served file.
//!
//! The first rule that matches decides; without a match access is denied. Access to a whole directory tree is decided
//! by the rules alone, without reading the directory: it is denied where a rule denies a path that could exist beneath
//! it.

use std::path::Path;

use crate::error::{Error, Result};
use crate::server::auth::access::rule::Subject;
use crate::server::auth::access::{Rule, file};
use crate::server::auth::{Principal, Verb, admin_file};
use crate::store::Name;

/// All rules, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessList {
    rules: Vec<Rule>,
}

impl AccessList {
    /// Returns the rule that applies without an access file: any user may do everything; without users, anyone may.
    pub fn standard(with_users: bool) -> Self {
        let (subject, text) = match with_users {
            true => (Subject::AnyUser, "allow all @users /"),
            false => (Subject::Anyone, "allow all * /"),
        };
        let verbs = Verb::NAMES.map(|(_, verb)| verb).to_vec();
        let shown = format!("no --access: {text}");
        let rule = Rule { allows: true, verbs, subject, path: Name::root(), shown };
        AccessList { rules: vec![rule] }
    }

    /// Reads a file. `with_users` tells whether users are configured. Errors name file and line.
    pub fn read(path: &Path, with_users: bool) -> Result<Self> {
        let records = admin_file::read(path, |name, line| file::rule(name, line, with_users));
        Ok(AccessList { rules: admin_file::valid(records)? })
    }

    /// Returns all errors of a file, line by line.
    pub fn errors(path: &Path, with_users: bool) -> Vec<Error> {
        admin_file::read(path, |name, line| file::rule(name, line, with_users)).1
    }

    /// Reads the text of one; `file` is what errors call it.
    pub fn parse(file: &str, text: &[u8], with_users: bool) -> Result<Self> {
        let records = admin_file::parse(file, text, |name, line| file::rule(name, line, with_users));
        Ok(AccessList { rules: admin_file::valid(records)? })
    }

    /// Returns whether every rule has the subject `*`.
    pub fn is_for_anyone(&self) -> bool {
        self.rules.iter().all(|rule| rule.subject == Subject::Anyone)
    }

    /// Returns the deny rules, each with its path.
    pub fn denials(&self) -> impl Iterator<Item = (&Rule, &Name)> {
        self.rules.iter().filter(|rule| !rule.allows).map(|rule| (rule, &rule.path))
    }

    /// Returns the rule that decides whether `principal` may do this to a name; `None` denies.
    pub fn decide(&self, principal: &Principal, verb: Verb, name: &Name) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.is_about(principal, verb) && rule.covers(name))
    }

    /// Returns the rule that decides whether `principal` may do this to a directory and everything beneath it: the first one
    /// that covers the directory, or that denies a path beneath it which no earlier rule covers.
    pub fn decide_tree(&self, principal: &Principal, verb: Verb, directory: &Name) -> Option<&Rule> {
        let directory = directory.as_directory();
        let decides = |at: usize, rule: &Rule| {
            let path = rule.path.as_directory();
            let mut earlier = self.rules.iter().take(at).filter(|rule| rule.is_about(principal, verb));
            let denies_beneath = !rule.allows && rule.is_beneath(&directory);
            rule.covers(&directory) || (denies_beneath && !earlier.any(|earlier| earlier.covers(&path)))
        };
        let mut about = self.rules.iter().enumerate().filter(|(_, rule)| rule.is_about(principal, verb));
        about.find(|(at, rule)| decides(*at, rule)).map(|(_, rule)| rule)
    }

    /// Returns a rule that allows `principal` to do this to something beneath a directory. The directory is then listed, so
    /// that the client can reach it.
    pub fn rule_beneath(&self, principal: &Principal, verb: Verb, directory: &Name) -> Option<&Rule> {
        let leads = |rule: &Rule| {
            rule.allows
                && rule.is_beneath(directory)
                && self.decide(principal, verb, &rule.path).is_some_and(|first| first.allows)
        };
        self.rules.iter().find(|rule| rule.is_about(principal, verb) && leads(rule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::auth::access::file::parse_name;

    const FILE: &str = "\
# verbs            who       where
allow all          alice     /
allow create       backup    /backups/   # only new ones
\tallow list,read  *         /pub/
allow read         @users    /notes%20old.txt
allow read,delete  local:root /d/e/
";

    fn of(text: &str) -> AccessList {
        AccessList::parse("access", text.as_bytes(), true).unwrap()
    }

    fn access() -> AccessList {
        of(FILE)
    }

    fn named(name: &str) -> Name {
        parse_name(name.as_bytes()).unwrap()
    }

    fn principal(text: &str) -> Principal {
        Principal::parse(text.as_bytes()).unwrap()
    }

    /// Returns the number of a rule's line, and whether it allows.
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
        for (who, verb, name, line) in rows {
            let verb = Verb::parse(verb.as_bytes()).unwrap();
            let access = access();
            let rule = access.decide(&principal(who), verb, &named(name));
            assert_eq!(told(rule), line.map(|line| (line, true)), "{who} {verb:?} {name}");
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
        for (who, name, line) in rows {
            assert_eq!(
                told(access.decide(&principal(who), Verb::Read, &named(name))),
                Some(line),
                "{who} {name}"
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
            // An earlier rule that allows the path beneath takes precedence, unless it allows only a file of that name.
            ("allow delete bob /a/b/\ndeny delete bob /a/b/c\nallow delete bob /a/", "/a/", Some((3, true))),
            ("allow delete bob /a/b\ndeny delete bob /a/b\nallow delete bob /a/", "/a/", Some((2, false))),
            // Rules for other principals or other paths do not count.
            ("deny delete eve /a/x\ndeny read bob /a/x\nallow delete * /", "/a/", Some((3, true))),
            ("deny delete * /a/x\nallow all bob /", "/a", Some((1, false))),
            // Access to a path beneath is not enough.
            ("allow delete bob /a/b/", "/a/", None),
        ];
        for (text, name, line) in rows {
            let access = of(text);
            let rule = access.decide_tree(&principal("bob"), Verb::Delete, &named(name));
            assert_eq!(told(rule), line, "{name}: {text}");
        }
    }

    #[test]
    fn a_rule_is_shown_in_one_line_without_its_comment() {
        let access = access();
        let name = parse_name(b"/backups/a").unwrap();
        let rule = access.decide(&Principal::parse(b"backup").unwrap(), Verb::Create, &name).unwrap();
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
                of(text).rule_beneath(&principal("bob"), Verb::List, &named(name)).is_some(),
                leads,
                "{name}: {text}"
            );
        }
    }

    #[test]
    fn without_a_file_users_may_do_all_and_without_users_anyone() {
        let (nobody, bob) = (Principal::default(), Principal::parse(b"bob").unwrap());
        for (with_users, principal, may) in
            [(false, &nobody, true), (true, &nobody, false), (true, &bob, true)]
        {
            let access = AccessList::standard(with_users);
            assert_eq!(access.decide(principal, Verb::Delete, &Name::root()).is_some(), may);
        }
    }
}

//! The access file: one rule per line (`allow` or `deny`, verbs, subject, path) and comments. It owns the syntax and
//! reports errors by file and line; what the rules decide is up to `list`.

use crate::error::{Error, Result, shown};
use crate::http::Target;
use crate::server::auth::access::principal::{LOCAL, local_id};
use crate::server::auth::access::rule::{Subject, Verb};
use crate::server::auth::access::{ANY_USER, Rule};
use crate::store::Name;

/// Parses a line, which the rule and messages call `line_name`; none where it is empty or a comment. `with_users` says
/// whether there can be any user at all.
pub(super) fn rule(line_name: &str, line: &[u8], with_users: bool) -> Result<Option<Rule>> {
    let words: Vec<&[u8]> = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    let words = words.split(|word| word.starts_with(b"#")).next().unwrap_or_default();
    let allows = match words {
        [] => return Ok(None),
        [b"allow", ..] => true,
        [b"deny", ..] => false,
        [other, ..] => {
            return Err(Error::usage(format!(
                "{}: is not a rule: it begins with allow or deny",
                shown(other)
            )));
        }
    };
    let [_, verbs, subject, name] = words else {
        return Err(Error::usage("a rule is: allow VERBS WHO WHERE, or deny VERBS WHO WHERE"));
    };
    let shown = format!("{line_name}: {}", shown(&words.join(&b' ')));
    let rule = Rule {
        allows,
        verbs: verbs_of(verbs)?,
        subject: subject_of(subject)?,
        path: parse_name(name)?,
        shown,
    };
    match rule.subject {
        Subject::User(_) | Subject::AnyUser if !with_users => {
            Err(Error::usage("there is no user without --users"))
        }
        _ => Ok(Some(rule)),
    }
}

fn verbs_of(text: &[u8]) -> Result<Vec<Verb>> {
    let mut verbs = Vec::new();
    for word in text.split(|&byte| byte == b',') {
        match word {
            b"all" => verbs.extend(Verb::NAMES.map(|(_, verb)| verb)),
            word => verbs.push(Verb::parse(word).map_err(|error| Error::usage(format!("{error}, all")))?),
        }
    }
    Ok(verbs)
}

fn subject_of(text: &[u8]) -> Result<Subject> {
    match (text, text.strip_prefix(LOCAL)) {
        (b"*", _) => Ok(Subject::Anyone),
        (ANY_USER, _) => Ok(Subject::AnyUser),
        (_, Some(name)) => local_id(name).map(Subject::Local),
        _ if text.starts_with(b"@") => Err(Error::usage(format!("{}: use @users, or a name", shown(text)))),
        _ => Ok(Subject::User(text.to_vec())),
    }
}

/// Parses an absolute path as in a URL, percent-encoded where necessary.
pub fn parse_name(text: &[u8]) -> Result<Name> {
    let bad = |what: &str| Error::usage(format!("{}: {what}", shown(text)));
    if !text.starts_with(b"/") {
        return Err(bad("is not a name from the root on, such as /pub/"));
    }
    let target = Target::parse(text)?;
    match target.query.names().next() {
        Some(_) => Err(bad("has a ?, which a name needs as %3F")),
        None => Name::of_rule(target.components, target.directory),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::auth::admin_file;

    fn parse(file: &str, text: &[u8], with_users: bool) -> Result<Vec<Rule>> {
        admin_file::valid(admin_file::parse(file, text, |name, line| rule(name, line, with_users)))
    }

    #[test]
    fn what_is_no_rule_is_refused_with_file_and_line() {
        let rows = [
            ("permit all * /", "a:1: permit: is not a rule: it begins with allow or deny"),
            ("\n\nallow all", "a:3: a rule is: allow VERBS WHO WHERE, or deny VERBS WHO WHERE"),
            ("deny all * / x", "a:1: a rule is: allow VERBS WHO WHERE, or deny VERBS WHO WHERE"),
            (
                "allow read,wirte * /",
                "a:1: wirte: is not a verb: use list, read, create, replace, delete, process, all",
            ),
            (
                "allow read, * /",
                "a:1: : is not a verb: use list, read, create, replace, delete, process, all",
            ),
            ("allow read @staff /", "a:1: @staff: use @users, or a name"),
            ("allow read local:no-such /", "a:1: local:no-such: is not a user of this machine"),
            ("allow read * pub/", "a:1: pub/: is not a name from the root on, such as /pub/"),
            ("allow read * /a?b", "a:1: /a?b: has a ?, which a name needs as %3F"),
            ("deny read * /a#b", "a:1: /a#b: has a #, which a name needs as %23"),
        ];
        for (text, said) in rows {
            assert_eq!(parse("a", text.as_bytes(), true).unwrap_err().to_string(), said);
        }
        for place in ["/../x", "/%00", "/.cfpd-x", "/.cfpd/a/b", "/%zz"] {
            let text = format!("allow read * {place}");
            let said = parse("a", text.as_bytes(), true).unwrap_err();
            assert!(said.to_string().starts_with("a:1: "), "{place}: {said}");
        }
        let all = |text: &[u8]| parse("a", text, true).unwrap().remove(0).verbs;
        assert!(Verb::NAMES.iter().all(|(_, verb)| all(b"allow read,all * /").contains(verb)));
        let said = parse("a", b"allow read bob /", false).unwrap_err().to_string();
        assert_eq!(said, "a:1: there is no user without --users");
    }
}

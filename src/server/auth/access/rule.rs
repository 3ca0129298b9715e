//! One access rule: its verbs, its subject and its path. `file` parses it; `list` finds the rule that decides.

use crate::error::{Error, Result, shown};
use crate::server::auth::access::principal::Principal;
use crate::store::Name;

/// What can be done to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Sees it in a list.
    List,
    /// Reads its content, also through a filter.
    Read,
    /// Creates it.
    Create,
    /// Replaces its content.
    Replace,
    /// Deletes it.
    Delete,
    /// Sends a body through a filter.
    Process,
}

impl Verb {
    /// All verbs, as the access file calls them.
    pub const NAMES: [(&str, Verb); 6] = [
        ("list", Verb::List),
        ("read", Verb::Read),
        ("create", Verb::Create),
        ("replace", Verb::Replace),
        ("delete", Verb::Delete),
        ("process", Verb::Process),
    ];

    /// Returns the verb of this name.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let found = Verb::NAMES.iter().find(|(name, _)| name.as_bytes() == text);
        found.map(|(_, verb)| *verb).ok_or_else(|| {
            let names = Verb::NAMES.map(|(name, _)| name).join(", ");
            Error::usage(format!("{}: is not a verb: use {names}", shown(text)))
        })
    }

    /// Returns its name.
    pub fn name(self) -> &'static str {
        Verb::NAMES.iter().find(|(_, verb)| *verb == self).map_or("", |(name, _)| *name)
    }

    /// Returns whether it changes what is stored.
    pub fn writes(self) -> bool {
        matches!(self, Verb::Create | Verb::Replace | Verb::Delete)
    }
}

/// Whom a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Anyone.
    Anyone,
    /// Any user with a password.
    AnyUser,
    /// This user.
    User(Vec<u8>),
    /// The processes of this user of the machine, by id, on a Unix socket.
    Local(u32),
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether it allows; else it denies.
    pub allows: bool,
    /// What it allows or denies.
    pub verbs: Vec<Verb>,
    /// Whom it is about.
    pub subject: Subject,
    /// The path it covers: a file, or with a final slash a directory and everything beneath it.
    pub path: Name,
    /// Its file, line and text for messages: `access:12: allow all alice /`.
    pub shown: String,
}

impl Rule {
    /// Returns whether it matches this principal and verb.
    pub fn is_about(&self, principal: &Principal, verb: Verb) -> bool {
        let is_subject = match &self.subject {
            Subject::Anyone => true,
            Subject::AnyUser => principal.user.is_some(),
            Subject::User(name) => principal.user.as_ref() == Some(name),
            Subject::Local(id) => principal.local == Some(*id),
        };
        is_subject && self.verbs.contains(&verb)
    }

    /// Returns whether it covers this name. A path with a final slash covers the directory and everything beneath it. A path
    /// without one covers only that file in an allow rule; in a deny rule it covers the file or directory of that name
    /// and everything beneath.
    pub fn covers(&self, name: &Name) -> bool {
        match self.path.is_directory() || !self.allows {
            true => name.components().starts_with(self.path.components()),
            false => !name.is_directory() && name.components() == self.path.components(),
        }
    }

    /// Returns whether its path is a directory or beneath it.
    pub fn is_beneath(&self, directory: &Name) -> bool {
        self.path.components().starts_with(directory.components())
    }
}

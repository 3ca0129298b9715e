//! The policy: users, access rules, and whether anyone may write. It is immutable: a reload reads all files and makes a
//! new policy, or fails.

use std::path::PathBuf;

use crate::error::{Error, Result, shown};
use crate::server::auth::access::ANY_USER;
use crate::server::auth::{AccessList, Principal, Users, Verb};
use crate::store::{Name, RESERVED, Upkeep};

/// The files that configure it.
#[derive(Clone, Debug, Default)]
pub struct PolicyFiles {
    /// Users and their passwords: a file of `htpasswd -B`.
    pub users: Option<PathBuf>,
    /// The access rules.
    pub access: Option<PathBuf>,
}

/// Users, rules, and whether the server is read-only.
pub struct Policy {
    /// The files it was read from.
    files: PolicyFiles,
    /// Users with passwords, where there are any.
    pub users: Option<Users>,
    /// The rules.
    pub access: AccessList,
    /// Whether the server is read-only.
    pub read_only: bool,
}

impl Policy {
    /// Reads the configured files. Errors name file and line.
    pub fn read(files: PolicyFiles, read_only: bool) -> Result<Self> {
        let users = files.users.as_deref().map(Users::read).transpose()?;
        let access = match files.access.as_deref() {
            Some(path) => AccessList::read(path, users.is_some())?,
            None => AccessList::standard(users.is_some()),
        };
        Ok(Policy { files, users, access, read_only })
    }

    /// Refuses a deny rule for a path in a directory that folds case: the rule would match one spelling only, and
    /// another would reach the file. What no rule allows is denied in every spelling.
    pub fn require_one_spelling(&self, store: &dyn Upkeep) -> Result<()> {
        for (rule, path) in self.access.denials() {
            let components = path.components();
            let mut above = (0..components.len()).filter_map(|length| components.get(..length));
            if let Some(folding) = above.find(|above| store.folds_case(above)) {
                let directory = shown(&[b"/", &*folding.join(&b'/')].concat());
                let what =
                    "takes a name in any case for the same, and cannot deny one: allow what may be reached";
                return Err(Error::usage(format!("{}: {directory} {what}", rule.shown)));
            }
        }
        Ok(())
    }

    /// Reads the same files again, for a reload.
    pub fn reopened(&self) -> Result<Self> {
        let mut policy = Policy::read(self.files.clone(), self.read_only)?;
        if let (Some(new), Some(old)) = (policy.users.take(), &self.users) {
            policy.users = Some(new.keeping_logins_of(old));
        }
        Ok(policy)
    }

    /// Explains in one line which rule decides, and returns whether it allows. For `read`, `replace` and `delete` a
    /// directory stands for everything beneath it, as in a request. `list` is allowed where something beneath may be
    /// listed.
    pub fn explain(&self, principal: &Principal, verb: Verb, name: &Name) -> (bool, String) {
        match name.components() {
            [own, health] if own == RESERVED && health == b"health" && verb == Verb::Read => {
                return (true, "the daemon's own: anyone may ask how it is".to_owned());
            }
            [own, ..] if own == RESERVED && verb.writes() => {
                return (false, "/.cfpd/: belongs to the daemon".to_owned());
            }
            _ => {}
        }
        let is_tree = name.is_directory() && matches!(verb, Verb::Read | Verb::Replace | Verb::Delete);
        let principal = &self.identified(principal);
        let rule = match is_tree {
            true => self.access.decide_tree(principal, verb, name),
            false => self.access.decide(principal, verb, name),
        };
        let is_list = verb == Verb::List && name.is_directory();
        let beneath = if is_list { self.access.rule_beneath(principal, verb, name) } else { None };
        match (principal.user.as_ref().filter(|user| !self.knows(user)), rule, beneath) {
            _ if self.read_only && verb.writes() => (false, "--read-only: nobody may write".to_owned()),
            (Some(user), ..) => (false, format!("{}: is not a user", shown(user))),
            (None, Some(rule), _) if rule.allows => (true, rule.shown.clone()),
            (None, _, Some(beneath)) => (true, format!("on the way to what is allowed: {}", beneath.shown)),
            (None, Some(rule), None) => (false, rule.shown.clone()),
            (None, None, None) => (false, "no rule: what no rule allows is denied".to_owned()),
        }
    }

    /// Drops the user where no users are configured, as a request's credentials are ignored then.
    fn identified(&self, principal: &Principal) -> Principal {
        let is_claim = |user: &Vec<u8>| self.users.is_none() && user != ANY_USER;
        Principal { user: principal.user.clone().filter(|user| !is_claim(user)), local: principal.local }
    }

    fn knows(&self, user: &[u8]) -> bool {
        self.users.as_ref().is_some_and(|users| user == ANY_USER || users.contains(user))
    }
}

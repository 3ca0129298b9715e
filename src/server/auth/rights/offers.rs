//! What a principal may do in a directory, for a page that offers no more than that.

use crate::server::auth::access::Verb;
use crate::server::auth::rights::authorized_store::{AuthorizedStore, Coverage};
use crate::store::Name;

/// What a page offers on an entry, or in a directory.
const OFFERED: [Verb; 5] = [Verb::Read, Verb::Create, Verb::Replace, Verb::Delete, Verb::Process];

impl AuthorizedStore {
    /// Returns whether users have passwords, and the principal has sent none.
    pub fn may_log_in(&self) -> bool {
        self.policy.users.is_some() && self.principal.user.is_none()
    }

    /// Returns whether every verb is allowed everywhere, so that a login would add nothing.
    pub fn may_do_all(&self) -> bool {
        Verb::NAMES.iter().all(|(_, verb)| self.may_here(*verb, &Name::root(), true))
    }

    /// Returns the verbs that are allowed in a directory, or somewhere beneath it.
    pub fn offers_in(&self, directory: &Name) -> String {
        self.offered(|verb| {
            self.may_here(verb, directory, false)
                || (self.may_write(verb) && self.allows_beneath(verb, directory))
        })
    }

    /// Returns whether every verb that is allowed in a directory is allowed for everything beneath it.
    pub fn offers_the_same_beneath(&self, directory: &Name) -> bool {
        OFFERED.into_iter().all(|verb| self.coverage(verb, directory) != Coverage::Part)
    }

    /// Returns the verbs that are allowed for an entry of a directory; for a directory with all in it.
    pub fn offers_on(&self, directory: &Name, entry: &[u8], is_directory: bool) -> String {
        let name = directory.join(entry, is_directory);
        self.offered(|verb| self.may_here(verb, &name, is_directory))
    }

    fn offered(&self, may: impl Fn(Verb) -> bool) -> String {
        let verbs = OFFERED.into_iter().filter(|verb| may(*verb));
        verbs.map(Verb::name).collect::<Vec<_>>().join(" ")
    }

    fn may_here(&self, verb: Verb, name: &Name, tree: bool) -> bool {
        self.may_write(verb) && self.may(verb, name, tree)
    }

    /// Returns whether the server lets anybody do this.
    fn may_write(&self, verb: Verb) -> bool {
        !(self.policy.read_only && verb.writes())
    }
}

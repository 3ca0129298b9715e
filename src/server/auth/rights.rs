//! The one gate. It owns the store, so that a handler comes to stored files only through a view the gate gave it for
//! who asks, and to writing only through a [`Writer`]: a forgotten check does not compile. Each function of a view
//! asks for the verbs it needs before it looks at the store, so that a refusal tells nothing of what is there.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use crate::error::{Error, Result, shown};
use crate::server::auth::access::{Verb, Who, local_name};
use crate::server::auth::policy::Policy;
use crate::server::auth::users::Users;
use crate::store::{Entry, Kind, Meta, Name, Partial, Spool, Store};

pub use reader::Reader;
pub use writer::{Passage, Writer};

mod partial;
mod reader;
mod writer;

/// The gate before a store.
pub struct Rights {
    /// A request keeps those it began with.
    current: RwLock<(Arc<dyn Store>, Arc<Policy>)>,
}

impl Rights {
    /// A gate before `store`.
    pub fn new(store: Arc<dyn Store>, policy: Policy) -> Self {
        Rights { current: RwLock::new((store, Arc::new(policy))) }
    }

    /// The store as whoever `identify` finds may see it; it is told who has a password.
    pub fn view(&self, identify: impl FnOnce(Option<&Users>) -> Result<Who>) -> Result<View> {
        let (store, policy) = self.current();
        let who = identify(policy.users.as_ref())?;
        Ok(View { store, policy, who })
    }

    /// Whether nobody may write.
    pub fn is_read_only(&self) -> bool {
        self.current().1.read_only
    }

    /// Reads the files again that said who may what; nothing changes until [`Rights::swap`].
    pub fn reopened(&self) -> Result<Policy> {
        self.current().1.reopened()
    }

    /// Has these hold for the requests that come; without a store the same one as before.
    pub fn swap(&self, policy: Policy, store: Option<Arc<dyn Store>>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.1 = Arc::new(policy);
        if let Some(store) = store {
            current.0 = store;
        }
    }

    fn current(&self) -> (Arc<dyn Store>, Arc<Policy>) {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A store as one client may see it, for one request.
pub struct View {
    store: Arc<dyn Store>,
    policy: Arc<Policy>,
    who: Who,
}

impl View {
    /// Whose view it is, as a rule names him; with `local` also a peer on a Unix socket, whose name the system has to
    /// be asked for.
    pub fn who(&self, local: bool) -> Option<Vec<u8>> {
        let peer = || self.who.local.filter(|_| local).map(local_name);
        self.who.user.clone().or_else(peer)
    }

    /// Who the client is, as far as is known.
    pub fn client(&self) -> &Who {
        &self.who
    }

    /// The way to read what is stored.
    pub fn reader(&self) -> Reader<'_> {
        Reader(self)
    }

    /// The way to change what is stored. Errors have status 403: nobody may.
    pub fn writer(&self, name: &Name) -> Result<Writer<'_>> {
        match self.policy.read_only {
            true => Err(Error::status(403, name.shown(), "this server is read-only")),
            false => Ok(Writer(self)),
        }
    }

    /// Goes on with an upload; needs what a write to its name needs.
    pub fn resume(&self, id: &[u8]) -> Result<Box<dyn Partial + '_>> {
        let partial = self.store.resume(id)?;
        self.writer(partial.name())?.admit(partial)
    }

    /// The right to send a body to `name` through a filter; needs `process`.
    pub fn processor(&self, name: &Name) -> Result<Processor<'_>> {
        self.require(Verb::Process, name, false)?;
        Ok(Processor(self.store.as_ref()))
    }

    /// Whether one of the daemon's own resources may be told; needs `read` of it, beneath `/.cfpd/`.
    pub fn require_own(&self, below: &[u8]) -> Result<()> {
        self.require(Verb::Read, &Name::own(below), false)
    }

    /// Whether the rules allow it; with `tree`, also of whatever is beneath.
    fn may(&self, verb: Verb, name: &Name, tree: bool) -> bool {
        let access = &self.policy.access;
        let rule = match tree {
            true => access.decide_tree(&self.who, verb, name),
            false => access.decide(&self.who, verb, name),
        };
        rule.is_some_and(|rule| rule.allows)
    }

    fn require(&self, verb: Verb, name: &Name, tree: bool) -> Result<()> {
        self.require_any(&[verb], name, tree)
    }

    fn require_any(&self, verbs: &[Verb], name: &Name, tree: bool) -> Result<()> {
        match verbs.iter().any(|verb| self.may(*verb, name, tree)) {
            true => Ok(()),
            false => Err(self.refusal(verbs, name, tree)),
        }
    }

    /// 401 where a password could help and none was given, 403 otherwise.
    fn refusal(&self, verbs: &[Verb], name: &Name, tree: bool) -> Error {
        let verbs = verbs.iter().map(|verb| verb.name()).collect::<Vec<_>>().join(" or ");
        let it = if tree { "it with all in it" } else { "it" };
        match (&self.who.user, &self.policy.users) {
            (None, Some(_)) => Error::status(401, name.shown(), format!("say who you are to {verbs} {it}")),
            (Some(user), _) => {
                Error::status(403, name.shown(), format!("{} may not {verbs} {it}", shown(user)))
            }
            (None, None) => Error::status(403, name.shown(), format!("you may not {verbs} {it}")),
        }
    }

    /// What a write to a name needs, by what stands there now; `tree` says that a directory comes with all in it. One
    /// that stands there goes with all in it, and what comes with another is new.
    fn require_place(&self, name: &Name, tree: bool, standing: Option<&Meta>) -> Result<()> {
        let Some(standing) = standing else { return self.require(Verb::Create, name, tree) };
        let replaces_tree = standing.kind == Kind::Directory;
        self.require(Verb::Replace, name, tree || replaces_tree)?;
        if replaces_tree {
            self.require(Verb::Delete, name, true)?;
        }
        if tree { self.require(Verb::Create, name, true) } else { Ok(()) }
    }

    /// What is taken from a name needs `verbs`; what is beneath a directory is seen with it.
    fn require_source(&self, verbs: &[Verb], name: &Name, tree: bool) -> Result<()> {
        let listed: &[Verb] = if tree { &[Verb::List] } else { &[] };
        verbs.iter().chain(listed).try_for_each(|verb| self.require(*verb, name, tree))
    }

    /// Whether an entry of a list may be seen: a directory also where it is the way to something that may.
    fn shows(&self, verb: Verb, directory: &Name, entry: &Entry) -> bool {
        let is_directory = entry.meta.kind == Kind::Directory;
        let name = directory.join(&entry.name, is_directory);
        self.may(verb, &name, false)
            || (is_directory && self.policy.access.way(&self.who, verb, &name).is_some())
    }
}

/// The proof that its holder may send a body through a filter.
pub struct Processor<'s>(&'s dyn Store);

impl Processor<'_> {
    /// See [`Store::spool`].
    pub fn spool(&self) -> io::Result<Spool> {
        self.0.spool()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::auth::access::{Access, name_of};
    use crate::store::Local;
    use std::fs;

    /// A store with the directories `d` and `n`, a file in each, and one beside, behind these rules.
    fn gate(rules: &str) -> (tempfile::TempDir, Rights) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        for directory in ["d", "n"] {
            fs::create_dir_all(root.join(directory)).unwrap();
            fs::write(root.join(directory).join("of"), directory).unwrap();
        }
        fs::write(root.join("f"), "file").unwrap();
        fs::write(folder.path().join("rules"), rules).unwrap();
        let access = Access::read(&folder.path().join("rules"), false).unwrap();
        let store = Arc::new(Local::open(&root).unwrap().without_sync());
        (folder, Rights::new(store, Policy::of_rules(access)))
    }

    fn named(name: &str) -> Name {
        name_of(name.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_put_in_place_of_a_tree_needs_rights_to_all_that_goes_and_comes() {
        let rows = [
            ("", "/n/", "/d/", true),
            ("deny process * /d/of", "/n/", "/d/", true),
            ("deny replace * /d/of", "/n/", "/d/", false),
            ("deny delete * /d/none", "/n/", "/d/", false),
            ("deny create * /d/none", "/n/", "/d/", false),
            ("deny create * /d/none", "/n/of", "/d/of", true),
            ("deny list * /n/none", "/n/", "/d/", false),
            ("deny read * /n/of", "/n/", "/d/", false),
            ("deny create * /f/none", "/n/", "/f", false),
            ("deny delete * /f/none", "/n/", "/f", true),
            ("deny create * /new/none", "/n/", "/new", false),
            ("deny delete * /new/none", "/n/", "/new", true),
        ];
        for (rule, from, to, may) in rows {
            for moves in [false, true] {
                let (folder, gate) = gate(&format!("{rule}\nallow all * /\n"));
                let view = gate.view(|_| Ok(Who::default())).unwrap();
                let (from, to) = (named(from), named(to));
                let writer = view.writer(&to).unwrap();
                let any = |_: Option<&Meta>| Ok(());
                let done = match moves {
                    true => writer.moving(&from, &to).and_then(|passage| passage.rename(&any, &any)),
                    false => writer.copying(&from, &to).and_then(|passage| passage.copy(&any, &any)),
                };
                let status = done.err().map(|wrong| wrong.http_status());
                assert_eq!(status, (!may).then_some(403), "{rule}, moves: {moves}");
                let kept = fs::read(folder.path().join("root/d/of")).unwrap() == b"d";
                assert!(may || kept, "{rule}, moves: {moves}");
            }
        }
    }

    #[test]
    fn a_rename_without_the_slash_is_no_way_around_what_is_denied_beneath() {
        let (folder, gate) = gate("deny delete * /n/of\nallow all * /\n");
        let view = gate.view(|_| Ok(Who::default())).unwrap();
        let (from, to) = (named("/n"), named("/m"));
        let writer = view.writer(&from).unwrap();
        let any = |_: Option<&Meta>| Ok(());
        let moved = writer.moving(&from, &to).and_then(|passage| passage.rename(&any, &any));
        assert_eq!(moved.unwrap_err().http_status(), 403);
        assert!(writer.delete(&named("/n/"), &any).is_err());
        assert!(folder.path().join("root/n/of").exists());
    }
}

//! A draft or a resumable upload whose commit checks the right to write again.

use std::ops::{Deref, DerefMut};

use crate::error::Result;
use crate::server::auth::AuthorizedStore;
use crate::server::auth::rights::write_right::with_right;
use crate::store::{Check, Draft, Name, Partial, Written};

/// A draft of the engine, and the rights of the principal who commits it. All but its end is the draft's own.
pub struct Guarded<'a, D: ?Sized> {
    pub(super) draft: Box<D>,
    pub(super) store: &'a AuthorizedStore,
    pub(super) name: Name,
    /// The resource of the request, where that is another one.
    pub(super) subject: Option<Name>,
}

/// New content.
pub type GuardedDraft<'a> = Guarded<'a, dyn Draft + 'a>;
/// A resumable upload.
pub type GuardedPartial<'a> = Guarded<'a, dyn Partial + 'a>;

impl<D: Draft + ?Sized> Guarded<'_, D> {
    /// See [`Draft::commit`].
    pub fn commit(self, digest: Option<[u8; 32]>, check: Check<'_>) -> Result<Written> {
        let Guarded { draft, store, name, subject } = self;
        let locks = store.lock_check(subject.as_ref().unwrap_or(&name));
        draft.commit(digest, &with_right(store, &name, &locks, check))
    }
}

impl GuardedPartial<'_> {
    /// See [`Partial::remove`].
    pub fn remove(self) {
        self.draft.remove();
    }
}

impl<D: ?Sized> Deref for Guarded<'_, D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.draft
    }
}

impl<D: ?Sized> DerefMut for Guarded<'_, D> {
    fn deref_mut(&mut self) -> &mut D {
        &mut self.draft
    }
}

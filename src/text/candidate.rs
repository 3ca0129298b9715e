//! The result of a search in a block of text: where an occurrence may begin.

/// Where an occurrence may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    /// The whole word is here; only its neighbours are unchecked.
    Whole(usize),
    /// A prefix of the word is here, and no occurrence begins before.
    Prefix(usize),
    /// No occurrence begins before here; the bytes from here on are too few to decide.
    After(usize),
}

//! What a finder says of a block of text: where an occurrence may begin. It does not know which word is searched for.

/// Where an occurrence may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    /// The whole word stands here.
    Whole(usize),
    /// At least the beginning of the word stands here, and nothing before.
    Begun(usize),
    /// Nothing begins before here; from here on there are too few bytes to tell.
    After(usize),
}

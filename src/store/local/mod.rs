//! The engine of one local directory.
//!
//! | file | owns |
//! |---|---|
//! | `engine` | which method of the contract is answered where |
//! | `volume` | the directory, and what all that work on it share |
//! | `root` | the descriptor of the root, and every way from a name to another one |
//! | `stat`, `meta`, `lookup` | what one `fstat` says; what stands under a name |
//! | `content`, `list` | reading |
//! | `snapshot` | contents of files whose `st_size` is wrong |
//! | `digest`, `digest_renewal` | the SHA-256 that is kept with a file, also over a rename |
//! | `draft`, `copy` with `tree`, `rename` with `cross_device`, `delete`, `directory` | writing |
//! | `partial`, `uploads` | uploads that come in several pieces, and outlive the process in between |
//! | `install`, `replacement` | renames a new content, a copy or an entry into place |
//! | `inherited` | the owner, mode, ACL and user attributes of a new content |
//! | `intent`, `recovery` | intent records, written ahead of a rename, and what a start does with them after a kill |
//! | `sync` | fsync of contents and directories |
//! | `space`, `allocation`, `spool` | the account of disk space, and those that reserve it |
//! | `transfer`, `unlink`, `unlink_in_place` | copying bytes, removing trees |
//! | `locks`, `temporary`, `reserved`, `walk`, `sweep`, `mounts`, `case_folding`, `errors` | what those stand on |

pub use engine::Local;
pub use spool::{SpoolFile, Spools};

mod allocation;
mod case_folding;
mod content;
mod copy;
mod cross_device;
mod delete;
mod digest;
mod digest_renewal;
mod directory;
mod draft;
mod engine;
mod errors;
mod inherited;
mod install;
mod intent;
mod list;
mod locks;
mod lookup;
mod meta;
mod mounts;
mod partial;
mod recovery;
mod rename;
mod replacement;
mod reserved;
mod root;
mod snapshot;
mod space;
mod spool;
mod stat;
mod sweep;
mod sync;
mod temporary;
mod transfer;
mod tree;
mod unlink;
mod unlink_in_place;
mod uploads;
mod volume;
mod walk;

//! The engine of one local directory.
//!
//! | file | owns |
//! |---|---|
//! | `engine` | which method of the contract is answered where |
//! | `root` | the root's handle, and every way from a name to a descriptor |
//! | `stat`, `lookup` | what one `fstat` says: kind, size, time, entity tag; what stands under a name |
//! | `content`, `list` | reading |
//! | `snapshot` | contents of files whose size is not what the system says |
//! | `digest` | the SHA-256 that is kept beside a content |
//! | `draft`, `copy` with `tree`, `rename` with `cross_device`, `delete` | writing |
//! | `partial` | uploads that come in several pieces, and outlive the process in between |
//! | `install` with `replacement` | puts a new content, a copy or a renamed entry under its name, by one rename |
//! | `intent`, `recovery` | intent records, written ahead of a move, and what a start does with them after a kill |
//! | `inherited` | the owner, mode, ACL and user attributes that a new content gets |
//! | `sync` | fsync of contents and directories |
//! | `space`, `spool` | the account of disk space; unlinked files for the time of a request |
//! | `locks`, `temporary`, `walk`, `sweep`, `unlink_in_place`, `mounts`, `case_folding` | what those stand on |

pub use engine::Local;
pub use spool::Spool;

mod case_folding;
mod content;
mod copy;
mod cross_device;
mod delete;
mod digest;
mod draft;
mod engine;
mod inherited;
mod install;
mod intent;
mod list;
mod locks;
mod lookup;
mod mounts;
mod partial;
mod recovery;
mod rename;
mod replacement;
mod root;
mod snapshot;
mod space;
mod spool;
mod stat;
mod sweep;
mod sync;
mod temporary;
mod tree;
mod unlink_in_place;
mod walk;

//! The engine of one local directory.
//!
//! | file | owns |
//! |---|---|
//! | `engine` | the methods of the contract, and which file implements each |
//! | `volume` | the root directory, and what all operations share |
//! | `root` | the descriptor of the root, and the resolution of names beneath it |
//! | `stat`, `lookup` | the stat of a file; what exists under a name |
//! | `content`, `list` | reading |
//! | `snapshot` | content of files whose `st_size` is wrong |
//! | `digest` | the SHA-256 that is stored with a file |
//! | `draft`, `copy` with `tree` (copying bytes, too), `rename` with `cross_device`, `delete`, `directory` | writing |
//! | `partial`, `uploads` | uploads that are written in several parts, and outlive the process |
//! | `install`, `replacement` | renames new content, a copy or an entry into place |
//! | `inherited` | the owner, mode, ACL and user attributes of new content |
//! | `intent`, `recovery` | intent records, written ahead of a rename; what a killed daemon left |
//! | `sync` | fsync of files and directories |
//! | `space`, `spool` | the account of disk space, and what reserves it |
//! | `unlink` | removing trees |
//! | `locks`, `temporary`, `reserved`, `walk`, `mounts`, `case_folding`, `errors` | what the others build on |

pub use engine::Local;
pub use spool::{SpoolFile, Spools};

mod case_folding;
mod content;
mod copy;
mod cross_device;
mod delete;
mod digest;
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
mod sync;
mod temporary;
mod tree;
mod unlink;
mod uploads;
mod volume;
mod walk;

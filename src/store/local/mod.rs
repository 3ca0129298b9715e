//! The engine of one local directory.
//!
//! | file | owns |
//! |---|---|
//! | `engine` | the methods of the contract, and which file implements each |
//! | `volume` | the root directory, and what all operations share |
//! | `root`, `entry_at` | the descriptor of the root, and the resolution of names beneath it; a directory entry |
//! | `stat`, `lookup` | the stat of a file; what exists under a name |
//! | `content`, `read_size`, `list` | reading |
//! | `cache`, `cached_file` | small files in memory; the proof that one is what a fresh open would find |
//! | `snapshot` | content of files whose `st_size` is wrong |
//! | `digest_attribute`, `digest`, `digest_writer` | the SHA-256 that is stored with a file: its format, reading and writing it |
//! | `draft` with `commit`, `copy` with `tree` (copying bytes, too), `rename` with `cross_device`, `delete`, `directory` | writing |
//! | `properties_attribute`, `properties` | the properties that clients set: reading their attribute, and changing it |
//! | `partial`, `uploads`, `completion` | uploads that are written in several parts, and outlive the process; what became of them |
//! | `install`, `replacement` | renames new content, a copy or an entry into place |
//! | `intent`, `recovery` | intent records, written ahead of a rename; what a killed daemon left |
//! | `sync` | fsync of files and directories |
//! | `space`, `spool` | the account of disk space, and what reserves it |
//! | `unlink`, `freeing` | removing trees; the blocks of large files that were removed or replaced |
//! | `sharing` | what a file system must do that several daemons serve |
//! | `locks`, `lock_file` | locks on names, within the process and between processes |
//! | `lock_record` | the record of the locks of clients, which the daemon keeps at the root |
//! | `temporary`, `reserved`, `walk`, `mounts`, `case_folding`, `errors` | what the others build on |

pub use engine::Local;
pub use spool::{SpoolFile, Spools};

use cache::FileCache;
use cached_file::{CacheCandidate, CachedFile};
use case_folding::{differ_in_case, folds_case, folds_case_in, is_reserved_in_disguise};
use content::open_consistently;
use copy::{copy_directory, copy_file};
use cross_device::move_across;
use digest::{of_entry, read_consistently, stat_content, stat_file, stat_handle};
use digest_attribute::Attribute;
use digest_writer::{as_owner, is_racy, store_digest, write_attribute, write_if_unchanged};
use draft::{FileDraft, require_installable};
use entry_at::EntryAt;
use errors::{absent, errno_of, is_absent, map_errno, map_errno_new, no_directory, no_room, unfit};
use freeing::Freeing;
use install::{Incoming, InstallError, Installed, may_replace, refuse_overlap, same_file};
use intent::{InodeIdentity, Intent, Record, entry_at_path, is_own, is_record_name};
use lock_file::{LockFile, ProcessLock};
use locks::{NameGuard, RootLocks};
use lookup::{Found, Lookup, classify, look_up_to_write, lookup, lookup_locked, lookup_unlocked};
use mounts::Mounts;
use properties_attribute::{properties_of_entry, properties_of_handle};
use read_size::{is_remote, read_size};
use replacement::{exchange, is_unable, rename_entry, rename_to_free, two_renames};
use reserved::{
    DIGITS, LOCK_RECORD_NAME, RESERVED, TEMPORARY, UPLOADS, fresh_digits, fresh_name, is_fresh_name,
    is_hexadecimal,
};
use root::{DIRECTORY, HANDLE, Links, READ, Root, is_linked, open_beneath, reopen};
use snapshot::{ContentSnapshot, SnapshotLimits};
use space::{Allocation, Reservation, Space, SpoolShare, step_after};
use stat::{
    FileId, change_time, content_of, entry_stat, file_id, file_type, is_directory, is_link, is_regular,
    is_unchanged, meta_of, modification_time, modified, permissions, size_of,
};
use sync::Syncer;
use temporary::{Temporary, unlinked_file};
use tree::{ReservedFile, attributes_of, copy_content};
use unlink::{Removal, RemoveAll, TreeDeletion, hide, is_left_of, remove, remove_in_place};
use uploads::{Uploads, is_id};
use volume::Volume;
use walk::{Walk, WalkEntry, names_in, stat_and_digest, stat_digest_and_properties, type_alone};

mod cache;
mod cached_file;
mod case_folding;
mod commit;
mod completion;
mod content;
mod copy;
mod cross_device;
mod delete;
mod digest;
mod digest_attribute;
mod digest_writer;
mod directory;
mod draft;
mod engine;
mod entry_at;
mod errors;
mod freeing;
mod install;
mod intent;
mod list;
mod lock_file;
mod lock_record;
mod locks;
mod lookup;
mod mounts;
mod partial;
mod properties;
mod properties_attribute;
mod read_size;
mod recovery;
mod rename;
mod replacement;
mod reserved;
mod root;
mod sharing;
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

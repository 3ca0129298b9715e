//! Stores named files and writes them atomically. This room owns names, the root directory, and the only code that
//! opens served files. It does not know HTTP or words; no room above it knows the path of a served file.
//!
//! | module | owns |
//! |---|---|
//! | `contract` | the contract of every engine: [`Store`], and what it opens and writes |
//! | `entry` | what it says of a file or directory |
//! | `name` | the names of files, validated |
//! | `local` | the engine of one local directory |

pub use contract::{
    ChangeProperties, Check, CompletedUpload, Confinement, Content, DiskSpace, Draft, LockRecordChange,
    LockRecordVersion, PROPERTIES_MAX, Partial, ReportProgress, Store, Transfer, Upkeep, Written,
};
pub use entry::{Detail, Entries, Entry, EntryStat, Kind, Meta};
pub use local::{Local, SpoolFile, Spools};
pub use name::{Name, RESERVED};

mod contract;
mod entry;
mod local;
mod name;

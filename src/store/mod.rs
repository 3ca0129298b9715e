//! Stores named files and writes them atomically. This room owns names, the root directory, and the only code that
//! opens served files. It does not know HTTP or words; no room above it knows the path of a served file.
//!
//! | module | owns |
//! |---|---|
//! | `contract` | the contract of every engine: [`Store`] and its types |
//! | `name` | the names of files, validated |
//! | `local` | the engine of one local directory |

pub use contract::{
    Advance, ChangeProperties, Check, CompletedUpload, Confinement, Content, Detail, DiskSpace, Draft,
    Entries, Entry, EntryStat, Kind, LockRecordChange, LockRecordVersion, Meta, PROPERTIES_MAX, Partial,
    Store, Transfer, Upkeep, Written,
};
pub use local::{Local, SpoolFile, Spools};
pub use name::{Name, RESERVED};

mod contract;
mod local;
mod name;

//! A filter that is ready to run on many files: on a server, which is sent it as a query, or in this process with
//! `--local`. Both give the same bytes. The caller decides where results go.

use std::io::Write;
use std::sync::Arc;

use super::local;
use crate::cli::{Arguments, Completion, ProgramOption};
use crate::client::{Client, Operand};
use crate::error::Result;
use crate::http::Query;
use crate::text::{Filter, FilterQuery, FilterSpec, Flag};

/// A filter, for a server and for this process.
pub struct PreparedFilter {
    /// The query that asks a server for it.
    pub query: Query,
    pub(super) filter: Arc<dyn Filter>,
    /// Whether compressed input is decompressed first.
    decompress: bool,
}

impl PreparedFilter {
    /// Prepares a filter.
    pub fn new(filter: &FilterQuery) -> Self {
        PreparedFilter {
            query: filter.pairs().collect(),
            filter: Arc::clone(&filter.filter),
            decompress: filter.decompresses,
        }
    }

    /// Runs the filter from a source into a local sink, which errors call `name`; without a client in this process.
    pub fn run(
        &self,
        client: Option<&mut Client>,
        source: &Operand,
        sink: &mut dyn Write,
        name: &str,
    ) -> Result<()> {
        match client {
            None => local::run(&*self.filter, source, self.decompress, sink, name),
            Some(client) => client.filter_to(source, &self.query, sink, name),
        }
    }

    /// Counts the occurrences in a source, for a search; without a client in this process.
    pub fn count(&self, client: Option<&mut Client>, source: &Operand) -> Result<u64> {
        match client {
            None => local::count(&*self.filter, source, self.decompress),
            Some(client) => client.count(source, &self.query),
        }
    }
}

/// Makes the option of a program that sets a flag of its filter.
pub const fn option(flag: &Flag) -> ProgramOption {
    let Flag { short, long, help, .. } = *flag;
    ProgramOption { short, long, value: "", complete: Completion::Nothing, excludes: &[], text: help }
}

/// Takes the flags of a filter from the arguments, and returns their names in a query.
pub fn take_flags(arguments: &mut Arguments, spec: &FilterSpec) -> Vec<&'static str> {
    spec.flags.iter().filter(|flag| arguments.flag(flag.long)).map(|flag| flag.name).collect()
}

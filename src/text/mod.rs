//! Words: what a word is (`docs/words.md`), the filters on words, and what a glob matches. Bytes in, bytes out: it
//! does not know HTTP or storage.
pub use compared::Compared;
pub use filter::{Filter, Source};
pub use glob::Globs;
pub use prefixed_lines::PrefixedLines;
pub use query::FilterQuery;
pub use read_at::{ReadAt, SizedFile};
pub use replace::Replace;
pub use reverse::Reverse;
pub use search::{Search, Show};
pub use spec::{COUNT_SUBSTRING, DECOMPRESS, IGNORE_CASE, LINE_NUMBER, LINES, PER_LINE, REPLACE_SUBSTRING};
pub use spec::{FILTERS, FilterSpec, Flag, OutputKind, REPLACE, REVERSE, SEARCH, WordParameter};
pub use spool::{MakeSpool, SpoolStorage};
pub use unpack::{UTF_16, is_utf16, unpack};
pub use word::{Matching, Word};

use candidate::Candidate;
use output_buffer::OutputBuffer;
use read_at::{read_exact_at, read_some};
use replay::{Replay, split};
use white_space::{WordSpan, WordSpans};

mod byte_order_mark;
mod candidate;
mod compared;
mod cursor;
mod filter;
mod fold;
mod glob;
mod matching_lines;
mod output_buffer;
mod prefixed_lines;
mod query;
mod ranges;
mod read_at;
mod replace;
mod replay;
mod reverse;
mod scalar;
mod scan;
mod search;
mod sliding_buffer;
mod spec;
mod spool;
mod unpack;
mod visit;
mod white_space;
mod word;

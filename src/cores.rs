//! How many processors there are. It does not know what for.

use std::num::NonZero;
use std::sync::OnceLock;
use std::thread;

/// Returns how many processors this process may use, as of the first call: to find out takes system calls, and reads of files
/// where a control group limits it.
pub fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get))
}

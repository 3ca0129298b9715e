//! Replaces a word in a file by ranges, each found on any of several threads and written in order. What a range is, and where it
//! is wrong, belongs to `ranges.rs`; what an occurrence is to `word.rs`.

use std::io;
use std::ops::Range;

use super::ranges::{Ranges, enter};
use super::scan::{ScanWindow, block_of};
use super::visit::Visit;
use super::{OutputBuffer, ReadAt, Source, Word, prepared};

/// The size of a range, in bytes, where more is not read at once: several are in memory, with an offset for each occurrence.
const RANGE: u64 = 256 << 10;

/// The smallest file that is worth other threads, in bytes.
pub(super) const FILE_MIN: u64 = 2 << 20;

/// Replaces a word by other bytes, and returns how often.
pub(super) fn replace(
    word: &Word,
    with: &[u8],
    file: &dyn ReadAt,
    output: &mut OutputBuffer<'_>,
) -> io::Result<u64> {
    let block = block_of(&Source::File(file));
    replace_by((word, with), file, (RANGE.max(block as u64), block), output)
}

/// Replaces in ranges of `step` bytes, read `block` bytes at a time.
pub(super) fn replace_by(
    (word, with): (&Word, &[u8]),
    file: &dyn ReadAt,
    (step, block): (u64, usize),
    output: &mut OutputBuffer<'_>,
) -> io::Result<u64> {
    let ranges = Ranges::new(file.size(), step);
    let read = |range, used| CutRange::read(word, (file, ranges.size), range, block, used);
    let prepare = |_, index, used| read(ranges.of(index), used);
    let (mut total, mut end) = (0, 0_u64);
    prepared::run(file, (1, ranges.count), &prepare, |parts| {
        let mut used = CutRange::default();
        for index in 0..ranges.count {
            let Some(mut found) = parts.next(0, used)? else { break };
            let range = ranges.of(index);
            let mut covered = end.saturating_sub(range.start);
            if found.first.is_some_and(|first| first < end) {
                (found, covered) = (read(end.min(range.end)..range.end, found)?, 0);
            }
            found.write(covered, with, output)?;
            total += found.cuts.len() as u64;
            end = end.max(found.end);
            used = found;
        }
        Ok(())
    })?;
    output.flush()?;
    Ok(total)
}

/// The text of a range without the occurrences that begin in it, and where each of them was.
#[derive(Default)]
struct CutRange<'w> {
    /// Memory for the scan.
    window: Option<ScanWindow<'w>>,
    text: Vec<u8>,
    /// The offsets in the text.
    cuts: Vec<u32>,
    /// Where in the file the first occurrence begins and the last one ends.
    first: Option<u64>,
    end: u64,
}

impl<'w> CutRange<'w> {
    /// Finds the occurrences that begin in a range of a file of `size` bytes, as if none from before reached into it.
    fn read(
        word: &'w Word,
        (file, size): (&dyn ReadAt, u64),
        range: Range<u64>,
        block: usize,
        used: Self,
    ) -> io::Result<Self> {
        let CutRange { window, mut text, mut cuts, .. } = used;
        text.clear();
        cuts.clear();
        let mut window = window.unwrap_or_else(|| ScanWindow::new(word, block));
        let mut found = CutRange { text, cuts, ..CutRange::default() };
        if !range.is_empty() {
            let mut entered = enter(&mut window, (file, size), &range)?;
            found.text.extend_from_slice(&entered.remainder);
            let mut remover =
                OccurrenceRemover { position: entered.position, limit: range.end, found: &mut found };
            window.scan(&mut entered.part, block, &mut remover)?;
        }
        Ok(CutRange { window: Some(window), ..found })
    }

    /// Writes the text with the replacement at every cut, without the first `covered` bytes, which are part of an occurrence
    /// that begins before the range.
    fn write(&self, covered: u64, with: &[u8], output: &mut OutputBuffer<'_>) -> io::Result<()> {
        let mut at = usize::try_from(covered).unwrap_or(usize::MAX).min(self.text.len());
        for &cut in &self.cuts {
            output.push(self.text.get(at..cut as usize).unwrap_or_default())?;
            output.push(with)?;
            at = cut as usize;
        }
        output.push(self.text.get(at..).unwrap_or_default())
    }
}

/// Collects the text of a range, and cuts the occurrences out.
struct OccurrenceRemover<'a, 'w> {
    /// The offset of the next byte that is visited, and the end of the range.
    position: u64,
    limit: u64,
    found: &'a mut CutRange<'w>,
}

impl Visit for OccurrenceRemover<'_, '_> {
    fn visit(&mut self, unmatched: &[u8], occurrence: Option<&[u8]>) -> io::Result<()> {
        let within = usize::try_from(self.limit.saturating_sub(self.position)).unwrap_or(usize::MAX);
        self.found.text.extend_from_slice(unmatched.get(..within).unwrap_or(unmatched));
        self.position += unmatched.len() as u64;
        let Some(occurrence) = occurrence else { return Ok(()) };
        let begin = self.position;
        self.position += occurrence.len() as u64;
        if begin < self.limit {
            self.found.cuts.push(u32::try_from(self.found.text.len()).unwrap_or(u32::MAX));
            self.found.first.get_or_insert(begin);
            self.found.end = self.position;
        }
        Ok(())
    }
}

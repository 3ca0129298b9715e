//! Counts a word in a file by ranges, each on any of several threads. It decides what is counted where ranges meet; what an
//! occurrence is belongs to `word.rs`, how it is found to `scan.rs`.
//!
//! A range counts the occurrences that begin in it, as if none from before reached into it. That is wrong only where the first
//! of them overlaps the last one of the ranges before; then the range is scanned again from the end of that one.

use std::io::{self, Read};
use std::ops::Range;

use parking_lot::Mutex;

use super::scan::{ScanWindow, block_of};
use super::spare_blocks::SpareBlocks;
use super::visit::Visit;
use super::{ReadAt, Source, Word, scalar};

/// The smallest range, in bytes. A file that is shorter than two is scanned by one thread.
const RANGE_MIN: u64 = 1 << 20;

/// A file has at most this many ranges, and so a result for each of them.
const RANGES_MAX: u64 = 1024;

/// Counts the occurrences of a word in a file.
pub(super) fn count(word: &Word, file: &dyn ReadAt, spare: &SpareBlocks) -> io::Result<u64> {
    count_by(word, file, (RANGE_MIN, block_of(&Source::File(file))), spare)
}

/// Counts in ranges of `shortest` bytes or, for a large file, more; reads `block` bytes at a time.
fn count_by(
    word: &Word,
    file: &dyn ReadAt,
    (shortest, block): (u64, usize),
    spare: &SpareBlocks,
) -> io::Result<u64> {
    let size = file.size();
    let ranges = Ranges::new(size, shortest.max(size.div_ceil(RANGES_MAX)));
    let indexes = Mutex::new(0..ranges.count);
    let results = Mutex::new(Vec::new());
    let work = || {
        let mut window = ScanWindow::in_spare(word, block, spare);
        loop {
            let Some(index) = indexes.lock().next() else { break };
            let result = count_range(&mut window, (file, size), ranges.of(index), block);
            if result.is_err() {
                *indexes.lock() = 0..0;
            }
            results.lock().push((index, result));
        }
        spare.put(window.into_block());
    };
    if ranges.count > 1 {
        file.run_on_threads(&work, &mut &work)
    } else {
        work()
    }
    let mut results = results.into_inner();
    results.sort_by_key(|(index, _)| *index);
    let (mut total, mut end) = (0, 0);
    for (index, result) in results {
        let mut found = result?;
        if found.first.is_some_and(|first| first < end) {
            let mut window = ScanWindow::new(word, block);
            found = count_range(&mut window, (file, size), end..ranges.of(index).end, block)?;
        }
        total += found.count;
        end = end.max(found.end);
    }
    Ok(total)
}

/// A file in ranges of `step` bytes, the last of which may have up to twice as many.
pub(super) struct Ranges {
    pub(super) size: u64,
    step: u64,
    pub(super) count: u64,
}

impl Ranges {
    pub(super) fn new(size: u64, step: u64) -> Self {
        Ranges { size, step, count: (size / step).max(1) }
    }

    /// Returns the range with this index.
    pub(super) fn of(&self, index: u64) -> Range<u64> {
        let end = if index + 1 == self.count { self.size } else { (index + 1) * self.step };
        index * self.step..end
    }
}

/// Counts the occurrences that begin in a range of a file of `size` bytes.
fn count_range(
    window: &mut ScanWindow<'_>,
    (file, size): (&dyn ReadAt, u64),
    range: Range<u64>,
    block: usize,
) -> io::Result<RangeCount> {
    let mut entered = enter(window, (file, size), &range)?;
    let mut counter = RangeCount { position: entered.position, limit: range.end, ..RangeCount::default() };
    window.scan(&mut entered.part, block, &mut counter)?;
    Ok(counter)
}

/// A range of which the first bytes are in a window.
pub(super) struct EnteredRange<'f> {
    /// What the window is to scan.
    pub(super) part: FilePart<'f>,
    /// The offset of the first byte that is visited.
    pub(super) position: u64,
    /// The bytes of the range before that one: the end of a character that begins before the range.
    pub(super) remainder: Vec<u8>,
}

/// Begins a scan for the occurrences that begin in a range of a file of `size` bytes.
pub(super) fn enter<'f>(
    window: &mut ScanWindow<'_>,
    (file, size): (&'f dyn ReadAt, u64),
    range: &Range<u64>,
) -> io::Result<EnteredRange<'f>> {
    // What is read ends where every occurrence of the range and the character after it are complete.
    let end = size.min(range.end.saturating_add((window.word.longest() + scalar::LONGEST) as u64));
    let mut around = [0; 2 * scalar::LONGEST];
    let from = range.start.saturating_sub(scalar::LONGEST as u64);
    // Nothing is before the beginning of the file: what is there is read with the rest.
    let to = if range.start == 0 { 0 } else { end.min(range.start.saturating_add(scalar::LONGEST as u64)) };
    let known = usize::try_from(to - from).ok().and_then(|length| around.get_mut(..length));
    let known = known.unwrap_or_default();
    let mut part = FilePart { file, left: from..end };
    part.read_exact(known)?;
    let edge = usize::try_from(range.start - from).unwrap_or(0);
    let start = (edge..known.len()).find(|&at| window.word.is_unit_start(known, at)).unwrap_or(edge);
    window.restart(known, start);
    let remainder = known.get(edge..start).unwrap_or_default().to_vec();
    Ok(EnteredRange { part, position: from + start as u64, remainder })
}

/// The bytes of a part of a file, in order.
pub(super) struct FilePart<'a> {
    file: &'a dyn ReadAt,
    left: Range<u64>,
}

impl Read for FilePart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.left.end - self.left.start).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let read = self.file.read_at(buffer.get_mut(..wanted).unwrap_or_default(), self.left.start)?;
        if read == 0 && wanted > 0 {
            return Err(super::read_at::shortened());
        }
        self.left.start += read as u64;
        Ok(read)
    }
}

/// The occurrences that begin before `limit`: how many there are, where the first begins and the last ends.
#[derive(Default)]
struct RangeCount {
    /// The offset of the next byte that is visited.
    position: u64,
    limit: u64,
    count: u64,
    first: Option<u64>,
    end: u64,
}

impl Visit for RangeCount {
    fn visit(&mut self, unmatched: &[u8], occurrence: Option<&[u8]>) -> io::Result<()> {
        self.position += unmatched.len() as u64;
        let Some(occurrence) = occurrence else { return Ok(()) };
        let begin = self.position;
        self.position += occurrence.len() as u64;
        if begin < self.limit {
            self.count += 1;
            self.first.get_or_insert(begin);
            self.end = self.position;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::super::replaced_ranges::replace_by;
    use super::super::word::Matching;
    use super::super::{Filter, OutputBuffer, Replace, Search, Show, Source};
    use super::*;

    /// Bytes that three threads read.
    struct Shared<'a>(&'a [u8]);

    impl ReadAt for Shared<'_> {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            self.0.read_at(buffer, offset)
        }

        fn run_on_threads(&self, help: &(dyn Fn() + Sync), own: &mut dyn FnMut()) {
            thread::scope(|scope| {
                (0..3).for_each(|_| drop(scope.spawn(help)));
                own();
            });
        }
    }

    /// Compares count and replacement in ranges of every size with those of a stream.
    fn check(word: &[u8], matching: Matching, text: &[u8]) {
        let prepared = Word::new(word, matching).unwrap();
        let (search, spare) = (Search::new(prepared.clone(), Show::Count), SpareBlocks::default());
        let spool = || tempfile::tempfile();
        let expected = search.count(Source::Stream { bytes: &mut &*text, spool: &spool }).unwrap();
        // No range ends among the last bytes of a file: a sequence there may be incomplete.
        for step in scalar::LONGEST as u64..text.len() as u64 + 2 {
            let found = count_by(&prepared, &text, (step, 5), &spare).unwrap();
            assert_eq!(found, expected, "{} in ranges of {step}", text.escape_ascii());
        }
        assert_eq!(count_by(&prepared, &Shared(text), (4, 3), &spare).unwrap(), expected);
        let (replace, mut expected_text) =
            (Replace { word: prepared.clone(), with: b"<>".to_vec() }, Vec::new());
        replace.run(Source::Stream { bytes: &mut &*text, spool: &spool }, &mut expected_text).unwrap();
        let replaced = |file: &dyn ReadAt, step| {
            let mut sink = Vec::new();
            let mut output = OutputBuffer::new(&mut sink);
            let count = replace_by((&prepared, b"<>"), file, (step, 5), &mut output).unwrap();
            assert_eq!(count, expected, "{} in ranges of {step}", text.escape_ascii());
            assert_eq!(sink.escape_ascii().to_string(), expected_text.escape_ascii().to_string(), "{step}");
        };
        (scalar::LONGEST as u64..text.len() as u64 + 2).for_each(|step| replaced(&text, step));
        replaced(&Shared(text), 4);
    }

    fn matchings() -> impl Iterator<Item = Matching> {
        [(false, false), (true, false), (false, true), (true, true)]
            .into_iter()
            .map(|(ignore_case, substring)| Matching { ignore_case, substring })
    }

    #[test]
    fn every_split_gives_the_same_count_and_replacement() {
        let rows: [(&[u8], &[u8]); 12] = [
            (b"cat", b"cat, the category; the cat CAT"),
            (b"a", b"aaaa a a a-a a\xc3\xa9 a"),
            (b"aa", b"aaaaaaaaaaaaaaaaaaaaa aa aaa"),
            (b"a a", b"a a a a a a a a a a A a a"),
            (b"--", b"x--- --- ------- --"),
            (b"-a-", b"-a-a-a- -a--a- x-a-"),
            (b"one two", b"one two one two  one  two one two"),
            (b"key", "KEY \u{212a}ey keys \u{212a}ey \u{212a}EY key".as_bytes()),
            ("é".as_bytes(), "é éa É \u{301}é é. É".as_bytes()),
            (b"\xa9a", b"\xc3\xa9a\xa9A \xa9a\xc3\xa9a\xa9a"),
            (b"\xe2\x82", b"\xe2\x82\xe2\x82\xac\xe2\x82 \xe2\x82"),
            (b"\xff", b"\xff\xff a\xff \xf0\x9f\xff\xf0\x9f\x98\x80\xff"),
        ];
        for (word, text) in rows {
            matchings().for_each(|matching| check(word, matching, text));
        }
    }

    proptest! {
        #[test]
        fn any_text_has_the_same_count_and_replacement_in_any_ranges(
            word in part(1..4),
            text in part(0..40),
        ) {
            matchings().for_each(|matching| check(&word, matching, &text));
        }
    }

    /// Few kinds of bytes, so that words occur, overlap and are cut.
    const KINDS: &[&[u8]] = &[
        b"a",
        b"a",
        b"A",
        b"k",
        b"-",
        b" ",
        "é".as_bytes(),
        "\u{212a}".as_bytes(),
        "😀".as_bytes(),
        b"\xc3",
        b"\xa9",
        b"\xe2\x84",
    ];

    fn part(parts: Range<usize>) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(KINDS), parts).prop_map(|parts: Vec<&[u8]>| parts.concat())
    }

    #[test]
    fn an_error_ends_all_threads() {
        struct Broken;
        impl ReadAt for Broken {
            fn size(&self) -> u64 {
                1000
            }
            fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
                if offset > 500 {
                    return Err(io::ErrorKind::PermissionDenied.into());
                }
                buffer.fill(b'a');
                Ok(buffer.len())
            }
            fn run_on_threads(&self, help: &(dyn Fn() + Sync), own: &mut dyn FnMut()) {
                thread::scope(|scope| {
                    (0..2).for_each(|_| drop(scope.spawn(help)));
                    own();
                });
            }
        }
        let word = Word::new(b"b", Matching::default()).unwrap();
        let error = count_by(&word, &Broken, (10, 8), &SpareBlocks::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}

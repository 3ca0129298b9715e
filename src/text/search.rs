//! Search: how often a word occurs, or the lines it occurs in. What an occurrence is belongs to `word.rs`, how it is found to
//! `scan.rs`.

use std::io::{self, Write};

use super::matching_lines::MatchingLines;
use super::scan::{BLOCK, block_of, scan};
use super::spare_blocks::SpareBlocks;
use super::visit::Visit;
use super::{Filter, OutputBuffer, Source, Word, ranges, split};

/// Searches for a word.
#[derive(Debug)]
pub struct Search {
    word: Word,
    show: Show,
    /// Shared by the threads that search files of a directory.
    spare: SpareBlocks,
}

/// What a search writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// The number of occurrences and a newline.
    #[default]
    Count,
    /// `{"count":N}` and a newline.
    Json,
    /// The lines that hold at least one byte of an occurrence, each with a newline.
    Lines {
        /// Whether the number of each line and a colon come before it.
        numbered: bool,
    },
}

impl Search {
    /// A search for a word, and what it writes of its occurrences.
    pub fn new(word: Word, show: Show) -> Self {
        Search { word, show, spare: SpareBlocks::default() }
    }

    /// Counts the occurrences, whatever the search writes.
    pub fn count(&self, source: Source<'_>) -> io::Result<u64> {
        if let Source::File(file) = source {
            return ranges::count(&self.word, file, &self.spare);
        }
        let mut counter = MatchCounter(0);
        scan(&self.word, &mut split(source)?.0, BLOCK, &mut counter)?;
        Ok(counter.0)
    }
}

impl Filter for Search {
    fn run(&self, source: Source<'_>, sink: &mut dyn Write) -> io::Result<()> {
        match self.show {
            Show::Count => sink.write_all(format!("{}\n", self.count(source)?).as_bytes()),
            Show::Json => sink.write_all(format!("{{\"count\":{}}}\n", self.count(source)?).as_bytes()),
            Show::Lines { numbered } => {
                let block = block_of(&source);
                let (mut bytes, replay) = split(source)?;
                let mut lines = MatchingLines::new(OutputBuffer::new(sink), replay, numbered);
                scan(&self.word, &mut bytes, block, &mut lines)?;
                lines.finish()
            }
        }
    }
}

/// Counts occurrences.
struct MatchCounter(u64);

impl Visit for MatchCounter {
    fn visit(&mut self, _: &[u8], occurrence: Option<&[u8]>) -> io::Result<()> {
        self.0 += u64::from(occurrence.is_some());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::word::Matching;
    use super::*;

    const LINES: Show = Show::Lines { numbered: false };
    const NUMBERED: Show = Show::Lines { numbered: true };

    fn shown(word: &[u8], show: Show, text: &[u8]) -> String {
        let search = Search::new(Word::new(word, Matching::default()).unwrap(), show);
        let (mut stream, mut file) = (Vec::new(), Vec::new());
        search
            .run(Source::Stream { bytes: &mut &*text, spool: &|| tempfile::tempfile() }, &mut stream)
            .unwrap();
        search.run(Source::File(&text), &mut file).unwrap();
        assert_eq!(stream, file);
        String::from_utf8(stream).unwrap()
    }

    #[test]
    fn a_search_shows_a_number_or_lines() {
        let text = b"the cat\nthe dog\ncat and cat\ncategory\ncat";
        assert_eq!(shown(b"cat", Show::Count, text), "4\n");
        assert_eq!(shown(b"cat", Show::Json, text), "{\"count\":4}\n");
        assert_eq!(shown(b"cat", LINES, text), "the cat\ncat and cat\ncat\n");
        assert_eq!(shown(b"dog\ncat", LINES, text), "the dog\ncat and cat\n");
        assert_eq!(shown(b"dog\n", LINES, b"the dog\n- cat\n"), "the dog\n");
        assert_eq!(shown(b"\n", LINES, b"a\n\n\nb"), "\n");
        assert_eq!(shown(b"bird", LINES, text), "");
        assert_eq!(shown(b"cat", NUMBERED, text), "1:the cat\n3:cat and cat\n5:cat\n");
        assert_eq!(shown(b"dog\ncat", NUMBERED, text), "2:the dog\n3:cat and cat\n");
        assert_eq!(shown(b"dog\n", NUMBERED, b"the dog\n- cat\n"), "1:the dog\n");
        assert_eq!(shown(b"cat", NUMBERED, b"\ncat cat\n\ncat\n"), "2:cat cat\n4:cat\n");
        assert_eq!(shown(b"bird", Show::Count, b""), "0\n");
    }

    #[test]
    fn lines_longer_than_memory_keeps_are_shown_whole() {
        for size in [60_000, 70_000, 400_000] {
            let long = "x ".repeat(size / 2);
            let text = format!("{long}\n{long}cat {long}\n{long}\n{long}cat\ncat\n{long}\n{long}cat");
            let expected = format!("{long}cat {long}\n{long}cat\ncat\n{long}cat\n");
            assert!(shown(b"cat", LINES, text.as_bytes()) == expected, "{size}");
            let numbers = [2, 4, 5, 7];
            let numbered: String =
                expected.lines().zip(numbers).map(|(line, number)| format!("{number}:{line}\n")).collect();
            assert!(shown(b"cat", NUMBERED, text.as_bytes()) == numbered, "{size}");
        }
    }
}

//! The counts in the `Cfp-Progress` of an interim response: `files 3/10, bytes 123/456`.

/// How much a server has done of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerCounts {
    /// Files.
    pub files: Option<DoneOf>,
    /// Bytes.
    pub bytes: Option<DoneOf>,
}

/// A count, and its total if that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DoneOf {
    pub done: u64,
    pub total: Option<u64>,
}

impl ServerCounts {
    /// Parses the field. What is malformed or unknown is ignored.
    pub fn parse(field: &str) -> Self {
        let mut counts = ServerCounts::default();
        for member in field.split(',') {
            match member.trim().split_once(' ') {
                Some(("files", count)) => counts.files = parse_count(count),
                Some(("bytes", count)) => counts.bytes = parse_count(count),
                _ => {}
            }
        }
        counts
    }
}

fn parse_count(text: &str) -> Option<DoneOf> {
    let (done, total) = text.split_once('/')?;
    Some(DoneOf { done: done.parse().ok()?, total: total.parse().ok() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_and_nonsense_is_not() {
        let count = |done, total| Some(DoneOf { done, total });
        let rows = [
            ("bytes 1/2", None, count(1, Some(2))),
            ("files 3/*, bytes 4/5", count(3, None), count(4, Some(5))),
            ("bytes x/2, lines 1/2", None, None),
            ("?1", None, None),
        ];
        for (field, files, bytes) in rows {
            assert_eq!(ServerCounts::parse(field), ServerCounts { files, bytes }, "{field}");
        }
    }
}

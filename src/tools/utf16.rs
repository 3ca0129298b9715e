//! Remarks about texts in UTF-16, which begin with its byte order mark: hardly a word is found in one, and never is that
//! told as a mere 0.

use std::fs::File;
use std::io::{IsTerminal, Read, Seek};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt};

use nix::fcntl::{SpliceFFlags, tee};
use nix::unistd::pipe;

use crate::cli;
use crate::client::output::destination::descriptor;
use crate::client::output::standard_streams;
use crate::client::{Client, Operand, RemoteName};
use crate::error::shown;
use crate::http::Query;
use crate::text::{UTF_16, is_utf16};

/// The length of the mark, in bytes.
const MARK: usize = 2;

/// Prints a remark where a local file or standard input begins with the mark. What it begins with is still there to be read.
pub(super) fn remark_local(program: &str, source: &Operand) {
    let start = match source {
        Operand::Local(path) if path.is_file() => File::open(path).ok().and_then(|file| start(&file, 0)),
        // A shell's <(...). A pipe with a name is not opened: its writer would notice when it is closed again.
        Operand::Local(path) if descriptor(path).is_some() => File::open(path).ok().and_then(start_of_stream),
        Operand::Standard => standard_streams::input().ok().and_then(start_of_stream),
        _ => None,
    };
    if start.is_some_and(|start| is_utf16(&start)) {
        remark(program, source);
    }
}

/// Prints a remark where a file on the server begins with the mark. The server is asked for its first bytes.
pub(super) fn remark_stored(program: &str, name: &RemoteName, client: &mut Client) {
    if client.beginning(name, MARK as u64).is_ok_and(|start| is_utf16(&start)) {
        remark(program, &Operand::Stored(name.clone()));
    }
}

/// Prints a remark for each such file beneath a directory of the server, in whose lines a search has found nothing; `query` is that
/// of its counts, which name them.
pub(super) fn remark_beneath(program: &str, directory: &RemoteName, client: &mut Client, query: &Query) {
    let found = client.count_beneath(directory, query).map(|counts| counts.utf16).unwrap_or_default();
    remark_each(program, directory, &found);
}

/// Prints the remark about each of these files beneath a directory of the server.
pub(super) fn remark_each(program: &str, directory: &RemoteName, files: &[RemoteName]) {
    files.iter().for_each(|file| remark(program, &Operand::Stored(directory.join(file))));
}

/// Prints the remark about a text that is known to be in UTF-16.
fn remark(program: &str, source: &Operand) {
    cli::remark(program, format!("{}: {UTF_16}", shown(source.shown().as_bytes())));
}

fn start(file: &File, at: u64) -> Option<[u8; MARK]> {
    let mut start = [0; MARK];
    file.read_exact_at(&mut start, at).ok().map(|()| start)
}

/// Returns what is next in a stream, without taking it: tee(2) waits for a pipe's first bytes and copies them.
fn start_of_stream(mut input: File) -> Option<[u8; MARK]> {
    let kind = input.metadata().ok()?.file_type();
    if kind.is_file() {
        let at = input.stream_position().ok()?;
        return start(&input, at);
    }
    if !kind.is_fifo() || input.is_terminal() {
        return None;
    }
    let (copy, into) = pipe().ok()?;
    tee(&input, into, MARK, SpliceFFlags::empty()).ok()?;
    let mut start = [0; MARK];
    File::from(copy).read_exact(&mut start).ok().map(|()| start)
}

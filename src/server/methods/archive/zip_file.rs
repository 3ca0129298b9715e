//! An archive as a zip file, written without seeking: sizes and checksums follow the bytes (data descriptors). Names are UTF-8
//! there, and a backslash may be taken for a separator: a byte that is not UTF-8, and a backslash, is `%NN`.

use std::io::{self, BufWriter, Write};
use std::time::SystemTime;

use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use crate::error::Error;
use crate::http::time::rfc3339;
use crate::server::exchange::ClientLiveness;
use crate::server::limits::BLOCK;
use crate::server::methods::archive::output::ArchiveOutput;
use crate::server::methods::archive::source::{ArchiveSource, ExactLength, NamesLeft};
use crate::store::Kind;

/// A file from this size on has 64-bit sizes; less than 4 GiB, since deflate can make it larger.
const LARGE: u64 = 0xffff_0000;

/// Writes all files and directories.
pub fn write(
    source: &ArchiveSource<'_>,
    client: &ClientLiveness<'_>,
    output: &ArchiveOutput<'_>,
) -> io::Result<()> {
    let mut writer = ZipWriter::new_stream(BufWriter::with_capacity(BLOCK, output));
    add_entries(source, client, output, &mut writer).inspect_err(|_| output.discard())?;
    writer.finish().map_err(failed)?.into_inner().flush()?;
    output.check()
}

fn add_entries(
    source: &ArchiveSource<'_>,
    client: &ClientLiveness<'_>,
    output: &ArchiveOutput<'_>,
    writer: &mut ZipWriter<StreamWriter<impl Write>>,
) -> io::Result<()> {
    let mut names = NamesLeft::default();
    for entry in source.entries()? {
        output.check()?;
        let entry = entry?;
        names.count(&entry.name)?;
        let name = zip_name(&entry.name);
        if entry.kind == Kind::Directory {
            let Some(modified) = source.directory_time(&entry)? else { continue };
            writer.add_directory(name, options(0, modified).unix_permissions(0o755)).map_err(failed)?;
        } else if let Some(content) = source.open(&entry)? {
            let (size, modified) = (content.meta().size, content.meta().modified);
            writer.start_file(name, options(size, modified).unix_permissions(0o644)).map_err(failed)?;
            io::copy(&mut ExactLength::new(content.as_ref(), client, output), writer)?;
        }
    }
    Ok(())
}

fn options(size: u64, modified: SystemTime) -> SimpleFileOptions {
    let options = SimpleFileOptions::default().large_file(size >= LARGE);
    let options = options.compression_method(CompressionMethod::Deflated);
    match dos_time(modified) {
        Some(time) => options.last_modified_time(time),
        None => options,
    }
}

/// Returns the time as a zip file has it, in UTC; none before 1980 and after 2107.
fn dos_time(time: SystemTime) -> Option<zip::DateTime> {
    let text = rfc3339(time);
    let mut numbers = text.split(|char: char| !char.is_ascii_digit()).map(str::parse::<u16>);
    let mut number = || numbers.next()?.ok();
    let (year, [month, day, hour, minute, second]) =
        (number()?, [number()?, number()?, number()?, number()?, number()?].map(|number| number as u8));
    zip::DateTime::from_date_and_time(year, month, day, hour, minute, second).ok()
}

/// Returns the name in a zip file. Percent-decoding restores the stored name, so no two names are the same there: a `%` that would
/// be decoded is encoded too.
fn zip_name(name: &[u8]) -> String {
    let mut encoded = String::with_capacity(name.len());
    let mut behind = name;
    for chunk in name.utf8_chunks() {
        for char in chunk.valid().chars() {
            behind = behind.get(char.len_utf8()..).unwrap_or_default();
            match char {
                '\\' => encoded += "%5C",
                '%' if matches!(behind, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()) => {
                    encoded += "%25";
                }
                char => encoded.push(char),
            }
        }
        chunk.invalid().iter().for_each(|byte| encoded += &format!("%{byte:02X}"));
        behind = behind.get(chunk.invalid().len()..).unwrap_or_default();
    }
    encoded
}

fn failed(error: zip::result::ZipError) -> io::Error {
    match error {
        zip::result::ZipError::Io(error) => error,
        error => {
            Error::unprocessable("archive", format!("cannot be a zip file ({error}): take tar.zst")).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_zip_file_is_text_without_a_backslash_and_decodes_to_the_stored_name() {
        let rows: [(&[u8], &str); 9] = [
            ("d/\u{e9} +\u{202e}\n".as_bytes(), "d/\u{e9} +\u{202e}\n"),
            (b"caf\xe9", "caf%E9"),
            (b"caf%E9", "caf%25E9"),
            (b"caf%25E9", "caf%2525E9"),
            (b"..\\x", "..%5Cx"),
            (b"100%.txt", "100%.txt"),
            (b"%4", "%4"),
            (b"%%4\xff1", "%%4%FF1"),
            (b"%\\4", "%%5C4"),
        ];
        for (stored, expected) in rows {
            let name = zip_name(stored);
            assert_eq!(name, expected);
            assert_eq!(percent_encoding::percent_decode_str(&name).collect::<Vec<_>>(), stored);
        }
    }
}

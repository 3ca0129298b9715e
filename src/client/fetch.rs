//! Fetching: a stored file becomes a local one, whole or not at all; and one that was cut short goes on where it
//! was cut. A part that waits for that lies beside the file under a name made of the content's entity tag, so that
//! parts of two contents never meet.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::call::{Call, Client};
use super::operand::Name;
use super::output::Output;
use crate::error::{Error, Result, shown};
use crate::http::range::parse_content_range;
use crate::http::{Query, Response};

impl Client {
    /// Fetches a stored file into an output, which the caller commits. The head of the answer comes first.
    pub fn fetch(
        &mut self,
        name: &Name,
        output: &mut Output,
        head: impl FnOnce(&Response) -> Result<()>,
    ) -> Result<()> {
        let answer = self.get(name, &Query::default())?;
        head(&answer.head)?;
        let to = output.name.clone();
        answer.copy_to(output, &to)
    }

    /// Fetches a stored file to a path, going on with a part of the same content that is there.
    pub fn resume(
        &mut self,
        name: &Name,
        path: &Path,
        head: impl FnOnce(&Response) -> Result<()>,
    ) -> Result<()> {
        let entry = self.look(name)?;
        if entry.name.directory {
            return Err(Error::status(409, name.shown(), "is a directory"));
        }
        let Some(etag) = entry.etag.filter(|etag| etag.starts_with('"')) else {
            let mut output = Output::create(path)?;
            self.fetch(name, &mut output, head)?;
            return output.commit();
        };
        let part = part_of(path, &etag);
        let at = |wrong| Error::io(shown(part.as_os_str().as_bytes()), wrong);
        let mut file = OpenOptions::new().append(true).create(true).open(&part).map_err(at)?;
        let have = file.seek(SeekFrom::End(0)).map_err(at)?;
        if have < entry.size || entry.size == 0 {
            self.append(name, &mut file, (have, &etag), head)?;
        }
        let whole = file.metadata().map_err(at)?.len();
        if whole != entry.size {
            return Err(Error::cut(name.shown(), format!("{whole} bytes came of {}", entry.size)));
        }
        keep_mode(path, &file);
        fs::rename(&part, path).map_err(|wrong| Error::io(path.as_os_str().as_bytes(), wrong))
    }

    /// Gets what is missing of a content, of which so many bytes are there.
    fn append(
        &mut self,
        name: &Name,
        file: &mut File,
        (have, etag): (u64, &str),
        head: impl FnOnce(&Response) -> Result<()>,
    ) -> Result<()> {
        let target = self.url.target(&name.components, false, &Query::default());
        let mut call = Call::new("GET", target);
        if have > 0 {
            call = call.with("Range", format!("bytes={have}-")).with("If-Range", etag);
        } else {
            call = call.with("If-Match", etag);
        }
        let answer = self.send(&call)?.check()?;
        head(&answer.head)?;
        match answer.status() {
            206 => {
                let part = answer.head.fields.get("content-range").and_then(parse_content_range);
                if part.is_none_or(|(range, _)| range.start != have) {
                    return Err(Error::status(502, name.shown(), "another part came than was asked for"));
                }
            }
            // Not the content the part is of, or a server without ranges: all of it comes.
            _ => file.set_len(0).map_err(|wrong| Error::io(name.shown(), wrong))?,
        }
        answer.copy_to(file, &shown(&name.shown()))
    }
}

/// Where the part of a content lies until it is whole.
fn part_of(path: &Path, etag: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or(OsStr::new("cfp")));
    let tag: String = etag.chars().filter(char::is_ascii_alphanumeric).collect();
    name.push(format!(".{tag}.part"));
    path.with_file_name(name)
}

/// A file that is replaced leaves its mode to the new one, where it can.
fn keep_mode(path: &Path, file: &File) {
    if let Ok(meta) = fs::metadata(path) {
        let _ = file.set_permissions(meta.permissions());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_lies_beside_its_file_under_the_tag_of_its_content() {
        assert_eq!(part_of(Path::new("d/f.txt"), "\"1a-2b\""), Path::new("d/.f.txt.1a2b.part"));
        assert_eq!(part_of(Path::new("f"), "\"x\""), Path::new(".f.x.part"));
    }
}

//! Parts: what has come of a content that is not whole yet, beside the file it will be, for a later run to go on with.
//! Its name is made of the content's entity tag, so that parts of two contents never meet.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::output::Sink;
use crate::error::{Error, Result, shown};

/// What is read of a part at once, in bytes.
const BLOCK: usize = 128 * 1024;

/// A part that is open for what is missing.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
    target: PathBuf,
    file: File,
}

impl Part {
    /// The part of the content with this tag, of the file at `target`; an empty one where there is none.
    pub fn open(target: &Path, etag: &str) -> Result<Self> {
        let path = beside(target, etag);
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let file = file.map_err(|wrong| Error::io(path.as_os_str().as_bytes(), wrong))?;
        Ok(Part { path, target: target.to_owned(), file })
    }

    /// The content is whole: it gets its name, and the mode of what stood there, where that can be.
    pub fn commit(self) -> Result<()> {
        if let Ok(meta) = fs::metadata(&self.target) {
            let _ = self.file.set_permissions(meta.permissions());
        }
        fs::rename(&self.path, &self.target)
            .map_err(|wrong| Error::io(self.target.as_os_str().as_bytes(), wrong))
    }

    /// Nobody can go on with what is there.
    pub fn discard(self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Write for Part {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.file.write(block)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Part {
    fn name(&self) -> String {
        shown(self.path.as_os_str().as_bytes())
    }

    fn read_again(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut block = vec![0; BLOCK];
        loop {
            match self.file.read(&mut block).map_err(|wrong| Error::io(self.name(), wrong))? {
                0 => return Ok(()),
                read => take(block.get(..read).unwrap_or_default()),
            }
        }
    }

    fn can_restart(&self) -> bool {
        true
    }

    fn restart(&mut self) -> io::Result<bool> {
        self.file.set_len(0).map(|()| true)
    }
}

/// Where the part of a content lies until it is whole.
fn beside(path: &Path, etag: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or(OsStr::new("cfp")));
    let tag: String = etag.chars().filter(char::is_ascii_alphanumeric).collect();
    name.push(format!(".{tag}.part"));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_lies_beside_its_file_under_the_tag_of_its_content() {
        assert_eq!(beside(Path::new("d/f.txt"), "\"1a-2b\""), Path::new("d/.f.txt.1a2b.part"));
        assert_eq!(beside(Path::new("f"), "\"x\""), Path::new(".f.x.part"));
    }
}

//! The files of the page: its stylesheet, scripts and icon, built into the program. They are the same for everybody.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The content security policy of a list and of an error page: scripts and styles are files of the daemon's own, and no other
/// site is asked for anything. `blob:` shows a PDF, which a browser does not open in a sandbox.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    media-src 'self'; connect-src 'self'; frame-src blob:; object-src blob:; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// A file of the page.
pub struct PageFile {
    /// Its name beneath `/.cfpd/page/`.
    name: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// Its content.
    pub content: &'static [u8],
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All files of the page.
const FILES: [PageFile; 12] = [
    PageFile::new("style.css", "text/css; charset=utf-8", include_bytes!("style.css")),
    PageFile::new("icon.svg", "image/svg+xml", include_bytes!("icon.svg")),
    PageFile::new("page.js", SCRIPT, include_bytes!("page.js")),
    PageFile::new("names.js", SCRIPT, include_bytes!("names.js")),
    PageFile::new("server.js", SCRIPT, include_bytes!("server.js")),
    PageFile::new("elements.js", SCRIPT, include_bytes!("elements.js")),
    PageFile::new("list.js", SCRIPT, include_bytes!("list.js")),
    PageFile::new("panel.js", SCRIPT, include_bytes!("panel.js")),
    PageFile::new("search.js", SCRIPT, include_bytes!("search.js")),
    PageFile::new("sending.js", SCRIPT, include_bytes!("sending.js")),
    PageFile::new("upload.js", SCRIPT, include_bytes!("upload.js")),
    PageFile::new("view.js", SCRIPT, include_bytes!("view.js")),
];

impl PageFile {
    const fn new(name: &'static str, media_type: &'static str, content: &'static [u8]) -> Self {
        PageFile { name, media_type, content }
    }

    /// Returns the file of this name.
    pub fn named(name: &[u8]) -> Option<&'static Self> {
        FILES.iter().find(|file| file.name.as_bytes() == name)
    }

    /// Returns its strong entity tag, made of its content.
    pub fn etag(&self) -> String {
        let mut tag = String::from("\"");
        for byte in Sha256::digest(self.content).iter().take(16) {
            // Writing to a string cannot fail.
            let _ = write!(tag, "{byte:02x}");
        }
        tag + "\""
    }
}

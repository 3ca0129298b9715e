//! Fetching: downloads a stored file, complete, of one version and with the digest that the server sends, or not at
//! all. A broken transfer is resumed. `part.rs` keeps partial files between two runs.
//!
//! A server sends the digest of the plain bytes only with plain bytes. To get them compressed, the client asks for the
//! current version first (HEAD), and then for exactly that.

use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use crate::client::call::call::WANT;
use crate::client::ops::stored::length_of;
use crate::client::output::destination::Destination;
use crate::client::output::part::{Part, PartOwner};
use crate::client::{Call, Client, Output, RemoteName, Retries, ServerResponse, Sink};
use crate::error::{Error, Result};
use crate::http::digest::{self, Digest, Hasher, REPR_DIGEST, Tee};
use crate::http::range::parse_content_range;
use crate::http::time::parse_http_date;
use crate::http::{Fields, Query, Response};

/// What is said of a part of the content that was not requested.
const ANOTHER_RANGE: &str = "the server sent another range than requested";

/// What is done with the head of the response before the content is read.
pub type ShowHead<'a> = &'a dyn Fn(&Response) -> Result<()>;

impl Client {
    /// Fetches a stored file into an output, which the caller commits.
    pub fn fetch(&mut self, name: &RemoteName, output: &mut Output, show: ShowHead<'_>) -> Result<()> {
        // Without an entity tag it is unknown whether the GET returns the version of the HEAD.
        let version = self.with_retries(|client| match client.is_coding()? {
            true => StoredVersion::current(client, name)
                .map(|version| Some(version).filter(|it| it.etag.is_some())),
            false => Ok(None),
        })?;
        Download::new(name, output, show, version.unwrap_or_default()).run(self)
    }

    /// Copies the content of a stored file to a sink in one request. `to` is the name of the sink.
    pub fn copy_file(&mut self, name: &RemoteName, sink: &mut dyn Write, to: &str) -> Result<()> {
        copy_checked(self.get(name, &Query::default())?, sink, to, &name.shown())
    }

    /// Fetches a stored file to a path, and resumes with the part that an earlier run left there.
    pub fn resume(&mut self, name: &RemoteName, path: &Path, show: ShowHead<'_>) -> Result<()> {
        let found = Destination::find(path)?;
        if let Destination::File(target) = &found
            && let Some(part) = self.fetch_part(name, target, PartOwner::Get, show)?
        {
            return part.commit();
        }
        let mut output = Output::at(found, path)?;
        self.fetch(name, &mut output, show)?;
        output.commit()
    }

    /// Fetches a stored file into a partial file beside `target`, and resumes with the one that an earlier run left there.
    /// The caller commits it. Returns `None` if the server does not tell versions apart.
    pub(crate) fn fetch_part(
        &mut self,
        name: &RemoteName,
        target: &Path,
        owner: PartOwner,
        show: ShowHead<'_>,
    ) -> Result<Option<Part>> {
        let version = self.with_retries(|client| StoredVersion::current(client, name))?;
        let Some(etag) = &version.etag else { return Ok(None) };
        let mut part = Part::open(target.to_owned(), etag, owner)?;
        let (have, hasher) = part.hash()?;
        let mut download = Download { have, hasher, ..Download::new(name, &mut part, show, version) };
        if download.version.size.is_some_and(|size| have > size) {
            download.restart()?;
        }
        download.complete(self)?;
        match download.check() {
            Ok(()) => Ok(Some(part)),
            Err(error) => {
                part.discard();
                Err(error)
            }
        }
    }

    /// Returns the digest of a stored file: the server's, or one of the content where the server sends none.
    pub(crate) fn digest(&mut self, name: &RemoteName) -> Result<Digest> {
        if let Some(digest) = StoredVersion::current(self, name)?.digest {
            return Ok(digest);
        }
        let mut hasher = Hasher::default();
        let answer = self.get(name, &Query::default())?;
        answer.copy_to(&mut hasher, &String::from_utf8_lossy(&name.shown()))?;
        Ok(hasher.finish())
    }
}

/// Returns the digest in the fields of a response, if it has one. A malformed one is an error of the server.
pub(crate) fn response_digest(fields: &Fields, name: &[u8]) -> Result<Option<Digest>> {
    digest::parse(fields, REPR_DIGEST).map_err(|error| Error::bad_response(name, error.to_string()))
}

/// Copies the content of any response to a sink, and verifies it with the digest in its head. A part of the content, which
/// was not requested, is an error.
pub fn copy_checked(answer: ServerResponse<'_>, sink: &mut dyn Write, to: &str, name: &[u8]) -> Result<()> {
    if answer.status() == 206 {
        return Err(Error::bad_response(name, ANOTHER_RANGE));
    }
    let whole = answer.status() == 200 && answer.is_plain();
    let told = if whole { response_digest(answer.fields(), name)? } else { None };
    let mut sink = Tee { writer: sink, hasher: told.map(|_| Hasher::default()) };
    answer.copy_to(&mut sink, to)?;
    refuse_difference(name, told, sink.hasher.unwrap_or_default().finish())
}

/// Parses `Last-Modified`.
pub fn modified(fields: &Fields) -> Option<SystemTime> {
    fields.get_text("last-modified").and_then(parse_http_date)
}

/// Verifies content with the digest in the head of the response, if there is one of these bytes.
fn refuse_difference(name: &[u8], told: Option<Digest>, have: Digest) -> Result<()> {
    match told {
        Some(told) if told != have => {
            Err(Error::bad_response(name, "does not match the server's digest (SHA-256)"))
        }
        _ => Ok(()),
    }
}

/// One version of a file, as far as the server identifies it.
#[derive(Debug, Default)]
struct StoredVersion {
    /// The entity tag of the plain bytes, if it is strong.
    etag: Option<String>,
    digest: Option<Digest>,
    size: Option<u64>,
    /// The modification time in the last response.
    modified: Option<SystemTime>,
}

impl StoredVersion {
    /// Asks the server for the current version of a file.
    fn current(client: &mut Client, name: &RemoteName) -> Result<Self> {
        let (entry, fields) = client.stat_with(name, Fields::from_iter([WANT]))?;
        match entry.name.directory {
            true => Err(Error::is_directory(name.shown(), "is a directory")),
            false => StoredVersion::of(&fields, length_of(&fields), name),
        }
    }

    /// Reads the version from the fields of a response with plain bytes.
    fn of(fields: &Fields, size: Option<u64>, name: &RemoteName) -> Result<Self> {
        let etag = fields.get_text("etag").filter(|etag| etag.starts_with('"')).map(str::to_owned);
        let digest = response_digest(fields, &name.shown())?;
        Ok(StoredVersion { etag, digest, size, modified: modified(fields) })
    }
}

/// A transfer of content into a sink.
struct Download<'a> {
    name: &'a RemoteName,
    sink: &'a mut dyn Sink,
    /// Receives the first head.
    show: Option<ShowHead<'a>>,
    version: StoredVersion,
    /// How many bytes the sink has, and their digest.
    have: u64,
    hasher: Hasher,
}

impl<'a> Download<'a> {
    fn new(name: &'a RemoteName, sink: &'a mut dyn Sink, show: ShowHead<'a>, version: StoredVersion) -> Self {
        Download { name, sink, show: Some(show), version, have: 0, hasher: Hasher::default() }
    }

    /// Fetches everything, and verifies it.
    fn run(mut self, client: &mut Client) -> Result<()> {
        self.complete(client)?;
        self.check()
    }

    /// Fetches what is missing, however often the connection breaks.
    fn complete(&mut self, client: &mut Client) -> Result<()> {
        let (mut retries, mut reached) = (Retries::new(client.retries()), self.have);
        while let Err(error) = self.resume(client) {
            if self.is_stuck() {
                return Err(error);
            }
            if self.have > reached {
                reached = self.have;
                retries.reset();
            }
            client.wait_to_retry(&mut retries, error)?;
        }
        Ok(())
    }

    /// Sends one request for what is missing.
    fn resume(&mut self, client: &mut Client) -> Result<()> {
        if self.is_whole() {
            return Ok(());
        }
        let target = client.url.target(self.name, &Query::default())?;
        let answer = client.send(&Call { fields: self.fields(), ..Call::new("GET", target) })?;
        if answer.status() == 412 {
            answer.finish()?;
            self.version = StoredVersion::current(client, self.name)?;
            return Err(Error::interrupted(self.name.shown(), "changed while it was fetched"));
        }
        let answer = answer.check()?;
        self.begin(&answer)?;
        let shown = self.sink.name();
        answer.copy_to(self, &shown)?;
        self.refuse_short()
    }

    /// Returns whether all bytes were received. Empty content is requested too, for its head.
    fn is_whole(&self) -> bool {
        self.have > 0 && self.version.size == Some(self.have)
    }

    /// Returns whether the transfer can neither be resumed nor be restarted.
    fn is_stuck(&self) -> bool {
        self.have > 0 && self.version.etag.is_none() && self.sink.draft().is_none()
    }

    /// Returns the fields that ask for what is missing of this version.
    fn fields(&self) -> Fields {
        let range = format!("bytes={}-", self.have);
        let of_version = match &self.version.etag {
            Some(etag) if self.have > 0 => [Some(("Range", range.as_str())), Some(("If-Range", etag))],
            etag => [None, etag.as_deref().map(|etag| ("If-Match", etag))],
        };
        [WANT].into_iter().chain(of_version.into_iter().flatten()).collect()
    }

    /// Reads the head of a successful response.
    fn begin(&mut self, answer: &ServerResponse<'_>) -> Result<()> {
        if let Some(show) = self.show.take() {
            show(answer.head())?;
        }
        let fields = answer.fields();
        if answer.status() == 206 {
            let part = fields.get("content-range").and_then(parse_content_range);
            return match part.is_some_and(|(range, _)| range.start == self.have && self.have > 0) {
                true => Ok(()),
                false => Err(Error::bad_response(self.name.shown(), ANOTHER_RANGE)),
            };
        }
        // All of it is sent: the server has no ranges, or another version than the part.
        if self.have > 0 {
            self.restart()?;
        }
        if answer.is_plain() {
            self.version = StoredVersion::of(fields, answer.size(), self.name)?;
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<()> {
        match self.sink.restart().map_err(|error| Error::io(self.sink.name(), error))? {
            true => {
                (self.have, self.hasher) = (0, Hasher::default());
                Ok(())
            }
            false => Err(Error::bad_response(self.name.shown(), "changed while it was fetched")),
        }
    }

    /// Makes an error if bytes are missing: a server may end a partial response early without an error.
    fn refuse_short(&self) -> Result<()> {
        match self.version.size {
            Some(size) if size != self.have => Err(Error::interrupted(
                self.name.shown(),
                format!("{} of {size} bytes were received", self.have),
            )),
            _ => Ok(()),
        }
    }

    /// Verifies the complete content, and sets the modification time of the local file.
    fn check(self) -> Result<()> {
        if let Some(time) = self.version.modified {
            self.sink.set_modified(time).map_err(|error| Error::io(self.sink.name(), error))?;
        }
        refuse_difference(&self.name.shown(), self.version.digest, self.hasher.finish())
    }
}

impl Write for Download<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(block)?;
        self.hasher.update(block.get(..written).unwrap_or_default());
        self.have += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

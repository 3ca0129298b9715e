//! Files on the server, as a tool handles them: read, stat, copy, rename, delete, and create missing directories. Each
//! method is one request if no directory is missing.

use crate::client::call::status::redirection;
use crate::client::ops::list::ListEntry;
use crate::client::{BodySource, Call, Client, Precondition, RemoteName, ServerResponse, kind_of};
use crate::error::{Error, ErrorKind, Result};
use crate::http::head::reason;
use crate::http::time::rfc3339_of;
use crate::http::{Fields, Query};

impl Client {
    /// Makes a request for a name, without fields and body.
    pub(crate) fn call(&self, method: &'static str, name: &RemoteName, query: &Query) -> Result<Call> {
        Ok(Call::new(method, self.url.target(name, query)?))
    }

    /// Returns the response to `GET` of a file, with a filter or none.
    pub fn get(&mut self, name: &RemoteName, query: &Query) -> Result<ServerResponse<'_>> {
        // The server would respond with its list, which is no content.
        if name.directory {
            return Err(Error::is_directory(name.shown(), "is a directory"));
        }
        self.send(&self.call("GET", name, query)?)?.check()
    }

    /// Returns the response to a filter on local bytes.
    pub fn post(&mut self, mut upload: BodySource, query: &Query) -> Result<ServerResponse<'_>> {
        upload.await_first()?;
        let call = self.call("POST", &RemoteName::parse(b""), query)?;
        self.send(&Call { upload: Some(upload), ..call })?.check()
    }

    /// Returns what exists under a name: a file, or a directory, whose name then ends with a slash.
    pub fn stat(&mut self, name: &RemoteName) -> Result<ListEntry> {
        self.stat_with(name, Fields::new()).map(|(entry, _)| entry)
    }

    /// Sends HEAD with these fields, and returns what exists under a name and the fields of the response.
    pub(crate) fn stat_with(&mut self, name: &RemoteName, fields: Fields) -> Result<(ListEntry, Fields)> {
        name.refuse_none()?;
        let call = Call { fields, ..self.call("HEAD", name, &Query::default())? };
        let answer = self.send(&call)?;
        let status = answer.status();
        let fields = answer.into_fields()?;
        let leads_to_directory = match status {
            300..400 => match redirection(status, &fields, &call.target, name.shown()) {
                error if error.kind() == ErrorKind::IsDirectory => true,
                error => return Err(error),
            },
            _ => false,
        };
        let size = length_of(&fields);
        let modified = fields.get_text("last-modified").and_then(rfc3339_of).unwrap_or_default();
        let etag = fields.get_text("etag").map(str::to_owned);
        match status {
            200 | 301 | 308 => {
                let name = if leads_to_directory { name.clone().as_directory() } else { name.clone() };
                let size = size.filter(|_| !leads_to_directory).unwrap_or(0);
                Ok((ListEntry { name, is_link: false, size, modified, etag }, fields))
            }
            404 => Err(Error::not_found(name.shown(), "no such file or directory")),
            status => Err(self.stat_refusal(name, status)),
        }
    }

    /// Returns the error of a HEAD that was refused, whose response has no text: that to GET has.
    fn stat_refusal(&mut self, name: &RemoteName, status: u16) -> Error {
        let refusal = Error::new(kind_of(status), name.shown(), reason(status).to_lowercase());
        match status {
            // A wrong password is not sent twice: attempts are counted.
            401 if self.has_credentials() => self.wrong_credentials(),
            400..=403 | 421 => {
                let call = self.call("GET", name, &Query::default());
                let answer = call.and_then(|call| self.send(&call));
                answer.and_then(ServerResponse::check).err().unwrap_or(refusal)
            }
            _ => refusal,
        }
    }

    /// Returns the first bytes of a file, at most so many.
    pub fn beginning(&mut self, name: &RemoteName, most: u64) -> Result<Vec<u8>> {
        let range = format!("bytes=0-{}", most.saturating_sub(1));
        let call = self.call("GET", name, &Query::default())?.with("Range", range);
        self.send(&call)?.check()?.text(most)
    }

    /// Returns whether a name is a directory; false if it does not exist.
    pub fn is_directory(&mut self, name: &RemoteName) -> Result<bool> {
        match self.stat(name) {
            Ok(entry) => Ok(entry.name.directory),
            Err(Error::Failed { kind: ErrorKind::NotFound, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Copies or renames (`COPY`, `MOVE`) with a filter or none; an entity tag of the precondition is that of `from`.
    /// Returns the fields of the response, or `None` if the precondition keeps what exists at `to`.
    pub fn transfer(
        &mut self,
        method: &'static str,
        from: &RemoteName,
        to: &RemoteName,
        query: &Query,
        precondition: &Precondition,
    ) -> Result<Option<Fields>> {
        // The server would replace a file or another directory by a directory: mv and cp do not.
        let keeps = precondition.keep || from.directory;
        let overwrite = if keeps { b"F" } else { b"T" };
        let own =
            [("Destination", self.url.target(to, &Query::default())?), ("Overwrite", overwrite.to_vec())];
        let fields = own.into_iter().chain(precondition.field()).collect();
        let call = Call { fields, ..self.call(method, from, query)? };
        self.write(&call, to, precondition)
    }

    /// Copies or renames as cp and mv do: into `to` if that is a directory, and a directory with all entries. Returns
    /// the new name, and false if the precondition keeps what exists there.
    pub fn relocate(
        &mut self,
        method: &'static str,
        from: &RemoteName,
        to: RemoteName,
        precondition: &Precondition,
    ) -> Result<(RemoteName, bool)> {
        if from.is_root() {
            return Err(Error::method_not_allowed(
                from.shown(),
                "is the root, which cannot be renamed or copied",
            ));
        }
        let from = self.stat(from)?.name;
        // A final slash says that a file goes into a directory, which is created; for a directory it has no meaning.
        let into = (to.directory && !from.directory) || self.is_directory(&to)?;
        let mut target = match from.components.last().filter(|_| into) {
            Some(base) => to.join(&RemoteName { components: vec![base.clone()], directory: false }),
            None => to,
        };
        target.directory = from.directory;
        // Without this check the server would first ask for the directories above it.
        if from.directory && target.components.starts_with(&from.components) {
            return Err(Error::conflict(target.shown(), "lies inside the directory itself"));
        }
        match self.transfer(method, &from, &target, &Query::default(), precondition) {
            Err(Error::Failed { kind: ErrorKind::PreconditionFailed, .. })
                if from.directory && precondition.tag.is_none() =>
            {
                Err(Error::conflict(target.shown(), "exists: a directory never replaces anything"))
            }
            // One of two preconditions has failed.
            Err(Error::Failed { kind: ErrorKind::PreconditionFailed, .. })
                if precondition.keep && precondition.tag.is_some() && self.stat(&target).is_ok() =>
            {
                Ok((target, false))
            }
            done => done.map(|written| (target, written.is_some())),
        }
    }

    /// Deletes a file, or a directory with all entries.
    pub fn delete(&mut self, name: &RemoteName, precondition: &Precondition) -> Result<()> {
        let call = self.call("DELETE", name, &Query::default())?;
        let fields = precondition.field().into_iter().collect();
        self.send(&Call { fields, ..call })?.check()?.finish()
    }

    /// Makes a directory and those above it. False if it exists; a file of that name is an error.
    pub fn make_directory(&mut self, name: &RemoteName) -> Result<bool> {
        let mut made = self.make_one(name)?;
        if made == 409 && self.make_parents(name)? {
            made = self.make_one(name)?;
        }
        let file = RemoteName { directory: false, ..name.clone() };
        match made {
            // If it may not be seen, the next write reports the error.
            405 if self.stat(&file).is_ok_and(|found| !found.name.directory) => {
                Err(Error::conflict(file.shown(), "is a file, not a directory"))
            }
            status => Ok(status == 201),
        }
    }

    /// Sends a request that writes `name`; if its directory is missing, creates it and sends the request again. Returns
    /// the fields of the response, or `None` if the precondition keeps what exists there.
    pub(crate) fn write(
        &mut self,
        call: &Call,
        name: &RemoteName,
        precondition: &Precondition,
    ) -> Result<Option<Fields>> {
        let answer = self.send(call)?;
        let answer = match answer.status() {
            409 => {
                let repeats = answer.body_was_not_sent() || call.is_rereadable();
                let refusal = answer.refusal();
                if !repeats || !self.make_parents(name)? {
                    return Err(refusal);
                }
                self.send(call)?
            }
            _ => answer,
        };
        match answer.status() {
            412 if precondition.is_silent() => answer.finish().map(|()| None),
            _ => answer.check()?.into_fields().map(Some),
        }
    }

    /// Creates the missing directories above a name, and returns whether there were any. It begins with the last one:
    /// the user may be allowed to create that one only.
    fn make_parents(&mut self, name: &RemoteName) -> Result<bool> {
        let parents: Vec<_> = name.parents().collect();
        let (mut missing, mut any) = (Vec::new(), false);
        for parent in parents.into_iter().rev() {
            match self.make_one(&parent)? {
                409 => missing.push(parent),
                status => {
                    any = status == 201;
                    break;
                }
            }
        }
        for parent in missing.into_iter().rev() {
            any |= self.make_one(&parent)? == 201;
        }
        Ok(any)
    }

    /// Sends one `MKCOL`: 201 if created, 405 if it exists, 409 if its parent is missing.
    fn make_one(&mut self, name: &RemoteName) -> Result<u16> {
        let call = self.call("MKCOL", &name.clone().as_directory(), &Query::default())?;
        let answer = self.send(&call)?;
        match answer.status() {
            status @ (405 | 409) => answer.finish().map(|()| status),
            _ => answer.check()?.finish().map(|()| 201),
        }
    }
}

/// Reads the length in the fields of a HEAD.
pub(crate) fn length_of(fields: &Fields) -> Option<u64> {
    fields.get_text("content-length").and_then(|digits| digits.parse().ok())
}

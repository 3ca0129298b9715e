//! One request and its answer: the table of what can be done, and the way through it. What each method does
//! stands in a file of its own; here is only who is asked.

use std::io::BufRead;

use super::Server;
use super::limits::UNREAD_MAX;
use super::reply::Reply;
use super::rights::Writer;
use super::stream::Stream;
use super::upload::Upload;
use super::{content, describe, names, own, process, put};
use crate::error::{Error, Result, shown};
use crate::http::{Fields, Query, Request, Target, framing};
use crate::store::{Name, RESERVED};

/// What a method moves from where to where. The query names the filter between.
pub struct Row {
    /// The method (RFC 9110 §9, RFC 4918 §9).
    pub method: &'static str,
    /// Where it may be used.
    pub place: Place,
    /// In words: how it is written, and what it does.
    pub usage: [&'static str; 2],
    act: Act,
}

/// Where a method may be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On any name.
    Anywhere,
    /// On the root alone.
    Root,
    /// On any name but the root.
    Below,
}

/// How a method is carried out: one that writes is given the right to.
enum Act {
    Reads(fn(&mut Exchange<'_>, &Name, &Query) -> Result<()>),
    Writes(fn(&mut Exchange<'_>, &Writer<'_>, &Name, &Query) -> Result<()>),
}

/// Source, filter, sink: all that can be done.
#[rustfmt::skip]
pub const METHODS: [Row; 9] = [
    Row { method: "GET", place: Place::Anywhere, act: Act::Reads(content::answer),
          usage: ["GET /name?F", "a stored file through a filter; GET /dir/ lists, GET /dir/?search=WORD searches all beneath"] },
    Row { method: "HEAD", place: Place::Anywhere, act: Act::Reads(content::answer),
          usage: ["HEAD /name?F", "the same without the body"] },
    Row { method: "POST", place: Place::Root, act: Act::Reads(process::answer),
          usage: ["POST /?F", "the request body through a filter"] },
    Row { method: "PUT", place: Place::Below, act: Act::Writes(put::answer),
          usage: ["PUT /name?F", "the request body through a filter into a stored file"] },
    Row { method: "COPY", place: Place::Below, act: Act::Writes(names::copy),
          usage: ["COPY /name?F", "a stored file through a filter into another, named by Destination"] },
    Row { method: "MOVE", place: Place::Below, act: Act::Writes(names::rename),
          usage: ["MOVE /name", "give it the name in Destination"] },
    Row { method: "DELETE", place: Place::Below, act: Act::Writes(names::delete),
          usage: ["DELETE /name", "delete a file; DELETE /dir/ a directory with all in it"] },
    Row { method: "MKCOL", place: Place::Below, act: Act::Writes(names::make_directory),
          usage: ["MKCOL /dir/", "make a directory"] },
    Row { method: "OPTIONS", place: Place::Anywhere, act: Act::Reads(describe::answer),
          usage: ["OPTIONS *", "this text"] },
];

/// Methods that others know; here they are refused as such and not as unknown.
const OTHER_METHODS: [&str; 8] =
    ["PATCH", "TRACE", "CONNECT", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "QUERY"];

/// A request being answered.
pub struct Exchange<'e> {
    /// The daemon.
    pub server: &'e Server,
    /// The head of the request.
    pub request: &'e Request,
    /// Its body.
    pub upload: Upload<'e>,
    /// Its answer.
    pub reply: Reply<'e>,
}

/// Answers one request, and gives back what was said. Whatever goes wrong before the answer has begun is an
/// answer itself; after that it cuts the connection.
pub fn run<'e>(
    server: &'e Server,
    stream: &'e Stream,
    request: &'e Request,
    input: &'e mut dyn BufRead,
) -> Reply<'e> {
    let mut reply = Reply::new(stream, request, server.connections.is_draining());
    let framing = match framing::of_request(request) {
        Ok(framing) => framing,
        Err(error) => {
            reply.closes = true;
            // A client that is gone needs no answer.
            let _ = reply.error(&error, Some(request), Fields::new());
            return reply;
        }
    };
    let upload = Upload::new(request, framing, input, stream, server.limits.file_size);
    let mut exchange = Exchange { server, request, upload, reply };
    if let Err(error) = exchange.dispatch() {
        exchange.fail(&error);
    }
    exchange.settle()
}

impl<'e> Exchange<'e> {
    /// Looks the method up, and lets it act.
    fn dispatch(&mut self) -> Result<()> {
        let target = Target::parse(self.request.target())?;
        let method = self.request.method();
        let Some(row) = METHODS.iter().find(|row| row.method == method) else {
            return Err(match OTHER_METHODS.contains(&method) {
                true => Error::status(405, method, "is not offered here"),
                false => Error::status(501, method, "is no method this server knows"),
            });
        };
        self.upload.judge(self.request)?;
        if target.components.first().is_some_and(|first| first == RESERVED) {
            return own::answer(self, row.method, &target.components);
        }
        let name = Name::new(target.components, target.directory)?;
        if !row.place.holds(&name) {
            return Err(Error::status(405, method, format!("is not offered on {}", shown(&name.shown()))));
        }
        match row.act {
            Act::Reads(act) => act(self, &name, &target.query),
            Act::Writes(act) => act(self, &self.server.rights.writer(&name)?, &name, &target.query),
        }
    }

    /// Answers an error, when that can still be done.
    fn fail(&mut self, error: &Error) {
        if error.http_status() >= 500 && !is_of_the_client(error) {
            self.server.log.trouble(error);
        }
        if self.reply.is_begun() {
            return;
        }
        self.reply.closes |= self.upload.ends_connection(UNREAD_MAX);
        let mut fields = Fields::new();
        if error.http_status() == 405 {
            let root = Target::parse(self.request.target()).is_ok_and(|target| target.components.is_empty());
            fields.push("Allow", allowed(root));
        }
        // A client that is gone needs no answer.
        let _ = self.reply.error(error, Some(self.request), fields);
    }

    /// Leaves the connection at the end of the request, or says that it must close.
    fn settle(mut self) -> Reply<'e> {
        if !self.reply.closes && !self.reply.is_cut && !self.upload.skip(UNREAD_MAX) {
            self.reply.closes = true;
        }
        self.reply
    }
}

/// A client that leaves early, or makes a method up, is no trouble of ours.
fn is_of_the_client(error: &Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
    match error {
        Error::System { source, .. } => matches!(source.kind(), BrokenPipe | ConnectionReset),
        error => error.http_status() == 501,
    }
}

impl Place {
    fn holds(self, name: &Name) -> bool {
        match self {
            Place::Anywhere => true,
            Place::Root => name.components().is_empty(),
            Place::Below => !name.components().is_empty(),
        }
    }
}

/// The value of `Allow` (RFC 9110 §10.2.1), on the root or below it.
pub fn allowed(on_root: bool) -> String {
    let unfit = if on_root { Place::Below } else { Place::Root };
    let methods: Vec<_> = METHODS.iter().filter(|row| row.place != unfit).map(|row| row.method).collect();
    methods.join(", ")
}

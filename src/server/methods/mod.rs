//! The table of what can be done: source, filter, sink. What each method does stands in a file of its own, in the
//! same four beats; here is only who is asked.

use crate::error::{Error, Result, shown};
use crate::http::{Query, Target, resumption};
use crate::server::auth::rights::{View, Writer};
use crate::server::auth::sites::refuse_foreign_page;
use crate::server::exchange::exchange::Exchange;
use crate::server::exchange::filter::filter_named;
use crate::server::exchange::once::once;
use crate::store::{Name, RESERVED};

pub(crate) mod get;
pub(crate) mod internal;
pub(crate) mod list;
mod names;
pub(crate) mod options;
pub(crate) mod post;
pub(crate) mod put;
pub(crate) mod search_tree;

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

/// How a method is carried out: only one that is given a view comes to what is stored, and only one that is given a
/// writer changes it.
enum Act {
    Tells(fn(&mut Exchange<'_>, &Name, &Query) -> Result<()>),
    Reads(fn(&mut Exchange<'_>, &View, &Name, &Query) -> Result<()>),
    Writes(fn(&mut Exchange<'_>, &Writer<'_>, &Name, &Query) -> Result<()>),
}

/// Source, filter, sink: all that can be done.
#[rustfmt::skip]
pub const METHODS: [Row; 9] = [
    Row { method: "GET", place: Place::Anywhere, act: Act::Reads(get::answer),
          usage: ["GET /name?F", "a stored file through a filter; GET /dir/ lists, GET /dir/?search=WORD searches all beneath"] },
    Row { method: "HEAD", place: Place::Anywhere, act: Act::Reads(get::answer),
          usage: ["HEAD /name?F", "the same without the body"] },
    Row { method: "POST", place: Place::Root, act: Act::Reads(post::answer),
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
    Row { method: "OPTIONS", place: Place::Anywhere, act: Act::Tells(options::answer),
          usage: ["OPTIONS *", "this text"] },
];

/// Methods that others know; here they are refused as such and not as unknown.
const OTHER_METHODS: [&str; 8] =
    ["PATCH", "TRACE", "CONNECT", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "QUERY"];

/// Those that read a body; PATCH does on an upload.
const READ_BODY: [&str; 3] = ["POST", "PUT", "PATCH"];

/// What a method is called that nobody knows.
const UNKNOWN: &str = "other";

/// A method by a name that no client has made up, for whoever counts.
pub fn known(method: &str) -> &'static str {
    let ours = METHODS.iter().map(|row| row.method);
    ours.chain(OTHER_METHODS).find(|name| *name == method).unwrap_or(UNKNOWN)
}

/// Looks the method up, and lets it act.
pub fn dispatch(exchange: &mut Exchange<'_>) -> Result<()> {
    let method = exchange.request.method();
    // Before the target, which may be of a form of their own.
    match known(method) {
        UNKNOWN => return Err(Error::status(501, method, "is no method this server knows")),
        "CONNECT" => return Err(Error::status(501, method, "is not done here: this server is no proxy")),
        _ => {}
    }
    let target = Target::of_request(method, exchange.request.target())?;
    exchange.reply.filter = filter_named(&target.query);
    if !READ_BODY.contains(&method) {
        exchange.close_if_body_pending();
    }
    exchange.server.sites.iter().try_for_each(|sites| sites.require(exchange.stream, exchange.request))?;
    if writes(method, &target) {
        refuse_foreign_page(exchange.request, exchange.client.is_forwarded)?;
    }
    if target.components.first().is_some_and(|first| first == RESERVED) {
        exchange.body.check_head(exchange.request)?;
        return internal::answer(exchange, &target.components);
    }
    // A name takes a POST that begins an upload as it takes a PUT.
    let creates = method == "POST"
        && target.components.last().is_some()
        && !target.directory
        && resumption::is_complete(&exchange.request.fields).is_some();
    let acting = if creates { "PUT" } else { method };
    let Some(row) = METHODS.iter().find(|row| row.method == acting) else {
        return Err(Error::status(405, method, "is not offered here"));
    };
    exchange.body.check_head(exchange.request)?;
    let name = Name::new(target.components, target.directory)?;
    if !row.place.holds(&name) {
        return Err(Error::status(405, method, format!("is not offered on {}", shown(&name.shown()))));
    }
    match row.act {
        Act::Tells(act) => act(exchange, &name, &target.query),
        Act::Reads(act) => {
            let view = exchange.identify()?;
            act(exchange, &view, &name, &target.query)
        }
        Act::Writes(act) => {
            let view = exchange.identify()?;
            let writer = view.writer(&name)?;
            once(exchange, view.client(), |exchange| act(exchange, &writer, &name, &target.query))
        }
    }
}

/// Whether a request may change something: all do but those that tell, and a body that is filtered.
fn writes(method: &str, target: &Target) -> bool {
    match method {
        "GET" | "HEAD" | "OPTIONS" => false,
        "POST" => !target.components.is_empty(),
        _ => true,
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

/// The value of `Allow` (RFC 9110 §10.2.1), on the root or below it; without a method that was refused just now, like
/// MKCOL where something stands.
pub fn allowed(on_root: bool, refused: Option<&str>) -> String {
    let unfit = if on_root { Place::Below } else { Place::Root };
    let rows = METHODS.iter().filter(|row| row.place != unfit && Some(row.method) != refused);
    rows.map(|row| row.method).collect::<Vec<_>>().join(", ")
}

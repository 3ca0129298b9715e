//! The table of methods: the scope of each, whether it writes, and its usage. The router, OPTIONS and `Allow` read it.
//! `router` maps methods to handlers.

use crate::http::Method;
use crate::store::RESERVED;

/// The directory of resumable uploads, beneath the daemon's own.
pub const UPLOADS: &[u8] = b"uploads";

/// A method in one scope.
pub struct MethodRow {
    /// The method.
    pub method: Method,
    /// Where it may be used.
    pub scope: Scope,
    /// Whether it reads the request body.
    pub reads_body: bool,
    /// Whether it changes the store. If so, requests from pages of other sites are refused, and all on a read-only
    /// server.
    pub does_write: bool,
    /// Its syntax, and what it does; empty for the methods that only WebDAV clients use.
    pub usage: [&'static str; 2],
}

/// Where a method may be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// On any name, also beneath `/.cfpd/`.
    Anywhere,
    /// On the root alone.
    Root,
    /// On the root, and the name of a file or a directory below it.
    Stored,
    /// On the name of a file or a directory below the root.
    Below,
    /// On a resumable upload, beneath `/.cfpd/uploads/`.
    Upload,
}

/// All methods and their scopes.
#[rustfmt::skip]
pub const METHODS: [MethodRow; 16] = [
    MethodRow { method: Method::Get, scope: Scope::Anywhere, reads_body: false, does_write: false,
          usage: ["GET /name?F", "a stored file through a filter; GET /dir/ lists, GET /dir/?search=WORD searches all beneath"] },
    MethodRow { method: Method::Head, scope: Scope::Anywhere, reads_body: false, does_write: false,
          usage: ["HEAD /name?F", "the same without the body"] },
    MethodRow { method: Method::Post, scope: Scope::Root, reads_body: true, does_write: false,
          usage: ["POST /?F", "the request body through a filter"] },
    MethodRow { method: Method::Put, scope: Scope::Below, reads_body: true, does_write: true,
          usage: ["PUT /name?F", "the request body through a filter into a stored file"] },
    MethodRow { method: Method::Copy, scope: Scope::Below, reads_body: false, does_write: true,
          usage: ["COPY /name?F", "a stored file through a filter into another, named by Destination"] },
    MethodRow { method: Method::Move, scope: Scope::Below, reads_body: false, does_write: true,
          usage: ["MOVE /name", "give it the name in Destination"] },
    MethodRow { method: Method::Delete, scope: Scope::Below, reads_body: false, does_write: true,
          usage: ["DELETE /name", "delete a file; DELETE /dir/ a directory with all in it"] },
    MethodRow { method: Method::Mkcol, scope: Scope::Below, reads_body: false, does_write: true,
          usage: ["MKCOL /dir/", "make a directory"] },
    MethodRow { method: Method::Options, scope: Scope::Anywhere, reads_body: false, does_write: false,
          usage: ["OPTIONS *", "this text"] },
    MethodRow { method: Method::Propfind, scope: Scope::Stored, reads_body: true, does_write: false,
          usage: ["", ""] },
    MethodRow { method: Method::Proppatch, scope: Scope::Below, reads_body: true, does_write: true,
          usage: ["", ""] },
    MethodRow { method: Method::Lock, scope: Scope::Stored, reads_body: true, does_write: true,
          usage: ["", ""] },
    MethodRow { method: Method::Unlock, scope: Scope::Stored, reads_body: false, does_write: true,
          usage: ["", ""] },
    MethodRow { method: Method::Head, scope: Scope::Upload, reads_body: false, does_write: false,
          usage: ["HEAD /.cfpd/uploads/ID", "how much of a PUT with Upload-Complete is here"] },
    MethodRow { method: Method::Patch, scope: Scope::Upload, reads_body: true, does_write: true,
          usage: ["PATCH /.cfpd/uploads/ID", "more of it, from Upload-Offset on"] },
    MethodRow { method: Method::Delete, scope: Scope::Upload, reads_body: false, does_write: true,
          usage: ["DELETE /.cfpd/uploads/ID", "give it up"] },
];

impl Scope {
    fn contains(self, components: &[Vec<u8>]) -> bool {
        match (self, components) {
            (Scope::Anywhere, _) => true,
            (Scope::Root, components) => components.is_empty(),
            (Scope::Upload, [first, second, _]) => first == RESERVED && second == UPLOADS,
            (Scope::Upload, _) => false,
            (Scope::Stored, []) => true,
            (Scope::Stored | Scope::Below, components) => {
                components.first().is_some_and(|first| first != RESERVED)
            }
        }
    }
}

/// Returns the row of a method for a name; none where it is not offered there.
pub fn row(method: Method, components: &[Vec<u8>]) -> Option<&'static MethodRow> {
    METHODS.iter().find(|row| row.method == method && row.scope.contains(components))
}

/// Returns whether a method reads the request body where it is offered.
pub fn reads_body(method: Method) -> bool {
    METHODS.iter().any(|row| row.method == method && row.reads_body)
}

/// Returns the value of `Allow` (RFC 9110 §10.2.1) in a scope: the methods whose row is offered.
pub fn allowed(scope: Scope, is_offered: impl Fn(&MethodRow) -> bool) -> String {
    let holds = |row: &&MethodRow| match scope {
        Scope::Upload => row.scope == scope,
        Scope::Anywhere => row.scope == Scope::Anywhere,
        _ => row.scope == scope || matches!(row.scope, Scope::Anywhere | Scope::Stored),
    };
    names(METHODS.iter().filter(holds).filter(|row| is_offered(row)).map(|row| row.method))
}

/// Returns the value of `Allow` for the server as a whole: the methods with a row that is offered (RFC 9110 §9.3.7).
pub fn allowed_somewhere(is_offered: impl Fn(&MethodRow) -> bool) -> String {
    let on_names = |method| METHODS.iter().any(|row| row.method == method && row.scope != Scope::Upload);
    let rows = METHODS.iter().filter(|row| row.scope != Scope::Upload || !on_names(row.method));
    names(rows.filter(|row| is_offered(row)).map(|row| row.method))
}

fn names(methods: impl Iterator<Item = Method>) -> String {
    methods.map(Method::name).collect::<Vec<_>>().join(", ")
}

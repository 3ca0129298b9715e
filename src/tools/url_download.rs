//! Fetches URLs of any HTTP server. Credentials given for one server are not sent to another.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::client::conn::url::{base, is_web};
use crate::client::login::credentials::CredentialSources;
use crate::client::ops::fetch::{ShowHead, copy_checked, modified};
use crate::client::{Call, Client, Output, Settings, Sink, Url, kind_of};
use crate::error::{Error, Result, shown};
use crate::http::head::reason;

/// Fetches a URL to a file or to standard output; in a directory, the file is named after the last component of the
/// URL's path. The content of an error response is printed too, but never replaces a file. `only` says that all operands
/// are URLs.
pub(super) fn fetch(
    settings: &Settings,
    url: &[u8],
    only: bool,
    file: Option<&Path>,
    directory: Option<&Path>,
    show: ShowHead<'_>,
) -> Result<()> {
    let (server, target) = Url::split(url)?;
    let given = CredentialSources::for_url(&server, settings.server.as_deref(), only);
    let mut client = Client::at(server, settings, given);
    let mut output = match (directory, file) {
        (Some(directory), _) => {
            let base = base(&target).ok_or_else(|| Error::conflict(url, "names no file in its path"))?;
            Output::create(&directory.join(base))?
        }
        (None, Some(file)) => Output::create(file)?,
        (None, None) => Output::stdout()?,
    };
    let answer = client.send(&Call::new("GET", target).with("Accept", "*/*"))?.as_received();
    let (status, is_anonymous) = (answer.status(), answer.is_anonymous());
    show(answer.head())?;
    let (name, time) = (output.name.clone(), modified(answer.fields()));
    let location = answer.fields().get("Location").map(shown);
    copy_checked(answer, &mut output, &name, url)?;
    match (status, location) {
        (401, _) if is_anonymous => {
            let what = format!("{status} {}: log in with -u NAME", reason(status));
            return Err(Error::new(kind_of(status), url, what));
        }
        (400.., _) => return Err(Error::new(kind_of(status), url, format!("{status} {}", reason(status)))),
        // The content is on standard output as it was received, but no file is replaced by it.
        (300.., location) if output.draft().is_some() => {
            let advice = location.map_or_else(String::new, |to| format!(": get {to} instead"));
            return Err(Error::conflict(url, format!("{status} {}{advice}", reason(status))));
        }
        _ => {}
    }
    if let Some(time) = time {
        output.set_modified(time).map_err(|error| Error::io(&output.name, error))?;
    }
    output.commit()
}

/// Refuses `-u` with URLs of several servers: it is unclear which one the user name is for.
pub(super) fn refuse_ambiguous_user(settings: &Settings, names: &[OsString]) -> Result<()> {
    if settings.user.is_none() || settings.server.is_some() {
        return Ok(());
    }
    let url = |name: &OsString| is_web(name.as_bytes()).then(|| Url::split(name.as_bytes()).ok()).flatten();
    let Some(urls) = names.iter().map(url).collect::<Option<Vec<_>>>() else { return Ok(()) };
    match urls.iter().zip(urls.iter().skip(1)).all(|((one, _), (two, _))| one.is_same_server(two)) {
        true => Ok(()),
        false => Err(Error::usage("--user is for one server: write http://NAME@HOST for each of several")),
    }
}

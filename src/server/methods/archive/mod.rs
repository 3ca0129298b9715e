//! GET of a directory with `?archive`: everything beneath it as one file, made while it is sent.

use crate::error::{Error, Result};
use crate::http::coding::Coding;
use crate::http::condition::Validators;
use crate::http::{Fields, Method};
use crate::server::auth::rights::AuthorizedStore;
use crate::server::exchange::{
    ClientLiveness, Exchange, SANDBOX, is_not_modified, of_not_modified, restrict_browsers, send_streamed,
};
use crate::server::methods::archive::output::ArchiveOutput;
use crate::server::methods::archive::source::ArchiveSource;
use crate::server::methods::list::globs;
use crate::store::Name;

mod output;
mod source;
mod tar_file;
mod zip_file;

/// The formats, as the query names them, with their media types.
const FORMATS: [(&str, &str); 2] = [("tar.zst", "application/zstd"), ("zip", "application/zip")];

/// Sends the files and directories beneath a directory that a list would show and that may be read.
pub fn answer(exchange: &mut Exchange<'_>, store: &AuthorizedStore, name: &Name) -> Result<()> {
    let wanted = exchange.query.get("archive").unwrap_or_default();
    let Some((format, media_type)) = FORMATS.into_iter().find(|(format, _)| format.as_bytes() == wanted)
    else {
        return Err(Error::invalid("archive", "is neither tar.zst nor zip"));
    };
    let source = ArchiveSource { reader: store.reader(), directory: name, globs: globs(&exchange.query)? };
    drop(source.entries()?);
    let mut fields = Fields::new();
    fields.push("Content-Type", media_type);
    fields.push("Content-Disposition", disposition(name, format));
    fields.push("Cache-Control", exchange.server.cache_control());
    restrict_browsers(&mut fields, SANDBOX);
    // The directory exists, but an archive of it has no validator.
    if is_not_modified(exchange.request, name, Validators::default())? {
        return exchange.reply.empty(304, of_not_modified(&fields));
    }
    if exchange.request.method == Method::Head {
        return exchange.reply.head_only(200, fields);
    }
    if format == "zip" {
        source.require_few()?;
    }
    // An archive is compressed as a response is, and takes as much memory.
    let Some(_permit) = exchange.server.coders.encoder() else {
        return Err(Error::overloaded("archive", "too many responses are compressed at the moment"));
    };
    let client = ClientLiveness::new(exchange.stream);
    send_streamed(&mut exchange.reply, 200, fields, Coding::Identity, None, |response| {
        let output = ArchiveOutput::new(response);
        match format {
            "zip" => zip_file::write(&source, &client, &output),
            _ => tar_file::write(&source, &client, &output),
        }
    })
}

/// Suggests a file name: that of the directory. `filename*` has every character (RFC 8187); `filename` is for clients that do not
/// read that, such as curl (RFC 6266 appendix D).
fn disposition(name: &Name, format: &str) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
    let base = name.components().last().map_or(&b"files"[..], Vec::as_slice);
    let text = String::from_utf8_lossy(base);
    let is_plain = |char: char| matches!(char, ' '..='~') && !"\"\\%".contains(char);
    let plain: String = text.chars().map(|char| if is_plain(char) { char } else { '_' }).collect();
    let mut disposition = format!("attachment; filename=\"{plain}.{format}\"");
    // A name that is not UTF-8 cannot be written so.
    if plain != text && std::str::from_utf8(base).is_ok() {
        disposition += &format!("; filename*=UTF-8''{}.{format}", percent_encode(base, NON_ALPHANUMERIC));
    }
    disposition
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_its_directory() {
        let named = |components: &[&[u8]]| {
            disposition(
                &Name::new(components.iter().map(|part| part.to_vec()).collect(), true).unwrap(),
                "zip",
            )
        };
        assert_eq!(named(&[]), "attachment; filename=\"files.zip\"");
        assert_eq!(named(&[b"a", b"b.c"]), "attachment; filename=\"b.c.zip\"");
        assert_eq!(named(&[b"My files"]), "attachment; filename=\"My files.zip\"");
        assert_eq!(
            named(&["b\u{e9}\\\"\r\n".as_bytes()]),
            "attachment; filename=\"b_____.zip\"; filename*=UTF-8''b%C3%A9%5C%22%0D%0A.zip"
        );
        assert_eq!(named(&[b"a\xff"]), "attachment; filename=\"a_.zip\"");
    }
}

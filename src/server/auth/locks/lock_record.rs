//! The form in which locks are stored: a line for each, its parts separated by spaces and percent-encoded.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use percent_encoding::{NON_ALPHANUMERIC, percent_decode, percent_encode};

use super::lock_set::LockSet;
use super::{LockExclusion, WriteLock};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Query, Target, target};
use crate::server::auth::Principal;
use crate::store::Name;

/// The first line: the version of the format.
const FIRST: &str = "cfpd locks 1";
/// A part that is empty.
const NONE: &str = "-";

/// Formats the locks.
pub(super) fn format(locks: &LockSet) -> Vec<u8> {
    let mut bytes = format!("{FIRST}\n").into_bytes();
    for lock in locks.iter() {
        bytes.extend_from_slice(line(lock).as_bytes());
    }
    bytes
}

fn line(lock: &WriteLock) -> String {
    let WriteLock { token, root, exclusion, is_deep, owner, principal, expires } = lock;
    let exclusion = if *exclusion == LockExclusion::Exclusive { "exclusive" } else { "shared" };
    let depth = if *is_deep { "infinity" } else { "0" };
    let expires = expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let principal = match (&principal.user, principal.local) {
        (Some(user), _) => format!("user:{}", percent_encode(user, NON_ALPHANUMERIC)),
        (None, Some(id)) => format!("local:{id}"),
        (None, None) => NONE.to_owned(),
    };
    let root = target::encode(root.components(), root.is_directory(), &Query::default());
    let owner = match owner.as_slice() {
        b"" => NONE.to_owned(),
        owner => percent_encode(owner, NON_ALPHANUMERIC).to_string(),
    };
    // An encoded target is ASCII.
    let root = String::from_utf8_lossy(&root);
    format!("{token} {exclusion} {depth} {expires} {principal} {root} {owner}\n")
}

/// Parses what [`format()`] has written; nothing at all is no lock.
pub(super) fn parse(bytes: &[u8]) -> Result<LockSet> {
    let unknown = || {
        let what = "the record of locks is not understood: where it is removed while no cfpd runs, all locks are forgotten";
        Error::new(ErrorKind::Internal, ".cfpd-dav-locks", what)
    };
    let mut locks = LockSet::default();
    if bytes.is_empty() {
        return Ok(locks);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| unknown())?;
    let mut lines = text.lines();
    if lines.next() != Some(FIRST) {
        return Err(unknown());
    }
    for line in lines {
        locks.insert(parse_line(line).ok_or_else(unknown)?);
    }
    Ok(locks)
}

fn parse_line(line: &str) -> Option<WriteLock> {
    let mut parts = line.split(' ');
    let token = parts.next()?.to_owned();
    let exclusion = match parts.next()? {
        "exclusive" => LockExclusion::Exclusive,
        "shared" => LockExclusion::Shared,
        _ => return None,
    };
    let is_deep = match parts.next()? {
        "infinity" => true,
        "0" => false,
        _ => return None,
    };
    let expires: SystemTime = UNIX_EPOCH.checked_add(Duration::from_secs(parts.next()?.parse().ok()?))?;
    let principal = parse_principal(parts.next()?)?;
    let root = Target::parse(parts.next()?.as_bytes()).ok()?;
    let root = Name::new(root.components, root.directory).ok()?;
    let owner = match parts.next()? {
        NONE => Vec::new(),
        owner => percent_decode(owner.as_bytes()).collect(),
    };
    Some(WriteLock { token, root, exclusion, is_deep, owner, principal, expires })
}

fn parse_principal(part: &str) -> Option<Principal> {
    match (part.strip_prefix("user:"), part.strip_prefix("local:")) {
        (Some(user), _) => {
            Some(Principal { user: Some(percent_decode(user.as_bytes()).collect()), local: None })
        }
        (_, Some(id)) => Some(Principal { user: None, local: Some(id.parse().ok()?) }),
        _ => (part == NONE).then(Principal::default),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_read_as_they_were_written() {
        type Row<'a> = (&'a [&'a [u8]], bool, &'a [u8], Principal);
        let rows: [Row<'_>; 3] = [
            (&[b"d", b"a b\n\xff%"], false, b"<D:href>\n x </D:href>", Principal::default()),
            (&[], true, b"", Principal { user: Some(b"al ice".into()), local: None }),
            (&[b"-"], true, b"-", Principal { user: None, local: Some(1000) }),
        ];
        for (path, directory, owner, principal) in rows {
            let root = Name::new(path.iter().map(|part| part.to_vec()).collect(), directory).unwrap();
            let kind = (LockExclusion::Shared, directory);
            let lock = WriteLock::new(root, kind, owner.to_vec(), principal, None);
            let mut locks = LockSet::default();
            locks.insert(lock.clone());
            let again = parse(&format(&locks)).unwrap();
            assert_eq!(again.iter().collect::<Vec<_>>(), [&lock]);
        }
        assert!(parse(b"").unwrap().is_empty() && parse(&format(&LockSet::default())).unwrap().is_empty());
    }

    #[test]
    fn a_record_of_another_form_is_refused() {
        let good = "urn:uuid:1 shared 0 1 - /f -";
        assert!(parse(format!("{FIRST}\n{good}\n").as_bytes()).is_ok());
        let rows = [
            "x".to_owned(),
            format!("{FIRST}\nx\n"),
            format!("{FIRST}\n{}\n", good.replace("shared", "x")),
            format!("{FIRST}\n{}\n", good.replace(" 1 ", " x ")),
            format!("{FIRST}\n{}\n", good.replace(" - /f", " x /f")),
            format!("{FIRST}\n{}\n", good.replace("/f", "/../f")),
        ];
        for record in rows {
            assert!(parse(record.as_bytes()).is_err(), "{record}");
        }
    }
}

//! Clocks that jump: files of the future, of before 1970 and of the end of all calendars are served, listed, replaced
//! and held against conditions like any other.

use std::fs::File;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::common::client::{Answer, Client};
use crate::common::{Sandbox, need};

fn set_time(sandbox: &Sandbox, name: &str, time: SystemTime) {
    File::options().write(true).open(sandbox.root().join(name)).unwrap().set_modified(time).unwrap();
}

fn get(client: &mut Client, fields: &[(&str, &str)]) -> Answer {
    client.ask("GET", "/f", fields, None).unwrap()
}

/// What holds of a file whatever its time is.
fn check(sandbox: &Sandbox, time: SystemTime) {
    let mut client = Client::connect(sandbox.address()).unwrap();
    client.ask("PUT", "/f", &[], Some(b"a word")).unwrap();
    let wrote = get(&mut client, &[]);
    assert!(wrote.field("repr-digest").starts_with("sha-256=:"));
    set_time(sandbox, "f", time);

    let found = get(&mut client, &[]);
    assert_eq!((found.status, found.text().as_str()), (200, "a word"), "{time:?}");
    assert_ne!(found.field("etag"), wrote.field("etag"), "{time:?}");
    // The digest was kept for a file of another time: nobody knows what happened in between.
    assert_eq!(found.field("repr-digest"), "", "{time:?}");
    let date = |name| cfp::http::time::parse_http_date(found.field(name)).unwrap();
    assert!(date("last-modified") <= date("date"), "RFC 9110 §8.8.2.1: {time:?}");
    if time <= SystemTime::now() {
        let later = time.duration_since(date("last-modified")).unwrap();
        assert!(later < Duration::from_secs(1), "{time:?}");
    }

    let (etag, last) = (found.field("etag"), found.field("last-modified"));
    assert_eq!(get(&mut client, &[("If-None-Match", etag)]).status, 304, "{time:?}");
    assert_eq!(get(&mut client, &[("If-Match", etag)]).status, 200, "{time:?}");
    assert_eq!(get(&mut client, &[("Range", "bytes=2-"), ("If-Range", etag)]).text(), "word", "{time:?}");
    // A date that was not the file's own may cost a transfer, but never keeps a change back.
    assert!([200, 304].contains(&get(&mut client, &[("If-Modified-Since", last)]).status), "{time:?}");
    let list = client.ask("GET", "/", &[("Accept", "application/json")], None).unwrap();
    assert!(list.text().contains("\"mtime\""), "{time:?}: {}", list.text());

    // The clock is back at now: what is written has another tag, even with the same bytes.
    let again = client.ask("PUT", "/f", &[("If-Match", etag)], Some(b"a word")).unwrap();
    assert_eq!(again.status, 204, "{time:?}");
    assert_eq!(get(&mut client, &[("If-None-Match", etag)]).status, 200, "{time:?}");
    let since = [("If-None-Match", again.field("etag"))];
    assert_eq!(get(&mut client, &since).status, 304, "{time:?}");
}

#[test]
fn a_file_of_any_time_is_served_and_held_against_conditions() {
    if !need::attributes() {
        return;
    }
    let sandbox = Sandbox::new();
    let day = Duration::from_secs(86_400);
    let now = SystemTime::now();
    for time in [now + day, now + 20_000 * day, now - 10_000 * day, UNIX_EPOCH, UNIX_EPOCH - 10 * day] {
        check(&sandbox, time);
    }
    assert_eq!(sandbox.log_since_start(), "");
}

/// Past what some disks can keep, so in memory.
#[test]
fn a_file_of_a_year_that_no_http_date_can_say_is_served_too() {
    if !need::root_and(&["mount", "umount"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let Some(small) = super::disk::Small::mount(&sandbox, "size=1m") else { return };
    let mut client = Client::connect(sandbox.address()).unwrap();
    client.ask("PUT", "/small/f", &[], Some(b"content")).unwrap();
    for year in [8_000u64, 10_000, 200_000] {
        set_time(&sandbox, "small/f", UNIX_EPOCH + Duration::from_secs(year * 31_557_600));
        assert_eq!(client.ask("GET", "/small/f", &[], None).unwrap().text(), "content", "{year}");
        for accept in ["application/json", "text/html", "text/plain"] {
            let list = client.ask("GET", "/small/", &[("Accept", accept)], None).unwrap();
            assert!(list.text().contains('f'), "{year} {accept}");
        }
    }
    assert_eq!(sandbox.log_since_start(), "");
    drop(small);
}

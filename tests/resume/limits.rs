//! What uploads in pieces may not do: stay for ever, be too many, be too large, or be written without the right.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use super::wire::{Wire, ask, begin_and_cut, kept, look, patch};
use crate::common::watch::Watch;
use crate::common::{Sandbox, need};

#[test]
fn an_upload_that_nobody_goes_on_with_expires() {
    let sandbox = Sandbox::with(&["--partial-ttl", "1"]);
    let place = begin_and_cut(&sandbox, "f", "", 4, b"te");
    Watch::new(&sandbox).until("its end", |_| kept(&sandbox).is_empty());
    assert_eq!(look(&sandbox, &place).status, 404);
    assert_eq!(patch(&sandbox, &place, 2, "?1", "", b"xt").status, 404);
}

#[test]
fn one_whose_time_is_over_is_gone_before_anybody_removes_it() {
    let mut sandbox = Sandbox::with(&["--partial-ttl", "1000"]);
    let places = [0, 1].map(|_| begin_and_cut(&sandbox, "f", "", 4, b"te"));
    let kept = sandbox.root().join(".cfpd-uploads");
    let file = |place: &str| kept.join(place.rsplit('/').next().unwrap());
    let aged = |seconds| SystemTime::now() - Duration::from_secs(seconds);
    File::options().write(true).open(file(&places[0])).unwrap().set_modified(aged(1001)).unwrap();
    File::options().write(true).open(file(&places[1])).unwrap().set_modified(aged(900)).unwrap();
    assert_eq!(look(&sandbox, &places[0]).status, 404);
    let left = look(&sandbox, &places[1]);
    let seconds = left.field("upload-limit").split("max-age=").nth(1).unwrap().parse::<u64>().unwrap();
    assert!((80..=100).contains(&seconds), "{left:?}");
    // Neither does a daemon that starts take it.
    sandbox.kill();
    sandbox.start_again();
    assert_eq!(look(&sandbox, &places[1]).state(), "204 2 ?0");
    Watch::new(&sandbox).until("its end", |_| !file(&places[0]).exists());
    assert_eq!(look(&sandbox, &places[1]).state(), "204 2 ?0");
}

#[test]
fn past_the_cap_an_upload_cannot_be_gone_on_with_but_is_taken() {
    let sandbox = Sandbox::with(&["--max-partials", "2"]);
    let place = begin_and_cut(&sandbox, "f", "", 4, b"te");
    begin_and_cut(&sandbox, "f", "", 4, b"te");
    let mut wire = Wire::to(&sandbox);
    wire.head("PUT /g", "Upload-Complete: ?1\nContent-Length: 4").send(b"text");
    assert_eq!(wire.answer(true).status, 201);
    assert_eq!(ask(&sandbox, "PUT /h", "Upload-Complete: ?0", b"te").status, 400);
    ask(&sandbox, &format!("DELETE {place}"), "", b"");
    assert_eq!(ask(&sandbox, "PUT /h", "Upload-Complete: ?0", b"te").status, 201);
}

#[test]
fn the_whole_is_held_against_the_limit_of_a_file() {
    let sandbox = Sandbox::with(&["--max-file-size", "10"]);
    let over = ask(&sandbox, "PUT /f", "Upload-Complete: ?0\nUpload-Length: 11", b"te");
    assert_eq!((over.status, over.field("upload-limit")), (413, "max-size=10"));
    let begun = ask(&sandbox, "PUT /f", "Upload-Complete: ?0", b"12345678");
    let place = begun.field("location");
    let over = patch(&sandbox, place, 8, "?0", "", b"9ab");
    assert_eq!((over.status, over.field("upload-limit")), (413, "max-size=10"));
    assert_eq!(patch(&sandbox, place, 8, "?1", "", b"9a").status, 201);
    assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), b"123456789a");
}

#[test]
fn what_is_gone_on_with_leaves_the_room_that_is_to_be_left() {
    let mut sandbox = Sandbox::new();
    let place = begin_and_cut(&sandbox, "f", "", 4, b"te");
    sandbox.restart(&["--keep-free", "1000T"]);
    assert_eq!(patch(&sandbox, &place, 2, "?1", "", b"xt").status, 507);
    assert_eq!(ask(&sandbox, "PUT /f", "Upload-Complete: ?0", b"te").status, 507);
    assert_eq!(look(&sandbox, &place).state(), "204 2 ?0");
}

#[test]
fn who_may_not_write_may_not_go_on_either() {
    if !need::programs(&["curl"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let place = begin_and_cut(&sandbox, "f", "", 4, b"te");
    let mut other = sandbox.command("cfpd");
    other.arg("--read-only").arg("--root").arg(sandbox.root()).args(["--", "sh", "-c"]);
    let code = "curl -s -o /dev/null -w '%{http_code}' --unix-socket \"${CFP_SERVER#unix:}\"";
    let script = format!(
        "{code} -I http://h{place}; {code} -X DELETE http://h{place};
         {code} -X PATCH -H 'Content-Type: application/partial-upload' -H 'Upload-Offset: 2' \
         -H 'Upload-Complete: ?1' -d xt http://h{place}"
    );
    other.arg(script);
    assert_cmd::Command::from_std(other).assert().success().stdout("403403403");
    assert_eq!(look(&sandbox, &place).state(), "204 2 ?0");
}

#[test]
fn what_became_of_uploads_is_remembered_of_the_last_thousand() {
    let sandbox = Sandbox::new();
    let kept = sandbox.root().join(".cfpd-uploads");
    let begin = || begin_and_cut(&sandbox, "f", "", 4, b"te");
    let done = |number: u32| kept.join(format!("{number:032x}.done"));
    begin();
    for number in 0..1010 {
        let file = File::create(done(number)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(2000 - u64::from(number))).unwrap();
    }
    File::options().write(true).open(done(1009)).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    begin();
    let left: Vec<_> = (0..1010).filter(|number| done(*number).exists()).collect();
    assert_eq!(left, (9..1009).collect::<Vec<_>>());
}

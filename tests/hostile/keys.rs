//! Keys of requests: a flood of them, keys of others, and keys that are used for something else.

use crate::common::Sandbox;
use crate::common::raw::{request, request_with};

fn keyed(method: &str, target: &str, key: &str, more: &str) -> String {
    request(method, target, &format!("Idempotency-Key: {key}\r\n{more}"))
}

#[test]
fn a_key_is_carried_out_once_and_answered_again() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "a");
    let mut client = sandbox.connect();
    let doubles = keyed("COPY", "/f?replace=a&with=a%20a", "\"k\"", "Destination: /f\r\n");
    let first = client.ask(&doubles);
    let second = sandbox.connect().ask(&doubles);
    assert_eq!((first.status, second.status), (204, 204));
    assert_eq!(first.field("etag"), second.field("etag"));
    assert_eq!(sandbox.stored("f"), b"a a");
    let put =
        |body: &str| request_with("PUT", "/new", "Idempotency-Key: \"n\"\r\nIf-None-Match: *\r\n", body);
    assert_eq!((client.ask(put("x")).status, client.ask(put("x")).status), (201, 201));
    // Another key is another request, and so is none.
    let other = request_with("PUT", "/new", "Idempotency-Key: \"m\"\r\nIf-None-Match: *\r\n", "x");
    assert_eq!(client.ask(other).status, 412);
    assert_eq!(client.ask(keyed("COPY", "/f?reverse", "\"k\"", "Destination: /f\r\n")).status, 422);
    assert_eq!(client.ask(keyed("DELETE", "/f", "\"k\"", "")).status, 422);
    assert_eq!(client.ask(keyed("DELETE", "/f", "no-string", "")).status, 400);
    assert_eq!(sandbox.stored("f"), b"a a");
}

#[test]
fn what_was_refused_may_come_again_under_its_key() {
    let sandbox = Sandbox::new();
    let mut client = sandbox.connect();
    let put = request_with("PUT", "/d/f", "Idempotency-Key: \"k\"\r\nIf-None-Match: *\r\n", "x");
    assert_eq!(client.ask(&put).status, 409);
    assert_eq!(client.ask(request("MKCOL", "/d/", "")).status, 201);
    assert_eq!((client.ask(&put).status, client.ask(&put).status), (201, 201));
}

#[test]
fn a_retry_whose_key_is_unknown_is_not_carried_out_unless_its_client_was_told_that_it_never_came() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "a");
    let mut client = sandbox.connect();
    let unknown = client.ask(keyed("DELETE", "/f", "\"k\"", "Cfp-Retry: ?1\r\n"));
    assert_eq!((unknown.status, sandbox.stored("f").as_slice()), (409, &b"a"[..]));
    let (epoch, since) = unknown.field("cfp-outcomes").split_once(";since=").unwrap();
    assert!(since.parse::<u64>().is_ok());
    let wrong = client.ask(keyed("DELETE", "/f", "\"k\"", "Cfp-Retry: \"0-0\"\r\n"));
    assert_eq!(wrong.status, 409);
    let told = client.ask(keyed("DELETE", "/f", "\"k\"", &format!("Cfp-Retry: {epoch}\r\n")));
    assert_eq!(told.status, 204);
}

#[test]
fn a_flood_of_keys_takes_no_outcome_of_another_user_and_bounded_memory() {
    let sandbox = Sandbox::guarded(&["--no-sync"], "allow all @users /\n");
    let alice = "Authorization: Basic YWxpY2U6d29uZGVybGFuZA==\r\n";
    let bob = "Authorization: Basic Ym9iOmJ1aWxkZXI=\r\n";
    let mut client = sandbox.connect();
    let first = client.ask(keyed("MKCOL", "/alice/", "\"k\"", alice));
    // The same key of another user is another key.
    let other = client.ask(keyed("MKCOL", "/alice/", "\"k\"", bob));
    assert_eq!((first.status, other.status), (201, 405));
    assert_eq!(client.ask(keyed("MKCOL", "/bob/", "\"own\"", bob)).status, 201);
    let flood =
        |number: usize| request_with("PUT", "/f", &format!("Idempotency-Key: \"{number}\"\r\n{bob}"), "");
    for number in 0..5000 {
        assert!(matches!(client.ask(flood(number)).status, 201 | 204));
    }
    let again = client.ask(keyed("MKCOL", "/alice/", "\"k\"", &format!("{alice}Cfp-Retry: ?1\r\n")));
    let flooded = client.ask(keyed("MKCOL", "/bob/", "\"own\"", &format!("{bob}Cfp-Retry: ?1\r\n")));
    assert_eq!((again.status, flooded.status), (201, 409));
}

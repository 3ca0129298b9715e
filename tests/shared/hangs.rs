//! A mount whose metadata server hangs: its daemons say so, and serve again when it answers.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::nodes::Nodes;

/// Continued when dropped, so that what hangs on it ends.
struct Stopped(Pid);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

#[test]
fn while_the_metadata_server_hangs_health_and_requests_are_503_and_then_200_again() {
    let Some(nodes) = Nodes::mounted() else { return };
    assert_eq!(nodes.ask(0, "PUT", "/f", Some(b"old")).status, 201);
    let redis = Pid::from_raw(nodes.redis().unwrap().try_into().unwrap());
    kill(redis, Signal::SIGSTOP).unwrap();
    let stopped = Stopped(redis);
    for number in [0, 1] {
        assert_eq!(nodes.ask(number, "GET", "/.cfpd/health", None).status, 503);
        let answers = [("GET", None), ("PUT", Some(&b"new"[..]))];
        let statuses = answers.map(|(method, body)| nodes.ask(number, method, "/f", body).status);
        assert_eq!(statuses, [503, 503]);
    }
    drop(stopped);
    for number in [0, 1] {
        nodes.nodes[number].until_said("cfpd: the served directory answers again");
        assert_eq!(nodes.ask(number, "GET", "/.cfpd/health", None).status, 200);
        assert_eq!(nodes.ask(number, "GET", "/f", None).text(), "old");
    }
}

//! What stands in contrib/, held against the programs it is for: lines of the log against fail2ban's own reader, a
//! rotation by logrotate against a running daemon. A program that is not here is said to be missing.

use std::fs;
use std::path::PathBuf;

use crate::common::raw::request;
use crate::common::watch::Watch;
use crate::common::{Sandbox, need};

fn contrib(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/contrib")).join(name)
}

/// What fail2ban finds in a line: the address it would ban.
fn banned_by(sandbox: &Sandbox, line: &str) -> String {
    let filter = contrib("fail2ban/filter.d/cfpd.conf");
    let arguments = ["-o", "ip", line, filter.to_str().unwrap()];
    let said = sandbox.run("fail2ban-regex", arguments);
    String::from_utf8_lossy(&said.get_output().stdout).trim().to_owned()
}

#[test]
fn fail2ban_reads_who_was_refused_and_nothing_else() {
    if !need::programs(&["fail2ban-regex"]) {
        return;
    }
    let sandbox = Sandbox::new();
    // The lines are those of the unit tests of `server::log::line`, which hold them to the letter.
    let rows = [
        (r#"192.0.2.1 - - [06/Nov/2026:08:49:37 +0000] "-" 401 0 "-" "refused login: alice""#, "192.0.2.1"),
        (
            r#"2001:db8::1 - - [06/Nov/2026:08:49:37 +0000] "-" 401 0 "-" "refused login: al\x22ice\x0a192.0.2.9""#,
            "2001:db8::1",
        ),
        (
            r#"{"peer":"192.0.2.1","refused_login":"alice","status":401,"time":"2026-11-06T08:49:37.000Z"}"#,
            "192.0.2.1",
        ),
        ("Nov  6 08:49:37 host cfpd[17]: cfpd: 192.0.2.1: refused login: alice", "192.0.2.1"),
        // A client that was answered, one that was turned away, and what clients may have sent to look like more.
        (r#"192.0.2.1 - - [06/Nov/2026:08:49:37 +0000] "GET /a HTTP/1.1" 401 0 "-" "curl""#, ""),
        (
            r#"192.0.2.1 - - [06/Nov/2026:08:49:37 +0000] "-" 503 0 "-" "refused: connection: all are taken""#,
            "",
        ),
        (
            r#"192.0.2.1 - - [06/Nov/2026:08:49:37 +0000] "GET / HTTP/1.1" 401 0 "-" "refused login: \x22192.0.2.9 - - [] \x22-\x22 401 0 \x22-\x22 \x22refused login: a""#,
            "",
        ),
        (
            r#"{"bytes":0,"peer":"192.0.2.1","status":401,"time":"2026-11-06T08:49:37.000Z","user_agent":"\"peer\":\"192.0.2.9\",\"refused_login\":\"\""}"#,
            "",
        ),
    ];
    for (line, address) in rows {
        assert_eq!(banned_by(&sandbox, line), address, "{line}");
    }
}

#[test]
fn logrotate_rotates_and_no_line_is_lost() {
    if !need::programs(&["logrotate"]) {
        return;
    }
    let sandbox = Sandbox::with(&["--log", "access.log"]);
    let (log, pid) = (sandbox.work().join("access.log"), sandbox.work().join("cfpd.pid"));
    fs::write(&pid, sandbox.pid().to_string()).unwrap();
    let rules = fs::read_to_string(contrib("logrotate/cfpd")).unwrap();
    // As it stands, but for its owner, who must be root or who runs logrotate.
    sandbox.write("as-it-stands", &rules);
    sandbox.sh("/usr/sbin/logrotate -d -s state as-it-stands").success();
    let own = rules
        .replace("/var/log/cfpd/*.log", log.to_str().unwrap())
        .replace("/run/cfpd.pid", pid.to_str().unwrap())
        .replace("systemctl --quiet is-active cfpd.service", "false");
    sandbox.write("rules", own);
    let mut watch = Watch::new(&sandbox);
    let mut raw = sandbox.connect();
    raw.ask(request("GET", "/before", ""));
    sandbox.sh("chmod 600 rules; chmod 700 .; /usr/sbin/logrotate -f -s state rules").success();
    watch.until("a new log", |_| fs::read_to_string(&log).is_ok_and(|text| text.contains("reloaded")));
    raw.ask(request("GET", "/after", ""));
    watch.until_log("access.log", |log| log.contains("GET /after "));
    let old = fs::read_to_string(sandbox.work().join("access.log.1")).unwrap();
    assert!(old.contains("GET /before ") && !old.contains("GET /after "), "{old}");
}

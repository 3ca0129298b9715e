//! A client of others as it is, over a connection that breaks: tus-js-client resumes its upload where it was cut. It is the
//! one other implementation of resumable uploads over HTTP that a package registry has (pyrufh is in none).

use std::path::Path;

use super::wire::{bytes, kept};
use crate::common::proxy::{Fault, Proxy};
use crate::common::{Sandbox, need};

const MIB: usize = 1024 * 1024;

/// Where the scripts are.
fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/resume").join(name).display().to_string()
}

/// The offset of each PATCH that was sent, in bytes.
fn offsets(proxy: &Proxy) -> Vec<usize> {
    let sent = proxy.requests();
    let text = String::from_utf8_lossy(&sent);
    let offset = |head: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("upload-offset: "))?;
        line.split_once(": ")?.1.parse().ok()
    };
    text.split("PATCH /.cfpd/uploads/").skip(1).filter_map(offset).collect()
}

/// Uploads some MiB by this command, whose first connection is cut in the middle.
fn upload_through_a_cut(program: &str, arguments: &[&str]) {
    let sandbox = Sandbox::new();
    let all = bytes(6 * MIB);
    let file = sandbox.write("f", &all);
    let proxy = Proxy::new(sandbox.address(), [Fault::CutRequest(3 * MIB)]);
    let url = format!("{}/f", proxy.url);
    let arguments = arguments.iter().copied().chain([url.as_str(), file.to_str().unwrap()]);
    sandbox.run(program, arguments).success().stdout("stored\n");
    assert!(sandbox.stored("f") == all, "what is stored differs");
    let offsets = offsets(&proxy);
    assert!(matches!(offsets[..], [0, next] if next > 0), "{offsets:?}");
    assert_eq!(kept(&sandbox), [""; 0]);
}

#[test]
fn tus_js_client_goes_on_where_it_was_cut() {
    let Some(modules) = need::package("node_modules", "tus-js-client") else { return };
    if need::programs(&["node"]) && need::attributes() {
        upload_through_a_cut("node", &[&script("tus.mjs"), modules.to_str().unwrap()]);
    }
}

#[test]
fn tus_js_client_stores_what_it_sends_with_its_first_request() {
    let Some(modules) = need::package("node_modules", "tus-js-client") else { return };
    if !need::programs(&["node"]) || !need::attributes() {
        return;
    }
    let sandbox = Sandbox::new();
    let all = bytes(MIB);
    let (file, url) = (sandbox.write("f", &all), format!("{}/f", sandbox.url()));
    let (script, file) = (script("tus.mjs"), file.display().to_string());
    sandbox
        .run("node", [&script, modules.to_str().unwrap(), &url, &file, "during"])
        .success()
        .stdout("stored\n");
    assert!(sandbox.stored("f") == all, "what is stored differs");
}

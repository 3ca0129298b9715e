//! contrib/cluster: brings three daemons and haproxy up on one volume, and takes all down again.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use assert_cmd::assert::Assert;

use crate::common::address::Address;
use crate::common::{Sandbox, need};

/// A place for a cluster, which is taken down when this is dropped.
struct Trial {
    sandbox: Sandbox,
    variables: String,
    port: u16,
}

const UP: &str = "sh $CLUSTER $PWD/cluster";
const DOWN: &str = "sh $CLUSTER down $PWD/cluster";

impl Trial {
    /// None where a program or the right to mount is missing.
    fn new() -> Option<Self> {
        let juicefs = need::tool("python/bin/juicefs")?;
        let programs = ["redis-server", "redis-cli", "fusermount3", "haproxy", "mountpoint", "umount"];
        if !need::root_and(&programs) {
            return None;
        }
        if !Path::new("/dev/fuse").exists() {
            need::out_of_reach("no FUSE here");
            return None;
        }
        let (port, juicefs) = (free_port(), juicefs.display());
        let cluster = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/cluster");
        let variables = format!("export CLUSTER='{cluster}' JUICEFS='{juicefs}' CLUSTER_PORT={port}\n");
        Some(Trial { sandbox: Sandbox::new(), variables, port })
    }

    fn sh(&self, script: &str) -> Assert {
        self.sandbox.sh(&format!("{}{script}", self.variables))
    }

    /// The address of haproxy; those of the daemons are the next ones.
    fn url(&self, number: u16) -> String {
        format!("http://127.0.0.1:{}", self.port + number)
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let script = format!("{}{DOWN}", self.variables);
        let _ = self.sandbox.command("sh").args(["-c", &script]).status();
    }
}

/// Four ports in a row that nobody has, as far as can be known.
fn free_port() -> u16 {
    let port = || Address::any().shown.rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    std::iter::repeat_with(port)
        .find(|first| *first < u16::MAX - 3 && (*first..first + 4).all(is_free))
        .unwrap()
}

/// The processes and mounts that this directory occurs in.
fn traces(directory: &Path) -> Vec<String> {
    let name = directory.to_str().unwrap();
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let line = fs::read(entry.unwrap().path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(name).then_some(line)
    });
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mounts: Vec<_> = mounts.lines().filter(|line| line.contains(name)).map(str::to_owned).collect();
    processes.chain(mounts).collect()
}

#[test]
fn a_cluster_comes_up_by_one_command_and_leaves_nothing_when_it_is_taken_down() {
    let Some(trial) = Trial::new() else { return };
    let (sandbox, directory) = (&trial.sandbox, trial.sandbox.work().join("cluster"));
    trial.sh(UP).success().stdout(trial.url(0) + "\n");
    sandbox.write("f", "one word\n");
    sandbox.run("cfp-put", ["-s", &trial.url(0), "f"]).success();
    for number in 1..=3 {
        sandbox.run("cfp-search", ["-s", &trial.url(number), "word", ":f"]).success().stdout("1\n");
    }
    // One that is there stays as it is.
    trial.sh(UP).code(1);
    sandbox.run("cfp-get", ["-s", &trial.url(0), "f", "-o", "-"]).success().stdout("one word\n");
    assert!(traces(&directory).len() > 8, "{:?}", traces(&directory));
    trial.sh(DOWN).success().stdout("").stderr("");
    assert!(!directory.exists());
    assert_eq!(traces(&directory), Vec::<String>::new());
    // A directory of somebody else is left alone.
    fs::create_dir(&directory).unwrap();
    trial.sh(DOWN).code(1);
    assert!(directory.exists());
    fs::remove_dir(&directory).unwrap();
    trial.sh(DOWN).success();
}

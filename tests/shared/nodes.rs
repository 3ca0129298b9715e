//! Two daemons that serve the same files: on one local directory, where they find each other, or with `--shared` each on
//! its own mount of a JuiceFS volume, as two machines have them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use crate::common::client::{Answer, Client};
use crate::common::{HANG, Sandbox, need};

/// Two daemons and what they serve.
pub struct Nodes {
    // The daemons go before what is mounted.
    pub nodes: [Sandbox; 2],
    volume: Option<Volume<2>>,
}

impl Nodes {
    /// These two daemons, which serve one directory.
    pub fn of(nodes: [Sandbox; 2]) -> Self {
        Nodes { nodes, volume: None }
    }

    /// Two daemons on one local directory.
    pub fn local() -> Self {
        let first = Sandbox::with(&["--no-sync"]);
        let second = beside(&first.root(), &["--no-sync"]);
        Nodes::of([first, second])
    }

    /// Two daemons on two mounts; none where there can be no mounts.
    pub fn mounted() -> Option<Self> {
        let volume = Volume::mount()?;
        let nodes = volume.mounts().map(|mount| beside(&mount, &["--shared"]));
        Some(Nodes { nodes, volume: Some(volume) })
    }

    /// Each kind of two that there can be here.
    pub fn all() -> impl Iterator<Item = Self> {
        let kinds: [fn() -> Option<Self>; 2] = [|| Some(Nodes::local()), Nodes::mounted];
        kinds.into_iter().filter_map(|kind| kind())
    }

    /// The process that keeps the metadata of the mounts.
    pub fn redis(&self) -> Option<u32> {
        self.volume.as_ref().map(|volume| volume.redis.id())
    }

    pub fn addresses(&self) -> [&str; 2] {
        self.nodes.each_ref().map(Sandbox::address)
    }

    /// A connection to one of the two.
    pub fn connect(&self, number: usize) -> Client {
        Client::connect(self.nodes[number % 2].address()).unwrap()
    }

    /// One request on a connection of its own.
    pub fn ask(&self, number: usize, method: &str, target: &str, body: Option<&[u8]>) -> Answer {
        self.connect(number).ask(method, target, &[], body).unwrap()
    }
}

/// A daemon on a directory that is not its sandbox's own.
pub fn beside(root: &Path, options: &[&str]) -> Sandbox {
    Sandbox::prepared(options, |own| {
        fs::remove_dir(own).unwrap();
        symlink(root, own).unwrap();
    })
}

/// A JuiceFS volume with its metadata in a redis and its blocks in a directory, mounted some times; unmounted when dropped.
pub struct Volume<const MOUNTS: usize> {
    redis: Child,
    directory: TempDir,
}

/// The mounts of a volume.
const NAMES: [&str; 3] = ["a", "b", "c"];

impl<const MOUNTS: usize> Volume<MOUNTS> {
    /// None where a program or the right to mount is missing.
    pub fn mount() -> Option<Self> {
        let juicefs = need::tool("python/bin/juicefs")?;
        if !need::root_and(&["redis-server", "redis-cli", "fusermount3"]) {
            return None;
        }
        if !Path::new("/dev/fuse").exists() {
            need::out_of_reach("no FUSE here");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        for name in NAMES.iter().chain(&["blocks"]) {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        // A Unix socket needs no port.
        let mut redis = Command::new("redis-server");
        redis.args(["--port", "0", "--unixsocket", "redis.sock", "--save", "", "--appendonly", "no"]);
        let redis = redis.current_dir(&directory).stdout(Stdio::null()).spawn().unwrap();
        let volume = Volume { redis, directory };
        volume.wait_for_redis();
        let path = |name: &str| volume.directory.path().join(name);
        let meta = format!("unix://{}?db=1", path("redis.sock").display());
        // Without trash, a reader would lose a version that another mount replaces.
        let mut format = Command::new(&juicefs);
        format.args(["format", "--storage", "file", "--trash-days", "1", "--bucket"]);
        run(format.arg(format!("{}/", path("blocks").display())).args([&meta, "cfp"]));
        for mount in &NAMES[..MOUNTS] {
            let mut command = Command::new(&juicefs);
            command.args(["mount", "-d", "--no-usage-report", "--enable-xattr", "--attr-cache", "0"]);
            command.args(["--entry-cache", "0", "--dir-entry-cache", "0", "--cache-size", "64"]);
            command.arg("--cache-dir").arg(path(&format!("cache-{mount}")));
            command.arg("--log").arg(path(&format!("{mount}.log")));
            run(command.arg(&meta).arg(path(mount)));
        }
        fs::create_dir(path("a/served")).unwrap();
        Some(volume)
    }

    /// One directory by its mounts. Not the top, where JuiceFS has files of its own.
    pub fn mounts(&self) -> [PathBuf; MOUNTS] {
        std::array::from_fn(|at| self.directory.path().join(NAMES[at]).join("served"))
    }

    fn wait_for_redis(&self) {
        let end = Instant::now() + HANG;
        let socket = self.directory.path().join("redis.sock");
        let pings = || {
            let mut ping = Command::new("redis-cli");
            ping.arg("-s").arg(&socket).arg("ping").output().unwrap().stdout.starts_with(b"PONG")
        };
        while !pings() {
            assert!(Instant::now() < end, "redis-server does not answer");
        }
    }
}

impl<const MOUNTS: usize> Drop for Volume<MOUNTS> {
    fn drop(&mut self) {
        for mount in &NAMES[..MOUNTS] {
            let mount = self.directory.path().join(mount);
            let _ = Command::new("umount").arg("-l").arg(mount).stderr(Stdio::null()).status();
        }
        let _ = self.redis.kill();
        let _ = self.redis.wait();
    }
}

/// Runs a command that must succeed.
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
}

//! The OCI image: contrib/Containerfile builds it, and what it runs without arguments serves a directory for reading. The
//! programs in it are those of the tests, with their libraries beside them; `make image` takes static ones.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::{Sandbox, need};

/// The user that the image runs as.
const USER: u32 = 65532;

/// What `make image` puts together: bin with the programs, data with the directories of the daemon.
fn stage(stage: &Path) {
    let programs = Path::new(env!("CARGO_BIN_EXE_cfpd")).parent().unwrap();
    for directory in ["bin", "data/srv", "data/var/tmp"] {
        fs::create_dir_all(stage.join(directory)).unwrap();
    }
    fs::copy(programs.join("cfpd"), stage.join("bin/cfpd")).unwrap();
    let libraries = Command::new("ldd").arg(programs.join("cfpd")).output().unwrap().stdout;
    for library in
        String::from_utf8(libraries).unwrap().split_whitespace().filter(|word| word.starts_with('/'))
    {
        let place = stage.join("data").join(&library[1..]);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(library, place).unwrap();
    }
}

/// buildah on images beneath this directory, without what a test may lack: namespaces and an overlay.
fn buildah(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("buildah");
    command.arg("--root").arg(directory.join("images")).arg("--runroot").arg(directory.join("run"));
    command.args(["--storage-driver", "vfs"]).args(arguments).current_dir(directory);
    command
}

/// The process of this name that descends from another.
fn inner(ancestor: u32, name: &str) -> Option<i32> {
    let parent = |pid: u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    let all =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_inner = |pid: &u32| {
        let named = fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == name);
        named && std::iter::successors(Some(*pid), |pid| parent(*pid)).any(|pid| pid == ancestor)
    };
    all.into_iter().find(is_inner).map(u32::cast_signed)
}

fn said(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn an_image_serves_its_volume_for_reading_and_with_other_options_for_writing() {
    if !need::root_and(&["buildah", "ldd"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("volume/notes.txt", "the lamp\n");
    let (directory, volume) = (sandbox.work(), sandbox.work().join("volume"));
    chown(&volume, Some(USER), Some(USER)).unwrap();
    stage(&directory.join("stage"));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/Containerfile");
    said(buildah(&directory, &["build", "--isolation", "chroot", "-q", "-t", "cfp", "-f", file, "stage"]));
    let container = said(buildah(&directory, &["from", "cfp"]));
    let format = "{{range .OCIv1.Config.Entrypoint}}{{.}} {{end}}{{range .OCIv1.Config.Cmd}}{{.}} {{end}}";
    let run = said(buildah(&directory, &["inspect", "--format", format, &container]));
    assert!(run.starts_with("/bin/cfpd --listen :8398 "), "{run}");
    // The network is that of the machine, where the port may be taken.
    let default = run.replace(":8398", ":0");
    let mount = format!("{}:/srv", volume.display());
    for (arguments, status) in [(default.as_str(), 2), ("/bin/cfpd --listen 127.0.0.1:0 /srv", 0)] {
        let start = ["run", "--isolation", "chroot", "-v", &mount, &container, "--"];
        let start: Vec<_> = start.into_iter().chain(arguments.split_whitespace()).collect();
        let mut daemon = Contained(buildah(&directory, &start).stdout(Stdio::piped()).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(daemon.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim_end().rsplit(':').next().unwrap();
        let server = format!("http://127.0.0.1:{port}");
        sandbox.run("cfp-search", ["-s", &server, "lamp", ":notes.txt"]).success().stdout("1\n");
        sandbox.write("new", "");
        sandbox.run("cfp-put", ["-s", &server, "new"]).code(status);
    }
    assert_eq!(fs::metadata(volume.join("new")).unwrap().uid(), USER);
}

/// A cfpd that buildah runs, which passes no signal on.
struct Contained(Child);

impl Drop for Contained {
    fn drop(&mut self) {
        if let Some(pid) = inner(self.0.id(), "cfpd") {
            kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
        }
        self.0.wait().unwrap();
    }
}

//! The OCI image, as `make image` makes it: what is in it, and that it serves a directory. It holds the programs of
//! `make static` if they are there; else those of the tests, which need libraries in a layer above.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::{Sandbox, need, release};

/// The user that the image runs as.
const USER: u32 = 65532;
const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// The directory of the programs that `make static` has made, if it has.
fn static_programs() -> Option<PathBuf> {
    let built = Path::new(env!("CARGO_BIN_EXE_cfpd")).ancestors().nth(2).unwrap();
    let target = format!("{}-unknown-linux-gnu/release", std::env::consts::ARCH);
    Some(built.join(target)).filter(|directory| directory.join("cfpd").exists())
}

/// A directory with images in it.
struct Images<'a>(&'a Path);

impl Images<'_> {
    /// Makes an image of programs, and a container of it.
    fn make(&self, programs: &Path, options: &[&str]) -> String {
        let mut make = release::make();
        make.args(["-o", "static", "image", "OCI=buildah", "IMAGE=cfp"]).args(options);
        make.arg(format!("static={}", programs.display())).arg(format!("stage={}/stage", self.0.display()));
        said(self.here(&mut make));
        said(&mut self.buildah(&["from", "cfp"]))
    }

    fn buildah(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("buildah");
        self.here(command.args(arguments).current_dir(self.0));
        command
    }

    /// Has buildah keep images here, without what a test may lack: namespaces and an overlay.
    fn here<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let (configuration, here) = (self.0.join("storage.conf"), self.0.display());
        let text =
            format!("[storage]\ndriver = \"vfs\"\ngraphroot = \"{here}/images\"\nrunroot = \"{here}/run\"\n");
        fs::write(&configuration, text).unwrap();
        command.env("CONTAINERS_STORAGE_CONF", configuration).env("BUILDAH_ISOLATION", "chroot")
    }

    /// Copies the libraries of a program into a container.
    fn add_libraries(&self, container: &str, program: &Path) {
        let libraries = said(Command::new("ldd").arg(program));
        for library in libraries.split_whitespace().filter(|word| word.starts_with('/')) {
            said(&mut self.buildah(&["copy", "-q", container, library, library]));
        }
    }
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

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Everything beneath a directory, with the mode and the owner of each.
fn contents(root: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let (path, meta) = entry.map(|entry| (entry.path(), entry.metadata().unwrap())).unwrap();
            let name = path.strip_prefix(root).unwrap().display();
            all.push(format!("{name} {:o} {}", meta.permissions().mode() & 0o7777, meta.uid()));
            directories.extend(meta.is_dir().then_some(path));
        }
    }
    all.sort();
    all
}

#[test]
fn an_image_serves_its_volume_for_reading_and_with_other_options_for_writing() {
    if !need::root_and(&["buildah", "ldd", "make"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("volume/notes.txt", "the lamp\n");
    let (directory, volume) = (sandbox.work(), sandbox.work().join("volume"));
    chown(&volume, Some(USER), Some(USER)).unwrap();
    let images = Images(&directory);
    let container = match static_programs() {
        Some(programs) => images.make(&programs, &[]),
        None => {
            let cfpd = Path::new(env!("CARGO_BIN_EXE_cfpd"));
            let container = images.make(cfpd.parent().unwrap(), &["PROGRAMS=cfpd"]);
            images.add_libraries(&container, cfpd);
            container
        }
    };
    let format = "{{range .OCIv1.Config.Entrypoint}}{{.}} {{end}}{{range .OCIv1.Config.Cmd}}{{.}} {{end}}";
    let run = said(&mut images.buildah(&["inspect", "--format", format, &container]));
    assert!(run.starts_with("/bin/cfpd --listen :8398 "), "{run}");
    // The network is that of the machine, where the port may be taken.
    let default = run.replace(":8398", ":0");
    let mount = format!("{}:/srv", volume.display());
    for (arguments, status) in [(default.as_str(), 2), ("/bin/cfpd --listen 127.0.0.1:0 /srv", 0)] {
        let start = ["run", "-v", &mount, &container, "--"];
        let start: Vec<_> = start.into_iter().chain(arguments.split_whitespace()).collect();
        let mut daemon = Contained(images.buildah(&start).stdout(Stdio::piped()).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(daemon.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim_end().rsplit(':').next().unwrap();
        let server = format!("http://127.0.0.1:{port}");
        sandbox.run("cfp-search", ["-s", &server, "lamp", ":notes.txt"]).success().stdout("1\n");
        sandbox.write("new", "");
        sandbox.run("cfp-put", ["-s", &server, "new"]).code(status);
    }
    assert_eq!(fs::metadata(volume.join("new")).unwrap().uid(), USER);
    if let Some(programs) = static_programs() {
        it_holds_these_programs_alone(&images, &programs);
    }
}

/// Every program runs from the unpacked image, where no library is.
fn it_holds_these_programs_alone(images: &Images<'_>, programs: &Path) {
    let container = said(&mut images.buildah(&["from", "cfp"]));
    let root = PathBuf::from(said(&mut images.buildah(&["mount", &container])));
    let all = fs::read_dir(programs).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_program = |name: &String| name.starts_with("cfp") && !name.contains('.');
    let names: Vec<_> = all.filter(is_program).collect();
    let directories = ["bin 755 0", "srv 755 65532", "tmp 1777 65532", "var 755 65532", "var/tmp 1777 65532"];
    let mut expected: Vec<_> = names.iter().map(|name| format!("bin/{name} 755 0")).collect();
    expected.extend(directories.map(str::to_owned));
    expected.sort();
    assert_eq!(contents(&root), expected);
    let inside = |arguments: &[&str]| {
        said(Command::new("chroot").arg(format!("--userspec={USER}:{USER}")).arg(&root).args(arguments))
    };
    for name in names {
        let version = inside(&[&format!("/bin/{name}"), "--version"]);
        assert_eq!(version, format!("{name} {}", env!("CARGO_PKG_VERSION")));
    }
    fs::write(root.join("srv/notes.txt"), "the lamp\n").unwrap();
    let script = ["/bin/cfpd", "/srv", "--", "/bin/cfp-search", "lamp", ":notes.txt"];
    assert_eq!(inside(&script), "1");
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

/// Where no image can be built, what it would run is checked all the same.
#[test]
fn the_containerfile_runs_as_no_root_and_names_options_that_cfpd_takes() {
    let sandbox = Sandbox::new();
    let file = fs::read_to_string(Path::new(REPOSITORY).join("contrib/Containerfile")).unwrap();
    let instruction = |name: &str| {
        let mut values = file.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        values.next_back().unwrap_or_else(|| panic!("no {name}")).to_owned()
    };
    let list = |name: &str| serde_json::from_str::<Vec<String>>(&instruction(name)).unwrap();
    assert_eq!((instruction("FROM"), instruction("USER")), ("scratch".to_owned(), format!("{USER}:{USER}")));
    assert_eq!(list("ENTRYPOINT"), ["/bin/cfpd"]);
    let mut arguments = list("CMD");
    assert_eq!(arguments.pop().as_deref(), Some("/srv"));
    assert!(arguments.contains(&format!(":{}", instruction("EXPOSE"))), "{arguments:?}");
    arguments.extend([sandbox.work().display().to_string(), "--check".to_owned()]);
    sandbox.run("cfpd", arguments).success();
}

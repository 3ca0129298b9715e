//! The life of a daemon under a supervisor and without one: what it tells, the sockets it is handed, a restart that no
//! client sees, the background. Where systemd's own programs are here they take part.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::common::raw::{Raw, request};
use crate::common::{HANG, Sandbox, need};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A daemon that is ended with the test.
struct Daemon(Child);

impl Daemon {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id().cast_signed()), signal).unwrap();
    }

    /// Its next line.
    fn line(&mut self) -> String {
        let mut line = String::new();
        // The daemon prints no more than is read here, byte by byte.
        let out = self.0.stdout.as_mut().unwrap();
        BufReader::with_capacity(1, out).read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A daemon with sockets handed over: its standard input, and its standard error where there are two.
fn handed(sandbox: &Sandbox, tcp: &TcpListener, unix: Option<&UnixListener>) -> Daemon {
    let script = match unix {
        Some(_) => "LISTEN_PID=$$ LISTEN_FDS=2 exec cfpd -r . --host h 3<&0 4<&2 2>complaints </dev/null",
        None => "LISTEN_PID=$$ LISTEN_FDS=1 exec cfpd -r . --host h 3<&0 </dev/null",
    };
    let mut command = sandbox.command("sh");
    command.args(["-c", script]).stdin(OwnedFd::from(tcp.try_clone().unwrap())).stdout(Stdio::piped());
    if let Some(unix) = unix {
        command.stderr(OwnedFd::from(unix.try_clone().unwrap()));
    }
    Daemon(command.spawn().unwrap())
}

/// What a server on this socket says of its health.
fn health(mut stream: impl Read + Write) -> String {
    stream.write_all(b"GET /.cfpd/health HTTP/1.0\r\n\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

/// Waits for a fact that the system makes true.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + HANG;
    while !is_so() {
        assert!(Instant::now() < end, "{what} never came");
        thread::yield_now();
    }
}

#[test]
fn a_supervisor_is_told_of_every_step() {
    let sandbox = Sandbox::new();
    let path = sandbox.work().join("notify");
    let news = UnixDatagram::bind(&path).unwrap();
    news.set_read_timeout(Some(HANG)).unwrap();
    let hears = || {
        let mut message = [0; 4096];
        let length = news.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..length]).into_owned()
    };
    let mut command = sandbox.command("cfpd");
    command.args(["-r", ".", "-l", "127.0.0.1:0"]).env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "100000");
    let mut daemon = Daemon(command.stdout(Stdio::piped()).spawn().unwrap());
    let ready = hears();
    assert!(ready.starts_with("READY=1\nSTATUS=0 of 1024 connections, "), "{ready}");
    // It has said where it listens by then, and goes on to say that it lives.
    assert!(daemon.line().starts_with("cfpd: listening on http://"));
    assert!((0..3).all(|_| hears().starts_with("WATCHDOG=1\nSTATUS=")));
    let next = |begins: &str| {
        let told = std::iter::repeat_with(hears).find(|told| !told.starts_with("WATCHDOG=1\n")).unwrap();
        assert!(told.starts_with(begins), "{told}");
        told
    };
    daemon.signal(Signal::SIGHUP);
    let reloading = next("RELOADING=1\nMONOTONIC_USEC=");
    let since_boot = reloading.trim_end().rsplit('=').next().unwrap().parse::<u64>().unwrap();
    assert!(since_boot > 0);
    next("READY=1\n");
    daemon.signal(Signal::SIGTERM);
    next("STOPPING=1\n");
    assert!(daemon.0.wait().unwrap().success());
}

#[test]
fn every_handed_socket_is_served_and_nothing_else() {
    let sandbox = Sandbox::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let path = sandbox.work().join("here.sock");
    let unix = UnixListener::bind(&path).unwrap();
    let mut daemon = handed(&sandbox, &tcp, Some(&unix));
    assert_eq!(daemon.line(), format!("cfpd: listening on http://{}\n", tcp.local_addr().unwrap()));
    assert_eq!(daemon.line(), format!("cfpd: listening on unix:{}\n", path.display()));
    assert!(health(TcpStream::connect(tcp.local_addr().unwrap()).unwrap()).ends_with("ok\n"));
    assert!(health(UnixStream::connect(&path).unwrap()).ends_with("ok\n"));
    daemon.signal(Signal::SIGTERM);
    assert!(daemon.0.wait().unwrap().success());
    // It was not the daemon's to remove.
    assert!(path.exists());
}

#[test]
fn what_is_handed_and_no_socket_of_this_machine_is_refused() {
    let sandbox = Sandbox::new();
    let run = |descriptor: Stdio| {
        let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec cfpd -r . --host h 3<&0 </dev/null";
        let output = sandbox.command("sh").args(["-c", script]).stdin(descriptor).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(Stdio::null());
    assert!(
        code == Some(2) && said.contains("handed socket 1: is not a listening TCP or Unix socket"),
        "{said}"
    );
    let connected = TcpStream::connect(sandbox.address()).unwrap();
    let (code, said) = run(OwnedFd::from(connected).into());
    assert!(
        code == Some(2) && said.contains("handed socket 1: is not a listening TCP or Unix socket"),
        "{said}"
    );
    let exposed = TcpListener::bind("0.0.0.0:0").unwrap();
    let (code, said) = run(OwnedFd::from(exposed).into());
    assert!(code == Some(2) && said.contains("other machines can reach it: needs --users FILE"), "{said}");
}

#[test]
fn a_restart_on_a_handed_socket_loses_no_request() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "text");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let mut daemon = handed(&sandbox, &tcp, None);
    daemon.line();
    let (done, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let ask = || {
            while !done.load(Ordering::SeqCst) {
                assert_eq!(Raw::connect(&address).ask(request("GET", "/f", "")).text(), "text");
                answered.fetch_add(1, Ordering::SeqCst);
            }
        };
        (0..4).for_each(|_| drop(scope.spawn(ask)));
        for round in 1..=10 {
            until("some answers", || answered.load(Ordering::SeqCst) > round * 20);
            daemon.signal(Signal::SIGTERM);
            assert!(daemon.0.wait().unwrap().success());
            daemon = handed(&sandbox, &tcp, None);
            daemon.line();
        }
        done.store(true, Ordering::SeqCst);
    });
}

#[test]
fn systemd_hands_over_its_sockets() {
    if !need::programs(&["systemd-socket-activate"]) {
        return;
    }
    let sandbox = Sandbox::new();
    // It takes no port 0, and a port that was free a moment ago may be another's.
    let paths = ["here.sock", "there.sock"].map(|name| sandbox.work().join(name));
    let mut command = sandbox.command("systemd-socket-activate");
    command.arg("-l").arg(&paths[0]).arg("-l").arg(&paths[1]);
    command.args([env!("CARGO_BIN_EXE_cfpd"), "-r", "."]).stdout(Stdio::null()).stderr(Stdio::null());
    let _daemon = Daemon(command.spawn().unwrap());
    until("the sockets of systemd", || paths.iter().all(|path| UnixStream::connect(path).is_ok()));
    for path in paths {
        assert!(health(UnixStream::connect(path).unwrap()).ends_with("ok\n"));
    }
}

/// Whether this systemd knows of units that say when a reload is done.
fn has_notify_reload(sandbox: &Sandbox) -> bool {
    let said = sandbox.run("systemd-analyze", ["--version"]).success();
    let said = String::from_utf8_lossy(&said.get_output().stdout).into_owned();
    let version = said.split(|byte: char| !byte.is_ascii_digit()).find_map(|number| number.parse().ok());
    let has = version >= Some(253);
    if !has {
        need::out_of_reach("Type=notify-reload, which systemd has from 253 on");
    }
    has
}

#[test]
fn the_units_are_what_systemd_takes() {
    if !need::programs(&["systemd-analyze"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let unit = |name: &str| {
        let text =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/systemd").join(name));
        text.unwrap().replace("ExecStart=cfpd ", &format!("ExecStart={} ", env!("CARGO_BIN_EXE_cfpd")))
    };
    sandbox.write("cfpd.service", unit("cfpd.service"));
    sandbox.write("cfpd.socket", unit("cfpd.socket"));
    if has_notify_reload(&sandbox) {
        sandbox.write("cfpd.service.d/notify-reload.conf", unit("notify-reload.conf"));
    }
    let said = sandbox.sh("systemd-analyze verify --man=no ./cfpd.service ./cfpd.socket 2>&1").success();
    let said = String::from_utf8_lossy(&said.get_output().stdout).into_owned();
    assert!(!said.contains("cfpd."), "{said}");
    // The exposure as systemd reckons it, in tenths; it fails above that.
    let hardened = "systemd-analyze security --no-pager --offline=true --threshold=20 ./cfpd.service";
    sandbox.sh(hardened).success();
}

#[test]
fn in_the_background_the_command_ends_when_clients_can_connect() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "text");
    let options = [
        "-r",
        ".",
        "-l",
        "127.0.0.1:0",
        "-l",
        "unix:here.sock",
        "--host",
        "h",
        "--log",
        "log",
        "--background",
    ];
    // Its output is read to the end: the daemon holds none of it.
    let started = sandbox.run("cfpd", options.iter().chain(&["--pid-file", "pid"])).success().stderr("");
    let said = String::from_utf8_lossy(&started.get_output().stdout).into_owned();
    let lines: Vec<_> = said.lines().map(|line| line.strip_prefix("cfpd: listening on ").unwrap()).collect();
    assert_eq!((lines.len(), lines[1]), (2, "unix:here.sock"));
    let address = lines[0].strip_prefix("http://").unwrap();
    assert_eq!(Raw::connect(address).ask(request("GET", "/f", "")).text(), "text");
    let file = sandbox.work().join("pid");
    let pid: i32 = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = status.rsplit(") ").next().unwrap().split(' ').nth(3).unwrap().to_owned();
    assert_eq!(session, pid.to_string(), "a session of its own");
    kill(Pid::from_raw(pid), Signal::SIGHUP).unwrap();
    until("a reload", || {
        fs::read_to_string(sandbox.work().join("log")).unwrap().contains("cfpd: reloaded\n")
    });
    kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    let socket = sandbox.work().join("here.sock");
    until("the end", || !file.exists() && !socket.exists());
}

#[test]
fn sockets_that_were_handed_over_do_not_go_to_the_background() {
    let sandbox = Sandbox::new();
    let script = "LISTEN_FDS=1 LISTEN_PID=$$ exec cfpd -r . --background 3<&0";
    let said = sandbox.run("sh", ["-c", script]).code(2).stdout("");
    said.stderr("cfpd: --background: sockets were handed over, to this process alone\n");
}

#[test]
fn a_directory_for_temporary_files_that_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    for arguments in ["--background", "-- true"] {
        let said = sandbox.sh(&format!("TMPDIR=/nonexistent exec cfpd -r . {arguments}")).code(2);
        said.stderr("cfpd: /nonexistent: no such file or directory\n");
    }
}

#[test]
fn in_the_background_it_may_be_another_user() {
    if !need::root() {
        return;
    }
    let sandbox = Sandbox::prepared(&[], |root| {
        for open in [root, root.parent().unwrap()] {
            fs::set_permissions(open, fs::Permissions::from_mode(0o755)).unwrap();
        }
    });
    let options = ["-r", "../root", "-l", "127.0.0.1:0", "--run-as", "nobody", "--background"];
    sandbox.run("cfpd", options.iter().chain(&["--pid-file", "pid"])).success();
    let pid: i32 = fs::read_to_string(sandbox.work().join("pid")).unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    until("the end", || !Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_second_signal_waits_for_no_one() {
    let mut sandbox = Sandbox::with(&["--grace", "600"]);
    let sparse = fs::File::create(sandbox.root().join("sparse")).unwrap();
    sparse.set_len(1 << 39).unwrap();
    let mut counts = sandbox.connect();
    counts.send(request("GET", "/sparse?search=word", ""));
    until("the count", || {
        let threads = fs::read_dir(format!("/proc/{}/task", sandbox.pid())).unwrap();
        // A thread may have ended since.
        let mut counts = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("io")).ok());
        counts.any(|io| {
            io.lines()
                .any(|line| line.strip_prefix("rchar: ").unwrap_or("0").parse::<u64>().unwrap() > 1 << 20)
        })
    });
    sandbox.signal(Signal::SIGTERM);
    until("its end", || TcpStream::connect(sandbox.address()).is_err());
    sandbox.signal(Signal::SIGTERM);
    assert!(sandbox.wait().success());
    assert!(sandbox.log().contains("by a second signal"), "{}", sandbox.log());
}

#[test]
fn a_daemon_whose_lines_nobody_reads_serves_all_the_same() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command("cfpd");
    command.args(["-r", ".", "-l", "unix:here.sock"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let _daemon = Daemon(command.stdout(writer).spawn().unwrap());
    let mut client = None;
    until("the socket", || {
        client = UnixStream::connect(sandbox.work().join("here.sock")).ok();
        client.is_some()
    });
    assert!(health(client.unwrap()).ends_with("ok\n"));
}

#[test]
fn in_the_background_a_start_that_fails_is_told() {
    let sandbox = Sandbox::new();
    let taken = sandbox.address().to_owned();
    let options = ["-r", ".", "-l", &taken, "--background", "--pid-file", "pid"];
    let complaint = format!("cfpd: {taken}: address already in use\n");
    sandbox.run("cfpd", options).code(3).stdout("").stderr(complaint);
    assert!(!sandbox.work().join("pid").exists());
    sandbox.write("pid", "notes");
    let options = ["-r", ".", "-l", "127.0.0.1:0", "--background", "--pid-file", "pid"];
    sandbox.run("cfpd", options).code(2).stdout("").stderr("cfpd: pid: exists and is not a pid file\n");
    assert_eq!(fs::read_to_string(sandbox.work().join("pid")).unwrap(), "notes");
}

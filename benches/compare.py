#!/usr/bin/env python3
"""Tries each cell of the table in docs/comparison.md, and prints the table.

    make && python3 benches/compare.py        # with dufs, miniserve, copyparty, sshd, sftp, rsync and curl in PATH

dufs and miniserve come by `cargo install`, copyparty by `pip install`, the rest by apt-get. Each server has a directory
with the same files and is started as its name says below; what is tried, and what counts as yes, stands in the trial.
It takes about a minute. sshd runs as whoever runs this, on a port of its own.
"""

import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
os.environ["PATH"] = f"{PROJECT}/target/release:{os.environ['PATH']}:/usr/sbin"
WORK = Path(tempfile.mkdtemp(prefix="cfp-compare."))
COLUMNS = ["cfp", "dufs", "miniserve", "copyparty", "curl", "sftp", "rsync"]
PAGES = ["cfp", "dufs", "miniserve", "copyparty"]
BIG = 8 << 20
OTHER_KIND = "–"

children = []


def start(*command, **options):
    log = open(WORK / f"{Path(command[0]).name}.log", "ab")
    child = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=WORK, **options)
    children.append(child)
    return child


def run(*command, feed=b"", seconds=60):
    """Runs a client to its end: exit status and what it printed."""
    try:
        done = subprocess.run(command, input=feed, capture_output=True, cwd=WORK / "client", timeout=seconds)
        return done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        return 124, b""
    except FileNotFoundError:
        return 127, b""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def until_open(port):
    for _ in range(400):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
    sys.exit(f"compare: nobody listens on port {port}")


class Relay:
    """Passes connections on to a port and counts bytes each way; past `cut` bytes it ends all of them for good."""

    def __init__(self, port, cut=None):
        self.target, self.cut, self.sent, self.received = port, cut, 0, 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.ends = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", self.target))
            self.ends += [client, there]
            threading.Thread(target=self.copy, args=(client, there, "sent"), daemon=True).start()
            threading.Thread(target=self.copy, args=(there, client, "received"), daemon=True).start()

    def copy(self, source, sink, count):
        try:
            while block := source.recv(16384):
                setattr(self, count, getattr(self, count) + len(block))
                if self.cut and self.sent + self.received > self.cut:
                    return self.close()
                sink.sendall(block)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        for end in [self.server, *self.ends]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


def request(port, method, target, headers=None, body=None):
    """One request: status, fields and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, {}, b""
    finally:
        connection.close()


# The servers, with writing allowed where that takes an option.

ports = {name: free_port() for name in PAGES + ["sftp", "rsync"]}
ports["curl"] = ports["cfp"]
plain = {}


def root(name):
    return WORK / ("cfp" if name == "curl" else name) / "root"


def prepare():
    (WORK / "client").mkdir()
    text = "The lamp stands on the table.\nNobody has lit the lamp today.\n"
    for name in PAGES + ["sftp", "rsync"]:
        (root(name) / "pub").mkdir(parents=True)
        (root(name) / "notes.txt").write_text(text)
        (root(name) / "large.txt").write_text(text * 40000)
        (root(name) / "pub/a.txt").write_text(text)
    (WORK / "client/random").write_bytes(os.urandom(BIG))
    (WORK / "client/long").write_bytes(os.urandom(1 << 20) * 64)
    (WORK / "client/small.txt").write_text(text)


def serving(name, port, directory, defaults=False):
    """The command of a server; with `defaults` without any option beyond address and directory."""
    free = [] if defaults else {
        "cfp": [], "dufs": ["-A"], "miniserve": ["-u", "-z", "-o", "overwrite", "--enable-webdav"],
        "copyparty": ["-e2dsa", "-v", f"{directory}::A"],
    }[name]
    return {
        "cfp": ["cfpd", "-l", f"127.0.0.1:{port}", *free, str(directory)],
        "dufs": ["dufs", "-b", "127.0.0.1", "-p", str(port), *free, str(directory)],
        "miniserve": ["miniserve", "-i", "127.0.0.1", "-p", str(port), *free, str(directory)],
        "copyparty": ["copyparty", "-q", "-i", "127.0.0.1", "-p", str(port), *free],
    }[name]


def start_all():
    os.environ["HOME"] = os.environ["XDG_CONFIG_HOME"] = str(WORK)
    for name in PAGES:
        start(*serving(name, ports[name], root(name)))
        plain[name] = free_port()
        shutil.copytree(root(name), WORK / name / "plain")
        directory = WORK / name / "plain"
        child = serving(name, plain[name], directory, defaults=True)
        # copyparty serves the directory it is started in.
        log = open(WORK / f"{name}.plain.log", "ab")
        children.append(subprocess.Popen(child, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=directory))
    key, host = WORK / "key", WORK / "host"
    for file in [key, host]:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    (WORK / "sshd_config").write_text(
        f"Port {ports['sftp']}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {key}.pub\n"
        f"StrictModes no\nPidFile none\nSubsystem sftp internal-sftp -d {root('sftp')}\nUsePAM no\n"
    )
    start("/usr/sbin/sshd", "-D", "-e", "-f", str(WORK / "sshd_config"))
    (WORK / "rsyncd.conf").write_text(f"use chroot=no\n[files]\npath={root('rsync')}\nread only=no\nuid={os.getuid()}\ngid={os.getgid()}\n")
    start("rsync", "--daemon", "--no-detach", f"--config={WORK}/rsyncd.conf", "--address=127.0.0.1", f"--port={ports['rsync']}")
    for port in [*ports.values(), *plain.values()]:
        until_open(port)


def sftp(port, *commands):
    options = ["-i", str(WORK / "key"), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    return run("sftp", "-q", "-b", "-", *options, "-P", str(port), "127.0.0.1", feed="\n".join(commands).encode() + b"\n")


def put(name, port, file, target):
    """Uploads a local file with the tool of a column."""
    url = f"http://127.0.0.1:{port}"
    if name == "cfp":
        return run("cfp-put", "-q", "-s", url, file, "--as", target)
    if name == "miniserve":
        shutil.copy(WORK / "client" / file, WORK / "client" / target)
        return run("curl", "-sS", "-f", "-F", f"path=@{target}", f"{url}/upload?path=/")
    if name in ["dufs", "copyparty", "curl"]:
        return run("curl", "-sS", "-f", "-T", file, f"{url}/{target}")
    if name == "sftp":
        return sftp(port, f"put -p {file} {target}")
    return run("rsync", "-t", file, f"rsync://127.0.0.1:{port}/files/{target}")


# The trials: what is tried, the columns it is tried in, and the function that tries it.

rows = []


def trial(group, what, columns):
    def add(function):
        rows.append((group, what, columns, function))
        return function
    return add


def yes(fact):
    return "yes" if fact else "**no**"


@trial("page", "a directory alone on the command line is served", PAGES)
def _(name):
    return yes(request(plain[name], "GET", "/notes.txt")[0] == 200)


@trial("page", "files can be uploaded without a further option", PAGES)
def _(name):
    if name == "miniserve":
        return yes(put(name, plain[name], "small.txt", "new.txt")[0] == 0)
    return yes(request(plain[name], "PUT", "/new.txt", body=b"x")[0] in (200, 201, 204))


@trial("page", "the list can be read without JavaScript", PAGES)
def _(name):
    page = request(ports[name], "GET", "/", {"Accept": "text/html", "User-Agent": "Mozilla/5.0"})[2]
    return yes(re.search(rb'<a[^>]*href="[^"]*notes\.txt', page))


@trial("page", "the list as JSON, for programs", PAGES)
def _(name):
    for target, accept in [("/", "application/json"), ("/?json", "*/*"), ("/?ls", "*/*")]:
        body = request(ports[name], "GET", target, {"Accept": accept})[2]
        try:
            json.loads(body.splitlines()[0] if name == "cfp" else body)
            return "yes"
        except (ValueError, IndexError):
            pass
    return yes(False)


@trial("page", "searches the names beneath a directory", PAGES)
def _(name):
    port = ports[name]
    found = {
        "cfp": lambda: request(port, "GET", "/?recursive&format=text&include=a.*"),
        "dufs": lambda: request(port, "GET", "/?q=a.txt&json"),
        "miniserve": lambda: request(port, "GET", "/?q=a.txt"),
        "copyparty": lambda: request(port, "POST", "/?srch", {"Content-Type": "application/json"}, json.dumps({"q": "name like a.*"})),
    }[name]()
    return yes(b"a.txt" in found[2] and b"notes" not in found[2])


@trial("page", "searches the contents beneath a directory", PAGES)
def _(name):
    port = ports[name]
    target = {"cfp": "/?search=lamp", "dufs": "/?q=lamp&json", "miniserve": "/?q=lamp", "copyparty": "/?search=lamp"}[name]
    answer = request(port, "GET", target, {"Accept": "text/plain"})[2]
    return yes(b"pub/a.txt" in answer)


@trial("page", "a directory as one archive", PAGES)
def _(name):
    target = {"cfp": "/pub/?archive=zip", "dufs": "/pub?zip", "miniserve": "/pub/?download=zip", "copyparty": "/pub/?zip"}[name]
    return yes(request(ports[name], "GET", target)[2].startswith(b"PK"))


@trial("page", "edits a text in the browser", PAGES)
def _(name):
    page = request(ports[name], "GET", "/notes.txt?edit", {"Accept": "text/html", "User-Agent": "Mozilla/5.0"})[2].lower()
    return yes(b"<html" in page and (b"textarea" in page or b"editor" in page))


@trial("page", "a WebDAV client sees the list (PROPFIND)", PAGES)
def _(name):
    return yes(request(ports[name], "PROPFIND", "/", {"Depth": "1", "User-Agent": "rclone/1.60"})[0] == 207)


@trial("page", "TLS without a certificate of one's own", PAGES + ["sftp"])
def _(name):
    if name == "sftp":
        return yes(sftp(ports[name], "pwd")[0] == 0)
    return yes(run("curl", "-skf", f"https://127.0.0.1:{ports[name]}/")[0] == 0)


@trial("shell", "a session of several commands on one connection", ["cfp", "sftp"])
def _(name):
    return yes(session(name, "pwd" if name == "sftp" else "help", "ls")[0] == 0)


@trial("shell", "a script ends at the first command that fails, with a status", ["cfp", "sftp"])
def _(name):
    status, said = session(name, "get nothing-there", "put small.txt after.txt")
    return yes(status != 0 and not (root(name) / "after.txt").exists())


@trial("shell", "counts a word in a file of the server", ["cfp", "sftp"])
def _(name):
    return yes(session(name, "search lamp :notes.txt")[0] == 0)


@trial("shell", "changes the mode of a file of the server", ["cfp", "sftp"])
def _(name):
    return yes(session(name, "chmod 600 notes.txt")[0] == 0)


@trial("shell", "makes a symbolic link on the server", ["cfp", "sftp"])
def _(name):
    return yes(session(name, "symlink notes.txt link.txt")[0] == 0)


def session(name, *commands):
    if name == "sftp":
        return sftp(ports[name], *commands)
    return run("cfp-shell", "-s", f"http://127.0.0.1:{ports[name]}", feed="\n".join(commands).encode() + b"\n")


@trial("tools", "bytes received to count a word in a text of 2.4 MB", COLUMNS)
def _(name):
    relay = Relay(ports[name])
    url, local = f"http://127.0.0.1:{relay.port}", WORK / "client/fetched.txt"
    local.unlink(missing_ok=True)
    if name == "cfp":
        assert run("cfp-search", "-s", url, "lamp", ":large.txt")[1] == b"80000\n"
    elif name == "curl":
        assert run("curl", "-sf", f"{url}/large.txt?search=lamp")[1] == b"80000\n"
    elif name == "sftp":
        sftp(relay.port, f"get large.txt {local}")
    elif name == "rsync":
        run("rsync", f"rsync://127.0.0.1:{relay.port}/files/large.txt", str(local))
    else:
        run("curl", "-sf", f"{url}/large.txt?search=lamp", "-o", str(local))
    if local.exists():
        assert local.read_text().count("lamp") == 80000
    return size(relay.received)


@trial("tools", "replaces a word where the file is", COLUMNS)
def _(name):
    replaced, url = root(name) / "replaced.txt", f"http://127.0.0.1:{ports[name]}"
    replaced.unlink(missing_ok=True)
    if name == "cfp":
        run("cfp-replace", "-s", url, "table", "desk", ":notes.txt", "-o", ":replaced.txt")
    elif name == "sftp":
        sftp(ports[name], "replace table desk notes.txt replaced.txt")
    elif name == "rsync":
        run("rsync", "--replace=table,desk", f"rsync://127.0.0.1:{ports[name]}/files/notes.txt", "replaced.txt")
    else:
        run("curl", "-sf", "-X", "COPY", "-H", f"Destination: {url}/replaced.txt", f"{url}/notes.txt?replace=table&with=desk")
    return yes(replaced.exists() and "desk" in replaced.read_text())


@trial("tools", "an upload of 64 MiB that is cut leaves nothing under its name", COLUMNS)
def _(name):
    left = []
    for cut in [4, 40]:
        target = root(name) / f"cut-{cut}"
        put(name, Relay(ports[name], cut << 20).port, "long", target.name)
        time.sleep(2)
        left += [target.stat().st_size] if target.exists() else []
    return f"**no**: {size(max(left))} left" if left else "yes"


@trial("tools", "an upload that does not match its digest is refused", ["cfp", "dufs", "copyparty", "curl"])
def _(name):
    digest = "sha-256=:" + "A" * 43 + "=:"
    target = f"/digest-{name}"
    status = request(ports[name], "PUT", target, {"Repr-Digest": digest, "Content-Digest": digest}, b"x")[0]
    return yes(400 <= status < 500 and not (root(name) / target[1:]).exists())


@trial("tools", "a write onto a version that is outdated is refused (If-Match)", ["cfp", "dufs", "copyparty", "curl"])
def _(name):
    (root(name) / "version.txt").write_text("one")
    status = request(ports[name], "PUT", "/version.txt", {"If-Match": '"0"'}, b"two")[0]
    return yes(status == 412 and (root(name) / "version.txt").read_text() == "one")


@trial("tools", "an upload keeps the modification time", COLUMNS)
def _(name):
    os.utime(WORK / "client/small.txt", (10**9, 10**9))
    put(name, ports[name], "small.txt", f"time-{name}")
    return yes(int((root(name) / f"time-{name}").stat().st_mtime) == 10**9)


@trial("tools", "an upload keeps the mode", COLUMNS)
def _(name):
    file = WORK / "client/program"
    file.write_text("#!/bin/sh\n")
    file.chmod(0o750)
    if name == "rsync":
        run("rsync", "-a", "program", f"rsync://127.0.0.1:{ports[name]}/files/mode-rsync")
    else:
        put(name, ports[name], "program", f"mode-{name}")
    return yes((root(name) / f"mode-{name}").stat().st_mode & 0o777 == 0o750)


@trial("tools", "a download goes on where it was cut", COLUMNS)
def _(name):
    (root(name) / "random").write_bytes((WORK / "client/random").read_bytes())
    local = WORK / "client" / f"resumed-{name}"
    fetch = {
        "cfp": lambda port: run("cfp-get", "-q", "-c", "-s", f"http://127.0.0.1:{port}", "random", "-o", str(local)),
        "sftp": lambda port: sftp(port, f"reget random {local}"),
        "rsync": lambda port: run("rsync", "--partial", "--append", f"rsync://127.0.0.1:{port}/files/random", str(local)),
    }.get(name, lambda port: run("curl", "-s", "-C", "-", f"http://127.0.0.1:{port}/random", "-o", str(local)))
    fetch(Relay(ports[name], cut=BIG // 2).port)
    relay = Relay(ports[name])
    fetch(relay.port)
    whole = local.exists() and local.read_bytes() == (WORK / "client/random").read_bytes()
    return yes(whole and relay.received < BIG * 3 // 4)


@trial("tools", "bytes sent for a file of 8 MiB of which one byte has changed", ["cfp", "curl", "sftp", "rsync"])
def _(name):
    changed = bytearray((WORK / "client/random").read_bytes())
    changed[BIG // 2] ^= 1
    (root(name) / "changed").write_bytes((WORK / "client/random").read_bytes())
    (WORK / "client/changed").write_bytes(changed)
    os.utime(root(name) / "changed", (10**9, 10**9))
    relay = Relay(ports[name])
    put(name, relay.port, "changed", "changed")
    assert (root(name) / "changed").read_bytes() == changed, name
    return size(relay.sent)


@trial("tools", "makes a directory like another, deletions included", ["cfp", "curl", "sftp", "rsync"])
def _(name):
    source = WORK / "client/tree"
    shutil.rmtree(source, ignore_errors=True)
    (source / "in").mkdir(parents=True)
    (source / "in/one").write_text("one")
    target = root(name) / "tree"
    target.mkdir(exist_ok=True)
    (target / "extra").write_text("extra")
    if name == "cfp":
        run("cfp-sync", "--delete", "-s", f"http://127.0.0.1:{ports[name]}", "tree/", ":tree/")
    elif name == "rsync":
        run("rsync", "-a", "--delete", "tree/", f"rsync://127.0.0.1:{ports[name]}/files/tree/")
    elif name == "sftp":
        sftp(ports[name], "put -r tree .")
    else:
        run("curl", "-s", "-T", "tree/in/one", f"http://127.0.0.1:{ports[name]}/tree/in/one")
    names = sorted(str(path.relative_to(target)) for path in target.rglob("*"))
    return yes(names == ["in", "in/one"])


@trial("tools", "most memory of the server after 64 MiB up and down", PAGES)
def _(name):
    put(name, ports[name], "long", f"long-{name}")
    run("curl", "-sf", f"http://127.0.0.1:{ports[name]}/long-{name}", "-o", "/dev/null")
    status = Path(f"/proc/{children[PAGES.index(name) * 2].pid}/status").read_text()
    return size(int(re.search(r"VmHWM:\s+(\d+)", status)[1]) << 10)


def size(count):
    for unit, factor in [("MB", 10**6), ("kB", 10**3)]:
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def version(*command):
    said = subprocess.run(command, capture_output=True, text=True)
    return re.search(r"\d+\.\d+(\.\d+|p\d+)?", said.stdout + said.stderr)[0]


def main():
    missing = [tool for tool in ["cfpd", "dufs", "miniserve", "copyparty", "sftp", "sshd", "rsync", "curl"] if not shutil.which(tool)]
    if missing:
        sys.exit(f"compare: not here: {', '.join(missing)}")
    prepare()
    start_all()
    versions = {name: version({"cfp": "cfpd", "sftp": "ssh"}.get(name, name), "-V" if name == "sftp" else "--version") for name in COLUMNS}
    print("| | " + " | ".join(f"{name} {versions[name]}" for name in COLUMNS) + " |")
    print("|---|" + "---|" * len(COLUMNS))
    last = None
    for group, what, columns, function in rows:
        cells = [function(name) if name in columns else OTHER_KIND for name in COLUMNS]
        if group != last:
            print(f"| **{group}** |" + " |" * len(COLUMNS))
        last = group
        print(f"| {what} | " + " | ".join(cells) + " |", flush=True)


try:
    main()
finally:
    for child in children:
        child.kill()
        child.wait()
    shutil.rmtree(WORK, ignore_errors=True)

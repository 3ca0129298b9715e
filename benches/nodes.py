#!/usr/bin/env python3
"""nodes.py [ROUNDS [SECONDS]]: three cfpd behind haproxy beside one, all on this machine: a search and a storm of downloads.

Prints a Markdown table for docs/scaling.md: the median of the rounds, which go around, and the CPU seconds of all daemons
(cfpd, haproxy, JuiceFS, redis) for each unit of work. On a local directory, and with root on three mounts of JuiceFS, which
contrib/cluster brings up. One daemon and three get the same requests by the same haproxy: for one, the two others are drained.

  python3 benches/nodes.py           (5 rounds of 3 seconds; needs `make`, wrk and haproxy; with root redis-server, fuse3, juicefs)
"""

import http.client
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILT = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "target")), "release")
SERVERS = ["one", "two", "three"]
TICK = os.sysconf("SC_CLK_TCK")
# A third of the tree for each daemon.
PARTS, FILES, SMALL, LARGE, HUGE = 3, 1000, 4096, 1 << 20, 128
CONNECTIONS = 48
UPLOADERS, UPLOADS = 16, 25


class Site:
    """Three daemons on one directory, and haproxy in front of them on the port before theirs."""

    def __init__(self, name, port, directory, served):
        self.name, self.port, self.directory, self.served = name, port, directory, served

    def command(self, command):
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(os.path.join(self.directory, "admin.sock"))
            admin.sendall(command.encode() + b"\n")
            while admin.recv(4096):
                pass

    def rotate(self, count):
        """Leaves so many daemons in the rotation."""
        for number, server in enumerate(SERVERS):
            self.command("set server cfpd/%s state %s" % (server, "ready" if number < count else "drain"))

    def cpu(self):
        """The CPU seconds of all processes that have the directory in their command line."""
        total = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as file:
                    line = file.read()
                with open("/proc/%s/stat" % pid) as file:
                    fields = file.read().rsplit(") ", 1)[1].split()
            except OSError:
                continue
            if self.directory.encode() in line:
                total += int(fields[11]) + int(fields[12])
        return total / TICK

    def fill(self):
        """Stores the tree past the daemons. A file is as a text is: words, and one in a hundred is searched for."""
        with open(os.path.join(HERE, "LICENSE-APACHE")) as file:
            words = file.read().split()
        for part in range(PARTS):
            directory = os.path.join(self.served, "tree", str(part))
            os.makedirs(directory)
            for number in range(FILES):
                text = " ".join(words[(number + at) % len(words)] for at in range(SMALL // 4))[:SMALL]
                with open(os.path.join(directory, str(number)), "w") as file:
                    file.write(text)
        for name, size in [("small", SMALL), ("large", LARGE)]:
            with open(os.path.join(self.served, name), "wb") as file:
                file.write(os.urandom(size))
        text = (" ".join(words) + "\n").encode()
        with open(os.path.join(self.served, "huge"), "wb") as file:
            file.write((text * (HUGE * LARGE // len(text) + 1))[:HUGE * LARGE])


def get(port, target):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", target, headers={"Accept": "text/plain"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError("%s: %d %r" % (target, answer.status, body[:200]))
    return body


def at_once(run, count):
    """Calls it with each number, all at the same time, and returns the seconds it took."""
    failed = []

    def call(number):
        try:
            run(number)
        except Exception as error:  # It is raised again below.
            failed.append(error)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(count)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - start
    if failed:
        raise failed[0]
    return took


def search(site, parts):
    """Files a second of a search of the tree, as one request or as one for each part at the same time."""
    targets = ["/tree/%d/?search=License" % part for part in range(PARTS)] if parts else ["/tree/?search=License"]
    found = [0] * len(targets)

    def ask(number):
        last = get(site.port, targets[number]).splitlines()[-1]
        found[number] = int(last.split()[0])

    took = at_once(ask, len(targets))
    if sum(found) == 0:
        raise RuntimeError("nothing was found")
    return PARTS * FILES / took, PARTS * FILES


def scan(site):
    """MiB a second of a search of three large files at the same time, or one and the same of them three times."""
    took = at_once(lambda number: get(site.port, "/huge?search=License"), PARTS)
    return PARTS * HUGE / took, PARTS * HUGE


def upload(site):
    """Uploads a second of new files by many clients at once, each on a connection of its own."""
    run = time.monotonic_ns()

    def put(number):
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=600)
        for upload in range(UPLOADS):
            connection.request("PUT", "/new-%d-%d-%d" % (run, number, upload), body=b"x" * SMALL)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 201:
                raise RuntimeError("an upload was answered %d" % answer.status)

    count = UPLOADERS * UPLOADS
    return count / at_once(put, UPLOADERS), count


def storm(site, name, seconds, port=0):
    """Downloads a second by many connections at once, by haproxy or from one daemon."""
    command = ["wrk", "-t1", "-c%d" % CONNECTIONS, "-d%ds" % seconds, "http://127.0.0.1:%d/%s" % (site.port + port, name)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)), int(re.search(r"(\d+) requests in", said).group(1))


def wait_for(port):
    end = time.monotonic() + 30
    while True:
        try:
            return get(port, "/.cfpd/health")
        except (OSError, RuntimeError):
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def local(directory):
    """Three daemons on one local directory, with the haproxy of contrib/."""
    port, served = int(os.environ.get("NODES_PORT", "8490")), os.path.join(directory, "served")
    os.mkdir(served)
    with open(os.path.join(HERE, "contrib/haproxy.cfg")) as file:
        config = file.read().replace("bind :80", "bind 127.0.0.1:%d" % port)
    processes = []
    for number in (1, 2, 3):
        config = config.replace("192.0.2.1%d:8398" % number, "127.0.0.1:%d" % (port + number))
        listen = "127.0.0.1:%d" % (port + number)
        command = [os.path.join(BUILT, "cfpd"), "--shared", "--scan-jobs", "16", "--log", os.path.join(directory, "log"), "--listen", listen, served]
        processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    path = os.path.join(directory, "haproxy.cfg")
    with open(path, "w") as file:
        file.write("global\n    stats socket %s/admin.sock level admin\n" % directory + config)
    haproxy = shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")
    processes.append(subprocess.Popen([haproxy, "-db", "-f", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    return Site("local", port, directory, served), processes


def cluster(directory):
    """The same by contrib/cluster; None where it cannot be."""
    port = int(os.environ.get("NODES_PORT", "8490")) + 10
    tool = os.path.join(HERE, "target/tools/python/bin/juicefs")
    environment = dict(os.environ, CLUSTER_PORT=str(port), PATH=BUILT + ":" + os.environ["PATH"])
    if os.path.exists(tool):
        environment.setdefault("JUICEFS", tool)
    said = subprocess.run([os.path.join(HERE, "contrib/cluster"), directory], env=environment, capture_output=True, text=True)
    if said.returncode:
        print("nodes.py: without JuiceFS: " + said.stderr.strip(), file=sys.stderr)
        return None
    return Site("JuiceFS", port, directory, os.path.join(directory, "mount-one/served"))


def measure(site, rounds, seconds):
    rows = [
        ("search of the tree, one request", "files", (1, 3), lambda: search(site, False)),
        ("search of the tree, a request for each third", "files", (1, 3), lambda: search(site, True)),
        ("search of %d MiB, three requests" % HUGE, "MiB", (1, 3), lambda: scan(site)),
        ("uploads of 4 KiB, synced, %d at once" % UPLOADERS, "files", (1, 3), lambda: upload(site)),
        ("downloads of 4 KiB", "files", (1, 3), lambda: storm(site, "small", seconds)),
        ("downloads of 4 KiB, without haproxy", "files", (1,), lambda: storm(site, "small", seconds, 1)),
        ("downloads of 1 MiB", "MiB", (1, 3), lambda: storm(site, "large", seconds)),
        ("downloads of 1 MiB, without haproxy", "MiB", (1,), lambda: storm(site, "large", seconds, 1)),
    ]
    figures = {}
    for number in range(rounds + 1):
        for what, _, counts, run in rows:
            for count in counts:
                site.rotate(count)
                before = site.cpu()
                rate, done = run()
                # The first round fills the caches.
                if number:
                    figures.setdefault((what, count), []).append((rate, 1000 * (site.cpu() - before) / done))
    for what, unit, counts, _ in rows:
        median = {count: [statistics.median(column) for column in zip(*figures[what, count])] for count in counts}
        rates = ["%.0f" % median[count][0] if count in median else "" for count in (1, 3)]
        ratio = "%.2f" % (median[3][0] / median[1][0]) if 3 in median else ""
        costs = ["%.3f" % median[count][1] if count in median else "" for count in (1, 3)]
        print("| " + " | ".join([site.name, what, unit, *rates, ratio, *costs]) + " |", flush=True)


def main(rounds="5", seconds="3"):
    directory = tempfile.mkdtemp(prefix="cfpd-nodes.", dir="/var/tmp")
    processes, trial = [], os.path.join(directory, "cluster")
    print("| file system | work | a second | one daemon | three | ratio | CPU-ms for each: one | three |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    try:
        os.mkdir(os.path.join(directory, "local"))
        site, processes = local(os.path.join(directory, "local"))
        for site in [site, cluster(trial)]:
            if site:
                wait_for(site.port)
                site.fill()
                measure(site, int(rounds), int(seconds))
    finally:
        for process in processes:
            process.kill()
            process.wait()
        if os.path.exists(trial):
            subprocess.run([os.path.join(HERE, "contrib/cluster"), "down", trial], check=True)
        shutil.rmtree(directory)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Counts the instructions of a start, of the filters and of one small request under callgrind, and compares them with a baseline.

    make bench-check                    # fails where a count is more than 5 % above benches/instructions.txt
    make bench-check BASELINE=write     # writes the counts into that file

Unlike seconds, the counts hardly move with what else the machine does: all runs on one core, where threads have nothing to share
out by chance. They do with the compiler and the C library, and with
the instructions the processor has, which the libraries choose from: the file says what it was written with.
INSTRUCTIONS=FILE takes another file.
"""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import clients
import programs
import servers
from files import DENSE, RARE, Files, text
from process import Failed
from settings import BIN, PROJECT, SMALL, tell

BASELINE = Path(os.environ.get("INSTRUCTIONS") or PROJECT / "benches/instructions.txt")
ALLOWED = 1.05
SIZE = (256 << 10) if SMALL else (4 << 20)
CALLGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
# With the environment of the caller its size would be counted too.
CLEAN = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
FILTERS = {
    "count-rare": ["cfp-search", "--local", RARE],
    "count-dense": ["cfp-search", "--local", DENSE],
    "replace-rare": ["cfp-replace", "--local", RARE, "changed"],
    "replace-dense": ["cfp-replace", "--local", DENSE, "changed"],
    "reverse": ["cfp-reverse", "--local"],
}


def collected(said):
    """The count that callgrind ends with."""
    if not (found := re.search(r"Collected : (\d+)", said)):
        raise Failed(said.strip())
    return int(found.group(1))


def of_filter(argv, path):
    done = subprocess.run(
        [*CALLGRIND, *argv, path], env=CLEAN, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise Failed(f"{argv[0]}: {done.stderr.strip()}")
    return collected(done.stderr)


def of_requests(files, number):
    """The whole life of a daemon that answers so many small requests on one connection."""
    server = servers.Server("cfpd, counted", files.root, files.work)
    try:
        connection, target = clients.connect(server), "/" + files.small
        for _ in range(number):
            clients.ask(connection, target)
        connection.close()
        server.child.terminate()
        server.child.wait(60)
        return collected(server.output.read_text(errors="replace"))
    finally:
        server.stop()


def counts(files):
    """Each count by its name. A start, that of a tool or of the daemon, is in neither end of a difference, and counts by itself."""
    full, short = str(files.root / "text"), str(files.root / "short")
    Path(full).write_bytes(text(SIZE))
    Path(short).write_text(f"{RARE} {DENSE}\n")
    starts = {name: of_filter(argv, short) for name, argv in FILTERS.items()}
    found = {"start": starts["count-rare"]}
    found |= {name: of_filter(argv, full) - starts[name] for name, argv in FILTERS.items()}
    found["get"] = (of_requests(files, 300) - of_requests(files, 100)) // 200
    return found


def preload(files):
    library = files.work / "openat2.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, PROJECT / "benches/openat2.c"], check=True)
    servers.COMMANDS["cfpd, counted"] = lambda server, root: [
        "env", "-i", *(f"{name}={value}" for name, value in CLEAN.items()), f"LD_PRELOAD={library}", *CALLGRIND,
        *servers.cfpd(server, root, "--no-sync"),
    ]


def built_with():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split("(")[0].strip()
    return f"{rustc}, {' '.join(platform.libc_ver())}, {programs.version('valgrind')}, {model.group(1) if model else platform.machine()}"


def write(found):
    lines = [f"{name} {count}" for name, count in found.items()]
    head = [
        "# Instructions under callgrind: of the start of cfp-search, of filters on a text of 4 MiB, and of a kept-alive GET of 1 KiB.",
        "# `make bench-check` fails 5 % above; `make bench-check BASELINE=write` writes this file.",
        f"# {built_with()}",
    ]
    BASELINE.write_text("\n".join([*head, *lines, ""]))


def compare(found):
    """Prints each count beside the baseline; false where one is too high."""
    baseline = BASELINE.read_text().splitlines()
    known = dict(line.split() for line in baseline if line and not line.startswith("#"))
    worse = []
    for name, count in found.items():
        if name not in known:
            tell(f"{BASELINE}: has no {name}; `make bench-check BASELINE=write` writes it")
            return False
        change = count / int(known[name])
        print(f"{name:14} {count:>14,} {(change - 1) * 100:+6.1f} %")
        if change > ALLOWED:
            worse.append(name)
    if worse:
        tell(f"more than 5 % above {BASELINE}: {', '.join(worse)}")
        tell(f"written with {next(line for line in reversed(baseline) if line.startswith('#'))[2:]}; here {built_with()}")
    return not worse


def main():
    programs.install(["valgrind", "cc"])
    if not all(map(programs.there, ["valgrind", "cc"])):
        sys.exit(2)
    if not (BIN / "cfpd").exists():
        tell(f"{BIN}/cfpd: no such program; `make` builds it, BIN=DIR names another directory")
        sys.exit(2)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    files = Files()
    try:
        preload(files)
        files.small = files.text(1 << 10)
        found = counts(files)
    except Failed as failed:
        tell(failed)
        sys.exit(2)
    finally:
        files.remove()
    if os.environ.get("BASELINE") == "write":
        write(found)
    sys.exit(0 if compare(found) else 1)


main()

"""What is run only when it is named: rows that need the release build of the tests, and scripts that print a table of their own."""

import os
import re
import subprocess
from dataclasses import dataclass

from process import Failed
from settings import PROJECT, SMALL
from table import Most, Row, Side


@dataclass
class Script:
    """A program with a table of its own, which it prints."""

    name: str
    title: str
    argv: tuple

    def needs(self):
        return []

    def draw(self, run):
        if subprocess.run(self.argv, cwd=PROJECT).returncode:
            raise Failed(f"`{' '.join(self.argv)}` failed")


def said_by(test, **environment):
    """The standard error of a test of the release build, which tells figures there."""
    argv = [
        os.environ.get("CARGO", "cargo"), "test", "-q", "--release", "--locked", "--test", "main", "--", "--exact", "--nocapture", test
    ]
    done = subprocess.run(argv, cwd=PROJECT, env={**os.environ, **environment}, capture_output=True, text=True)
    if done.returncode:
        raise Failed((done.stdout + done.stderr).strip())
    return done.stdout + done.stderr


def crowd(run):
    """Slow heads, slow bodies, slow readers, idle connections and pipelining without reading, 500 of each at once."""
    said = said_by(
        "hostile::crowd::a_crowd_of_slow_clients_is_cut_and_others_are_served", CFP_CROWD="50" if SMALL else "500"
    )
    return {
        "p95": float(re.search(r"p95 (\d+) ms", said).group(1)),
        "server": float(re.search(r"memory grew by (\d+) KiB", said).group(1)),
    }


def held(what):
    """The memory that a client of this kind holds."""
    def measure(run):
        said = run.once(CODERS, lambda: said_by(CODERS))
        return {"each": float(re.search(rf"coders: {what}: (\d+) KiB", said).group(1))}
    return measure


CODERS = "hostile::decoding::what_a_slow_reader_and_a_dripping_body_hold_is_what_is_said_of_them"
HELD = ("slow readers of a file as it is", "slow readers of a compressed answer", "bodies that drip into a window of 8 MiB")
NAMED = [
    Row(
        "crowd", "500 slow clients of each of five kinds", [Side("cfpd", crowd)], [Most("p95", 100), Most("server", 65536)], rounds=1
    ),
    Row("coders", "memory that a slow client holds", [Side(what, held(what)) for what in HELD], rounds=1),
    Script("sync", "what durability costs", ("cargo", "bench", "--bench", "sync")),
    Script("sync-tree", "a tree of small files, beside rsync", ("sh", "benches/sync_tree.sh")),
    Script("comparison", "the table of docs/comparison.md", ("python3", "benches/compare.py")),
    Script("first-minutes", "the table of docs/first-minutes.md", ("sh", "benches/first-minutes.sh")),
]

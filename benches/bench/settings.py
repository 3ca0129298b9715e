"""What the environment asks for: rows, sizes, rounds, and where programs and files are. It measures nothing."""

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

# The default measures; `small` only shows that every row runs, in seconds.
SMALL = os.environ.get("SCALE", "full") == "small"
ROUNDS = int(os.environ.get("ROUNDS") or (1 if SMALL else 5))
ROWS = [name for name in os.environ.get("ROWS", "").split(",") if name]
LOGS = os.environ.get("LOGS") == "on"
INSTALL = os.environ.get("INSTALL") != "no"
OUT = os.environ.get("OUT")
# Where plots go; without it there are none, unless a row names one.
PLOTS = os.environ.get("PLOTS", "")
PICTURES = Path(PLOTS) if "/" in PLOTS else PROJECT / "docs/pictures"

BIN = Path(os.environ.get("BIN") or Path(os.environ.get("CARGO_TARGET_DIR") or PROJECT / "target") / "release").resolve()
# Files in memory, so that no disk is measured; what must be synced is on a disk.
MEMORY = Path(os.environ.get("MEMORY") or ("/dev/shm" if os.path.isdir("/dev/shm") else "/tmp"))
DISK = Path(os.environ.get("DISK") or "/var/tmp")


def size(full):
    """A number of bytes at this scale."""
    return max(full >> 10, 1 << 10) if SMALL else full


def count(full):
    """A number of clients, files or requests at this scale."""
    return max(full // 100, 2) if SMALL else full


def seconds(full):
    """How long wrk makes its load: whole seconds."""
    return 1 if SMALL else full


def tell(line):
    print(f"bench: {line}", file=sys.stderr, flush=True)

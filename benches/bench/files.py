"""The files that rows read: a text of English words, many small files, a directory of names. Each is made once a run."""

import os
import random
import re
import shutil
import tempfile
from pathlib import Path

from settings import DISK, MEMORY, PROJECT, count, size

DENSE = "the"
RARE = "kaleidoscope"
BLOCK = 16 << 20


def text(length):
    """The words of the licences in an order of chance, always the same, with one rare word; deterministic.

    A text that repeats a page of itself would flatter a compressor.
    """
    words = re.findall(rb"\S+", b"".join((PROJECT / name).read_bytes() for name in ["LICENSE-APACHE", "LICENSE-MIT"]))
    chance = random.Random(1)
    lines, left = [], length
    while left > 0:
        line = b" ".join(chance.choices(words, k=12)) + b"\n"
        lines.append(line)
        left -= len(line)
    lines[len(lines) // 2] = RARE.encode() + b" " + lines[len(lines) // 2]
    return b"".join(lines)[:length]


class Files:
    """Directories in memory and on the disk, and what has been made in them."""

    def __init__(self):
        self.work = Path(tempfile.mkdtemp(prefix="cfp-bench.", dir=MEMORY))
        self.disk = Path(tempfile.mkdtemp(prefix="cfp-bench.", dir=DISK))
        self.root = self.work / "files"
        self.block = None
        for directory in [self.work, self.disk, self.root]:
            directory.mkdir(exist_ok=True)
            directory.chmod(0o777)

    def remove(self):
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.rmtree(self.disk, ignore_errors=True)

    def text(self, full, disk=False):
        """A text of so many bytes beneath the root, in memory or on the disk: its name."""
        length = size(full)
        name = f"text-{length}"
        path = (self.disk if disk else self.root) / name
        if not path.exists():
            self.block = self.block or text(min(BLOCK, size(BLOCK)))
            with open(path, "wb") as file:
                while (left := length - file.tell()) > 0:
                    file.write(self.block[:left])
        return name

    def tree(self, full, bytes_each):
        """A directory of small files beneath the root, 100 in each of its directories: its name."""
        files, length = count(full), size(bytes_each)
        name = f"tree-{files}-{length}"
        if not (self.root / name).exists():
            self.block = self.block or text(min(BLOCK, size(BLOCK)))
            for file in range(files):
                if file % 100 == 0:
                    directory = self.root / name / str(file // 100)
                    directory.mkdir(parents=True)
                start = file * 4099 % max(len(self.block) - length, 1)
                (directory / str(file)).write_bytes(self.block[start : start + length])
        return name

    def names(self, names):
        """A directory of so many empty files beneath the root: its name."""
        name = f"names-{names}"
        if not (self.root / name).exists():
            (self.root / name).mkdir()
            for file in range(names):
                os.mknod(self.root / name / f"file-{file:07}", 0o644)
        return name

    def drop(self, name):
        """Gives back the memory of a large file or directory."""
        path = self.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

#!/usr/bin/env python3
"""Records docs/pictures/first-minute.svg: two real terminals, one with cfpd and one with the tools.

    make && python3 docs/pictures/record.py [OUTPUT.svg]     # or with the programs that PATH finds

Each terminal is a shell on a pseudo-terminal, into which the commands below are typed. What it shows, and when, is
drawn as an SVG that CSS animates; it needs no script and plays once. It takes half a minute. Port 8398 must be free. tests/docs.rs runs the
commands of the second terminal and holds the picture to what they print today.
"""

import os
import pty
import re
import select
import shutil
import struct
import sys
import tempfile
import termios
import time
import fcntl
from html import escape
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
COLUMNS = 118
HAMLET = PROJECT / "docs/pictures/hamlet.txt"

# The terminal, and what is typed into it. 0 is that of the daemon.
SCRIPT = [
    (0, "cfpd ."),
    (1, "cfp-put hamlet.txt"),
    (1, "cfp-search -i be :hamlet.txt"),
    (1, "cfp-search --lines mind :hamlet.txt"),
    (1, "cfp-replace --in-place suffer dream :hamlet.txt"),
    (1, "cfp-reverse --per-line :hamlet.txt"),
    (1, "cfp-get hamlet.txt -o changed.txt"),
    (1, "grep dream changed.txt"),
    (0, "\x03"),
]


class Terminal:
    """A shell on a pseudo-terminal, and what it printed with the time."""

    def __init__(self, directory, environment):
        self.output = []
        child, self.fd = pty.fork()
        if child == 0:
            os.chdir(directory)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], environment)
        # As wide as a line of the log.
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))

    def text(self):
        return b"".join(block for _, block in self.output).decode()


def run(terminals, start, seconds, done=lambda: False):
    """Reads both terminals for this long, or until it is done."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not done():
        ready, _, _ = select.select([terminal.fd for terminal in terminals], [], [], 0.02)
        for terminal in terminals:
            if terminal.fd in ready:
                terminal.output.append((time.monotonic() - start, os.read(terminal.fd, 65536)))


def record(directory):
    environment = {
        "PATH": f"{PROJECT}/target/release:{os.environ['PATH']}",
        "HOME": str(directory),
        "PS1": "$ ",
        "TERM": "xterm",
        "LANG": "C.UTF-8",
    }
    places = [directory / "notes", directory / "work"]
    for place in places:
        place.mkdir()
    shutil.copy(HAMLET, places[1])
    start = time.monotonic()
    terminals = [Terminal(place, environment) for place in places]
    run(terminals, start, 1)
    for number, typed in SCRIPT:
        terminal = terminals[number]
        for key in typed if typed == "\x03" else typed + "\n":
            os.write(terminal.fd, key.encode())
            run(terminals, start, 0.045)
        is_started = lambda: terminal.text().endswith("$ ") or "listening on" in terminal.text()
        run(terminals, start, 20, is_started)
        run(terminals, start, 0.9)
    return terminals


def rows(terminal):
    """The rows of the screen: text, and the times of their first and last character."""
    found = [["", None, None]]
    for moment, block in terminal.output:
        for char in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", block.decode()):
            if char == "\n" or (char >= " " and len(found[-1][0]) == COLUMNS):
                found.append(["", None, None])
            if char >= " ":
                text, first, _ = found[-1]
                found[-1] = [text + char, moment if first is None else first, moment]
    return [row for row in found if row[1] is not None]


STYLE = """
text { font: 14px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #d8dee9; white-space: pre }
.title { fill: #8f9bb3; font-size: 12px }
.typed { fill: #a3e7b1 }
.row { animation: show 1ms both }
.type { animation-name: type; animation-fill-mode: both }
@keyframes show { from { visibility: hidden } }
@keyframes type { from { clip-path: inset(0 100% 0 0) } }
@media (prefers-reduced-motion: reduce) { .row, .type { animation: none } }
"""


def draw(terminals):
    width, line, pad = COLUMNS * 8.43 + 32, 19, 16
    body, top = [], 0
    for title, terminal in zip(["one terminal", "another"], terminals):
        shown = rows(terminal)
        # The prompt after the last command says nothing more.
        shown[-1][0] = shown[-1][0].removesuffix("$ ")
        if not shown[-1][0]:
            shown.pop()
        height = (len(shown) + 1) * line + 2 * pad
        body.append(f'<rect y="{top}" width="{width:.0f}" height="{height}" rx="8" fill="#1e2430"/>')
        body.append(f'<text class="title" x="{pad}" y="{top + 22}">{title}</text>')
        for number, (text, first, last) in enumerate(shown):
            y = top + pad + (number + 2) * line - 4
            if text.startswith("$ "):
                body.append(f'<text class="row" style="animation-delay:{first:.2f}s" x="{pad}" y="{y}">$</text>')
                count = len(text) - 2
                begin = last - count * 0.045
                style = f"animation-delay:{begin:.2f}s;animation-duration:{last - begin:.2f}s;"
                style += f"animation-timing-function:steps({count})"
                typed = escape(text[2:])
                body.append(f'<text class="typed type" style="{style}" x="{pad + 16.86:.2f}" y="{y}">{typed}</text>')
            else:
                style = f"animation-delay:{first:.2f}s"
                body.append(f'<text class="row" style="{style}" x="{pad}" y="{y}">{escape(text)}</text>')
        top += height + 12
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {top - 12}" width="{width:.0f}">'
    words = "cfpd serves a directory in one terminal; the tools store, search, change and fetch a file in another."
    return "\n".join([head, f"<title>{words}</title>", f"<style>{STYLE}</style>", *body, "</svg>\n"])


def main():
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("first-minute.svg")
    place = Path(tempfile.gettempdir()) / "cfp-recording"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        output.write_text(draw(record(place)))
    finally:
        shutil.rmtree(place)


main()

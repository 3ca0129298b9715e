"""Measures cfp beside the programs people use now, and writes the table of docs/benchmarks.md.

    make bench [ROWS=get,put,count-rare] [ROUNDS=5] [LOGS=on] [PLOTS=1] [OUT=docs/benchmarks.md] [SCALE=small]

The rows are in rows/, one a few lines; ROWS=help lists them. A round runs each side of a row once, so that what else the
machine does meets all of them. OUT is a file whose part between the two `bench` comments is replaced; without it the
table is printed.
"""

import signal
import sys
from datetime import date
from pathlib import Path

import plots
import programs
import rows
from files import Files
from process import Failed
from servers import Server, raise_limit
from settings import BIN, LOGS, OUT, PLOTS, ROUNDS, ROWS, SMALL, tell
from table import Row, markdown

TRIAL = " of a trial with tiny files, whose figures mean nothing" if SMALL else ""
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


class Run:
    """What a row measures with: files, and servers that run until the row ends."""

    def __init__(self, files):
        self.files, self.servers, self.numbers, self.failed, self.known = files, {}, 0, False, {}

    def server(self, kind):
        if kind not in self.servers:
            root = self.files.disk if kind.endswith(("synced", "disk")) else self.files.root
            self.servers[kind] = Server(kind, root, self.files.work)
        return self.servers[kind]

    def fresh(self, server):
        """The same server, started anew."""
        kind = next(kind for kind, running in self.servers.items() if running is server)
        self.servers.pop(kind).stop()
        return self.server(kind)

    def once(self, name, make):
        """What `make` gives, made when it is asked for first."""
        if name not in self.known:
            self.known[name] = make()
        return self.known[name]

    def number(self):
        """A number that was not used before."""
        self.numbers += 1
        return self.numbers

    def stop(self):
        for server in self.servers.values():
            server.stop()
        self.servers.clear()


def measured(row, run):
    """The rounds of each side, which go around; a side that fails is said and left out."""
    sides = [side for side in row.sides if all(map(programs.there, [*side.needs, *row.client]))]
    figures = {side.name: [] for side in sides}
    try:
        for _ in range(row.rounds and min(row.rounds, ROUNDS) or ROUNDS):
            for side in sides:
                if side.name in figures:
                    try:
                        figures[side.name].append(side.measure(run))
                    except (Failed, OSError) as failed:
                        tell(f"{row.name}: {side.name}: {failed}")
                        del figures[side.name]
                        run.failed = True
    finally:
        run.stop()
    return {name: rounds for name, rounds in figures.items() if rounds}


def drawn(row, run):
    """A plot, or a script with a table of its own."""
    try:
        row.draw(run)
    except Failed as failed:
        tell(f"{row.name}: {failed}")
        run.failed = True
    finally:
        run.stop()


def chosen():
    known = {row.name: row for row in [*rows.ALL, *plots.ALL, *rows.NAMED]}
    if ROWS == ["help"]:
        print("\n".join(f"{row.name:16} {row.title}" for row in known.values()))
        sys.exit()
    if unknown := [name for name in ROWS if name not in known]:
        tell(f"no row {', '.join(unknown)}; there are {', '.join(known)}")
        sys.exit(2)
    return [known[name] for name in ROWS] or [*rows.ALL, *(plots.ALL if PLOTS else [])]


def write(page):
    if not OUT:
        print(page)
        return
    path, old = Path(OUT), ""
    if path.exists():
        old = path.read_text()
    before, begins, rest = old.partition(BEGIN)
    _, ends, after = rest.partition(END)
    if old and not (begins and ends):
        tell(f"{OUT}: has no `{BEGIN}` and `{END}`, between which the table belongs")
        sys.exit(2)
    path.write_text(f"{before}{BEGIN}\n{page}{END}{after or chr(10)}")


def main():
    picked = chosen()
    if not (BIN / "cfpd").exists():
        tell(f"{BIN}/cfpd: no such program; `make` builds it, BIN=DIR names another directory")
        sys.exit(2)
    needed = dict.fromkeys(need for row in picked for need in row.needs() if need in programs.TABLE)
    programs.install(needed)
    head = (
        f"{date.today()}, {programs.machine()}; medians of {ROUNDS} interleaved rounds{TRIAL}; logs {'on' if LOGS else 'off'} for all. "
        + ", ".join(programs.version(name) for name in ["cfpd", *needed] if programs.there(name) and name != "time") + "."
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise_limit()
    files, results = Files(), []
    try:
        run = Run(files)
        for row in picked:
            tell(f"{row.name}: {row.title}")
            if isinstance(row, Row):
                results.append((row, measured(row, run)))
            else:
                drawn(row, run)
    finally:
        files.remove()
    if results:
        write(markdown(results, head))
    sys.exit(1 if run.failed else 0)


main()

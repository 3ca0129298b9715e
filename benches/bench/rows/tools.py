"""Rows of the programs themselves: what it costs to start one that asks one small thing, and how large they are."""

import process
from files import DENSE
from rows.serving import KIB
from settings import BIN, count
from table import Most, Row, Side, Target


def start(*argv):
    """Milliseconds, CPU milliseconds and KiB of a program that asks the server for something of one KiB."""
    def measure(run):
        server, name = run.server("cfpd"), run.files.text(KIB)
        argv_now = [word.format(name=name, url=server.url) for word in argv]
        environment = {"CFP_SERVER": server.url}
        taken = process.start(argv_now, count(100), environment)
        once = process.command(" ".join(["exec", *argv_now, ">/dev/null"]), environment)
        return {"ms": taken["seconds"] * 1000, "cpu_ms": taken["cpu"] * 1000, "memory": once["memory"]}
    return measure


def installed(_):
    """MiB of what `make install` puts into bin and lib."""
    programs = [path for path in BIN.glob("cfp*") if not path.suffix]
    return {"size": sum(path.stat().st_size for path in (*programs, *BIN.glob("lib/cfp/*.so"))) / (1 << 20)}


ROWS = [
    Row(
        "start", "start of a tool that asks one small thing",
        [
            Side("cfp-get", start("cfp-get", "-q", "-o", "-", ":{name}")),
            Side("cfp-search", start("cfp-search", DENSE, ":{name}")),
            Side("cfp-ls", start("cfp-ls", ":{name}")),
            Side("curl", start("curl", "-fsS", "{url}/{name}")),
        ],
        [
            Target(figure, 1, ("curl",), side)
            for side in ("cfp-get", "cfp-search", "cfp-ls")
            for figure in ("ms", "memory")
        ],
        client=("curl", "time"),
    ),
    Row("size", "the programs, with the libraries of the tools", [Side("cfp", installed)], [Most("size", 25)], rounds=1),
]

"""Rows of a server that stores."""

import clients
from rows.serving import GIB, KIB, MIB, sides
from table import Row, Side, Target


def upload(size):
    """curl sends a text; each run replaces the file of the one before."""
    def measure(run, server):
        path = run.files.root / run.files.text(size)
        return clients.curl(server, lambda _: ["-T", str(path), f"{server.url}/upload-{server.kind}"])
    return measure


def small(connections):
    """wrk stores files of 4 KiB on the disk, each under a new name and synced."""
    def measure(run):
        server = run.server("cfpd, synced")
        script = clients.put_script(run.files.work, f"/{connections}-{run.number()}-", 4 * KIB)
        found = clients.wrk(server, "/", connections, 3, ("-s", str(script)))
        return {"files": found["rate"], "cpu100k": found["cpu100k"], "p99": found["p99"]}
    return measure


ROWS = [
    Row(
        "put", "PUT 1 GiB, not synced (cfpd stores the digest too)", sides(("cfpd", "nginx", "lighttpd"), upload(GIB)),
        [Target("seconds", 1, ("nginx",))], client=("curl",),
    ),
    Row("put-synced", "PUT 1 GiB, synced to the disk", sides(("cfpd, synced",), upload(GIB)), rounds=3, client=("curl",)),
    Row("put-100m", "PUT 100 MiB, not synced", sides(("cfpd", "nginx", "lighttpd", "dufs"), upload(100 * MIB)), client=("curl",)),
    Row(
        "put-small", "PUT files of 4 KiB, each synced",
        [Side("cfpd, 8 connections", small(8)), Side("cfpd, one connection", small(1))],
        [Target("files", 4, ("cfpd, one connection",))], client=("wrk",),
    ),
]

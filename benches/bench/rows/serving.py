"""Rows of a server that sends: small files, large ones, many clients."""

import clients
from programs import NGINX_DAV
from servers import most_connections
from settings import count
from table import Most, Row, Side, Target

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
EVENTED = ("nginx", "lighttpd")
ALL = ("cfpd", "nginx", "lighttpd", "apache2", "dufs", "miniserve")


def sides(servers, measure, where=""):
    """A side for each server; `measure` gets the run and the server."""
    return [
        Side(name, lambda run, name=name: measure(run, run.server(name + where)), [name.split(",")[0]]) for name in servers
    ]


def small(servers, measure):
    """The same for files on a disk, which are in the page cache: the cache of cfpd takes none of /dev/shm."""
    return sides(servers, measure, ", disk")


def load(size, connections, options=(), figures=("rate", "cpu100k", "p99")):
    def measure(run, server):
        name = run.files.text(size, disk=server.is_on_disk)
        found = clients.wrk(server, "/" + name, connections, options=options)
        return {name: found[name] for name in figures}
    return measure


def fetch(size, copies=1):
    def measure(run, server):
        name = run.files.text(size)
        return clients.curl(server, lambda _: [f"{server.url}/{name}"], copies)
    return measure


def discard(size, number):
    return lambda run, server: clients.discard(server, "/" + run.files.text(size), number)


def listed(run, server):
    name = run.files.names(count(10_000))
    return clients.curl(server, lambda _: [f"{server.url}/{name}/"])


def described(run, server):
    name = run.files.names(count(1000))
    found = clients.wrk(server, f"/{name}/", 8, options=("-s", str(clients.propfind_script(run.files.work))))
    return {figure: found[figure] for figure in ("rate", "cpu100k", "p99")}


def describing(name, needs=()):
    """A side of PROPFIND, by a server that knows it."""
    kind = name.partition(",")[0]
    return Side(kind, lambda run: described(run, run.server(name)), [kind, *needs])


def idle(run, server):
    return clients.idle(run.fresh(server), "/" + run.files.text(KIB, disk=True), min(count(10_000), most_connections()))


ROWS = [
    Row(
        "get", "GET 1 KiB, 64 connections", small(ALL, load(KIB, 64)),
        [Target("rate", 1, ("nginx",)), Target("cpu100k", 1, ("nginx",)), Target("p99", 1, ("nginx",))], client=("wrk",),
    ),
    Row("get-100k", "GET 100 KiB, 64 connections", small(ALL[:4], load(100 * KIB, 64)), client=("wrk",)),
    Row(
        "connect", "GET 1 KiB, a connection each", small(ALL[:4], load(KIB, 64, ("-H", "Connection: close"))), client=("wrk",)
    ),
    Row(
        "calls", "system calls for a kept-alive GET of 1 KiB",
        small(ALL[:3], lambda run, server: clients.calls(server, "/" + run.files.text(KIB, disk=True), run.files.work)),
        [Most("calls", 4)], rounds=1, client=("strace",),
    ),
    Row("get-1g", "GET 1 GiB, one curl", sides(ALL[:3], fetch(GIB)), [Target("seconds", 1, EVENTED)], client=("curl",)),
    Row("get-8", "GET 100 MiB, 8 curls at once", sides(ALL[:3], fetch(100 * MIB, 8)), [Target("seconds", 1, EVENTED)], client=("curl",)),
    Row("discard", "GET 1 GiB, a client that discards it", sides(ALL[:3], discard(GIB, 1)), [Target("seconds", 1, EVENTED)]),
    Row(
        "clients", "GET 10 MiB by 1,000 clients", sides(ALL[:3], lambda run, server: discard(10 * MIB, count(1000))(run, server)),
        [Target("seconds", 1, EVENTED)], rounds=3,
    ),
    Row("idle", "10,000 idle connections (as far as descriptors allow)", small(ALL[:3], idle), [Most("each", 12), Most("answer", 5)], rounds=3),
    Row(
        "propfind", "PROPFIND of a directory of 1,000 files, 8 connections",
        [describing("cfpd"), describing("nginx, dav", [NGINX_DAV]), describing("apache2, dav"), describing("lighttpd")],
        [Target("rate", 1, ("nginx", "apache2"))], client=("wrk",),
    ),
    Row("list", "list of 10,000 names", sides((*ALL[:4], "dufs"), listed), client=("curl",)),
]

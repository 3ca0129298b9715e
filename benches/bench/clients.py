"""Loads on a server: wrk, curl, and connections of our own where neither can. Each gives the figures of one run, with
the CPU seconds that the server took."""

import re
import select
import socket
import struct
import subprocess
import time

import process
from settings import seconds

UNITS = {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}
BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
# Discards in the kernel what has arrived (tcp(7)): the client is then no part of what is measured.
DISCARD = socket.MSG_TRUNC
HANG = 30


def wrk(server, target, connections, full=1, options=()):
    """wrk with one thread: requests a second, the server's CPU seconds per 100,000 of them, p99 in ms, MiB a second."""
    before = server.cpu()
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds(full)}s", "--latency", "--timeout", "30s", *options, server.url + target],
        capture_output=True, text=True,
    )
    spent, said = server.cpu() - before, done.stdout
    if not (counted := re.search(r"(\d+) requests in", said)):
        raise process.Failed(f"wrk: {done.stderr.strip() or said.strip()}")
    if wrong := re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: connect [1-9].*", said):
        raise process.Failed(f"wrk: {wrong.group()}")
    requests = int(counted.group(1))
    amount, unit = re.search(r"99%\s+([\d.]+)(us|ms|s|m)", said).groups()
    moved, prefix = re.search(r"Transfer/sec:\s+([\d.]+)([KMGT]?)B", said).groups()
    return {
        "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)),
        "cpu100k": spent * 1e5 / max(requests, 1),
        "p99": float(amount) * UNITS[unit],
        "speed": float(moved) * BYTES[prefix] / (1 << 20),
        "requests": requests,
    }


def put_script(directory, prefix, size):
    """A script for wrk that stores a new file with each request."""
    script = directory / "put.lua"
    script.write_text(f"""
local number, body = 0, string.rep("x", {size})
function request()
  number = number + 1
  return wrk.format("PUT", "{prefix}" .. number, nil, body)
end
""")
    return script


def propfind_script(directory):
    """A script for wrk that asks for what a client shows of each entry of a directory."""
    script = directory / "propfind.lua"
    names = "".join(f"<D:{name}/>" for name in ("resourcetype", "getcontentlength", "getlastmodified", "getetag"))
    script.write_text(f"""
wrk.method = "PROPFIND"
wrk.headers["Depth"] = "1"
wrk.headers["Content-Type"] = "application/xml"
wrk.body = '<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop>{names}</D:prop></D:propfind>'
""")
    return script


def curl(server, options, copies=1):
    """So many curls at once: seconds until the last has ended, and the server's CPU seconds."""
    before, started = server.cpu(), time.monotonic()
    running = [
        subprocess.Popen(["curl", "-fsS", "-o", "/dev/null", *options(number)], stderr=subprocess.PIPE) for number in range(copies)
    ]
    said = b"".join(child.communicate()[1] for child in running)
    if any(child.returncode for child in running):
        raise process.Failed(said.decode(errors="replace").strip())
    taken = time.monotonic() - started
    return {"seconds": taken, "cpu": server.settled_cpu() - before}


def connect(server):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=HANG)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def reset(connections):
    """Closes with a reset, so that tens of thousands of closed connections keep no ports."""
    for connection in connections:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


def request(target):
    return f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def answer(connection):
    """Reads an answer with a Content-Length, head and body; gives the length that is still to come."""
    received = b""
    while b"\r\n\r\n" not in received:
        if not (block := connection.recv(65536)):
            raise process.Failed("the server closed the connection")
        received += block
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if b" 200 " not in head.split(b"\r\n")[0] or not length:
        raise process.Failed(head.decode(errors="replace"))
    return int(length.group(1)) - len(body)


def ask(connection, target):
    """One small request on a connection that is kept."""
    connection.sendall(request(target))
    left = answer(connection)
    while left > 0:
        left -= len(connection.recv(left))


def discard(server, target, clients, times=1):
    """So many clients at once that throw away what they receive, some times each: seconds until the last has all of it."""
    before, started = server.cpu(), time.monotonic()
    poll, open_now, buffer = select.epoll(), {}, bytearray(1 << 20)
    for _ in range(clients):
        connection = connect(server)
        connection.sendall(request(target))
        open_now[connection.fileno()] = [connection, None, times]
        poll.register(connection.fileno(), select.EPOLLIN)
    done = []
    while open_now:
        for number, _ in poll.poll(HANG):
            # The connection, the bytes that are still to come once a head was read, the answers that are still to come.
            client = open_now[number]
            if client[1] is None:
                client[1] = answer(client[0])
            elif not (received := client[0].recv_into(buffer, len(buffer), DISCARD)):
                raise process.Failed("an answer was cut short")
            else:
                client[1] -= received
            if client[1] <= 0 and client[2] > 1:
                client[0].sendall(request(target))
                client[1:] = [None, client[2] - 1]
            elif client[1] <= 0:
                poll.unregister(number)
                done.append(open_now.pop(number)[0])
    figures = {"seconds": time.monotonic() - started, "cpu": server.cpu() - before}
    reset(done)
    return figures


def idle(server, target, clients):
    """So many connections that have each made a request: the server's KiB for each, and ms until a new one is answered."""
    ask_once(server, target)
    before = process.status(server.pid, "VmRSS:")
    connections = []
    for _ in range(clients):
        connections.append(connect(server))
        ask(connections[-1], target)
    # From then on none of them does anything.
    time.sleep(seconds(3))
    each = (process.status(server.pid, "VmRSS:") - before) / clients
    times = sorted(ask_once(server, target) for _ in range(21))
    reset(connections)
    return {"each": max(each, 0), "answer": times[10] * 1000}


def ask_once(server, target):
    started = time.monotonic()
    connection = connect(server)
    ask(connection, target)
    taken = time.monotonic() - started
    reset([connection])
    return taken


def calls(server, target, work):
    """System calls for one small request on a kept connection: those of 300 less those of 100, counted by strace."""
    return {"calls": (traced(server, target, work, 300) - traced(server, target, work, 100)) / 200}


def traced(server, target, work, requests):
    log = work / "strace"
    # A server that listens may not have its workers yet; one that has answered has.
    ask_once(server, target)
    pids = [option for pid in process.tree(server.pid) for option in ("-p", str(pid))]
    tracer = subprocess.Popen(["strace", "-f", "-c", "-U", "calls,name", "-o", str(log), *pids], stderr=subprocess.PIPE)
    # Says once for each process that it is attached.
    for _ in range(len(pids) // 2):
        if b"attached" not in (line := tracer.stderr.readline()):
            tracer.wait()
            raise process.Failed(f"strace: {line.decode().strip()}")
    connection = connect(server)
    for _ in range(requests):
        ask(connection, target)
    reset([connection])
    tracer.terminate()
    tracer.communicate()
    return int(re.search(r"(\d+)\s+total", log.read_text()).group(1))

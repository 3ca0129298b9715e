"""Commands and processes: wall time, CPU seconds, resident memory. It knows nothing of servers."""

import os
import resource
import subprocess
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
TIME = "/usr/bin/time"


class Failed(Exception):
    """A measurement that gave no figure."""


def tree(pid):
    """A process and its descendants."""
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children") as file:
                    found += map(int, file.read().split())
        except OSError:
            pass
    return found


def cpu(pid):
    """CPU seconds of a process, its descendants, and those it has waited for."""
    ticks = 0
    for process in tree(pid):
        with open(f"/proc/{process}/stat") as file:
            fields = file.read().rpartition(") ")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / TICK


def status(pid, field):
    """A field of /proc/PID/status in KiB, summed over a process and its descendants."""
    total = 0
    for process in tree(pid):
        with open(f"/proc/{process}/status") as file:
            total += next((int(line.split()[1]) for line in file if line.startswith(field)), 0)
    return total


def command(line, environment=None, answers=(0,)):
    """Runs a shell command once: seconds, CPU seconds, and KiB of the largest process in it.

    GNU time stands between: a child's peak begins with the memory of the process that forked it, which is Python here.
    """
    with tempfile.NamedTemporaryFile() as peak:
        started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [TIME, "-q", "-f", "%M", "-o", peak.name, "sh", "-c", line],
            env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        memory = int(peak.read().split()[-1])
    if done.returncode not in answers:
        raise Failed(f"`{line}` ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu": spent, "memory": memory, "output": done.stdout}


def start(argv, times, environment=None):
    """Runs a program so many times, one after another: seconds and CPU seconds of one run."""
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(times):
        done = subprocess.run(
            argv, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if done.returncode:
            raise Failed(f"{argv[0]} ended with {done.returncode}")
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds / times, "cpu": spent / times}

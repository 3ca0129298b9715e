"""Plots of a figure over a size, drawn by gnuplot as SVG: where does a server bend? A plot is a row whose name begins with
`plot-`; each of its points is the median of the rounds."""

import shutil
import subprocess
from dataclasses import dataclass
from statistics import median
from typing import Callable

import clients
from process import Failed
from settings import PICTURES, ROUNDS, SMALL, tell
from settings import size as scaled

SERVERS = ("cfpd", "nginx", "lighttpd")
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
# Points of a plot take more than rows do: three rounds are enough for a line.
POINT_ROUNDS = min(ROUNDS, 3)


@dataclass
class Plot:
    """Points on a logarithmic axis, each measured for each server; one panel for each figure."""

    name: str
    title: str
    axis: str
    points: tuple
    panels: tuple
    measure: Callable

    def needs(self):
        return ["gnuplot", "nginx", "lighttpd", "wrk", "curl"]

    def draw(self, run):
        servers = [name for name in SERVERS[: 1 if SMALL else None] if name == "cfpd" or shutil.which(name)]
        points = (self.points[0], self.points[-1]) if SMALL else self.points
        data = {name: {} for name in servers}
        for point in points:
            for server, figures in measured(self, run, servers, point).items():
                data[server][point] = figures
        print(self.markdown(data), flush=True)
        if shutil.which("gnuplot"):
            self.write(data)

    def markdown(self, data):
        """The data as a table, for whoever reads no pictures."""
        units = [unit for _, unit in self.panels]
        lines = [f"| {self.axis} | " + " | ".join(f"{name}: {unit}" for unit in units for name in data) + " |"]
        lines.append("|---" * (1 + len(units) * len(data)) + "|")
        for point in sorted({point for each in data.values() for point in each}):
            cells = (data[name].get(point, {}).get(figure) for figure, _ in self.panels for name in data)
            lines.append(f"| {point} | " + " | ".join("–" if cell is None else f"{cell:.4g}" for cell in cells) + " |")
        return "\n".join(lines) + "\n"

    def write(self, data):
        blocks = [
            f"${block_name(server, figure)} << END\n"
            + "".join(f"{point} {each[figure]}\n" for point, each in sorted(points.items()) if figure in each)
            + "END"
            for server, points in data.items() for figure, _ in self.panels
        ]
        panels = []
        for figure, unit in self.panels:
            lines = ", ".join(
                f"${block_name(server, figure)} using 1:2 with linespoints lw 2 pt 7 ps 0.5 title '{server}'"
                for server, points in data.items() if any(figure in each for each in points.values())
            )
            panels.append(f"set ylabel '{unit}'\nplot {lines}")
        path = PICTURES / f"bench-{self.name.removeprefix('plot-')}.svg"
        script = "\n".join([
            f"set terminal svg size 800,{340 * len(self.panels)} font 'sans-serif,12' background 'white'",
            f"set output '{path}'", *blocks, f"set multiplot layout {len(self.panels)},1 title '{self.title}'",
            "set logscale xy", "set grid", "set key outside right", f"set xlabel '{self.axis}'", "set format x '%.0s%c'",
            *panels, "unset multiplot", "",
        ])
        PICTURES.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["gnuplot"], input=script, text=True, capture_output=True)
        if done.returncode:
            raise Failed(f"gnuplot: {done.stderr.strip()}")


def block_name(server, figure):
    return f"{server}_{figure}"


def measured(plot, run, servers, point):
    """The medians of each server at a point; a server that fails there has no point."""
    rounds = {server: [] for server in servers}
    for _ in range(POINT_ROUNDS):
        for server in list(rounds):
            try:
                rounds[server].append(plot.measure(run, run.server(server), point))
            except (Failed, OSError) as failed:
                tell(f"{plot.name}: {server} at {point}: {failed}")
                del rounds[server]
    return {
        server: {figure: median(each[figure] for each in found) for figure in found[0]} for server, found in rounds.items()
    }


def connections(run, server, number):
    """Three seconds: what thousands of connections take to be made is a small part then."""
    found = clients.wrk(server, "/" + run.files.text(KIB), number, 3)
    return {"rate": found["rate"], "p99": found["p99"]}


def sizes(run, server, size):
    """wrk for small files; from 1 MiB on a client that discards, for wrk's reads of 8 KiB would be what is measured."""
    target = "/" + run.files.text(size)
    if size < MIB:
        found = clients.wrk(server, target, 8)
        return {"speed": found["speed"], "p99": found["p99"]}
    times = max((256 * MIB) // size, 1)
    found = clients.discard(server, target, 8, times)
    return {"speed": 8 * times * scaled(size) / MIB / found["seconds"]}


def names(run, server, number):
    directory = run.files.names(max(number // 1000, 1) if SMALL else number)
    listed = clients.curl(server, lambda _: [f"{server.url}/{directory}/"])
    found = clients.wrk(server, f"/{directory}/file-0000000", 8)
    return {"list": listed["seconds"] * 1000, "p99": found["p99"]}


ALL = [
    Plot(
        "plot-connections", "GET of 1 KiB over kept-alive connections", "connections",
        tuple(1 << bit for bit in range(0, 13, 2)), (("rate", "requests/s"), ("p99", "p99, ms")), connections,
    ),
    Plot(
        "plot-sizes", "GET over 8 kept-alive connections", "bytes of the file",
        tuple(KIB << bit for bit in range(0, 23, 2)), (("speed", "MiB/s"), ("p99", "p99, ms")), sizes,
    ),
    Plot(
        "plot-names", "A directory of many names: its list, and one file of it by 8 connections", "names",
        tuple(10**power for power in range(7)), (("list", "list, ms"), ("p99", "p99 of a GET, ms")), names,
    ),
]

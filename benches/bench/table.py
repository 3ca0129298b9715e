"""Rows, sides and targets as data, and the Markdown made of their figures. It starts nothing."""

from dataclasses import dataclass, field
from statistics import median
from typing import Callable, Optional

# The unit that a figure is printed with, and whether more is better.
FIGURES = {
    "rate": ("requests/s", True),
    "files": ("files/s", True),
    "speed": ("MiB/s", True),
    "seconds": ("s", False),
    "ms": ("ms", False),
    "p99": ("ms p99", False),
    "p95": ("ms p95", False),
    "answer": ("ms for a new request", False),
    "cpu": ("CPU-s", False),
    "cpu100k": ("CPU-s per 100,000", False),
    "cpu_ms": ("CPU-ms", False),
    "memory": ("KiB", False),
    "server": ("KiB of the server", False),
    "each": ("KiB each", False),
    "calls": ("calls", False),
    "size": ("MiB", False),
}


# Figures that a ratio says "as fast as" of.
TIMES = ("seconds", "ms")


@dataclass
class Side:
    """One of the things compared: a name, what measures it once, and the programs that takes."""

    name: str
    measure: Callable
    needs: list = field(default_factory=list)


@dataclass
class Target:
    """How often better a figure of cfp must be than the best of others."""

    figure: str
    least: float
    over: tuple
    side: Optional[str] = None

    def text(self):
        others = " and ".join(self.over)
        if self.figure in TIMES:
            return f"≥ {self.least:g} × as fast as {others}"
        return f"{FIGURES[self.figure][0]}: {'≥' if FIGURES[self.figure][1] else '≤'} {self.least:g} × {others}"

    def reached(self, figures, first):
        others = [figures[name][self.figure] for name in self.over if self.figure in figures.get(name, {})]
        own = figures.get(self.side or first, {}).get(self.figure)
        if own is None or not others:
            return None, None
        best = (max if FIGURES[self.figure][1] else min)(others)
        ratio = times_better(self.figure, own, best)
        shown = ratio if self.figure in TIMES or FIGURES[self.figure][1] else own / best if best else 1.0
        return f"{shown:.2f} ×", ratio >= self.least


@dataclass
class Most:
    """The most that a figure of cfp may be."""

    figure: str
    most: float
    side: Optional[str] = None

    def text(self):
        return f"≤ {self.most:g} {FIGURES[self.figure][0]}"

    def reached(self, figures, first):
        own = figures.get(self.side or first, {}).get(self.figure)
        return (None, None) if own is None else (number(own), own <= self.most)


@dataclass
class Row:
    """What is measured. The first side is the one that targets speak of, the first figure the one it is judged by."""

    name: str
    title: str
    sides: list
    targets: list = field(default_factory=list)
    prepare: Optional[Callable] = None
    rounds: Optional[int] = None
    client: tuple = ()

    def needs(self):
        return [*self.client, *(need for side in self.sides for need in side.needs)]


def times_better(figure, own, other):
    """How often better; above 1 is better."""
    if not own or not other:
        return 1.0
    return own / other if FIGURES[figure][1] else other / own


def number(value):
    """Three digits are enough for a median of five."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"


def medians(rounds):
    return {name: median(each[name] for each in rounds) for name in rounds[0]}


def markdown(results, head):
    """The page's tables: targets, then all figures. `results` are pairs of a row and the rounds of each of its sides."""
    targets = ["| row | target | reached | |", "|---|---|---|---|"]
    figures = ["| row | program | median | from – to | others | first program against it |", "|---|---|---|---|---|---|"]
    for row, sides in results:
        middle = {name: medians(rounds) for name, rounds in sides.items()}
        first = row.sides[0].name
        for target in row.targets:
            text, met = target.reached(middle, first)
            mark = "not measured" if text is None else "yes" if met else "**no**"
            subject = f" ({target.side})" if target.side else ""
            targets.append(f"| {row.title}{subject} | {target.text()} | {text or '–'} | {mark} |")
        for name, rounds in sides.items():
            main, *others = rounds[0]
            values = sorted(each[main] for each in rounds)
            own = middle.get(first, {}).get(main)
            against = f"{times_better(main, own, middle[name][main]):.2f} ×" if own is not None and name != first else ""
            further = ", ".join(f"{number(middle[name][figure])} {FIGURES[figure][0]}" for figure in others)
            title = f"{row.title} (`{row.name}`)" if name == next(iter(sides)) else ""
            figures.append(
                f"| {title} | {name} | {number(middle[name][main])} {FIGURES[main][0]} "
                f"| {number(values[0])} – {number(values[-1])} | {further} | {against} |"
            )
    return "\n".join([head, "", *targets, "", *figures, ""])

"""Rows of the filters: a tool from its start to its end, with the CPU seconds of the server where there is one."""

import process
from files import DENSE, RARE
from table import Row, Side, Target

MIB = 1 << 20
CASE = {"LC_ALL": "C.UTF-8"}


def tool(line, size, answers=(0,)):
    """A command without a server; {text} is the path of the file."""
    def measure(run):
        done = process.command(line.format(text=run.files.root / run.files.text(size)), CASE, answers)
        return {name: done[name] for name in ("seconds", "cpu", "memory")}
    return measure


def served(line, size, kind="cfpd"):
    """A command that asks a server; {name} is the name of the file there, {url} the server."""
    def measure(run):
        server, name = run.server(kind), run.files.text(size)
        before = server.cpu()
        done = process.command(
            line.format(name=name, url=server.url, text=run.files.root / name), {**CASE, "CFP_SERVER": server.url}
        )
        done["cpu"] += server.cpu() - before
        done["server"] = process.status(server.pid, "VmHWM:")
        return {name: done[name] for name in ("seconds", "cpu", "memory", "server")}
    return measure


def count(name, word, size, least):
    over = "rg --mmap"
    return Row(
        name, f"count of a {'rare' if word == RARE else 'dense'} word, {size // MIB} MiB",
        [
            Side("cfp-search, stored", served(f"cfp-search {word} :{{name}}", size)),
            Side("cfp-search --local", tool(f"cfp-search --local {word} {{text}}", size)),
            Side(over, tool(f"rg --mmap --count-matches --word-regexp --fixed-strings {word} {{text}}", size), ["rg"]),
            Side("rg --no-mmap", tool(f"rg --no-mmap --count-matches --word-regexp --fixed-strings {word} {{text}}", size), ["rg"]),
            Side("nginx, curl and rg", served(
                f"curl -fsS {{url}}/{{name}} | rg --count-matches --word-regexp --fixed-strings {word}", size, "nginx"
            ), ["nginx", "curl", "rg"]),
        ],
        [Target("seconds", least, (over,))], client=("time",),
    )


def replace(name, word, size, least_local, least_streamed):
    judge = "sed" if word == DENSE else "perl"
    others = [
        Side("sed", tool(f"sed 's/\\b{word}\\b/changed/g' {{text}} >/dev/null", size), ["sed"]),
        Side("perl", tool(f"perl -pe 's/\\b{word}\\b/changed/g' {{text}} >/dev/null", size), ["perl"]),
        Side("sd", tool(f"sd '\\b{word}\\b' changed <{{text}} >/dev/null", size), ["sd"]),
    ]
    return Row(
        name, f"replacement of a {'rare' if word == RARE else 'dense'} word, {size // MIB} MiB",
        [
            Side("cfp-replace --local", tool(f"cfp-replace --local {word} changed {{text}} >/dev/null", size)),
            Side("cfp-replace, streamed", served(f"cat {{text}} | cfp-replace {word} changed >/dev/null", size)),
            Side("cfp-replace, stored", served(f"cfp-replace {word} changed :{{name}} >/dev/null", size)),
            *others,
        ],
        [Target("seconds", least_local, (judge,)), Target("seconds", least_streamed, (judge,), "cfp-replace, streamed")],
        client=("time",),
    )


def tree(run):
    server, name = run.server("cfpd"), run.files.tree(10_000, 100 << 10)
    before = server.cpu()
    done = process.command(f"curl -fsS '{server.url}/{name}/?search={RARE}' >/dev/null")
    return {"seconds": done["seconds"], "cpu": done["cpu"] + server.cpu() - before}


def tree_rg(run):
    path = run.files.root / run.files.tree(10_000, 100 << 10)
    done = process.command(f"rg --count-matches --word-regexp --fixed-strings {RARE} {path} >/dev/null")
    return {"seconds": done["seconds"], "cpu": done["cpu"]}


REVERSE = 256 * MIB
ZSTD = 256 * MIB
ROWS = [
    count("count-rare", RARE, 512 * MIB, 1),
    count("count-dense", DENSE, 64 * MIB, 10),
    replace("replace-dense", DENSE, 64 * MIB, 8, 5),
    replace("replace-rare", RARE, 256 * MIB, 6, 4),
    Row(
        "reverse", f"reversal of the words, {REVERSE // MIB} MiB",
        [
            Side("cfp-reverse --local", tool("cfp-reverse --local {text} >/dev/null", REVERSE)),
            Side("cfp-reverse, stored", served("cfp-reverse :{name} >/dev/null", REVERSE)),
            Side("tac -s ' '", tool("tac -s ' ' {text} >/dev/null", REVERSE)),
        ],
        [Target("seconds", 2, ("tac -s ' '",)), Target("seconds", 2, ("tac -s ' '",), "cfp-reverse, stored")], client=("time",),
    ),
    Row(
        "zstd", f"download of a text of {ZSTD // MIB} MiB as zstd",
        [
            Side("cfpd to curl", served("curl -fsS -H 'Accept-Encoding: zstd' -o /dev/null {url}/{name}", ZSTD)),
            Side("zstd --fast", tool("zstd --fast --single-thread -c -q {text} >/dev/null", ZSTD), ["zstd"]),
        ],
        [Target("seconds", 1, ("zstd --fast",))], client=("time", "curl"),
    ),
    Row(
        "tree", "search for a rare word in 10,000 files of 100 KiB", [Side("cfpd to curl", tree), Side("rg", tree_rg, ["rg"])],
        [Target("seconds", 1.2, ("rg",))], client=("time", "curl"),
    ),
]

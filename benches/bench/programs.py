"""The programs that are measured or that measure: where they come from, how they are installed, their versions."""

import os
import platform
import re
import shutil
import subprocess

from settings import BIN, INSTALL, tell

os.environ["PATH"] = f"{BIN}:{os.environ['PATH']}:/usr/sbin:{os.path.expanduser('~/.cargo/bin')}"

# The module of nginx that answers PROPFIND.
NGINX_DAV = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so"

# The program or file, its origin (a Debian package or a crate), and the option that prints its version.
TABLE = {
    "nginx": ("nginx-light", "-v"),
    NGINX_DAV: ("libnginx-mod-http-dav-ext", None),
    "lighttpd": ("lighttpd lighttpd-mod-webdav", "-v"),
    "apache2": ("apache2", "-v"),
    "dufs": ("crate:dufs", "--version"),
    "miniserve": ("crate:miniserve", "--version"),
    "wrk": ("wrk", "-v"),
    "curl": ("curl", "--version"),
    "rg": ("ripgrep", "--version"),
    "grep": ("grep", "--version"),
    "sed": ("sed", "--version"),
    "perl": ("perl", "--version"),
    "sd": ("crate:sd", "--version"),
    "tac": ("coreutils", "--version"),
    "zstd": ("zstd", "--version"),
    "strace": ("strace", "--version"),
    "time": ("time", "--version"),
    "gnuplot": ("gnuplot-nox", "--version"),
    "valgrind": ("valgrind", "--version"),
    "cc": ("gcc", "--version"),
}


def there(program):
    return program.startswith("cfp") or shutil.which(program) is not None or os.path.exists(program)


def origin(program):
    """How a person installs it."""
    package = TABLE[program][0]
    return f"cargo install {package[6:]}" if package.startswith("crate:") else f"apt-get install {package}"


def install(needed):
    """Installs what is missing where that may be done, and says what is still missing."""
    missing = [program for program in needed if not there(program)]
    if missing and INSTALL and os.getuid() == 0:
        origins = [TABLE[program][0] for program in missing]
        packages = [name for names in origins if ":" not in names for name in names.split()]
        crates = [name[6:] for name in origins if ":" in name]
        if packages and shutil.which("apt-get"):
            tell(f"installs {' '.join(packages)}")
            command = ["apt-get", "install", "-y", "-q", "--no-install-recommends"]
            if quiet([*command, *packages]):
                quiet(["apt-get", "update", "-q"])
                for package in packages:
                    quiet([*command, package])
        if crates:
            tell(f"installs {' '.join(crates)} with cargo, which takes minutes")
            quiet([os.environ.get("CARGO", "cargo"), "install", "--quiet", "--locked", *crates])
    for program in missing:
        if not there(program):
            tell(f"{program} is not installed ({origin(program)}): its figures are left out")


def quiet(command):
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


def version(program):
    option = TABLE.get(program, (None, "--version"))[1]
    if option is None:
        return os.path.basename(program)
    done = subprocess.run([program, option], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    found = re.search(r"\d+(\.\w+)+|\d+ patchlevel \d+", done.stdout + done.stderr)
    return f"{program} {found.group() if found else '?'}"


def machine():
    """Processor, cores, memory, kernel and congestion control, in one line."""
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1])
    cores = len(os.sched_getaffinity(0))
    with open("/proc/sys/net/ipv4/tcp_congestion_control") as file:
        congestion = file.read().strip()
    return (
        f"{model.group(1) if model else platform.machine()}, {cores} cores, {memory / (1 << 20):.0f} GiB of memory, "
        f"Linux {platform.release()}, TCP {congestion}"
    )

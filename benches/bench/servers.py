"""The servers: how each is started on a free port of the loopback address, and what it has used. One row starts the
servers it names and ends them; none of them syncs, unless its name says so, and all of them log or none does."""

import os
import re
import resource
import shutil
import socket
import subprocess
import time

import process
import programs
from settings import LOGS

# Of cfpd and nginx. Their descriptors are limited too.
CONNECTIONS = 20000


def raise_limit():
    """Lets this process and the servers open as many descriptors as they may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def most_connections():
    """As many as all servers take: lighttpd counts two descriptors for each."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2 - 16


class Server:
    """A running server of a directory."""

    def __init__(self, kind, root, work):
        self.kind = kind.partition(",")[0]
        self.is_on_disk = kind.endswith(", disk")
        self.work = work / f"{self.kind}.{time.monotonic_ns()}"
        self.work.mkdir()
        self.work.chmod(0o755)
        self.port = None if self.kind == "cfpd" else free_port()
        self.output = self.work / "output"
        with open(self.output, "wb") as output:
            argv = COMMANDS[kind.removesuffix(", disk")](self, root)
            self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.port = self.port or self.printed_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.until_open()

    @property
    def pid(self):
        return self.child.pid

    def printed_port(self):
        while True:
            if found := re.search(rb"listening on http://127\.0\.0\.1:(\d+)\n", self.output.read_bytes()):
                return int(found.group(1))
            self.must_run()

    def until_open(self):
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                self.must_run()

    def must_run(self):
        if self.child.poll() is not None:
            raise process.Failed(self.output.read_text(errors="replace").strip() or f"{self.child.args[0]} ended")
        time.sleep(0.01)

    def cpu(self):
        return process.cpu(self.pid)

    def settled_cpu(self):
        """Its CPU seconds once it does nothing more: what it does after its response counts too, and disturbs no other server."""
        spent = self.cpu()
        while True:
            time.sleep(0.05)
            if (now := self.cpu()) == spent:
                return spent
            spent = now

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        shutil.rmtree(self.work, ignore_errors=True)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def cfpd(server, root, *options):
    log = ["--log", str(server.work / "log")] if LOGS else []
    return [
        "cfpd", "--listen", "127.0.0.1:0", "--max-connections", str(CONNECTIONS), "--idle-timeout", "600", *options, *log, str(root)
    ]


def nginx(server, root, dav=False):
    work = server.work
    load, methods = (f"load_module {programs.NGINX_DAV};", "dav_ext_methods PROPFIND OPTIONS;") if dav else ("", "")
    user = "user root;" if os.getuid() == 0 else ""
    log = f"{work}/log" if LOGS else "off"
    (work / "nginx.conf").write_text(f"""{load} {user}
worker_processes auto; daemon off; pid {work}/pid; error_log {work}/errors;
events {{ worker_connections {CONNECTIONS}; }}
http {{
  access_log {log}; sendfile on; keepalive_requests 1000000000; keepalive_timeout 600; client_max_body_size 0;
  open_file_cache max=1000; open_file_cache_valid 1s; default_type text/plain;
  client_body_temp_path {root}/.nginx;
  server {{ listen 127.0.0.1:{server.port} backlog=4096; root {root}; autoindex on; dav_methods PUT DELETE; {methods} }}
}}
""")
    return ["nginx", "-c", str(work / "nginx.conf"), "-p", str(work), "-e", f"{work}/errors"]


def lighttpd(server, root):
    work = server.work
    modules = ["mod_webdav", "mod_dirlisting"] + (["mod_accesslog"] if LOGS else [])
    modules = [name for name in modules if os.path.exists(f"/usr/lib/lighttpd/{name}.so")]
    (root / ".lighttpd").mkdir(exist_ok=True)
    log = f'accesslog.filename = "{work}/log"\n' if LOGS else ""
    webdav = 'webdav.activate = "enable"\n' if "mod_webdav" in modules else ""
    names = ", ".join(f'"{name}"' for name in modules)
    (work / "lighttpd.conf").write_text(f"""server.modules = ({names})
server.bind = "127.0.0.1"
server.port = {server.port}
server.document-root = "{root}"
server.errorlog = "{work}/errors"
server.upload-dirs = ("{root}/.lighttpd")
server.max-connections = {most_connections() + 16}
server.max-fds = {2 * most_connections() + 32}
server.max-keep-alive-requests = 1000000000
server.max-keep-alive-idle = 600
server.listen-backlog = 4096
dir-listing.activate = "enable"
mimetype.assign = ("" => "text/plain")
{webdav}{log}""")
    return ["lighttpd", "-D", "-f", str(work / "lighttpd.conf")]


def apache2(server, root, dav=False):
    work = server.work
    modules = ["mpm_event", "authz_core", "mime", "dir", "autoindex", *(["dav", "dav_fs"] if dav else [])]
    locks, active = (f"DavLockDB {work}/locks", "Dav On") if dav else ("", "")
    loads = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in modules)
    user = "User www-data\nGroup www-data\n" if os.getuid() == 0 else ""
    log = f'CustomLog "{work}/log" "%h %l %u %t \\"%r\\" %>s %O"\n' if LOGS else ""
    (work / "apache2.conf").write_text(f"""{loads}{user}ServerName localhost
ServerRoot "{work}"
PidFile "{work}/pid"
DefaultRuntimeDir "{work}"
ErrorLog "{work}/errors"
Listen 127.0.0.1:{server.port}
DocumentRoot "{root}"
KeepAlive On
MaxKeepAliveRequests 0
EnableSendfile On
TypesConfig /dev/null
{locks}
<Directory "{root}">
  Options Indexes
  Require all granted
  {active}
</Directory>
{log}""")
    return ["apache2", "-d", str(work), "-f", str(work / "apache2.conf"), "-DFOREGROUND"]


def dufs(server, root):
    log = [] if LOGS else ["--log-format", ""]
    return ["dufs", "--allow-all", "--bind", "127.0.0.1", "--port", str(server.port), *log, str(root)]


def miniserve(server, root):
    log = ["--verbose"] if LOGS else []
    return ["miniserve", "--interfaces", "127.0.0.1", "--port", str(server.port), *log, str(root)]


COMMANDS = {
    "cfpd": lambda server, root: cfpd(server, root, "--no-sync"),
    "cfpd, synced": cfpd,
    "nginx": nginx,
    "nginx, dav": lambda server, root: nginx(server, root, dav=True),
    "lighttpd": lighttpd,
    "apache2": apache2,
    "apache2, dav": lambda server, root: apache2(server, root, dav=True),
    "dufs": dufs,
    "miniserve": miniserve,
}

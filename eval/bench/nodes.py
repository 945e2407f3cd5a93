"""What the benchmarks of several processes start and look at: PostgreSQL, NATS, nodes of fenwen, their memory.

Everything listens at free ports of the loopback interface, or at a socket in a folder of its own, and ends with the benchmark.
"""

import contextlib
import http.client
import json
import os
import pathlib
import pwd
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time

START_SECONDS = 120
PAGE = os.sysconf("SC_PAGE_SIZE")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, name):
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < until and process.poll() is None, f"{name} did not start"
            time.sleep(0.05)


def end(process, patience=60):
    """Ends a process that we started, kindly first."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(patience)


def postgres_program(name):
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    program = str(found[-1]) if found else shutil.which(name)
    assert program, f"PostgreSQL's {name} is missing: make servers"
    return program


class Database:
    """A database of PostgreSQL on a server of its own."""

    def __init__(self, url):
        self.url = url

    def ask(self, query):
        """Rows, each a list of texts."""
        psql = [postgres_program("psql"), "-qAt", "-F", "\t", "-c", query, self.url]
        done = subprocess.run(psql, capture_output=True, text=True, check=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def settings(self):
        return ["store.engine=postgres", f"store.url={self.url}"]


class File:
    """The store of SQLite in a data directory."""

    def __init__(self, data):
        self.path = pathlib.Path(data, "store.sqlite")

    def ask(self, query):
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=60)) as open_file:
            return [[str(it) for it in row] for row in open_file.execute(query)]

    def settings(self):
        return []


@contextlib.contextmanager
def postgres(durable=True):
    """A server in a folder of its own, reached by a socket there; it refuses to run as root."""
    user = None
    if os.getuid() == 0:
        names = [it.pw_name for it in pwd.getpwall()]
        user = next(it for it in ("postgres", "nobody") if it in names)
    with tempfile.TemporaryDirectory(prefix="bench-pg-") as name:
        folder = pathlib.Path(name)
        if user:
            shutil.chown(folder, user)
        run = {"user": user, "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        make = [postgres_program("initdb"), "-U", "fenwen", "-A", "trust", "-E", "UTF8", "--no-locale", "-N", "-D", "data"]
        subprocess.run(make, check=True, **run)
        command = [postgres_program("postgres"), "-D", "data", "-k", name, "-c", "listen_addresses=", "-c", "max_connections=200",
                   "-c", f"fsync={'on' if durable else 'off'}"]
        server = subprocess.Popen(command, **run)
        try:
            is_ready = [postgres_program("pg_isready"), "-q", "-h", name, "-U", "fenwen"]
            until = time.monotonic() + START_SECONDS
            while subprocess.run(is_ready, check=False).returncode != 0:
                assert time.monotonic() < until and server.poll() is None, "PostgreSQL did not start"
                time.sleep(0.1)
            yield Database(f"host={name} user=fenwen dbname=postgres")
        finally:
            # SIGINT: sessions are cut, the server ends in order.
            server.send_signal(2)
            server.wait(60)


@contextlib.contextmanager
def nats(program):
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-nats-") as folder:
        command = [program, "--addr", "127.0.0.1", "--port", str(port), "--jetstream", "--store_dir", folder]
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(port, process, "NATS")
            yield f"nats://127.0.0.1:{port}"
        finally:
            end(process)


@contextlib.contextmanager
def common(servers, prefix):
    """A fresh folder with a data directory, a store, and the settings of nodes over it: PostgreSQL and NATS where `servers` has
    the NATS server, else SQLite and the bus inside."""
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
        (folder / "data").mkdir()
        settings = ["jobs.max_queued=1000000", "jobs.per_minute=100000000", "log.level=warn"]
        store = File(folder / "data")
        if servers:
            store = stack.enter_context(postgres())
            url = stack.enter_context(nats(servers / "nats-server"))
            settings += [*store.settings(), "bus.engine=nats", f"bus.url={url}"]
        yield folder, store, settings


class Node:
    """One process of `fenwen serve`."""

    def __init__(self, fenwen, data, role, settings, log):
        self.port, self.role = free_port(), role
        command = [fenwen, "serve", "--profile", "demo", "--role", role, "--listen", f"127.0.0.1:{self.port}", "--data-dir", data]
        for it in settings:
            command += ["--set", it]
        with open(log, "ab") as out:
            self.process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=out)
        self.log = log

    def wait_until_live(self):
        return self.wait_until("/healthz/live")

    def wait_until_ready(self):
        return self.wait_until("/healthz/ready")

    def wait_until(self, path):
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                if call(self.port, "GET", path)[0] == 200:
                    return self
            except (OSError, http.client.HTTPException):
                pass
            assert time.monotonic() < until and self.process.poll() is None, f"{self.role} did not start: see {self.log}"
            time.sleep(0.05)

    def rss_mib(self):
        """Memory in use, MiB; none once it has ended."""
        try:
            pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return None
        return int(pages) * PAGE / 2**20 or None

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def call(port, method, path, body=None, headers=None, timeout=60):
    """Status and bytes of one answer, over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        if isinstance(body, (dict, list)):
            body, headers = json.dumps(body, ensure_ascii=False).encode(), {"content-type": "application/json", **(headers or {})}
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Caller:
    """One connection that asks again and again for little: requests are bytes made before, of an answer only what is needed
    is read."""

    def __init__(self, port):
        self.port, self.socket = port, None

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def ask(self, request):
        """Status and body; a connection that breaks is an `OSError`, and the next call opens another."""
        try:
            if self.socket is None:
                self.socket = socket.create_connection(("127.0.0.1", self.port), 60)
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.sendall(request)
            return self.answer()
        except OSError:
            self.close()
            raise

    def answer(self):
        seen = b""
        while (at := seen.find(b"\r\n\r\n")) < 0:
            seen += self.more()
        head, body = seen[:at].lower(), seen[at + 4:]
        begin = head.find(b"content-length:")
        if begin < 0:
            raise OSError("an answer without a length")
        length = int(head[begin + 15:].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += self.more()
        return int(head[9:12]), body

    def more(self):
        got = self.socket.recv(65536)
        if not got:
            raise OSError("the connection ended within an answer")
        return got


def request(path, body):
    """A POST as it goes over the wire."""
    body = json.dumps(body, ensure_ascii=False).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def quantile(values, share):
    ordered = sorted(values)
    return ordered[round((len(ordered) - 1) * share)] if ordered else None


def slope(points):
    """Least squares: how much `y` grows with `x`; none of fewer than three points."""
    if len(points) < 3:
        return None
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else None


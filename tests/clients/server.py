"""What the checks run against: a fenwen of their own, and a NATS server; on free loopback ports, ended with the check."""

import contextlib
import json
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
NATS = ROOT / "target/servers/nats-server"
START_SECONDS = 120


class Server:
    """A running fenwen in the demo profile."""

    def __init__(self, program, folder, address):
        self.program, self.folder, self.address = program, pathlib.Path(folder), address

    def url(self, path):
        return f"http://{self.address}{path}"

    def call(self, method, path, body=None, headers=(), raw=None):
        """Status and document of an answer; refusals too."""
        data = raw if raw is not None else (None if body is None else json.dumps(body).encode())
        named = {"content-type": "application/json", **dict(headers)}
        request = urllib.request.Request(self.url(path), data=data, method=method, headers=named)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            status, text = refusal.code, refusal.read()
        return status, json.loads(text) if text else None

    def run(self, *arguments):
        """A command of the same program on the same data."""
        command = [self.program, *map(str, arguments), "--data-dir", str(self.folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def fenwen(program, settings="", prepare=lambda server: None):
    """Serves until the block ends; `prepare` runs before the start, `settings` is a TOML file."""
    address = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as folder:
        server = Server(str(program), pathlib.Path(folder) / "data", address)
        server.folder.mkdir()
        config = pathlib.Path(folder) / "fenwen.toml"
        config.write_text(settings, encoding="utf-8")
        prepare(server)
        log = open(pathlib.Path(folder) / "log", "w+", encoding="utf-8")
        command = [server.program, "serve", "--config", config, "--profile", "demo", "--listen", address]
        process = subprocess.Popen([*command, "--data-dir", server.folder], stdout=subprocess.DEVNULL, stderr=log)
        try:
            wait_until_ready(server, process, log)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=60)
            log.close()


def wait_until_ready(server, process, log):
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(server.url("/healthz/live"), timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    log.seek(0)
    raise SystemExit(f"fenwen did not start:\n{log.read()[-2000:]}")


@contextlib.contextmanager
def nats_server():
    """The URL of a NATS server with JetStream."""
    if not NATS.exists():
        raise SystemExit("target/servers/nats-server is missing: run `make servers` first")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [NATS, "--addr", "127.0.0.1", "--port", str(port), "--jetstream", "--store_dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(port, process)
            yield f"nats://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_for_port(port, process):
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the NATS server did not start")


def poll(what, found, seconds=30):
    """The first value of `found` that is true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = found()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"waited in vain for {what}")

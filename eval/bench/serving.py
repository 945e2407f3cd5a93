#!/usr/bin/env python3
"""How servers of models serve: fenwen, other servers and a bare axum, one run, one machine, models of the same cost.

The models sleep as long as they would compute (`eval/bench/peers/work.py`, `eval/src/serving/work.rs`): what is measured is
the serving. Loads come from `fenwen-eval serving`; servers take turns, each asked at one time while the others idle.

    python3 eval/bench/serving.py --fenwen target/release/fenwen --eval target/release/fenwen-eval --json eval/out/serving.json

fenwen proves its caller by a key, records each call twice on its audit log, counts it and gives it an id; the others do
none of this. Needs the environments that `make bench-serving` makes under target/serving.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

import grpc_leave

HERE = pathlib.Path(__file__).parent
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 90
# Of a server that refuses; the one in the middle is shown.
BURSTS = 7
# A call of the protocol that Triton and MLServer speak too: one row of 16 numbers, 330 bytes.
BODY = {"id": "letter-1140012345", "inputs": [
    {"name": "x", "datatype": "FP32", "shape": [1, 16], "data": [round(0.0625 * it - 0.5, 4) for it in range(16)]}]}
LETTER = {"purpose": {"code": "petition-handling"}, "letters": [{"subject": "戶籍遷入遭退件", "body":
    "您好,我上週到戶政事務所辦理遷入登記,承辦人說缺少房屋所有權人的同意書,請問要怎麼補件?如果屋主人在國外,可否以視訊或電子郵件同意?謝謝。"}]}
LETTERS = "fenwen, letters"
PEERS = {
    "mosec": ("venv", "mosec_app.py", "/inference"),
    "FastAPI": ("venv", "fastapi_app.py", "/infer"),
    "LitServe": ("venv", "litserve_app.py", "/infer"),
    "Triton": ("triton", "triton_app.py", "/v2/models/load/infer"),
    "MLServer": ("mlserver", "mlserver_app.py", "/v2/models/load/infer"),
}


class Server:
    """A running server of one model."""

    def __init__(self, name, path, headers=()):
        self.name, self.path, self.headers = name, path, list(headers)
        self.port = free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="serving-"))
        self.count, self.body = self.folder / "count", self.folder / "body"
        self.count.write_text("0")
        self.body.write_text(json.dumps(BODY))
        self.process, self.ready_s = None, None

    def start(self, command, probe, environment=None):
        began = time.monotonic()
        log = open(self.folder / "log", "wb")
        command = list(map(str, command))
        self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        while time.monotonic() < began + START_SECONDS:
            if self.process.poll() is not None:
                break
            if probe(self):
                self.ready_s = time.monotonic() - began
                return self
            time.sleep(0.02)
        tail = (self.folder / "log").read_text(errors="replace")[-1500:]
        self.stop()
        raise RuntimeError(f"{self.name} did not start: {tail}")

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        # Its own session, nobody else's processes: some leave their workers behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.wait(15)
        shutil.rmtree(self.folder, ignore_errors=True)

    def request(self):
        return ["--address", f"127.0.0.1:{self.port}", "--path", self.path, "--body", self.body,
                *(it for header in self.headers for it in ("--header", header))]

    def computed(self):
        return int(self.count.read_text() or 0)


def free_port():
    """With two more behind it that are free too."""
    while True:
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                for it in (port + 1, port + 2):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", it))
                return port
            except OSError:
                continue


def family(pid):
    """A process and all below it."""
    found, parents = [pid], {}
    for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            fields = entry.read_text().rsplit(")", 1)[1].split()
            parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    for it in found:
        found.extend(parents.get(it, []))
    return found


def cpu_seconds(pid):
    total = 0
    for it in family(pid):
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{it}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total / CLOCK_TICKS


def rss_mib(pid):
    total = 0
    for it in family(pid):
        with contextlib.suppress(OSError):
            total += int(pathlib.Path(f"/proc/{it}/statm").read_text().split()[1])
    return total * os.sysconf("SC_PAGE_SIZE") / 2**20


def load(args, kind, server, *options):
    command = [args.eval, "serving", kind, *server.request(), *options]
    done = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=90)
    return json.loads(done.stdout)


def probe(args):
    """One answer of 200."""
    def asked(server):
        with contextlib.suppress(subprocess.CalledProcessError):
            return load(args, "burst", server, "--count", 1, "--deadline-ms", 1000)["in_time"] == 1
        return False

    return asked


def start(args, name, work):
    if name == LETTERS:
        return letters(args)
    if name == "floor":
        server = Server(name, "/infer")
        command = [args.eval, "serving", "floor", "--listen", f"127.0.0.1:{server.port}", "--work", work, "--count", server.count]
        return server.start(command, probe(args))
    if name.startswith("fenwen"):
        server = Server(name, "/v2/models/load/infer")
        server.headers = [f"authorization: Bearer {key(args, server.folder)}", "x-deadline-ms: 1000" if work == "slow" else "x-bench: 1"]
        audit = "disk" if name.endswith("disk") else "system"
        command = [args.eval, "serving", "fenwen", "--listen", f"127.0.0.1:{server.port}", "--work", work, "--count", server.count,
                   "--data-dir", server.folder / "data", "--audit", audit]
        return server.start(command, probe(args))
    environment, program, path = PEERS[name]
    server = Server(name, path)
    python = args.environments / environment / "bin/python"
    given = {**os.environ, "PEER_WORK": work, "PEER_COUNT": str(server.count), "PEER_PORT": str(server.port),
             "PATH": f"{python.parent.absolute()}:{os.environ['PATH']}"}
    return server.start([python.absolute(), HERE / "peers" / program], probe(args), given)


def key(args, folder, scopes="models:infer,letters:classify"):
    """Of a client that may call these, registered as an operator would."""
    data = folder / "data"
    data.mkdir()

    def run(*command):
        done = subprocess.run([args.fenwen, "clients", *command, "--data-dir", data], check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout

    run("add", "bench", "--purpose", "petition-handling", "--scope", scopes, "--approved-by", "u-1")
    return next(word for word in run("key", "bench").split() if word.startswith("fwd_"))


def letters(args):
    """The program itself, with its own classifier of letters, which keeps each answer in its store."""
    server = Server(LETTERS, "/api/v1/letters/classifications")
    server.headers = [f"authorization: Bearer {key(args, server.folder)}"]
    server.body.write_text(json.dumps(LETTER, ensure_ascii=False))
    config = server.folder / "fenwen.toml"
    config.write_text('[auth]\nmode = "required"\n')
    command = [args.fenwen, "serve", "--config", config, "--profile", "demo", "--listen", f"127.0.0.1:{server.port}",
               "--data-dir", server.folder / "data"]
    return server.start(command, probe(args))


def measured(args, server, connections, seconds):
    before = cpu_seconds(server.process.pid)
    found = load(args, "closed", server, "--connections", connections, "--seconds", seconds)
    spent = cpu_seconds(server.process.pid) - before
    found["cpu_us"] = spent / max(1, found["answers_in_all"]) * 1e6
    found["rss_mib"] = rss_mib(server.process.pid)
    return found


@contextlib.contextmanager
def servers(args, names, work):
    running, failed = [], {}
    try:
        for name in names:
            try:
                running.append(start(args, name, work))
            except RuntimeError as error:
                failed[name] = str(error)
                print(f"{name}: {error}", flush=True)
        yield running, failed
    finally:
        for it in running:
            it.stop()


def closed_loop(args, work, all_connections):
    """Median of the rounds, in which the servers take turns."""
    report = {}
    own = ["fenwen", "fenwen, disk", *([LETTERS] if work == "echo" else [])]
    with servers(args, ["floor", *own, *PEERS], work) as (running, failed):
        for it in running:
            report[it.name] = {"ready_s": it.ready_s, "idle_rss_mib": rss_mib(it.process.pid)}
        for connections in all_connections:
            rounds = [{it.name: measured(args, it, connections, args.seconds) for it in running} for _ in range(args.rounds)]
            for it in running:
                seen = [one[it.name] for one in rounds]
                report[it.name][str(connections)] = {
                    key: statistics.median(one[key] or 0 for one in seen)
                    for key in ("per_second", "p50_ms", "p99_ms", "cpu_us", "rss_mib")
                } | {"least_cpu_us": min(one["cpu_us"] for one in seen), "statuses": seen[-1]["statuses"],
                     "of_floor": statistics.median(one[it.name]["per_second"] / one["floor"]["per_second"] for one in rounds)}
                print(work, connections, it.name, json.dumps(report[it.name][str(connections)]), flush=True)
        report |= {name: {"failed": why} for name, why in failed.items()}
    return report


def vanished(args):
    """Callers who hang up after 30 ms; then a burst, once all of that is worked off."""
    report = {}
    for name in ["floor", "fenwen", *PEERS]:
        try:
            server = start(args, name, "slow")
        except RuntimeError as error:
            report[name] = {"failed": str(error)}
            continue
        try:
            report[name] = {"left": left(args, server, 50)}
            # The rest would still be at work on what was left before.
            if name in ("floor", "fenwen"):
                report[name]["left, twice as many"] = left(args, server, 100)
            if name == "fenwen":
                report[name]["left, gRPC"] = left_over_grpc(server)
            # What its batches cost is learned here, by those who learn.
            load(args, "closed", server, "--connections", 16, "--seconds", 3)
            settle(server)
            # Only who refuses is through with a burst within a second.
            report[name]["bursts"] = [burst(args, server) for _ in range(BURSTS if name == "fenwen" else 1)]
        except (subprocess.SubprocessError, OSError) as error:
            report[name]["failed"] = str(error)
        finally:
            server.stop()
        print(name, json.dumps(report[name]), flush=True)
    return report


def burst(args, server):
    before = rss_mib(server.process.pid)
    found = load(args, "burst", server, "--count", 512, "--deadline-ms", 1000)
    settle(server)
    return found | {"rss_growth_mib": rss_mib(server.process.pid) - before}


def left(args, server, callers):
    before = server.computed()
    found = load(args, "leave", server, "--connections", callers, "--seconds", 6, "--patience-ms", 30)
    return found | {"callers": callers} | left_behind(server, before, found)


def left_behind(server, before, found):
    """What was computed for those who had left: of all that was sent, and of what was not answered (a refusal is an answer)."""
    drained = settle(server)
    # One more was computed for whoever stayed.
    computed = max(0, server.computed() - before - 1)
    n_left = found["sent"] - found["answered"]
    return {"computed": computed, "share": computed / max(1, found["sent"]), "share_of_left": computed / max(1, n_left), "drained_s": drained}


def left_over_grpc(server):
    """As `left`, by callers who cancel their calls and keep their connections."""
    headers = [tuple(it.split(": ", 1)) for it in server.headers if not it.startswith("x-")]
    values = BODY["inputs"][0]["data"]
    message = grpc_leave.infer_request("load", values)
    before = server.computed()
    found = grpc_leave.leave(server.port, [*headers, ("grpc-timeout", "1S")], message, 50, 6, 0.03)
    status = 200 if found.pop("next_answered") else None
    return found | {"callers": 50, "next_status": status} | left_behind(server, before, found)


def settle(server):
    """Seconds until nothing more is computed; a quarter of a minute at most."""
    began = time.monotonic()
    last, at = server.computed(), began
    while time.monotonic() < began + 15:
        time.sleep(0.1)
        now = server.computed()
        if now != last:
            last, at = now, time.monotonic()
        elif at + 1 < time.monotonic():
            return at - began
    return None


def versions(args):
    found = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    for environment in ("venv", "triton", "mlserver"):
        python = args.environments / environment / "bin/python"
        done = subprocess.run([python, "-m", "pip", "list", "--format", "json"], stdout=subprocess.PIPE, check=False)
        wanted = ("fastapi", "uvicorn", "uvloop", "litserve", "mosec", "nvidia-pytriton", "mlserver")
        found |= {it["name"]: it["version"] for it in json.loads(done.stdout or "[]") if it["name"] in wanted}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fenwen", type=pathlib.Path, required=True)
    parser.add_argument("--eval", type=pathlib.Path, required=True)
    parser.add_argument("--environments", type=pathlib.Path, default=pathlib.Path("target/serving"))
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", default="echo,batch,slow", help="what is measured")
    parser.add_argument("--json", type=pathlib.Path, required=True)
    args = parser.parse_args()
    parts = args.parts.split(",")
    report = {"versions": versions(args), "seconds": args.seconds, "rounds": args.rounds, "load_before": os.getloadavg()}
    if "echo" in parts:
        report["echo"] = closed_loop(args, "echo", (1, 16, 64))
    if "batch" in parts:
        report["batch"] = closed_loop(args, "batch", (1, 16, 64, 256))
    if "slow" in parts:
        report["slow"] = vanished(args)
    report["load_after"] = os.getloadavg()
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Jobs: from acceptance to start on both engines of the bus, and how many a second are claimed, done and completed.

    python3 eval/bench/jobs.py --fenwen target/release/fenwen --nats target/servers/nats-server

A job is one letter for the built-in classifier (some 10 µs of work), so that what is measured is the queue: SQLite, each
acceptance and each completion on the disk (`synchronous = FULL`), one process; then one node that accepts and one that works,
over PostgreSQL and NATS.
"""

import argparse
import contextlib
import datetime
import http.client
import json
import pathlib
import socket
import statistics
import subprocess
import tempfile
import threading
import time

import nodes

LETTER = {"service": "letters", "operation": "classify", "input": {"letters": [{"subject": "戶籍遷入遭退件"}]}}
ENDED = ("succeeded", "failed", "cancelled", "dead")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fenwen", type=pathlib.Path, required=True)
    parser.add_argument("--nats", type=pathlib.Path, required=True)
    parser.add_argument("--single", type=int, default=200, help="jobs that are waited for one by one")
    parser.add_argument("--backlog", type=int, default=2000, help="jobs that wait before anybody works")
    args = parser.parse_args()
    report = {"embedded": one_by_one(args, "")}
    with nats(args) as url:
        report["nats"] = one_by_one(args, f'[bus]\nengine = "nats"\nurl = "{url}"\n')
        with nodes.postgres() as database:
            report["api and worker"] = split(args, database, url)
    report["backlog"] = backlog(args)
    print(json.dumps(report, indent=2))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def nats(args):
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [args.nats, "--addr", "127.0.0.1", "--port", str(port), "--jetstream", "--store_dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait(port)
        yield f"nats://127.0.0.1:{port}"
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def serving(args, folder, role, settings=""):
    port = free_port()
    config = folder / "fenwen.toml"
    config.write_text(f"[jobs]\nper_minute = 1000000\nmax_queued = 1000000\n{settings}")
    command = [args.fenwen, "serve", "--config", config, "--profile", "demo", "--role", role,
               "--listen", f"127.0.0.1:{port}", "--data-dir", folder / "data"]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(port)
        yield port
    finally:
        process.terminate()
        process.wait(60)


def wait(port):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("a server did not start")


def call(connection, method, path, body=None):
    data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    connection.request(method, path, body=data, headers={"content-type": "application/json"} if data else {})
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status in (200, 202), (answer.status, text[:200])
    return json.loads(text)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def one_by_one(args, settings):
    """Milliseconds from acceptance to start, by the server's own clock."""
    with tempfile.TemporaryDirectory() as folder, serving(args, pathlib.Path(folder), "all", settings) as port:
        return waits(args, port)


def waits(args, port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    found = []
    for _ in range(args.single):
        job = call(connection, "POST", "/api/v1/jobs", LETTER)
        path = f"/api/v1/jobs/{job['job_id']}"
        while (seen := call(connection, "GET", path))["state"] not in ENDED:
            time.sleep(0.002)
        assert seen["state"] == "succeeded", seen
        found.append((moment(seen["started_at"]) - moment(seen["created_at"])) * 1e3)
    found.sort()
    return {"n": len(found), "p50_ms": statistics.median(found), "p99_ms": found[int(len(found) * 0.99)]}


def split(args, database, url):
    """The same where one node accepts and another works, over PostgreSQL and NATS."""
    settings = [*database.settings(), "bus.engine=nats", f"bus.url={url}", "jobs.per_minute=1000000"]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "data").mkdir()
        node = lambda role: nodes.Node(args.fenwen, folder / "data", role, settings, folder / f"{role}.log")
        running = [node("api").wait_until_live()]
        try:
            running.append(node("worker").wait_until_live())
            return waits(args, running[0].port)
        finally:
            for it in running:
                nodes.end(it.process)


def backlog(args):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with serving(args, folder, "api") as port:
            began = time.monotonic()
            ids = accept(port, args.backlog)
            accepted = len(ids) / (time.monotonic() - began)
        with serving(args, folder, "all") as port:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            jobs = []
            for it in ids:
                while (job := call(connection, "GET", f"/api/v1/jobs/{it}"))["state"] not in ENDED:
                    time.sleep(0.2)
                jobs.append(job)
    assert all(it["state"] == "succeeded" for it in jobs)
    seconds = max(moment(it["finished_at"]) for it in jobs) - min(moment(it["started_at"]) for it in jobs)
    return {"jobs": len(jobs), "accepted_per_second": accepted, "completed_per_second": len(jobs) / seconds}


def accept(port, n_jobs):
    """By 16 callers at one time."""
    ids, lock = [], threading.Lock()

    def submit():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(n_jobs // 16):
            job = call(connection, "POST", "/api/v1/jobs", LETTER)
            with lock:
                ids.append(job["job_id"])

    callers = [threading.Thread(target=submit) for _ in range(16)]
    for it in callers:
        it.start()
    for it in callers:
        it.join()
    return ids


if __name__ == "__main__":
    main()

"""What a job costs when many wait: jobs a second of one worker, by the length of the queue, on SQLite or PostgreSQL.

python3 eval/bench/scale.py --fenwen target/release/fenwen [--postgres 'host=… user=… dbname=…'] [--json FILE]
For each length the queue is filled over HTTP while nobody works, and told to the bus; then a worker starts, and what it finished
is counted in the store. A job is one short letter, so most of what is measured is the store: claim, signs of life, result, events.
"""

import argparse
import http.client
import json
import random
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

# Letters differ, so that the search for near-duplicates finds none.
WORDS = "戶籍遷入登記土地測量役男出國消防安檢建築執照移民居留身分證補發公園步道地價稅務宗教團體警政交通"
N_SENDERS = 16
# Jobs that are finished before the clock starts, and those that are timed.
N_WARM, N_TIMED = 100, 800
LIMIT_S = 300


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fenwen", required=True)
    parser.add_argument("--postgres", help="a database of PostgreSQL that is empty for each length: psql is used")
    parser.add_argument("--lengths", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--json")
    return parser.parse_args()


@contextmanager
def serving(command, role, folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = open(Path(folder, f"{role}.log"), "wb")
    command = [*command, "serve", "--role", role, "--listen", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 120
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", "/healthz/live")
                connection.getresponse().read()
                break
            except OSError:
                assert time.monotonic() < until and process.poll() is None, f"{role} did not start"
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=120)
        log.close()


def fill(port, n_jobs):
    """Orders jobs over some connections at once; seconds that it took."""
    chance = random.Random(7)
    subjects = ["".join(chance.choices(WORDS, k=24)) for _ in range(n_jobs)]
    refused = []

    def send(mine):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for it in mine:
            order = {"service": "letters", "operation": "classify", "input": {"letters": [{"subject": it}]}}
            body = json.dumps(order).encode()
            connection.request("POST", "/api/v1/jobs", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 202:
                refused.append(text)
                return

    begun = time.monotonic()
    threads = [threading.Thread(target=send, args=[subjects[it::N_SENDERS]]) for it in range(N_SENDERS)]
    for it in threads:
        it.start()
    for it in threads:
        it.join()
    assert not refused, refused[0]
    return time.monotonic() - begun


class Store:
    """Counts what is finished, beside the server."""

    # By an index: it must not cost more where more wait.
    COUNT = "SELECT COUNT(*) FROM job WHERE service = 'letters' AND operation = 'classify' AND finished > 0"

    def __init__(self, folder, postgres):
        self.postgres = postgres
        self.path = Path(folder, "store.sqlite")

    UNTOLD = "SELECT COUNT(*) FROM outbox WHERE published IS NULL"

    def finished(self):
        return self.ask(self.COUNT)

    def untold(self):
        return self.ask(self.UNTOLD)

    def ask(self, query):
        if self.postgres:
            done = subprocess.run(["psql", "-qAt", self.postgres, "-c", query], capture_output=True, text=True, check=True)
            return int(done.stdout)
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(query).fetchone()[0]
        finally:
            connection.close()

    def empty(self):
        if self.postgres:
            wipe = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
            subprocess.run(["psql", "-q", self.postgres, "-c", wipe], check=True, capture_output=True)


def measure(arguments, n_jobs):
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder, arguments.postgres)
        store.empty()
        command = [arguments.fenwen, "--data-dir", folder]
        settings = ["jobs.max_queued=1000000", "jobs.per_minute=100000000", "audit.commit=system"]
        if arguments.postgres:
            settings += ["store.engine=postgres", f"store.url={arguments.postgres}"]
        for it in settings:
            command += ["--set", it]
        with serving(command, "api", folder) as port:
            fill_s = fill(port, n_jobs)
        until = time.monotonic() + LIMIT_S
        with serving(command, "relay", folder):
            while store.untold():
                assert time.monotonic() < until, "the bus is not told"
                time.sleep(0.1)
        with serving(command, "worker", folder):
            until = time.monotonic() + LIMIT_S
            while (first := store.finished()) < min(N_WARM, n_jobs // 4):
                assert time.monotonic() < until, "the worker finishes nothing"
                time.sleep(0.02)
            begun = time.monotonic()
            wanted = first + min(N_TIMED, n_jobs // 2)
            while (last := store.finished()) < wanted:
                assert time.monotonic() < until, "the worker stands still"
                time.sleep(0.02)
            took = time.monotonic() - begun
    return {"queued": n_jobs, "ordered_per_s": round(n_jobs / fill_s), "finished_per_s": round((last - first) / took, 1)}


def main():
    arguments = options()
    engine = "PostgreSQL" if arguments.postgres else "SQLite"
    rows = []
    print(f"{engine}\n\n| queued | ordered/s | finished/s |\n|---:|---:|---:|")
    for n_jobs in arguments.lengths:
        row = measure(arguments, n_jobs)
        rows.append(row)
        print(f"| {row['queued']} | {row['ordered_per_s']} | {row['finished_per_s']} |", flush=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"engine": engine, "rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

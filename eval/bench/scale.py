#!/usr/bin/env python3
"""What a job costs when many wait and several work: jobs a second by the length of the queue and the number of workers.

    python3 eval/bench/scale.py --fenwen target/release/fenwen --servers target/servers [--json FILE]

With --servers over PostgreSQL and NATS, without it over SQLite. One node takes calls and one tells the bus, all the time. The queue is
filled over HTTP to each length, workers start and work off a part of it, and the store says when each job began and ended; then it
is filled again for the next number of workers. A job is one short letter, so that most of what is measured is the store:
claim, signs of life, result, events. Of a machine whose cores are all busy more workers get no more.
"""

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import pathlib
import random
import signal
import time

import nodes

# Letters differ, so that the search for near-duplicates finds none.
WORDS = "戶籍遷入登記土地測量役男出國消防安檢建築執照移民居留身分證補發公園步道地價稅務宗教團體警政交通"
N_SENDERS = 8
# Of a queue so much is worked off in one measurement at most; of that the first part is not measured.
MOST_OF_QUEUE, WARM = 0.6, 0.2
# Seconds that a measurement or a job of the queue may take.
LIMIT_S, SLOWEST_ORDER_S = 300, 0.05


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fenwen", type=pathlib.Path, required=True)
    parser.add_argument("--servers", type=pathlib.Path, help="folder with nats-server: PostgreSQL and NATS instead of SQLite")
    parser.add_argument("--lengths", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--timed", type=int, default=1500, help="jobs that each worker does in a measurement, at most")
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_args()


def send(port, number, n_jobs, pipe):
    """Orders jobs over one connection; tells the first refusal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    chance, caller = random.Random(number * 1_000_003 + time.time_ns()), nodes.Caller(port)
    for _ in range(n_jobs):
        letter = {"subject": "".join(chance.choices(WORDS, k=24))}
        order = {"service": "letters", "operation": "classify", "input": {"letters": [letter]}}
        status, text = caller.ask(nodes.request("/api/v1/jobs", order))
        if status != 202:
            return pipe.send(f"{status} {text[:200]!r}")
    pipe.send(None)


class Bench:
    """The nodes that run all the time, over one store."""

    def __init__(self, args, folder, store, settings):
        self.fenwen, self.folder, self.store, self.settings = args.fenwen, folder, store, settings
        self.api = self.node("api").wait_until_live()
        self.relay = self.node("relay").wait_until_live()

    def node(self, role):
        return nodes.Node(self.fenwen, self.folder / "data", role, self.settings, self.folder / f"{role}.log")

    def number(self, query):
        return int(self.store.ask(query)[0][0])

    def queued(self):
        return self.number("SELECT count(*) FROM job WHERE service = 'letters' AND operation = 'classify' AND state = 'queued'")

    def fill(self, length):
        """Orders what is missing, and waits until the bus was told; jobs and seconds."""
        missing = length - self.queued()
        begun, senders = time.monotonic(), []
        for number in range(N_SENDERS):
            receiver, pipe = multiprocessing.Pipe(duplex=False)
            mine = missing // N_SENDERS + (number < missing % N_SENDERS)
            sender = multiprocessing.Process(target=send, args=(self.api.port, number, mine, pipe), daemon=True)
            sender.start()
            pipe.close()
            senders.append((sender, receiver))
        for sender, receiver in senders:
            refusal = receiver.recv()
            assert refusal is None, refusal
            sender.join()
        took = time.monotonic() - begun
        until = time.monotonic() + LIMIT_S + missing * SLOWEST_ORDER_S
        while self.number("SELECT count(*) FROM outbox WHERE published IS NULL"):
            assert time.monotonic() < until, "the bus is not told"
            time.sleep(0.2)
        return missing, took

    def work(self, n_workers, n_jobs):
        """Lets workers do so many jobs; what the store has of them: owner, began, ended."""
        target = self.number("SELECT count(*) FROM job WHERE state = 'succeeded'") + n_jobs
        first = self.number("SELECT coalesce(max(finished), 0) FROM job")
        workers = [self.node("worker") for _ in range(n_workers)]
        try:
            until = time.monotonic() + LIMIT_S
            while self.number("SELECT count(*) FROM job WHERE state = 'succeeded'") < target:
                assert time.monotonic() < until, "the workers stand still"
                time.sleep(0.1)
        finally:
            for it in workers:
                nodes.end(it.process)
        rows = self.store.ask(f"SELECT owner, started, finished FROM job WHERE state = 'succeeded' AND {first} < finished")
        return [(owner, int(started), int(finished)) for owner, started, finished in rows]

    def end(self):
        for it in (self.api, self.relay):
            nodes.end(it.process)


def rate(rows, n_workers, n_jobs):
    """Jobs a second while all were at work: after the last of them has begun, and after the first part of the jobs."""
    firsts = {}
    for owner, started, _ in rows:
        firsts[owner] = min(started, firsts.get(owner, started))
    ends = sorted(finished for _, _, finished in rows)[:n_jobs]
    begun = max(ends[int(len(ends) * WARM)], max(firsts.values()) if len(firsts) == n_workers else 0)
    n_done = sum(begun < it for it in ends)
    return (n_done / (ends[-1] - begun) * 1e3 if begun < ends[-1] else None), len(firsts)


@contextlib.contextmanager
def bench(args):
    with nodes.common(args.servers, "scale-") as (folder, store, settings):
        running = Bench(args, folder, store, settings + ["audit.commit=system"])
        try:
            yield running
        finally:
            running.end()


def measure(args):
    rows = []
    with bench(args) as running:
        print("| queued | workers | ordered/s | finished/s | a worker |\n|---:|---:|---:|---:|---:|", flush=True)
        for length in sorted(args.lengths):
            for n_workers in args.workers:
                ordered, fill_s = running.fill(length)
                n_jobs = int(min(args.timed * n_workers, length * MOST_OF_QUEUE))
                done, n_working = rate(running.work(n_workers, n_jobs), n_workers, n_jobs)
                row = {"queued": length, "workers": n_workers, "ordered_per_s": ordered / fill_s, "finished_per_s": done,
                       "worked": n_working, "jobs": n_jobs}
                rows.append(row)
                print(line(row), flush=True)
    return rows


def line(row):
    done, n_workers = row["finished_per_s"], row["workers"]
    shown = ("–", "–") if done is None else (f"{done:.0f}", f"{done / n_workers:.0f}")
    return f"| {row['queued']} | {n_workers} | {row['ordered_per_s']:.0f} | {shown[0]} | {shown[1]} |"


def fit(rows):
    """Of each length what one more worker adds; of each number of workers what a job costs more in a queue ten times as long."""
    known = [it for it in rows if it["finished_per_s"]]
    added = {}
    for length in sorted({it["queued"] for it in known}):
        points = [(it["workers"], it["finished_per_s"]) for it in known if it["queued"] == length]
        # Through nothing: no workers do no jobs.
        through = sum(x * y for x, y in points) / sum(x * x for x, _ in points)
        added[length] = {"jobs_per_s_per_worker": through, "worst": max(abs(y - through * x) / y for x, y in points)}
    longer = {}
    for n_workers in sorted({it["workers"] for it in known}):
        points = [(math.log10(it["queued"]), 1e3 / it["finished_per_s"]) for it in known if it["workers"] == n_workers]
        slope = nodes.slope(points)
        mean = sum(y for _, y in points) / len(points)
        longer[n_workers] = {"ms_per_job": mean, "more_ms_ten_times_as_long": slope,
                             "share": slope / mean if slope is not None else None}
    return {"workers": added, "length": longer}


def markdown(found):
    lines = ["", "| queued | jobs/s of one more worker | furthest from the line |", "|---:|---:|---:|"]
    for length, it in found["workers"].items():
        lines.append(f"| {length} | {it['jobs_per_s_per_worker']:.0f} | {it['worst']:.0%} |")
    lines += ["", "| workers | ms a job | more ms when ten times as many wait | share |", "|---:|---:|---:|---:|"]
    for n_workers, it in found["length"].items():
        more = ("–", "–") if it["share"] is None else (f"{it['more_ms_ten_times_as_long']:+.3f}", f"{it['share']:+.0%}")
        lines.append(f"| {n_workers} | {it['ms_per_job']:.2f} | {more[0]} | {more[1]} |")
    return "\n".join(lines)


def main():
    args = options()
    print(f"{'PostgreSQL, NATS' if args.servers else 'SQLite'}, {os.cpu_count()} cores\n")
    rows = measure(args)
    found = fit(rows)
    print(markdown(found))
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        report = {"store": "PostgreSQL, NATS" if args.servers else "SQLite", "cores": os.cpu_count(), "rows": rows, "fit": found}
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

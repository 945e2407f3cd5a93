#!/usr/bin/env python3
"""The long run: at 80 % of what the nodes can take, with a reload and a restart a minute, nothing is lost and nothing grows.

    python3 eval/bench/soak.py --fenwen target/release/fenwen --servers target/servers --minutes 30

One node takes calls, two work on jobs; with --servers over PostgreSQL and NATS, without it over SQLite in one data directory.
First everybody asks as fast as they are answered, for a minute that does not count, since an empty store is faster, and for
one that does; the rate of that, or of the jobs if those are slower, is full load. Then callers ask at 80 % of it on a
timetable: an answer's time counts from when the call was due, so that waiting callers hide nothing. Once a minute another
version of the classifier of letters is let in or taken back, and the second worker ends, by SIGTERM and SIGKILL in turn. At
the end the store is asked how often each accepted job ended.
"""

import argparse
import array
import collections
import contextlib
import json
import math
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import threading
import time

import nodes

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORDS = "戶籍遷入登記土地測量役男出國消防安檢建築執照移民居留身分證補發公園步道地價稅務宗教團體警政交通"
LETTERS = "/api/v1/letters/classifications"
RECORDINGS = "/api/v1/speech/transcriptions"
N_CALLERS = 8
# Of so many calls one orders a job, of so many letters.
CALLS_A_JOB, LETTERS_A_JOB = 20, 5
SHARE = 0.8
MINUTE = 60
# Seconds into each minute.
RELOAD_AT, RESTART_AT, RECORDING_AT = 15, 35, 5
SAMPLE_S = 10
# How long the jobs of the last moments may take.
DRAIN_S = 300
ENDED = "('succeeded', 'failed', 'cancelled', 'dead')"


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fenwen", type=pathlib.Path, required=True)
    parser.add_argument("--servers", type=pathlib.Path, help="folder with nats-server: PostgreSQL and NATS instead of SQLite")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--find-seconds", type=float, default=60, help="of asking as fast as possible, to find full load")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "eval/out")
    return parser.parse_args()


class Cluster:
    """The nodes, over one store."""

    def __init__(self, args, folder, store, settings):
        self.fenwen, self.folder, self.store, self.settings = args.fenwen, folder, store, settings
        self.data = folder / "data"
        self.api = self.node("api")
        self.api.wait_until_live()
        self.workers = [self.node("worker").wait_until_live() for _ in range(2)]

    def node(self, role):
        return nodes.Node(self.fenwen, self.data, role, self.settings, self.folder / f"{role}.log")

    def restart(self, how):
        """Ends the second worker and starts another in its place."""
        old = self.workers[1].process
        old.send_signal(how)
        old.wait(120)
        begun = time.monotonic()
        worker = self.workers[1] = self.node("worker").wait_until_live()
        return {"how": how.name, "live_after_s": time.monotonic() - begun, "cpu_s": worker.cpu_seconds()}

    def run(self, *command):
        settings = [it for one in self.settings for it in ("--set", one)]
        command = [self.fenwen, *command, "--data-dir", self.data, *settings]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def end(self):
        for it in (*self.workers, self.api):
            nodes.end(it.process)


@contextlib.contextmanager
def cluster(args):
    with nodes.common(args.servers, "soak-") as (folder, store, settings):
        running = Cluster(args, folder, store, settings)
        try:
            yield running
        finally:
            running.end()


class Caller:
    """One of those who ask, in a process of its own; what it has seen goes back through a pipe."""

    def __init__(self, port, plan):
        self.receiver, sender = multiprocessing.Pipe(duplex=False)
        self.process = multiprocessing.Process(target=ask, args=(sender, port, plan), daemon=True)
        self.process.start()
        sender.close()

    def seen(self):
        found = self.receiver.recv()
        self.process.join()
        return found


def ask(sender, port, plan):
    """Asks until the time is over: on a timetable, or without a rate as fast as it is answered."""
    # Only the one who started the nodes ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    number, rate, seconds, orders_jobs = plan
    chance, caller = random.Random(number), nodes.Caller(port)
    seen = {"statuses": collections.Counter(), "versions": collections.Counter(), "ids": [],
            "millis": collections.defaultdict(lambda: array.array("f"))}
    begun = time.monotonic()
    due, count = begun, 0
    while due < begun + seconds:
        if rate:
            time.sleep(max(0.0, due - time.monotonic()))
        is_job = orders_jobs and count % CALLS_A_JOB == number % CALLS_A_JOB
        once(caller, request(chance, is_job), is_job, seen)
        now = time.monotonic()
        if not is_job:
            seen["millis"][int((due - begun) // MINUTE)].append((now - due) * 1e3)
        count += 1
        due = due + 1 / rate if rate else now
    caller.close()
    sender.send({**seen, "millis": dict(seen["millis"])})


def request(chance, is_job):
    subject = lambda: "".join(chance.choices(WORDS, k=24))
    if not is_job:
        return nodes.request(LETTERS, {"letters": [{"subject": subject(), "body": "您好," + subject() + ",請問如何辦理?"}]})
    letters = [{"subject": subject()} for _ in range(LETTERS_A_JOB)]
    return nodes.request("/api/v1/jobs", {"service": "letters", "operation": "classify", "input": {"letters": letters}})


def once(caller, bytes_, is_job, seen):
    what = "job" if is_job else "letter"
    try:
        status, body = caller.ask(bytes_)
    except OSError:
        seen["statuses"][f"{what} cut"] += 1
        return
    seen["statuses"][f"{what} {status}"] += 1
    if is_job and status == 202:
        seen["ids"].append(json.loads(body)["job_id"])
    elif status == 200:
        at = body.find(b'"version":"') + 11
        seen["versions"][body[at:body.index(b'"', at)].decode()] += 1


def everybody(port, rate, seconds, orders_jobs=True):
    """Lets all callers ask; the answer waits for them and says what they have seen together."""
    share = rate / N_CALLERS if rate else None
    callers = [Caller(port, (it, share, seconds, orders_jobs)) for it in range(N_CALLERS)]
    return lambda: merged([it.seen() for it in callers])


def merged(parts):
    whole = {"statuses": collections.Counter(), "versions": collections.Counter(), "ids": [], "millis": {}}
    for part in parts:
        whole["statuses"] += part["statuses"]
        whole["versions"] += part["versions"]
        whole["ids"] += part["ids"]
        for minute, values in part["millis"].items():
            whole["millis"].setdefault(minute, array.array("f")).extend(values)
    return whole


def full_load(running, seconds):
    """Calls a second, of letters and jobs in their shares, that the nodes keep up with."""
    jobs = lambda: int(running.store.ask(f"SELECT count(*) FROM job WHERE state IN {ENDED}")[0][0])
    # What calls cost while tables are empty is not what they cost.
    everybody(running.api.port, None, seconds)()
    before, begun = jobs(), time.monotonic()
    seen = everybody(running.api.port, None, seconds)()
    took = time.monotonic() - begun
    asked, ended = sum(seen["statuses"].values()) / took, (jobs() - before) / took
    ordered = sum(seen["statuses"][it] for it in seen["statuses"] if it.startswith("job")) / took
    # Where more is ordered than is worked off, the jobs are the limit.
    rate = asked if ordered <= ended * 1.05 else ended * CALLS_A_JOB
    return {"asked_per_s": asked, "jobs_ordered_per_s": ordered, "jobs_ended_per_s": ended, "full_per_s": rate}


def recording():
    """Three seconds of a tone that swells, WAV."""
    rate = 16000
    sound = [int(8000 * math.sin(it * 2 * math.pi * 330 / rate) * math.sin(it * math.pi / (3 * rate))) for it in range(3 * rate)]
    data = struct.pack(f"<{len(sound)}h", *sound)
    head = b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    return head + b"data" + struct.pack("<I", len(data)) + data


def order_recording(port):
    """The id of the job, or why there is none."""
    parts = [b'content-disposition: form-data; name="meta"\r\ncontent-type: application/json\r\n\r\n{"purpose":{"code":"hotline-1996"}}',
             b'content-disposition: form-data; name="file"; filename="call.wav"\r\ncontent-type: audio/wav\r\n\r\n' + recording()]
    body = b"".join(b"--soak\r\n" + it + b"\r\n" for it in parts) + b"--soak--\r\n"
    status, text = nodes.call(port, "POST", RECORDINGS, body, {"content-type": "multipart/form-data; boundary=soak"})
    return (json.loads(text)["job_id"], None) if status == 202 else (None, f"{status} {json.loads(text).get('code')}")


class Incidents(threading.Thread):
    """What happens to the nodes while they serve, and how much memory they have."""

    def __init__(self, running, seconds):
        super().__init__(daemon=True)
        self.running, self.begun, self.seconds = running, time.monotonic(), seconds
        self.memory, self.queue, self.reloads, self.restarts, self.recordings, self.failures = [], [], [], [], [], []

    def run(self):
        due = [(0, self.sample, SAMPLE_S), (RECORDING_AT, self.record, MINUTE), (RELOAD_AT, self.reload, MINUTE),
               (RESTART_AT, self.restart, MINUTE)]
        while True:
            due.sort(key=lambda it: it[0])
            at, what, every = due[0]
            if self.seconds <= at:
                return
            time.sleep(max(0.0, self.begun + at - time.monotonic()))
            try:
                what()
            except Exception as error:
                self.failures.append(f"{what.__name__}: {error}")
            due[0] = (at + every, what, every)

    def sample(self):
        at = time.monotonic() - self.begun
        api, (first, second) = self.running.api, self.running.workers
        self.memory.append({"s": round(at), "api": api.rss_mib(), "worker 1": first.rss_mib(), "worker 2": second.rss_mib()})
        queued = self.running.store.ask("SELECT count(*) FROM job WHERE state = 'queued'")[0][0]
        self.queue.append((at, int(queued)))

    def record(self):
        job, why = order_recording(self.running.api.port)
        self.recordings.append(job or why)

    def reload(self):
        is_there = len(self.reloads) % 2
        command = ("rollback", "letters") if is_there else ("activate", "letters", ROOT / "models/letters")
        self.running.run("models", *command)
        self.reloads.append(command[0])

    def restart(self):
        how = (signal.SIGTERM, signal.SIGKILL)[len(self.restarts) % 2]
        self.restarts.append(self.running.restart(how))


def settle(store, ids, n_before):
    """How often each accepted job ended, once all have, or when patience is over; `n_before` were there before."""
    ids, until = set(ids), time.monotonic() + DRAIN_S
    waiting = f"SELECT (SELECT count(*) FROM job WHERE state NOT IN {ENDED}), (SELECT count(*) FROM outbox WHERE published IS NULL)"
    while store.ask(waiting)[0] != ["0", "0"] and time.monotonic() < until:
        time.sleep(0.5)
    count = (f"SELECT j.id, j.state, (SELECT count(*) FROM job_event e WHERE e.job = j.id AND e.state IN {ENDED}), j.attempt"
             " FROM job j")
    states, wrong, again, others = collections.Counter(), [], 0, 0
    for job, state, endings, attempt in store.ask(count):
        if job not in ids:
            others += 1
            continue
        ids.discard(job)
        states[state] += 1
        again += int(attempt) > 1
        if endings != "1":
            wrong.append(job)
    return {"states": dict(states), "lost": len(ids), "not_ended_once": len(wrong), "needed_another_attempt": again,
            "in_store_but_not_told": others - n_before, "untold_events": int(store.ask(waiting)[0][1])}


def soak(args):
    with cluster(args) as running:
        load = full_load(running, args.find_seconds)
        rate, seconds = SHARE * load["full_per_s"], args.minutes * MINUTE
        print(f"full load {load['full_per_s']:.0f} calls/s; {args.minutes} minutes at {rate:.0f}", flush=True)
        wait_until_idle(running.store)
        kept = "SELECT count(*) FROM prediction WHERE service = 'letters'"
        before = int(running.store.ask(kept)[0][0])
        n_before = int(running.store.ask("SELECT count(*) FROM job")[0][0])
        cpu = running.api.cpu_seconds()
        # Callers are processes that are made before there is another thread.
        asking = everybody(running.api.port, rate, seconds)
        incidents = Incidents(running, seconds)
        incidents.start()
        seen = asking()
        incidents.join()
        api_cores = (running.api.cpu_seconds() - cpu) / seconds
        ids = [*seen["ids"], *(it for it in incidents.recordings if it and " " not in it)]
        jobs = settle(running.store, ids, n_before)
        stored = int(running.store.ask(kept)[0][0]) - before
    return report(args, seen, incidents, {"load": load | {"rate": rate, "api_cores": api_cores}, "jobs": jobs,
                                          "accepted_jobs": len(ids), "kept_predictions": stored})


def wait_until_idle(store):
    until = time.monotonic() + DRAIN_S
    while store.ask(f"SELECT count(*) FROM job WHERE state NOT IN {ENDED}")[0][0] != "0":
        assert time.monotonic() < until, "the jobs that were ordered to find full load do not end"
        time.sleep(0.2)


def report(args, seen, incidents, found):
    half = args.minutes * MINUTE / 2
    growth = {}
    for node in ("api", "worker 1"):
        points = [(it["s"] / MINUTE, it[node]) for it in incidents.memory if half <= it["s"] and it[node]]
        growth[node] = {"mib": points[-1][1] if points else None, "mib_per_minute": nodes.slope(points)}
    minutes = [{"minute": minute + 1, "answers": len(values), "p50_ms": nodes.quantile(values, 0.5),
                "p99_ms": nodes.quantile(values, 0.99), "most_ms": max(values)} for minute, values in sorted(seen["millis"].items())]
    letters = seen["statuses"]["letter 200"]
    failed = sum(n for status, n in seen["statuses"].items() if status not in ("letter 200", "job 202"))
    succeeded = found["jobs"]["states"].get("succeeded", 0) - sum(" " not in it for it in incidents.recordings)
    return found | {
        "store": "PostgreSQL, NATS" if args.servers else "SQLite", "cores": os.cpu_count(), "minutes": args.minutes,
        "statuses": dict(seen["statuses"]), "versions": dict(seen["versions"]), "failed_calls": failed,
        # An attempt that was cut short may have kept its answers too.
        "lost_predictions": max(0, letters + LETTERS_A_JOB * succeeded - found["kept_predictions"]),
        "memory_second_half": growth, "by_minute": minutes, "reloads": incidents.reloads, "restarts": incidents.restarts,
        "recordings": incidents.recordings, "incidents_that_failed": incidents.failures,
        "memory": incidents.memory, "queued": incidents.queue,
    }


def markdown(found):
    load, jobs = found["load"], found["jobs"]
    lines = [f"{found['store']}, {found['cores']} cores, {found['minutes']:g} minutes at {load['rate']:.0f} calls/s "
             f"(80 % of {load['full_per_s']:.0f}), {len(found['reloads'])} reloads, {len(found['restarts'])} restarts", "",
             "| calls by outcome | jobs accepted | ended once | lost | ended otherwise | answers not kept |", "|---|---:|---:|---:|---:|---:|",
             f"| {', '.join(f'{status}: {n}' for status, n in sorted(found['statuses'].items()))} | {found['accepted_jobs']} "
             f"| {found['accepted_jobs'] - jobs['lost'] - jobs['not_ended_once']} | {jobs['lost']} | {jobs['not_ended_once']} "
             f"| {found['lost_predictions']} |", "", "| node | MiB at the end | MiB a minute, second half |", "|---|---:|---:|"]
    for node, it in found["memory_second_half"].items():
        lines.append(f"| {node} | {shown(it['mib'])} | {shown(it['mib_per_minute'], 3)} |")
    lines += ["", "| minute | answers | p50 ms | p99 ms | longest ms |", "|---:|---:|---:|---:|---:|"]
    for it in found["by_minute"]:
        lines.append(f"| {it['minute']} | {it['answers']} | {it['p50_ms']:.1f} | {it['p99_ms']:.1f} | {it['most_ms']:.0f} |")
    return "\n".join(lines) + "\n"


def shown(number, digits=1):
    return "–" if number is None else f"{number:.{digits}f}"


def main():
    args = options()
    assert shutil.which(args.fenwen), f"{args.fenwen} is no program"
    found = soak(args)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "soak.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (args.out / "soak.md").write_text(markdown(found), encoding="utf-8")
    print(markdown(found))
    jobs = found["jobs"]
    bad = [found["failed_calls"], jobs["lost"], jobs["not_ended_once"], jobs["untold_events"], found["lost_predictions"],
           len(found["incidents_that_failed"])]
    raise SystemExit("something was lost: see soak.json" if any(bad) else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A long call through the whole service: uploaded by parts, transcribed as a job, taken back, killed and gone on with.

    python3 eval/bench/call.py --fenwen target/release/fenwen --clips DIR --json eval/out/call.json

A call on two channels is made of clips (two fifths of it is silence). A server is started on a fresh folder; the call is
uploaded in parts, the last one first and one of them twice. One job is cancelled on its way. Another is watched until two
fifths of it are done; then the server is killed (SIGKILL) and started again on the same folder. What was heard before must
be in the final transcript unchanged, progress must never fall, and the processor time after the restart must be that of the
rest only. Fails when a bar of BARS is missed. Needs the models (`fenwen models pull`) and nothing but Python.
"""

import argparse
import contextlib
import hashlib
import json
import pathlib
import signal
import sys
import tempfile
import time

import nodes
from speech import machine, make_call

PURPOSE = {"code": "hotline-1996", "case_no": "BENCH-1"}
ENDED = ("succeeded", "failed", "cancelled", "dead")
# What the service promises: seconds until a job is cancelled, MiB of memory, share of the work that may be done twice, MiB that an upload takes.
BARS = {"cancelled after s": 5.0, "memory MiB": 1.2 * 1024, "done twice": 0.1, "upload grew MiB": 32.0}


def main():
    args = parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        sound = folder / "call.wav"
        make_call(args.clips, sound, args.seconds)
        report = {"machine": machine(args.threads), "seconds of sound": args.seconds, "bytes": sound.stat().st_size}
        with serving(args, folder) as server:
            report["upload"] = upload(server, sound)
            report["cancel"] = cancelled(server, order(server, report["upload"]["blob_id"]))
            blob = upload(server, sound)["blob_id"]
            job = order(server, blob)
            before = watched(server, job, args.kill_at)
            server.kill()
        with serving(args, folder) as server:
            report["call"] = gone_on_with(server, job, before)
    report["missed"] = missed(report)
    text = json.dumps(report, indent=1, ensure_ascii=False)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(text + "\n", encoding="utf-8")
    show(report)
    raise SystemExit(1 if report["missed"] else 0)


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fenwen", type=pathlib.Path, default=pathlib.Path("target/release/fenwen"))
    parser.add_argument("--clips", type=pathlib.Path, required=True, help="folder with manifest.json and WAV files")
    parser.add_argument("--seconds", type=int, default=1800)
    parser.add_argument("--threads", type=int, default=2, help="recordings' windows that are decoded at one time")
    parser.add_argument("--kill-at", type=float, default=0.4, help="share of the call after which the server is killed")
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_args()


class Server(nodes.Node):
    """A node that is asked, or else the bench ends."""

    def call(self, method, path, body=None, media_type=None):
        status, content = nodes.call(self.port, method, path, body, media_type and {"content-type": media_type})
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {content[:300]!r}")
        return json.loads(content) if content else None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def forget_peak(self):
        """From now on the peak begins anew (`proc_pid_clear_refs(5)`)."""
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def peak_mib(self):
        lines = pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(it.split()[1]) / 1024 for it in lines if it.startswith("VmHWM"))


@contextlib.contextmanager
def serving(args, folder):
    settings = [f"speech.workers={args.threads}", "speech.threads=1"]
    server = Server(args.fenwen, folder / "data", "all", settings, folder / "log")
    try:
        yield server.wait_until_ready()
    finally:
        nodes.end(server.process)


def upload(server, path):
    """Parts in the reverse order, the middle one twice."""
    begun, memory = time.monotonic(), server.rss_mib()
    server.forget_peak()
    content = path.read_bytes()
    wanted = {"kind": "audio", "media_type": "audio/wav", "size": len(content)}
    opened = server.call("POST", "/api/v1/blobs", wanted)
    size, n_parts, blob = opened["part_size"], opened["parts"], opened["blob_id"]
    order = list(range(n_parts, 0, -1))
    order.insert(n_parts // 2 + 1, order[n_parts // 2])
    for number in order:
        part = content[size * (number - 1) : size * number]
        server.call("PUT", f"/api/v1/blobs/{blob}/parts/{number}", part, "application/octet-stream")
    digest = hashlib.sha256(content).hexdigest()
    server.call("POST", f"/api/v1/blobs/{blob}/complete", {"sha256": digest})
    return {"blob_id": blob, "parts": n_parts, "sent": order, "s": round(time.monotonic() - begun, 2),
            "grew MiB": round(server.peak_mib() - memory, 1)}


def order(server, blob):
    body = {"blob_id": blob, "purpose": PURPOSE, "speakers": ["民眾", "專員"]}
    return server.call("POST", "/api/v1/speech/transcriptions", body)["job_id"]


def job_of(server, job):
    return server.call("GET", f"/api/v1/jobs/{job}")


def segments_of(server, job):
    path = f"/api/v1/speech/transcriptions/{job}?rendition=original"
    transcript = server.call("GET", path)["transcript"] or {"segments": []}
    return [(it["channel"], it["start"], it["end"], it["text"]) for it in transcript["segments"]]


def cancelled(server, job):
    """Seconds from taking a job back, as soon as it moves, to its end."""
    while not (seen := job_of(server, job))["progress"]:
        if seen["state"] in ENDED:
            raise SystemExit(f"the job to be cancelled ended before it moved: {seen['state']}")
        time.sleep(0.1)
    begun = time.monotonic()
    server.call("POST", f"/api/v1/jobs/{job}/cancel")
    while (seen := job_of(server, job))["state"] not in ENDED:
        time.sleep(0.05)
    return {"state": seen["state"], "after s": round(time.monotonic() - begun, 2), "progress": seen["progress"]}


def watched(server, job, share):
    """What is known of the job when that share of it is done."""
    begun, processor = time.monotonic(), server.cpu_seconds()
    steps = []
    while True:
        seen = job_of(server, job)
        progress = seen["progress"] or 0.0
        if seen["state"] in ENDED:
            raise SystemExit(f"the job ended before {share} of it were done: {seen['state']}, {seen['error']}")
        if not steps or progress != steps[-1]:
            steps.append(progress)
        if share <= progress:
            break
        time.sleep(0.25)
    segments = segments_of(server, job)
    return {
        "segments": segments, "steps": steps, "s": time.monotonic() - begun,
        "processor": server.cpu_seconds() - processor, "mib": server.peak_mib(),
    }


def gone_on_with(server, job, before):
    """The rest of the job after the restart, beside what was known before."""
    begun, processor = time.monotonic(), server.cpu_seconds()
    last = before["steps"][-1]
    steps, moved, missing = [], None, None
    while (seen := job_of(server, job))["state"] not in ENDED:
        progress = seen["progress"] or 0.0
        if not steps or progress != steps[-1]:
            steps.append(progress)
        if moved is None and last < progress:
            moved = time.monotonic() - begun
            now = set(segments_of(server, job))
            missing = sum(it not in now for it in before["segments"])
        time.sleep(0.25)
    ended = time.monotonic() - begun
    segments = segments_of(server, job) if seen["state"] == "succeeded" else []
    work = server.cpu_seconds() - processor
    # Done before the kill, the rest costs this much; more was done twice.
    rest = before["processor"] * (1 - last) / last
    lost = [it for it in before["segments"] if it not in set(segments)]
    all_steps = before["steps"] + steps
    return {
        "state": seen["state"],
        "attempts": seen["attempt"],
        "progress when killed": last,
        "least progress after": min(steps, default=None),
        "steps of progress": len(all_steps),
        "progress fell": any(b < a for a, b in zip(all_steps, all_steps[1:])),
        "segments before": len(before["segments"]),
        "of them not there when it went on": missing,
        "of them changed at the end": len(lost),
        "segments": len(segments),
        "went on after s": None if moved is None else round(moved, 1),
        "s before": round(before["s"], 1),
        "s after": round(ended, 1),
        "processor s before": round(before["processor"], 1),
        "processor s after": round(work, 1),
        "done twice": round(max(0.0, work - rest) / (before["processor"] + rest), 3),
        "memory MiB": round(max(before["mib"], server.peak_mib())),
    }


def missed(report):
    """The promises that were not kept."""
    call, cancel = report["call"], report["cancel"]
    checks = {
        "the cancelled job is cancelled": cancel["state"] == "cancelled",
        f"within {BARS['cancelled after s']} s": cancel["after s"] <= BARS["cancelled after s"],
        "the other one succeeds": call["state"] == "succeeded",
        "in two attempts": call["attempts"] == 2,
        "progress moves": call["steps of progress"] >= 10,
        "progress never falls": not call["progress fell"],
        "what was heard before is kept": call["segments before"] > 0 and call["of them changed at the end"] == 0,
        "and there when it goes on": call["of them not there when it went on"] == 0,
        "nothing is done twice": call["done twice"] <= BARS["done twice"],
        f"an upload takes less than {BARS['upload grew MiB']} MiB": report["upload"]["grew MiB"] < BARS["upload grew MiB"],
        f"memory under {BARS['memory MiB']:.0f} MiB": call["memory MiB"] < BARS["memory MiB"],
    }
    return [name for name, is_kept in checks.items() if not is_kept]


def show(report):
    rows = [("seconds of sound", report["seconds of sound"]), ("upload s", report["upload"]["s"]), ("upload grew MiB", report["upload"]["grew MiB"]),
            ("cancelled after s", report["cancel"]["after s"]), *report["call"].items()]
    print(f"{report['machine']}\n")
    print("| what | value |\n|---|---|")
    for name, value in rows:
        print(f"| {name} | {value} |")
    for name in report["missed"]:
        print(f"missed: {name}", file=sys.stderr)


if __name__ == "__main__":
    main()

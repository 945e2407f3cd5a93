#!/usr/bin/env python3
"""The audit log at length: a million rows and more are written by calls, then verified, searched and reported.

    python3 eval/bench/audit.py --fenwen target/release/fenwen --eval target/release/fenwen-eval

Calls of proven callers to a model that costs nothing write the rows, two each, as in `serving.py`. The search is the one of a
breach: whatever one caller touched within days, and one case that is nowhere.
"""

import argparse
import datetime
import json
import pathlib
import resource
import subprocess
import time

import serving

TAIPEI = datetime.timezone(datetime.timedelta(hours=8))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fenwen", type=pathlib.Path, required=True)
    parser.add_argument("--eval", type=pathlib.Path, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    args = parser.parse_args()
    today = datetime.datetime.now(TAIPEI).date()
    server = serving.start(args, "fenwen", "echo")
    try:
        answers, began = 0, time.monotonic()
        while 2 * answers < args.rows:
            answers += serving.load(args, "closed", server, "--connections", 64, "--seconds", 5)["answers"]
        written = time.monotonic() - began
        # Its own files stay when it is told to end; its folder goes when it is stopped.
        server.process.terminate()
        server.process.wait(30)
        data = server.folder / "data"
        days = ["--from", today - datetime.timedelta(days=31), "--to", today + datetime.timedelta(days=1)]
        report = {
            "answers_counted": answers,
            "seconds_of_load": round(written, 1),
            "mib": round(sum(it.stat().st_size for it in (data / "audit").rglob("*") if it.is_file()) / 2**20),
            "verify": timed(args, data, "verify"),
            "search_one_case": timed(args, data, "search", *days, "--case", "no-such-case"),
            "search_one_caller": timed(args, data, "search", *days, "--actor", "bench"),
            "report": timed(args, data, "report", "--month", today.strftime("%Y-%m")),
        }
    finally:
        server.stop()
    print(json.dumps(report, ensure_ascii=False, indent=2))


def timed(args, data, command, *rest):
    """Seconds, seconds of processor, and what it said of each chain (a search: how many rows it found)."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    words = map(str, [args.fenwen, "audit", command, "--data-dir", data, *rest])
    done = subprocess.run(list(words), capture_output=True, text=True)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f"audit {command} failed: {done.stdout}{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = {"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2)}
    if command == "search":
        found["rows"] = done.stdout.count("\n")
    if command == "verify":
        found["chains"] = done.stdout.strip().splitlines()
    return found


if __name__ == "__main__":
    main()

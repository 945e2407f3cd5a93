#!/usr/bin/env python3
"""Another version of the classifier every two seconds while eight callers ask without a pause, and the same without.

    python3 eval/bench/swap.py --fenwen target/release/fenwen [--seconds 20] [--rounds 3]

One node over SQLite. Versions are let in by `fenwen models activate` and taken back by `fenwen models rollback`, as operators do
it. Rounds take turns: quiet, with the same program run every two seconds without changing anything, and with swaps; the ratio is
that of rounds beside each other. So the start of a program is not taken for the cost of a swap.
"""

import argparse
import json
import pathlib
import statistics
import tempfile
import threading
import time

import nodes
import soak

SWAP_EVERY = 2
# What a swap may cost: `p99` with swaps over `p99` without.
MOST = 1.5


class Swaps(threading.Thread):
    """Runs a command every two seconds until it is told to stop."""

    def __init__(self, running, commands):
        super().__init__(daemon=True)
        self.running, self.commands = running, commands
        self.is_over, self.n_done, self.failures = threading.Event(), 0, []

    def run(self):
        while not self.is_over.wait(SWAP_EVERY):
            try:
                self.running.run("models", *self.commands[self.n_done % len(self.commands)])
                self.n_done += 1
            except Exception as error:
                self.failures.append(str(error))

    def stop(self):
        self.is_over.set()
        self.join()


class OneNode(soak.Cluster):
    """A node that does everything."""

    def __init__(self, fenwen, folder):
        self.fenwen, self.folder, self.settings = fenwen, folder, ["log.level=warn"]
        self.data, self.workers = folder / "data", []
        self.data.mkdir()
        self.api = self.node("all")
        self.api.wait_until_live()


def measured(running, seconds, commands):
    # Callers are processes that are made before there is another thread.
    asking = soak.everybody(running.api.port, None, seconds, orders_jobs=False)
    swaps = Swaps(running, commands) if commands else None
    if swaps:
        swaps.start()
    seen = asking()
    if swaps:
        swaps.stop()
    values = [it for one in seen["millis"].values() for it in one]
    answered = seen["statuses"]["letter 200"]
    return {"answers": answered, "per_second": answered / seconds, "failed": sum(seen["statuses"].values()) - answered,
            "versions": len(seen["versions"]), "swaps": swaps.n_done if swaps else 0,
            "swaps_that_failed": swaps.failures if swaps else [],
            "p50_ms": nodes.quantile(values, 0.5), "p99_ms": nodes.quantile(values, 0.99), "most_ms": max(values)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fenwen", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=pathlib.Path, default=soak.ROOT / "eval/out")
    args = parser.parse_args()
    swap = [("activate", "letters", soak.ROOT / "models/letters"), ("rollback", "letters")]
    plans = {"quiet": None, "program": [("versions", "letters")], "swaps": swap}
    rounds = {name: [] for name in plans}
    with tempfile.TemporaryDirectory(prefix="swap-") as folder:
        running = OneNode(args.fenwen, pathlib.Path(folder))
        try:
            measured(running, 2, None)
            for _ in range(args.rounds):
                for name, commands in plans.items():
                    rounds[name].append(measured(running, args.seconds, commands))
                    print(name, json.dumps(rounds[name][-1]), flush=True)
        finally:
            running.end()
    ratio = {name: statistics.median(one["p99_ms"] / quiet["p99_ms"] for one, quiet in zip(rounds[name], rounds["quiet"]))
             for name in plans}
    of_program = statistics.median(one["p99_ms"] / it["p99_ms"] for one, it in zip(rounds["swaps"], rounds["program"]))
    failed = sum(it["failed"] + len(it["swaps_that_failed"]) for it in rounds["swaps"])
    found = {"rounds": rounds, "p99_over_quiet": ratio, "p99_over_program": of_program, "failed": failed}
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "swap.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(markdown(found))
    raise SystemExit(f"{failed} calls or swaps failed" if failed else 0)


def markdown(found):
    lines = ["| | answers/s | p50 ms | p99 ms | longest ms | failed | swaps | versions that answered |",
             "|---|---:|---:|---:|---:|---:|---:|---:|"]
    for name, rounds in found["rounds"].items():
        middle = lambda key: statistics.median(it[key] for it in rounds)
        total = lambda key: sum(it[key] for it in rounds)
        lines.append(f"| {name} | {middle('per_second'):.0f} | {middle('p50_ms'):.2f} | {middle('p99_ms'):.2f} "
                     f"| {middle('most_ms'):.0f} | {total('failed')} | {total('swaps')} | {max(it['versions'] for it in rounds)} |")
    over = found["p99_over_quiet"]["swaps"]
    lines += ["", f"p99 with swaps: {over:.2f} × without, {found['p99_over_program']:.2f} × with the program run beside; "
              f"the goal is {MOST} ×."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()

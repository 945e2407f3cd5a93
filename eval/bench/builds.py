#!/usr/bin/env python3
"""Two builds of fenwen and a bare axum in turns: what a change did to serving a model that costs nothing, and to refusing a burst.

    python3 eval/bench/builds.py --before DIR --after DIR

Each folder holds `fenwen` and `fenwen-eval` of one build. Servers, load and measurement are those of `serving.py`; medians of the rounds.
"""

import argparse
import contextlib
import pathlib
import statistics

import serving


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=pathlib.Path, required=True)
    parser.add_argument("--after", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    args = parser.parse_args()
    with started(args, "echo") as running:
        print("| connections | | answers/s | of the floor | p50 / p99 ms | CPU µs/answer |\n|---:|---|---:|---:|---:|---:|")
        for connections in (1, 16, 64):
            rounds = in_turns(args, running, lambda build, server: one(build, server, connections, args.seconds))
            show(connections, {name: [statistics.median(it) for it in zip(*found)] for name, found in rounds.items()})
    with started(args, "slow") as running:
        for _, build, server in running:
            # What its batches cost is learned here, by those who learn.
            serving.load(build, "closed", server, "--connections", 16, "--seconds", 3)
        print("\n| bursts of 512 | last refusal ms, median (from to) | last answer ms | in time of answered 200 |\n|---|---:|---:|---:|")
        for name, bursts in in_turns(args, running, serving.burst).items():
            show_bursts(name, bursts)


@contextlib.contextmanager
def started(args, work):
    running = []
    try:
        for name, folder, kind in (("floor", args.after, "floor"), ("before", args.before, "fenwen"), ("after", args.after, "fenwen")):
            build = argparse.Namespace(fenwen=folder / "fenwen", eval=folder / "fenwen-eval")
            running.append((name, build, serving.start(build, kind, work)))
        yield running
    finally:
        for _, _, server in running:
            server.stop()


def in_turns(args, running, measure):
    rounds = {name: [] for name, _, _ in running}
    for _ in range(args.rounds):
        for name, build, server in running:
            rounds[name].append(measure(build, server))
    return rounds


def one(build, server, connections, seconds):
    before = serving.cpu_seconds(server.process.pid)
    found = serving.load(build, "closed", server, "--connections", connections, "--seconds", seconds)
    spent = serving.cpu_seconds(server.process.pid) - before
    return found["per_second"], found["p50_ms"], found["p99_ms"], spent / found["answers_in_all"] * 1e6


def show(connections, medians):
    floor = medians["floor"][0]
    for name, (rate, p50, p99, micros) in medians.items():
        print(f"| {connections} | {name} | {rate:,.0f} | {rate / floor:.2f} | {p50:.2f} / {p99:.1f} | {micros:.0f} |", flush=True)


def show_bursts(name, bursts):
    refused = sorted(it["statuses"]["429"]["last_ms"] for it in bursts if "429" in it["statuses"])
    told = f"{statistics.median(refused):.1f} ({refused[0]:.1f} to {refused[-1]:.1f})" if refused else "–"
    answered = statistics.median(it["statuses"]["200"]["last_ms"] for it in bursts)
    in_time, n_answered = (sum(it) for it in zip(*((it["in_time"], it["statuses"]["200"]["count"]) for it in bursts)))
    print(f"| {name} | {told} | {answered:,.0f} | {in_time} of {n_answered} |", flush=True)


if __name__ == "__main__":
    main()

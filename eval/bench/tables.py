#!/usr/bin/env python3
"""What `serving.py` measured, as Markdown: python3 eval/bench/tables.py eval/out/serving.json"""

import json
import pathlib
import sys


def main():
    report = json.loads(pathlib.Path(sys.argv[1]).read_text())
    if "echo" in report:
        loop(report["echo"], "A model that costs nothing")
    if "batch" in report:
        loop(report["batch"], "2 ms and 0.25 ms a row, at most 32 rows")
    if "slow" in report:
        slow(report["slow"])


def loop(servers, title):
    print(f"\n### {title}\n\n| connections | server | answers/s | of the floor | p50 / p99 ms | CPU µs/answer (least) | RSS MiB |")
    print("|---:|---|---:|---:|---:|---:|---:|")
    all_connections = [it for it in next(iter(servers.values())) if it.isdigit()]
    for connections in all_connections:
        for name, seen in servers.items():
            if connections in seen:
                it = seen[connections]
                cpu = f"{it['cpu_us']:.0f} ({it['least_cpu_us']:.0f})"
                print(f"| {connections} | {name} | {it['per_second']:.0f} | {it['of_floor']:.2f} | {pair(it)} | {cpu} | {it['rss_mib']:.0f} |")
    print("\n| server | ready s | RSS MiB, idle |\n|---|---:|---:|")
    for name, seen in servers.items():
        print(f"| {name} | {seen['ready_s']:.1f} | {seen['idle_rss_mib']:.0f} |" if "ready_s" in seen else f"| {name} | did not start | |")


def slow(servers):
    print("\n### 100 ms a batch of 8\n\n| server | callers | sent | not answered | computed | of sent | of not answered | drained s | next answer ms |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name, seen in servers.items():
        for way in ("left", "left, twice as many", "left, gRPC"):
            if it := seen.get(way):
                left(name + (" (gRPC)" if way.endswith("gRPC") else ""), it)
    print("\n| server | burst: in time | answered 200 | refused | refusals p50 / last ms | Retry-After | unanswered |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, seen in servers.items():
        if "bursts" in seen:
            burst(name, seen["bursts"])
        else:
            print(f"| {name} | {seen.get('failed', '')[:80]} |")


def left(name, it):
    drained = "> 15" if it["drained_s"] is None else f"{it['drained_s']:.1f}"
    following = f"{it['next_ms']:.0f}" if it["next_status"] == 200 else f"{it['next_status']} after {it['next_ms']:.0f}"
    print(f"| {name} | {it['callers']} | {it['sent']} | {it['sent'] - it['answered']} | {it['computed']} | {it['share']:.1%} "
          f"| {it['share_of_left']:.1%} | {drained} | {following} |")


def burst(name, bursts):
    """That in the middle, by its last refusal; the span of all."""
    lasts = sorted((last_refusal(it), idx) for idx, it in enumerate(bursts))
    it = bursts[lasts[len(lasts) // 2][1]]
    statuses = it["statuses"]
    refused = {status: seen for status, seen in statuses.items() if status != "200"}
    times = "–"
    if shed := shed_of(it):
        times = f"{max(it['p50_ms'] for it in shed):.0f} / {max(it['last_ms'] for it in shed):.0f}"
        times += f" ({lasts[0][0]:.0f} to {lasts[-1][0]:.0f})" if 1 < len(lasts) else ""
    named = ", ".join(f"{seen['count']} × {status}" for status, seen in refused.items())
    print(f"| {name} | {it['in_time']} | {statuses.get('200', {}).get('count', 0)} | {named or 0} | {times} | {it['with_retry_after']} | {it['unanswered']} |")


def shed_of(it):
    """What was accepted and came too late is no refusal."""
    return [seen for status, seen in it["statuses"].items() if status in ("429", "503")]


def last_refusal(it):
    return max((seen["last_ms"] for seen in shed_of(it)), default=0)


def pair(it):
    return f"{it['p50_ms']:.2f} / {it['p99_ms']:.1f}"


if __name__ == "__main__":
    main()

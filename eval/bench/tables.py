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
    print("\n### 100 ms a batch of 8\n\n| server | sent and left | computed | drained s | next answer ms | burst: in time | answered 200 | refused | refusals p50 / last ms | Retry-After | unanswered |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name, seen in servers.items():
        if "burst" not in seen:
            print(f"| {name} | {seen.get('failed', '')[:80]} |")
            continue
        left, burst = seen["left"], seen["burst"]
        statuses = burst["statuses"]
        refused = {status: it for status, it in statuses.items() if status != "200"}
        n_refused = sum(it["count"] for it in refused.values())
        times = "–"
        # What was accepted and came too late is no refusal.
        if shed := [it for status, it in refused.items() if status in ("429", "503")]:
            times = f"{max(it['p50_ms'] for it in shed):.0f} / {max(it['last_ms'] for it in shed):.0f}"
        drained = "> 15" if left["drained_s"] is None else f"{left['drained_s']:.1f}"
        following = f"{left['next_ms']:.0f}" if left["next_status"] == 200 else f"{left['next_status']} after {left['next_ms']:.0f}"
        named = ", ".join(f"{it['count']} × {status}" for status, it in refused.items())
        print(f"| {name} | {left['sent']} | {left['computed']} ({left['share']:.1%}) | {drained} | {following} | {burst['in_time']} "
              f"| {statuses.get('200', {}).get('count', 0)} | {named or n_refused} | {times} | {burst['with_retry_after']} | {burst['unanswered']} |")


def pair(it):
    return f"{it['p50_ms']:.2f} / {it['p99_ms']:.1f}"


if __name__ == "__main__":
    main()

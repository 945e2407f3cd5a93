#!/usr/bin/env python3
"""Letters, documents and questions over HTTP, as `fenwen capacity` wants them: answers kept in the store, over SQLite, no one else's load.

    python3 eval/bench/services.py --fenwen target/release/fenwen --eval target/release/fenwen-eval > stations.toml

Each is asked by 1, 16 and 64 connections in turn; so many calls at a time take their number divided by the answers a second. The load
runs on the same cores, so that a node by itself does more. Every letter and document differs: none is taken for one that came before.
"""

import argparse
import json
import os
import pathlib
import random

import serving

WORDS = "戶籍遷入登記土地測量役男出國消防安檢建築執照移民居留身分證補發公園步道地價稅務宗教團體警政交通"
N_BODIES = 2000
CONNECTIONS = (1, 16, 64)


def letter(words):
    return {"purpose": {"code": "petition-handling"}, "letters": [{"subject": "請問" + words[:12], "body": words + "遭退件,不知道少了什麼,請協助。"}]}


def document(words):
    return {"purpose": {"code": "official-document"}, "document": {
        "doc_type": "函", "priority": "速件", "secrecy": "普通", "received_at": "2026-11-20",
        "subject": f"檢送{words[:12]}計畫書,請鑒核。", "body": [f"說明:一、依{words}辦理。"]}}


def question(words):
    return {"purpose": {"code": "citizen-service"}, "question": f"{words[:8]}要怎麼辦理?"}


SERVICES = {
    "letters-cpu": ("信件智能分類", "/api/v1/letters/classifications", letter, 500),
    "documents-cpu": ("公文智能分文", "/api/v1/documents/dispatch-suggestions", document, 500),
    "questions-cpu": ("客戶問答", "/api/v1/qa/answers", question, 1000),
}


def started(args, path, body):
    server = serving.Server("fenwen", path)
    chance = random.Random(7)
    made = (body("".join(chance.choices(WORDS, k=48))) for _ in range(N_BODIES))
    server.body.write_text("\n".join(json.dumps(it, ensure_ascii=False) for it in made), encoding="utf-8")
    first = server.folder / "first"
    first.write_text(server.body.read_text(encoding="utf-8").split("\n")[0], encoding="utf-8")
    command = [args.fenwen, "serve", "--profile", "demo", "--listen", f"127.0.0.1:{server.port}", "--data-dir", server.folder / "data"]

    def probe(it):
        every, it.body = it.body, first
        try:
            return serving.probe(args)(it)
        finally:
            it.body = every

    return server.start(command, probe)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fenwen", type=pathlib.Path, required=True)
    parser.add_argument("--eval", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=5)
    args = parser.parse_args()
    print(f"# {os.cpu_count()} cores; eval/bench/services.py --seconds {args.seconds:g}")
    for name, (title, path, body, target) in SERVICES.items():
        server = started(args, path, body)
        try:
            rows = []
            for n in CONNECTIONS:
                found = serving.measured(args, server, n, args.seconds)
                refused = {status: count for status, count in found["statuses"].items() if status != "200"}
                assert not refused, f"{name}: {refused}"
                rows.append(f"[{n}, {1000 * n / found['per_second']:.2f}]")
                print(f"# {n} at a time: {found['per_second']:.0f}/s, {found['cpu_us']:.0f} µs of processor each", flush=True)
        finally:
            server.stop()
        print(f'[station.{name}]\ntitle = "{title}"\nslots = 1\nbatch = {CONNECTIONS[-1]}\nspread = 0.5\np95_ms = {target}\n'
              f"is_kept = true\nmeasured = [{', '.join(rows)}]\n", flush=True)


if __name__ == "__main__":
    main()

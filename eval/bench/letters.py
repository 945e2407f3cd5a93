#!/usr/bin/env python3
"""Letters over HTTP beside what one would write in Python instead, same texts, one run: classifier and sentence encoder.

The classifier's peer is fastText on characters behind FastAPI, trained on the same rows; the encoder's is ONNX Runtime on
the same network behind FastAPI. fenwen proves its caller, counts and records each call, keeps each answer sealed with its
event, looks for repeated letters and queues them for review; the peers answer. Servers take turns, each asked at one time
while the others idle; a model alone runs one text after another, on one thread, with nothing around it.

    python eval/bench/letters.py --fenwen target/release/fenwen --eval target/release/fenwen-eval \\
      --recipe training/recipes/questions-linear.toml --train train.jsonl --test test.jsonl --json eval/out/letters.json

Needs eval/bench/requirements-letters.txt in this Python.
"""

import argparse
import array
import base64
import contextlib
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import urllib.request

import serving
import text

HERE = pathlib.Path(__file__).parent
# What the encoder reads to the end, with room; longer letters are cut.
MAX_CHARS = 1000
# Letters in a call of several.
AT_ONCE = 100
CONNECTIONS = (1, 16, 64)
# One network on two engines, its table of 6 bits unpacked by each: the least cosine of the same text.
SAME = 0.999


def main():
    args = parse_args()
    train, test = text.read(args.train, args), text.read(args.test, args)
    report = {"rows": [len(train), len(test)], "load_before": os.getloadavg()}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        report["classifier"] = classifier(args, folder, train, test)
        report["encoder"] = encoder(args, folder, [it[:MAX_CHARS] for it, _ in test])
    report["load_after"] = os.getloadavg()
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(report, indent=2))
    print(json.dumps(report, indent=2))


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fenwen", type=pathlib.Path, required=True)
    parser.add_argument("--eval", type=pathlib.Path, required=True)
    parser.add_argument("--recipe", type=pathlib.Path, required=True)
    parser.add_argument("--train", type=pathlib.Path, required=True)
    parser.add_argument("--test", type=pathlib.Path, required=True)
    parser.add_argument("--text", default="text", help="field, or several with commas")
    parser.add_argument("--label", default="label")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    return parser.parse_args()


def classifier(args, folder, train, test):
    model = folder / "model"
    text.run(args, "train", "--recipe", args.recipe, "--data", args.train, "--text", args.text, "--label", args.label, "--out", model)
    scored = json.loads(text.run(args, "eval", "classify", "--model", model, "--data", args.test, "--text", args.text, "--label",
                                 args.label, "--json"))
    peer, rows = folder / "peer.bin", folder / "rows.json"
    rows.write_text(json.dumps({"train": train, "test": test}))
    alone = python("fasttext_app.py", "alone", peer, rows)

    def calls(size):
        """Bodies of that many letters, the last filled up from the first."""
        groups = [(test * size)[first : first + size] for first in range(0, len(test), size)]
        return [{"purpose": {"code": "petition-handling"}, "letters": [{"body": it} for it, _ in group]} for group in groups]

    with contextlib.ExitStack() as stack:
        own = fenwen(args, "/api/v1/letters/classifications", lambda data: text.run(args, "models", "activate", "letters", model,
                                                                                   "--data-dir", data))
        stack.callback(own.stop)
        other = fastapi("fasttext_app.py", "/classify", peer)
        stack.callback(other.stop)
        served = {
            "one": turns(args, [own, other], calls(1), CONNECTIONS),
            f"{AT_ONCE} at once": turns(args, [own, other], calls(AT_ONCE), (1,)),
        }
    return {"accuracy": {"fenwen": scored["accuracy"], "fastText": alone["accuracy"]}, "alone_us": alone["us"], "served": served}


def encoder(args, folder, texts):
    """Letters of mixed lengths, as they come."""
    data = folder / "texts.jsonl"
    data.write_text("".join(json.dumps({"text": it}, ensure_ascii=False) + "\n" for it in texts))
    command = [args.eval, "encoder-speed", "--data", data, "--count", len(texts), "--batch", 1, "--threads", 1, "--json", folder / "speed"]
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)
    speed = json.loads((folder / "speed").read_text())
    (candle,) = speed["texts_per_second"]
    text.run(args, "models", "export", "use-multilingual-v3", "--onnx", folder)
    graph = folder / "use-multilingual-v3" / "use-multilingual-v3.onnx"
    alone = python("onnx_app.py", "alone", graph, data)
    bodies = [{"model": "use-multilingual-v3", "input": it, "encoding_format": "base64"} for it in texts]
    with contextlib.ExitStack() as stack:
        own = fenwen(args, "/v1/embeddings", lambda _: None)
        stack.callback(own.stop)
        other = fastapi("onnx_app.py", "/v1/embeddings", graph)
        stack.callback(other.stop)
        worst = min(cosine(*(vector(it, body) for it in (own, other))) for body in bodies[:20])
        assert SAME < worst, f"the peer embeds otherwise: cosine {worst}"
        served = turns(args, [own, other], bodies, CONNECTIONS)
    return {"mean_tokens": speed["mean_tokens"], "alone_us": 1e6 / candle["candle_median"], "onnx_alone_us": alone["us"],
            "least_cosine": worst, "served": served}


def python(program, *arguments):
    """What a peer measures of its model alone, with nothing around it."""
    command = [sys.executable, HERE / "peers" / program, *arguments]
    return json.loads(subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE).stdout)


def fenwen(args, path, prepare):
    """The program itself, which asks for a key."""
    server = serving.Server("fenwen", path)
    server.headers = [f"authorization: Bearer {serving.key(args, server.folder, 'letters:classify,models:infer')}"]
    prepare(server.folder / "data")
    config = server.folder / "fenwen.toml"
    config.write_text('[auth]\nmode = "required"\n')
    command = [args.fenwen, "serve", "--config", config, "--profile", "demo", "--listen", f"127.0.0.1:{server.port}",
               "--data-dir", server.folder / "data"]
    return server.start(command, is_ready)


def fastapi(program, path, *arguments):
    server = serving.Server("FastAPI", path)
    command = [sys.executable, HERE / "peers" / program, "serve", *arguments, server.port]
    return server.start(command, is_ready)


def is_ready(server):
    """Whether somebody listens."""
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", server.port), 1).close()
        return True
    return False


def turns(args, servers, bodies, all_connections):
    """Medians of the rounds, in which the servers take turns; calls a second, and processor time of the server for each."""
    report = {}
    for it in servers:
        it.body.write_text("".join(json.dumps(body, ensure_ascii=False) + "\n" for body in bodies))
    for connections in all_connections:
        rounds = [{it.name: serving.measured(args, it, connections, args.seconds) for it in servers} for _ in range(args.rounds)]
        for it in servers:
            statuses = {status for one in rounds for status in one[it.name]["statuses"]}
            assert statuses == {"200"}, f"{it.name} answered {statuses}"
        keys = ("per_second", "p50_ms", "p99_ms", "cpu_us", "rss_mib")
        found = {it.name: {key: statistics.median(one[it.name][key] for one in rounds) for key in keys} for it in servers}
        for key, (of, to) in {"per_second": ("fenwen", "FastAPI"), "cpu_us": ("FastAPI", "fenwen")}.items():
            found[f"{key}_ratio"] = statistics.median(one[of][key] / one[to][key] for one in rounds)
        report[str(connections)] = found
        print(connections, json.dumps(found), file=sys.stderr, flush=True)
    return report


def vector(server, body):
    fields = dict(it.split(": ", 1) for it in server.headers) | {"content-type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{server.path}", json.dumps(body).encode(), fields)
    with urllib.request.urlopen(request, timeout=60) as answer:
        encoded = json.load(answer)["data"][0]["embedding"]
    return array.array("f", base64.b64decode(encoded))


def cosine(one, other):
    def product(a, b):
        return sum(x * y for x, y in zip(a, b, strict=True))

    return product(one, other) / (product(one, one) * product(other, other)) ** 0.5


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Compare fenwen's text classifier with scikit-learn on the same rows, in one run; then letters over HTTP.

Both learn from the rows of `--train` and answer those of `--test`, one thread each, in turn. The peer is what one would
write instead: character 1-3-grams, tf-idf, LinearSVC. Then a server answers one letter a request at a steady rate over
kept-alive connections; beside it the same client asks a server that answers nothing, which is the client's own share.

    python eval/bench/text.py --fenwen target/release/fenwen --recipe training/recipes/questions-linear.toml \\
      --train train.jsonl --test dev.jsonl --text text --label unit

Needs scikit-learn in this Python (eval/bench/requirements.txt).
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUTE = "/api/v1/letters/classifications"
START_SECONDS = 60
CONNECTIONS = 8


def main():
    args = parse_args()
    train, test = read(args.train, args), read(args.test, args)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        began = time.monotonic()
        run(args, "train", "--recipe", args.recipe, "--data", args.train, "--text", args.text, "--label", args.label,
            "--out", model, "--threads", "1")
        fenwen = {"train_s": time.monotonic() - began}
        score = ["eval", "classify", "--model", model, "--data", args.test, "--text", args.text, "--label", args.label]
        scored = json.loads(run(args, *score, "--json"))
        fenwen |= {it: scored[it] for it in ("accuracy", "macro_f1")}
        times = json.loads(run(args, *score, "--time"))
        fenwen["us_per_text"] = times["predict"]
        peer = sklearn(train, test, args.rounds)
        served = http(args, model, Path(folder) / "data", [text for text, _ in test])
    report = {
        "rows": [len(train), len(test)],
        "fenwen": fenwen,
        "sklearn": peer,
        "predict_ratio": peer["us_per_text"] / times["predict"],
        "classify_ratio": peer["us_per_text"] / times["classify"],
        "scores_over_hash": times["scores"] / times["hash"],
        "times": times,
        "http": served,
    }
    print(json.dumps(report, indent=2))


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fenwen", type=Path, required=True)
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--text", default="text", help="field, or several with commas")
    parser.add_argument("--label", default="label")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the peer; the quickest counts")
    parser.add_argument("--rate", type=float, default=100, help="letters a second over HTTP")
    parser.add_argument("--seconds", type=float, default=30, help="of asking over HTTP")
    return parser.parse_args()


def read(path, args):
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    fields = args.text.split(",")
    return [("\n".join(str(row.get(field) or "") for field in fields), str(row[args.label])) for row in rows]


def run(args, *command):
    return subprocess.run([args.fenwen, *map(str, command)], check=True, stdout=subprocess.PIPE).stdout


def sklearn(train, test, rounds):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import f1_score
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    model = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True), LinearSVC())
    began = time.monotonic()
    model.fit([text for text, _ in train], [label for _, label in train])
    train_s = time.monotonic() - began
    texts = [text for text, _ in test]
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        answers = model.predict(texts)
        seconds.append(time.perf_counter() - began)
    labels = [label for _, label in test]
    right = sum(answer == label for answer, label in zip(answers, labels))
    macro_f1 = f1_score(labels, answers, labels=sorted(set(labels)), average="macro", zero_division=0)
    return {"train_s": train_s, "accuracy": right / len(test), "macro_f1": macro_f1,
            "us_per_text": min(seconds) / len(texts) * 1e6}


def http(args, model, data_dir, texts):
    run(args, "models", "activate", "letters", model, "--data-dir", data_dir)
    port = free_port()
    command = [args.fenwen, "serve", "--listen", f"127.0.0.1:{port}", "--data-dir", data_dir]
    server = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(port)
        bodies = [json.dumps({"letters": [{"body": text}]}, ensure_ascii=False).encode() for text in texts]
        asked = asyncio.run(ask(port, bodies, args.rate, args.seconds))
    finally:
        server.terminate()
        server.wait(30)
    return {"rate": args.rate, "letters": asked, "client_alone": asyncio.run(client_alone(bodies, args))}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait(port):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the server did not start")


async def ask(port, bodies, rate, seconds):
    """Open loop: a request is due at its time whether or not the one before is answered."""
    free = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    took, begun = [], time.perf_counter()

    async def one(number):
        due = begun + number / rate
        await asyncio.sleep(max(0, due - time.perf_counter()))
        sent = time.perf_counter()
        reader, writer = await free.get()
        body = bodies[number % len(bodies)]
        head = f"POST {ROUTE} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        header = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in header.split(b"\r\n")[1:] if b": " in line)
        await reader.readexactly(int(fields[b"content-length"]))
        assert header.startswith(b"HTTP/1.1 200"), header
        free.put_nowait((reader, writer))
        if seconds * 0.1 < sent - begun:
            took.append(time.perf_counter() - sent)

    await asyncio.gather(*(one(number) for number in range(int(rate * seconds))))
    took.sort()
    return {"n": len(took), "p50_ms": statistics.median(took) * 1e3, "p99_ms": took[int(len(took) * 0.99)] * 1e3}


async def client_alone(bodies, args):
    async def answer(reader, writer):
        while True:
            try:
                header = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return
            await reader.readexactly(int(header.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    result = await ask(port, bodies, args.rate, min(args.seconds, 10))
    server.close()
    return result


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Compare fenwen and RapidOCR on the same ID images, in one run.

Both work on the same processors and in turn: while one is measured, the other waits. Each keeps its own process, so
memory and processor time are its own. Fenwen is asked over HTTP with as many requests in flight as threads; RapidOCR
is called picture by picture with its defaults and as many intra-op threads. Both start from the encoded bytes.

Needs `rapidocr` and `onnxruntime` in this Python (eval/bench/requirements.txt) and the binaries of this workspace:

    fenwen-eval cards --out DIR --split test --count 20
    python eval/bench/idcard.py --fenwen target/release/fenwen --eval target/release/fenwen-eval --images DIR
"""

import argparse
import contextlib
import http.client
import json
import os
import platform
import queue
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

BOUNDARY = "fenwen-bench-5f0d6c1a"
META = '{"purpose":{"code":"evaluation","case_no":"E1"},"options":{"lines":true}}'
ROUTE = "/api/v1/identity-documents/recognitions"
START_SECONDS = 90
REQUEST_SECONDS = 60


def main():
    args = parse_args()
    if args.peer_child:
        peer_child(args.threads)
        return
    pin(args.threads)
    deadline = time.monotonic() + args.seconds
    images = load_images(args.images, args.count)
    with contextlib.ExitStack() as stack:
        fenwen = stack.enter_context(Fenwen(args))
        peer = stack.enter_context(Peer(args))
        engines = [fenwen, peer]
        for engine in engines:
            engine.round(images[:2])
        rounds = run_rounds(engines, images, args.rounds, deadline)
        results = {engine.name: engine.result(rounds[engine.name]) for engine in engines}
        results["fenwen"].update(score(args, "--answers", fenwen.answers))
        results["rapidocr"].update(score(args, "--peer", peer.answers))
    report = {
        "machine": f"{platform.machine()}, {cpu_model()}, {args.threads} threads",
        "images": len(images),
        "rounds": len(rounds["fenwen"]),
        "results": results,
    }
    if args.json:
        args.json.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n")
    print(table(report))


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fenwen", type=Path, help="binary of fenwen")
    parser.add_argument("--eval", type=Path, help="binary of fenwen-eval, which scores both")
    parser.add_argument("--images", type=Path, help="folder written by `fenwen-eval cards`")
    parser.add_argument("--data-dir", type=Path, help="data directory of fenwen, with the pulled models")
    parser.add_argument("--count", type=int, default=60, help="pictures at most, evenly over the folder")
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds of each engine")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=600, help="begin no round after this time")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--peer-child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not args.peer_child and not (args.fenwen and args.eval and args.images):
        parser.error("--fenwen, --eval and --images are needed")
    return args


def pin(n_threads):
    """Keep this process and all it starts on the same few processors."""
    cpus = sorted(os.sched_getaffinity(0))[:n_threads]
    os.sched_setaffinity(0, cpus)


def load_images(folder, count):
    """The pictures of a set, `count` at most, evenly over its levels."""
    truths = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
    step = max(1.0, len(truths) / count)
    chosen = [truths[int(idx * step)] for idx in range(min(count, len(truths)))]
    return [(truth["image"], (folder / truth["image"]).read_bytes()) for truth in chosen]


def run_rounds(engines, images, n_rounds, deadline):
    """Measured rounds, the engines in turn and in changing order; every engine gets the same number."""
    rounds = {engine.name: [] for engine in engines}
    for idx in range(n_rounds):
        if idx > 0 and time.monotonic() > deadline:
            break
        for engine in engines if idx % 2 == 0 else engines[::-1]:
            rounds[engine.name].append(engine.round(images))
    return rounds


def score(args, source, answers):
    """Field accuracy of kept answers, by the rules of fenwen-eval."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        kept = set(answers)
        lines = (args.images / "truth.jsonl").read_text().splitlines()
        chosen = [line for line in lines if json.loads(line)["image"] in kept]
        (folder / "truth.jsonl").write_text("\n".join(chosen) + "\n")
        for name in kept:
            (folder / name).symlink_to((args.images / name).resolve())
        key = "answer" if source == "--answers" else "lines"
        records = [json.dumps({"image": name, key: it}, ensure_ascii=False) for name, it in answers.items()]
        (folder / "records.jsonl").write_text("\n".join(records) + "\n")
        command = [args.eval, "idcard", "--folder", folder, source, folder / "records.jsonl", "--json", folder / "out"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = json.loads((folder / "out").read_text())["levels"]
    levels = {level: found[level] for level in ("flat", "phone", "bad") if level in found}
    share = lambda rule: {level: it[rule]["k"] / it[rule]["n"] for level, it in levels.items()}
    both = {"value_exact": share("exact"), "lines_exact": share("lines_exact")}
    for rule, name in (("exact", "value_exact"), ("lines_exact", "lines_exact")):
        hits, total = (sum(it[rule][part] for it in levels.values()) for part in ("k", "n"))
        both[name]["all"] = hits / total
    if source == "--peer":
        del both["value_exact"]
    return both


class Engine:
    """A running engine: rounds over pictures, answers of the last round, processor time and memory."""

    name = ""

    def __init__(self):
        self.answers = {}

    def round(self, images):
        """Read all pictures; returns wall seconds, processor seconds and one latency per picture."""
        before, start = self.cpu_seconds(), time.monotonic()
        latencies = self.read(images)
        wall = time.monotonic() - start
        return {"wall": wall, "cpu": self.cpu_seconds() - before, "latencies": latencies}

    def result(self, rounds):
        n = len(rounds[0]["latencies"])
        latencies = sorted(value for it in rounds for value in it["latencies"])
        return {
            "images_per_second": statistics.median(n / it["wall"] for it in rounds),
            "p50_ms": 1000 * percentile(latencies, 0.50),
            "p95_ms": 1000 * percentile(latencies, 0.95),
            "cpu_seconds_per_image": statistics.median(it["cpu"] / n for it in rounds),
            "peak_rss_mib": self.peak_rss_mib(),
        }

    def pids(self):
        return family(self.process.pid)

    def cpu_seconds(self):
        return sum(cpu_seconds(pid) for pid in self.pids())

    def peak_rss_mib(self):
        return sum(peak_rss_mib(pid) for pid in self.pids())


class Fenwen(Engine):
    """`fenwen serve` on a free loopback port."""

    name = "fenwen"

    def __init__(self, args):
        super().__init__()
        self.threads = args.threads
        self.port = free_port()
        self.scratch = tempfile.TemporaryDirectory()
        data_dir = args.data_dir or Path(self.scratch.name)
        command = [args.fenwen, "serve", "--profile", "demo", "--listen", f"127.0.0.1:{self.port}"]
        self.log = open(Path(self.scratch.name) / "log", "w+b")
        self.process = subprocess.Popen(
            [*command, "--data-dir", data_dir], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )

    def __enter__(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/healthz/ready")
                if connection.getresponse().status == 200:
                    return self
            time.sleep(0.2)
        self.log.seek(0)
        tail = self.log.read().decode(errors="replace")[-2000:]
        self.__exit__()
        sys.exit(f"fenwen did not become ready:\n{tail}")

    def __exit__(self, *_):
        stop(self.process)
        self.log.close()
        self.scratch.cleanup()

    def read(self, images):
        work = queue.SimpleQueue()
        for item in images:
            work.put(item)
        latencies, errors = [], []

        def client():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_SECONDS)
            try:
                while not errors:
                    name, image = work.get_nowait()
                    start = time.monotonic()
                    self.answers[name] = ask(connection, image)
                    latencies.append(time.monotonic() - start)
            except queue.Empty:
                pass
            except (OSError, http.client.HTTPException, RuntimeError) as error:
                errors.append(error)
            finally:
                connection.close()

        clients = [threading.Thread(target=client) for _ in range(self.threads)]
        for thread in clients:
            thread.start()
        for thread in clients:
            thread.join()
        if errors:
            raise errors[0]
        return latencies


def ask(connection, image):
    kind = "png" if image.startswith(b"\x89PNG") else "jpeg"
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="meta"\r\nContent-Type: application/json\r\n\r\n{META}'
        f'\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="card"\r\n'
        f"Content-Type: image/{kind}\r\n\r\n"
    )
    body = head.encode() + image + f"\r\n--{BOUNDARY}--\r\n".encode()
    connection.request("POST", ROUTE, body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"fenwen answered {answer.status}: {text[:300]!r}")
    return json.loads(text)


class Peer(Engine):
    """RapidOCR in a process of its own, fed over a pipe."""

    name = "rapidocr"

    def __init__(self, args):
        super().__init__()
        command = [sys.executable, __file__, "--peer-child", "--threads", str(args.threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        if not self.process.stdout.readline():
            sys.exit("RapidOCR did not start: install eval/bench/requirements.txt into this Python")
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        stop(self.process)

    def read(self, images):
        latencies = []
        for name, image in images:
            self.process.stdin.write(len(image).to_bytes(8, "big") + image)
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
            self.answers[name] = answer["lines"]
            latencies.append(answer["seconds"])
        return latencies


def peer_child(n_threads):
    """Reads length-prefixed pictures, writes one JSON line for each."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Whatever the library prints must not end up among the answers.
    from rapidocr import RapidOCR

    quiet = {"Global.log_level": "error"}
    engine = RapidOCR(params={**quiet, "EngineConfig.onnxruntime.intra_op_num_threads": n_threads})
    print("ready", file=out, flush=True)
    while size := sys.stdin.buffer.read(8):
        image = sys.stdin.buffer.read(int.from_bytes(size, "big"))
        start = time.monotonic()
        found = engine(image)
        seconds = time.monotonic() - start
        lines = [
            {"text": text, "score": float(score), "box": [[float(x), float(y)] for x, y in box]}
            for text, score, box in zip(found.txts or (), found.scores or (), found.boxes if found.txts else ())
        ]
        print(json.dumps({"seconds": seconds, "lines": lines}), file=out, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def family(pid):
    """A process and its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += family(int(child))
    return found


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_rss_mib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown processor"


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(report):
    """The figures as a Markdown table with ratios."""
    ours, theirs = report["results"]["fenwen"], report["results"]["rapidocr"]
    rows = [
        ("images/s", "images_per_second", "{:.2f}"),
        ("p50, ms", "p50_ms", "{:.0f}"),
        ("p95, ms", "p95_ms", "{:.0f}"),
        ("CPU-s per image", "cpu_seconds_per_image", "{:.2f}"),
        ("peak RSS, MiB", "peak_rss_mib", "{:.0f}"),
    ]
    text = [
        f"{report['images']} pictures, {report['rounds']} interleaved rounds, medians; {report['machine']}.",
        "",
        "| | fenwen | RapidOCR | fenwen / RapidOCR |",
        "|---|---|---|---|",
    ]
    for label, key, form in rows:
        ratio = ours[key] / theirs[key] if theirs[key] else float("nan")
        text.append(f"| {label} | {form.format(ours[key])} | {form.format(theirs[key])} | {ratio:.2f} |")
    for level in theirs["lines_exact"]:
        a, b = ours["lines_exact"][level], theirs["lines_exact"][level]
        text.append(f"| lines over fields exact, {level} | {a:.3f} | {b:.3f} | {a / b if b else 0:.3f} |")
    for level, share in ours["value_exact"].items():
        text.append(f"| field and normalised value exact, {level} | {share:.3f} | – | – |")
    return "\n".join(text)


if __name__ == "__main__":
    main()

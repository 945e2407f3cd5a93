#!/usr/bin/env python3
"""How soon live speech is told: clips are sent at the speed of speech, a frame at a time.

    python3 eval/bench/live.py --fenwen target/release/fenwen --clips DIR --part tw --json eval/out/live.json

A partial result is told after each half second of new sound (the window). Of each stream: when the first partial with a text came,
counted from the moment its speech began, in windows; how old the sound was of which each partial told the end; how long after a last
frame the rest came. Fails when half of the streams wait for longer than BAR. Needs the models (`fenwen models pull`) and `websockets`.
"""

import argparse
import json
import os
import pathlib
import statistics
import tempfile
import threading
import time
import wave

import nodes
from speech import machine
from websockets.sync.client import connect

WINDOW_S = 0.5
START = {"type": "start", "purpose": {"code": "hotline-1996"}, "vocabulary": [], "rendition": "redacted"}
RATES = (8000, 16000)
FIRST = "first partial, windows after speech began"
# Windows.
BAR = 1.5


def main():
    args = parse_args()
    clips = list(sounds(args.clips, args.part))
    assert clips, f"{args.clips} has no mono clips of 16 bits at {RATES} Hz"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        node = nodes.Node(args.fenwen, folder / "data", "all", [], folder / "log")
        try:
            node.wait_until_ready()
            # The first stream loads the model: it is not counted.
            stream(node.port, *clips[0][1:], args.frame_ms)
            streams = [{"clip": name, **stream(node.port, rate, sound, args.frame_ms)} for name, rate, sound in clips]
        finally:
            nodes.end(node.process)
    report = {"machine": machine(os.cpu_count()), "frame ms": args.frame_ms, **summary(streams), "streams": streams}
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps({key: it for key, it in report.items() if key != "streams"}, indent=1, ensure_ascii=False))
    raise SystemExit(1 if BAR < report[FIRST]["median"] else 0)


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fenwen", type=pathlib.Path, default=pathlib.Path("target/release/fenwen"))
    parser.add_argument("--clips", type=pathlib.Path, required=True, help="folder with WAV files")
    parser.add_argument("--part", default="**", help="folder of clips within it")
    parser.add_argument("--frame-ms", type=int, default=100)
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_args()


def sounds(folder, part):
    for path in sorted(folder.glob(f"{part}/*.wav")):
        with wave.open(str(path)) as it:
            if it.getnchannels() == 1 and it.getsampwidth() == 2 and it.getframerate() in RATES:
                yield path.stem, it.getframerate(), it.readframes(it.getnframes())


def stream(port, rate, sound, frame_ms):
    with connect(f"ws://127.0.0.1:{port}/api/v1/speech/stream", max_size=None) as socket:
        socket.send(json.dumps({**START, "rate": rate}))
        ready = json.loads(socket.recv())
        assert ready["type"] == "ready", ready
        told = []
        reader = threading.Thread(target=lambda: told.extend((time.monotonic(), json.loads(it)) for it in socket), daemon=True)
        reader.start()
        start, step = time.monotonic(), 2 * rate * frame_ms // 1000
        for at in range(0, len(sound), step):
            part = sound[at : at + step]
            time.sleep(max(0.0, start + (at + len(part)) / 2 / rate - time.monotonic()))
            socket.send(part)
        end = time.monotonic()
        socket.send('{"type":"end"}')
        reader.join(60)
    assert told and told[-1][1]["type"] == "done", told[-1:]
    # A draft that is not believed has no text: that is no result yet.
    partials = [(at - start, it) for at, it in told if it["type"] == "partial" and it["text"]]
    found = {"seconds": len(sound) / 2 / rate, "partials": len(partials), "rest s": told[-1][0] - end}
    if partials:
        at, first = partials[0]
        found["first s"] = at - first["start"]
        found["behind s"] = statistics.median(at - it["end"] for at, it in partials)
    return found


def summary(streams):
    with_partials = [it for it in streams if it["partials"]]
    firsts = sorted(it["first s"] for it in with_partials)
    return {
        "n": len(streams),
        "streams without a partial": len(streams) - len(with_partials),
        FIRST: spread([it / WINDOW_S for it in firsts]),
        "behind the sound s": spread([it["behind s"] for it in with_partials]),
        "the rest after the last frame s": spread([it["rest s"] for it in streams]),
    }


def spread(values):
    values = sorted(values)
    return {"median": round(statistics.median(values), 2), "worst": round(values[-1], 2)}


if __name__ == "__main__":
    main()

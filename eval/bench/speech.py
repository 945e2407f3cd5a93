#!/usr/bin/env python3
"""Compare fenwen and faster-whisper on the same sound files with the same weights (Whisper base), in one run.

Each transcribes every file of the suite in a process of its own, in turn, on as many threads; time, processor time and
memory are those of the process. Both decode greedily, as fenwen does by default; faster-whisper uses int8 and its own
voice activity filter. `fenwen-eval speech` scores both with one normalisation. A long call is made of the clips:
channel one and two take turns, with silence between them.

Needs `faster-whisper` in this Python (eval/bench/requirements-speech.txt) and the binaries of this workspace:

    python eval/bench/speech.py --fenwen target/release/fenwen --eval target/release/fenwen-eval \\
        --clips DIR --peer-model DIR --json eval/out/speech.json
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

RATE = 16000


def main():
    args = parse_args()
    if args.peer_child:
        peer_child(args)
        return
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        suite = scratch / "suite"
        run([args.eval, "speech", "--clips", args.clips, "--write", suite])
        short = sorted(suite.glob("*.wav"))
        call = scratch / "call"
        call.mkdir()
        make_call(Path(args.clips), call / "call.wav", args.call_seconds)
        report = {"machine": machine(args.threads), "command": " ".join(["python", *sys.argv])}
        for name, files in [("short clips", short), ("long call", [call / "call.wav"])]:
            ours = measured("fenwen", fenwen(args, files, scratch / "ours"))
            peer = measured("faster-whisper", peer_command(args, files, scratch / "peer.jsonl"))
            seconds = sum(seconds_of(it) for it in files)
            report[name] = {
                "seconds of sound": round(seconds, 1),
                "fenwen": per_second(ours, seconds),
                "faster-whisper": per_second(peer, seconds),
                "ratio wall": round(ours["wall"] / peer["wall"], 3),
                "ratio processor": round(ours["cpu"] / peer["cpu"], 3),
                "ratio memory": round(ours["mib"] / peer["mib"], 3),
            }
            if name == "short clips":
                answers = scratch / "ours.jsonl"
                collect(scratch / "ours", files, answers)
                report[name]["CER"] = {
                    "fenwen": score(args, answers, scratch / "score-ours"),
                    "faster-whisper": score(args, scratch / "peer.jsonl", scratch / "score-peer"),
                }
    text = json.dumps(report, indent=1, ensure_ascii=False)
    print(text)
    if args.json:
        Path(args.json).parent.mkdir(parents=True, exist_ok=True)
        Path(args.json).write_text(text + "\n", encoding="utf-8")


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fenwen", default="target/release/fenwen")
    parser.add_argument("--eval", default="target/release/fenwen-eval")
    parser.add_argument("--clips", required=True, help="folder with manifest.json and WAV files")
    parser.add_argument("--peer-model", required=True, help="folder of the same weights for faster-whisper")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--call-seconds", type=int, default=1800)
    parser.add_argument("--json")
    parser.add_argument("--peer-child", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--peer-out", help=argparse.SUPPRESS)
    return parser.parse_args()


def run(command):
    subprocess.run([str(it) for it in command], check=True, stdout=subprocess.DEVNULL)


def measured(name, command):
    """Wall time, processor time and greatest memory of one command."""
    print(f"{name} ...", file=sys.stderr, flush=True)
    begun = time.monotonic()
    child = subprocess.Popen([str(it) for it in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{name} failed with {child.returncode}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"wall": time.monotonic() - begun, "cpu": cpu, "mib": usage.ru_maxrss / 1024}


def per_second(cost, seconds):
    return {
        "wall per second": round(cost["wall"] / seconds, 4),
        "processor per second": round(cost["cpu"] / seconds, 4),
        "memory MiB": round(cost["mib"]),
    }


def fenwen(args, files, out):
    settings = ["--set", f"speech.workers={args.threads}", "--set", "speech.threads=1"]
    return [args.fenwen, *settings, "transcribe", *files, "--format", "json", "--rendition", "original", "--out", out]


def peer_command(args, files, out):
    return [
        sys.executable, __file__, "--clips", args.clips, "--peer-model", args.peer_model,
        "--threads", str(args.threads), "--peer-out", out, "--peer-child", *files,
    ]


def peer_child(args):
    from faster_whisper import WhisperModel, decode_audio

    model = WhisperModel(args.peer_model, device="cpu", compute_type="int8", cpu_threads=args.threads)
    with open(args.peer_out, "w", encoding="utf-8") as out:
        for name in args.peer_child:
            channels = [name]
            with_channels = seconds_of(Path(name)) > 60
            if with_channels:
                channels = decode_audio(name, split_stereo=True)
            text = ""
            for channel in channels:
                segments, _ = model.transcribe(channel, language="zh", beam_size=1, vad_filter=True)
                text += "".join(it.text for it in segments)
            out.write(json.dumps({"file": Path(name).name, "text": text}, ensure_ascii=False) + "\n")


def collect(folder, files, out):
    """Fenwen's answers in the form that `fenwen-eval speech --answers` reads."""
    with open(out, "w", encoding="utf-8") as lines:
        for path in files:
            document = json.loads((folder / f"{path.name}.json").read_text(encoding="utf-8"))
            text = "".join(it["text"] for it in document["segments"])
            lines.write(json.dumps({"file": path.name, "text": text}, ensure_ascii=False) + "\n")


def score(args, answers, out):
    run([args.eval, "speech", "--clips", args.clips, "--answers", answers, "--report", out])
    rows = json.loads((out / "report.json").read_text(encoding="utf-8"))["rows"]
    found = {f"{it['set']} {it['condition']}": round(100 * it["cer"]["rate"], 2) for it in rows if it["n_chars"]}
    found["sounds without words that gave text"] = sum(it["n_invented"] for it in rows)
    return found


def seconds_of(path):
    # A header of 44 bytes, written by fenwen-eval or by this script.
    head = path.read_bytes()[:44]
    return (path.stat().st_size - 44) / int.from_bytes(head[28:32], "little")


def make_call(clips, out, seconds):
    """A call on two channels: the speakers take turns, two fifths of the time nobody speaks."""
    entries = json.loads((clips / "manifest.json").read_text(encoding="utf-8"))
    voices = []
    for entry in entries:
        if entry["text"] and entry["file"].startswith("tw/"):
            with wave.open(str(clips / entry["file"])) as clip:
                if clip.getframerate() == RATE and clip.getnchannels() == 1 and clip.getsampwidth() == 2:
                    voices.append(clip.readframes(clip.getnframes()))
    channels = [bytearray(), bytearray()]
    turn = 0
    while len(channels[0]) < 2 * RATE * seconds:
        voice = voices[turn % len(voices)]
        speaking = turn // 2 % 2
        pause = bytes(len(voice) // 3 * 2 // 2 * 2)
        channels[speaking] += voice + pause
        channels[1 - speaking] += bytes(len(voice)) + pause
        turn += 1
    both = bytearray()
    for idx in range(0, len(channels[0]), 2):
        both += channels[0][idx : idx + 2] + channels[1][idx : idx + 2]
    with wave.open(str(out), "wb") as call:
        call.setnchannels(2)
        call.setsampwidth(2)
        call.setframerate(RATE)
        call.writeframes(bytes(both))


def machine(threads):
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return f"{model}, {names[0] if names else 'unknown'}, {threads} threads"


if __name__ == "__main__":
    main()

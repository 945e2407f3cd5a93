#!/usr/bin/env python3
"""What fifty corrections change: letters like them, all others, and what rollback brings back.

    python3 eval/bench/corrections.py --fenwen target/release/fenwen --recipe training/recipes/questions-linear.toml \\
      --data rows.jsonl --text text --label unit --of 國土管理署 --to 民政司 [--seed 7]

A classifier learns from four fifths of the rows; letters of the rest go to a server, as they would from the mailbox. Fifty that it
rightly gave the label `--of` are corrected over HTTP to `--to`, `fenwen train --from-feedback` moves the classifier, and the server goes on with
the version that comes of it. Twice, from the same start: the fifty are about the same thing (nearest to one letter by the
bigrams of their characters), or about anything. Told of each: how many of the fifty are answered as corrected, how many letters
nobody corrected that are like them, whether the other letters are still answered as well, and whether every answer after rollback
is byte for byte what it was.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import tempfile
import time

import nodes
import swap
import text

CORRECTED = 50
# Letters like those, or of the same label, that nobody corrects.
UNSEEN = 24
LETTERS_A_CALL = 50


def main():
    args = parse_args()
    report = {"load": os.getloadavg()[0], "of": args.of, "to": args.to}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        files = [folder / name for name in ("train.jsonl", "held-out.jsonl")]
        fields = ["--text", args.text, "--label", args.label]
        text.run(args, "data", "split", args.data, *fields, "--seed", args.seed, "--train", files[0], "--held-out", files[1])
        text.run(args, "train", "--recipe", args.recipe, "--data", files[0], *fields, "--out", folder / "model")
        letters = text.read(files[1], args)
        report["letters"] = len(letters)
        for name, choose in (("same thing", nearest), ("anything", anything)):
            (folder / name).mkdir()
            report[name] = corrected(args, folder / name, folder / "model", letters, choose)
            print(name, json.dumps(report[name], ensure_ascii=False), flush=True)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(report, indent=2, ensure_ascii=False))


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fenwen", type=pathlib.Path, required=True)
    parser.add_argument("--recipe", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--text", default="text", help="field, or several with commas")
    parser.add_argument("--label", default="label")
    parser.add_argument("--of", required=True, help="label that the fifty have")
    parser.add_argument("--to", required=True, help="label that they are corrected to")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=pathlib.Path, help="write the figures there too")
    return parser.parse_args()


def corrected(args, folder, model, letters, choose):
    running = swap.OneNode(args.fenwen, folder)
    try:
        running.run("models", "activate", "letters", model)
        before = Answers(running, letters, "1")
        wrong, unseen = choose(letters, before.labels, args)
        others = [it for it in range(len(letters)) if it not in {*wrong, *unseen}]
        for it in wrong:
            path = f"/api/v1/predictions/{before.items[it]['prediction_id']}/feedback"
            call(running, path, {"decision": "corrected", "label": args.to})
        began = time.monotonic()
        text.run(args, "train", "--from-feedback", "letters", "--out", folder / "next", "--data-dir", running.data)
        took = time.monotonic() - began
        running.run("models", "activate", "letters", folder / "next")
        after = Answers(running, letters, "2")
        running.run("models", "rollback", "letters")
        back = Answers(running, letters, "1")
    finally:
        running.end()

    def right(answers):
        return sum(answers.labels[it] == letters[it][1] for it in others) / len(others)

    def moved(answers, some):
        return [sum(answers.labels[it] == args.to for it in some), len(some)]

    return {"corrected": moved(after, wrong), "unseen_before": moved(before, unseen), "unseen": moved(after, unseen),
            "others": len(others), "accuracy_before": right(before), "accuracy": right(after), "update_s": took,
            "rollback_same": back.said == before.said}


class Answers:
    """What the server says of every letter, once this version answers."""

    def __init__(self, running, letters, version):
        until = time.monotonic() + nodes.START_SECONDS
        while ask(running, letters[:1])[0]["model"]["version"] != version:
            assert time.monotonic() < until, f"version {version} does not answer"
            time.sleep(0.1)
        self.items = ask(running, letters)
        self.labels = [it["labels"][0]["code"] for it in self.items]
        # An id is new with each answer, and the same letters have been here before.
        self.said = [json.dumps({key: it[key] for key in it.keys() - {"prediction_id", "flags"}}, sort_keys=True) for it in self.items]


def ask(running, letters):
    items = []
    for first in range(0, len(letters), LETTERS_A_CALL):
        bodies = [{"body": it} for it, _ in letters[first : first + LETTERS_A_CALL]]
        items += call(running, "/api/v1/letters/classifications", {"letters": bodies})["items"]
    return items


def call(running, path, body):
    status, answer = nodes.call(running.api.port, "POST", path, body)
    assert 200 <= status < 300, f"{path}: {status} {answer}"
    return json.loads(answer or b"null")


def nearest(letters, labels, args):
    """Letters that are about the same thing: nearest to one of them, every third of which nobody corrects."""
    found = given(letters, labels, args)
    bags = {it: collections.Counter(zip(letters[it][0], letters[it][0][1:])) for it in found}

    def near(one, other):
        shared = sum((bags[one] & bags[other]).values())
        return shared / max(1, sum((bags[one] | bags[other]).values()))

    around = {it: sorted(found, key=lambda other: -near(it, other))[: CORRECTED + UNSEEN] for it in found}
    closest = max(found, key=lambda it: sum(near(it, other) for other in around[it]))
    return divided(around[closest])


def anything(letters, labels, args):
    found = given(letters, labels, args)
    random.Random(args.seed).shuffle(found)
    return divided(found[: CORRECTED + UNSEEN])


def divided(found):
    unseen = found[::3][:UNSEEN]
    return [it for it in found if it not in unseen], unseen


def given(letters, labels, args):
    """Letters that rightly have the label `--of`."""
    found = [idx for idx, ((_, label), told) in enumerate(zip(letters, labels, strict=True)) if label == told == args.of]
    assert CORRECTED + UNSEEN <= len(found), f"only {len(found)} letters have the label {args.of}"
    return found


if __name__ == "__main__":
    main()

"""Compares what a processor and a GPU made of the same file; exit code 1 when they differ by more than is stated here.

Vectors: cosine of each pair at least 0.9999. Cards: the same type, the same fields with the same values, confidences
within 0.02. Recordings: at most 2 % of the characters differ (half precision decides close calls otherwise).
"""

import difflib
import json
import math
import struct
import sys


def vectors(path):
    """Rows of a NumPy file of 32-bit floats."""
    with open(path, "rb") as file:
        content = file.read()
    length = struct.unpack("<H", content[8:10])[0]
    shape = content[10 : 10 + length].decode().split("'shape': (")[1].split(")")[0]
    width = int(shape.split(",")[1])
    values = struct.unpack(f"<{(len(content) - 10 - length) // 4}f", content[10 + length :])
    return [values[start : start + width] for start in range(0, len(values), width)]


def cosine(one, other):
    product = sum(a * b for a, b in zip(one, other))
    return product / math.sqrt(sum(a * a for a in one) * sum(b * b for b in other))


def compare_vectors(one, other):
    pairs = list(zip(vectors(one), vectors(other), strict=True))
    worst = min(cosine(a, b) for a, b in pairs)
    return worst >= 0.9999, f"{len(pairs)} vectors, least cosine {worst:.6f}"


def fields(document):
    read = {it["name"]: (it["value"], it["confidence"]) for it in document["fields"]}
    return read | {"type": (document["document"]["type"], document["document"]["type_score"])}


def compare_cards(one, other):
    with open(one) as a, open(other) as b:
        one, other = fields(json.load(a)), fields(json.load(b))
    is_same = one.keys() == other.keys() and all(one[it][0] == other[it][0] for it in one)
    off = max((abs(one[it][1] - other[it][1]) for it in one.keys() & other.keys()), default=0)
    return is_same and off <= 0.02, f"{len(one)} fields, greatest difference of confidence {off:.4f}"


def compare_calls(one, other):
    with open(one) as a, open(other) as b:
        one, other = ("".join(it["text"] for it in json.load(file)["segments"]) for file in (a, b))
    ratio = difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()
    return ratio >= 0.98, f"{len(one)} characters, {100 * (1 - ratio):.2f} % differ"


def main():
    name, one, other = sys.argv[1:]
    kinds = {".jsonl": compare_vectors, ".jpg": compare_cards, ".png": compare_cards}
    compare = next((it for end, it in kinds.items() if name.endswith(end)), compare_calls)
    is_same, what = compare(one, other)
    print(f"{name}: {'same' if is_same else 'DIFFERENT'}: {what}")
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main())

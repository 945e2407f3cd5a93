#!/usr/bin/env python3
"""Copies a trained classifier into a folder of `models/` and writes sizes and hashes into its manifest.

    pack.py TRAINED_DIR MODEL_DIR
"""

import hashlib
import re
import shutil
import sys
from pathlib import Path

FILES = ("linear.safetensors", "classifier.json")


def main():
    trained, model = map(Path, sys.argv[1:3])
    manifest = model / "model.toml"
    text = manifest.read_text(encoding="utf-8")
    for name in FILES:
        shutil.copyfile(trained / name, model / name)
        content = (model / name).read_bytes()
        entry = rf'(name = "{re.escape(name)}"\nbytes = )\d+(\nsha256 = ")[0-9a-f]{{64}}'
        made = rf"\g<1>{len(content)}\g<2>{hashlib.sha256(content).hexdigest()}"
        text, n = re.subn(entry, made, text)
        if n != 1:
            sys.exit(f"{manifest} does not name {name} once")
    shutil.copyfile(trained / "report.md", model / "report.md")
    manifest.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

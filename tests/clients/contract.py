"""schemathesis over the whole description, all its checks: no 5xx, no answer that is not described, nothing wrong believed.

CONTRACT_EXAMPLES says how many requests each operation gets in each phase (50). The demo asks nobody who they are, so there
the description goes without its credentials; a second server, where callers must be proven, is asked without any.
"""

import json
import os
import pathlib
import subprocess
import sys
import urllib.request

import nats_bus
from server import fenwen

SETTINGS = pathlib.Path(__file__).with_name("schemathesis.toml")
METHODS = ("get", "put", "post", "patch", "delete")
GUARDED = '[auth]\nmode = "required"\n'


def check(program):
    examples = os.environ.get("CONTRACT_EXAMPLES", "50")
    with fenwen(program, prepare=nats_bus.index) as server:
        run(server, open_to_all(server), "--max-examples", examples)
    with fenwen(program, GUARDED) as server:
        run(server, described(server), "--checks", "ignored_auth", "--phases", "coverage", "--max-examples", "1")


def described(server):
    with urllib.request.urlopen(server.url("/openapi.json"), timeout=30) as answer:
        return json.load(answer)


def open_to_all(server):
    """Without credentials; and without deadlines, for one of a millisecond is kept: 504, which is nobody's fault."""
    description = described(server)
    for item in description["paths"].values():
        for operation in (item[method] for method in METHODS if method in item):
            operation.pop("security", None)
            given = operation.get("parameters", [])
            operation["parameters"] = [it for it in given if it["name"] != "x-deadline-ms"]
    return description


def run(server, description, *options):
    file = server.folder / "openapi.json"
    file.write_text(json.dumps(description), encoding="utf-8")
    program = pathlib.Path(sys.executable).with_name("schemathesis")
    command = [program, "--config-file", SETTINGS, "run", file, "--url", server.url(""), *options]
    subprocess.run(command, check=True, cwd=server.folder)

"""schemathesis over the whole description, all its checks: no 5xx, no answer that is not described, nothing wrong believed.

CONTRACT_EXAMPLES says how many requests each operation gets in each phase (50). The demo asks nobody who they are, and its
description says so; a second server, where callers must be proven, is asked without any credentials.
"""

import json
import os
import pathlib
import subprocess
import sys
import urllib.request

from server import fenwen

SETTINGS = pathlib.Path(__file__).with_name("schemathesis.toml")
METHODS = ("get", "put", "post", "patch", "delete")
GUARDED = '[auth]\nmode = "required"\n'


def check(program):
    examples = os.environ.get("CONTRACT_EXAMPLES", "50")
    with fenwen(program) as server:
        run(server, without_deadlines(server), "--max-examples", examples)
    with fenwen(program, GUARDED) as server:
        run(server, server.url("/openapi.json"), "--checks", "ignored_auth", "--phases", "coverage", "--max-examples", "1")


def without_deadlines(server):
    """Its description; with a header that is a number schemathesis takes unknown headers for a violation, and HTTP allows them."""
    with urllib.request.urlopen(server.url("/openapi.json"), timeout=30) as answer:
        description = json.load(answer)
    for item in description["paths"].values():
        for operation in (item[method] for method in METHODS if method in item):
            given = operation.get("parameters", [])
            operation["parameters"] = [it for it in given if it["name"] != "x-deadline-ms"]
    file = server.folder / "openapi.json"
    file.write_text(json.dumps(description), encoding="utf-8")
    return file


def run(server, description, *options):
    program = pathlib.Path(sys.executable).with_name("schemathesis")
    command = [program, "--config-file", SETTINGS, "run", description, "--url", server.url(""), *options]
    subprocess.run(command, check=True, cwd=server.folder)

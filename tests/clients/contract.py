"""schemathesis over the whole description, all its checks: no 5xx, no answer that is not described, nothing wrong believed.

CONTRACT_EXAMPLES says how many requests each operation gets in each phase (50). The demo asks nobody who they are, and its
description says so; a second server, where callers must be proven, is asked without any credentials.
"""

import os
import pathlib
import subprocess
import sys

import nats_bus
from server import fenwen

SETTINGS = pathlib.Path(__file__).with_name("schemathesis.toml")
GUARDED = '[auth]\nmode = "required"\n'


def check(program):
    examples = os.environ.get("CONTRACT_EXAMPLES", "50")
    with fenwen(program, prepare=nats_bus.index) as server:
        run(server, "--max-examples", examples)
    with fenwen(program, GUARDED) as server:
        run(server, "--checks", "ignored_auth", "--phases", "coverage", "--max-examples", "1")


def run(server, *options):
    program = pathlib.Path(sys.executable).with_name("schemathesis")
    command = [program, "--config-file", SETTINGS, "run", server.url("/openapi.json"), "--url", server.url(""), *options]
    subprocess.run(command, check=True, cwd=server.folder)

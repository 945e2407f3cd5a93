"""schemathesis over the whole description, all its checks: no 5xx, no answer that is not described, nothing wrong believed.

CONTRACT_EXAMPLES says how many requests each operation gets in each phase (50).
"""

import os
import pathlib
import subprocess
import sys

SETTINGS = pathlib.Path(__file__).with_name("schemathesis.toml")


def check(server):
    program = pathlib.Path(sys.executable).with_name("schemathesis")
    examples = os.environ.get("CONTRACT_EXAMPLES", "50")
    command = [program, "--config-file", SETTINGS, "run", server.url("/openapi.json"), "--max-examples", examples]
    subprocess.run(command, check=True, cwd=server.folder)

"""The model that every peer serves: it sleeps as long as it would compute, and shows its input as its output.

The same as `fenwen-eval serving`: `echo` nothing; `batch` 2 ms and 0.25 ms a row, at most 32; `slow` 100 ms, at most 8.
"""

import os
import pathlib
import time

WORK = os.environ["PEER_WORK"]
COUNT = pathlib.Path(os.environ["PEER_COUNT"])
PORT = int(os.environ["PEER_PORT"])
MAX_ROWS = {"echo": 32, "batch": 32, "slow": 8}[WORK]
# The window of those that wait for company: 2 ms, as in their documentation's examples, and none where nothing is gained.
WINDOW = {"echo": 0.0, "batch": 0.002, "slow": 0.002}[WORK]

computed = 0


def compute(n_rows):
    global computed
    if WORK == "echo":
        return
    computed += n_rows
    COUNT.write_text(str(computed))
    time.sleep(0.002 + 0.00025 * n_rows if WORK == "batch" else 0.1)


def answer(body):
    """The document of the protocol for one call's own input."""
    given = body["inputs"][0]
    output = {"name": "y", "datatype": given["datatype"], "shape": given["shape"], "data": given["data"]}
    return {"model_name": "load", "model_version": "1", "outputs": [output]}

"""The clients, validators and linters that others publish, unchanged, against a fenwen of their own.

make test-clients; README.md says what each asks. `run.py PROGRAM CHECK…` runs only those.
"""

import sys
import time

import contract
import descriptions
import nats_bus
import openai_sdk
import triton_grpc
import triton_http
import webhook_receiver
from server import fenwen

# What needs no more than a server in the demo profile shares one.
SHARED = {"triton": triton_http, "triton-grpc": triton_grpc, "openai": openai_sdk}
OWN = {"nats": nats_bus, "webhooks": webhook_receiver, "contract": contract}


def main():
    every = ["descriptions", *OWN, *SHARED]
    program, names = sys.argv[1], sys.argv[2:] or every
    if unknown := set(names) - set(every):
        raise SystemExit(f"no such check: {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    if "descriptions" in names:
        timed("descriptions", descriptions.check)
    for name, it in OWN.items():
        if name in names:
            timed(name, it.check, program)
    if shared := {name: it for name, it in SHARED.items() if name in names}:
        with fenwen(program) as server:
            for name, it in shared.items():
                timed(name, it.check, server)


def timed(name, check, *arguments):
    began = time.monotonic()
    check(*arguments)
    print(f"ok   {name} ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()

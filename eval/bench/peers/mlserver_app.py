"""MLServer, with its adaptive batching where the model gains from it; started as `mlserver start` would."""

import asyncio
import json
import os
import pathlib
import sys
import tempfile

import work


def main():
    """Writes the settings that it reads, and starts it on them."""
    from mlserver.cli import main as cli

    folder = pathlib.Path(tempfile.mkdtemp(prefix="mlserver-"))
    here = str(pathlib.Path(__file__).parent)
    settings = {
        "host": "127.0.0.1", "http_port": work.PORT, "grpc_port": work.PORT + 1, "metrics_port": work.PORT + 2,
        "parallel_workers": 0, "debug": False, "access_log": False,
    }
    model = {"name": "load", "implementation": "mlserver_model.Model"}
    if work.WORK != "echo":
        model |= {"max_batch_size": work.MAX_ROWS, "max_batch_time": work.WINDOW}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model))
    os.environ["PYTHONPATH"] = here
    sys.path.insert(0, here)
    sys.argv = ["mlserver", "start", str(folder)]
    asyncio.set_event_loop_policy(None)
    cli()


if __name__ == "__main__":
    main()

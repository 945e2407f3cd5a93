"""A server of its own for the live tests: a fresh data folder, a port that the system chooses, ended with the tests."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAM = Path(os.environ.get("FENWEN") or HERE.parent / "../../target/debug/fenwen").resolve()

# Loading every model of a debug build takes a while on a busy machine.
STARTING_SECONDS = 240


class LiveServer:
    """A running server and the commands of its operator."""

    def __init__(self, folder: Path, settings: str) -> None:
        self.config = folder / "fenwen.toml"
        self.config.write_text(f'data_dir = "{folder}/data"\n{settings}', encoding="utf-8")
        self.url = ""
        self._said: list[str] = []

    def operate(self, *arguments: str) -> str:
        """Runs a command over the same data; what it prints."""
        command: list[str | Path] = [PROGRAM, "--config", self.config, "--profile", "demo", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=STARTING_SECONDS, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    @contextmanager
    def serve(self) -> Iterator[None]:
        command: list[str | Path] = [PROGRAM, "--config", self.config, "--profile", "demo"]
        command += ["--listen", "127.0.0.1:0", "serve"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        has_url = threading.Event()
        reader = threading.Thread(target=self._read, args=(child, has_url), daemon=True)
        reader.start()
        try:
            has_url.wait(STARTING_SECONDS)
            assert self.url, "the server did not start:\n" + "".join(self._said)
            yield
        finally:
            child.terminate()
            child.wait(60)
            reader.join(5)

    def _read(self, child: subprocess.Popen[str], has_url: threading.Event) -> None:
        assert child.stdout is not None
        for line in child.stdout:
            self._said.append(line)
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found and not self.url:
                self.url = found[0]
                has_url.set()
        has_url.set()


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fenwen-client-", ignore_cleanup_errors=True) as path:
        yield Path(path)

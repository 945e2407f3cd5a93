"""What a caller may give as a file: bytes, a path, or an open binary file."""

from __future__ import annotations

import io
import os
from typing import BinaryIO

from ._core import Plan, Work

Source = bytes | str | os.PathLike[str] | BinaryIO
"""Bytes; a path; or a binary file that can seek, read from its beginning."""


def whole(source: Source) -> Plan[bytes]:
    """All of it."""
    content: bytes = yield Work(lambda: _read_all(source))
    return content


def size_of(source: Source) -> Plan[int]:
    """Its bytes."""
    parts = Parts(source)
    try:
        size: int = yield Work(parts.open)
        return size
    finally:
        parts.close()


def _read_all(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            return file.read()
    source.seek(0)
    return source.read()


class Parts:
    """A source that is read part by part. `open`, `read` and `close` may block: they are Work."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._file: BinaryIO | None = None

    def open(self) -> int:
        """Opens it; its bytes."""
        source = self._source
        if isinstance(source, bytes):
            self._file = io.BytesIO(source)
        elif isinstance(source, (str, os.PathLike)):
            self._file = open(source, "rb")  # noqa: SIM115 (closed by `close`)
        else:
            self._file = source
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        return size

    def read(self, n_bytes: int) -> bytes:
        """The next bytes; empty at the end."""
        return self._file.read(n_bytes) if self._file else b""

    def close(self) -> None:
        """Closes what `open` opened; a file of the caller stays open."""
        if self._file is not None and self._file is not self._source:
            self._file.close()

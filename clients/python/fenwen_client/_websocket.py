"""Frames of a WebSocket (RFC 6455) as a client writes and reads them: bytes in, bytes out. No network here."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass

from .errors import DecodeError

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_CONTINUED = 0
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_LONGEST = 1 << 20
"""Most bytes of a message: texts of one utterance are far below."""


@dataclass(frozen=True, repr=False)
class Frame:
    """A whole message, or a control frame."""

    kind: int
    content: bytes


def key() -> str:
    """A fresh Sec-WebSocket-Key."""
    return base64.b64encode(os.urandom(16)).decode()


def accepted(key: str) -> str:
    """What the server must answer to the key."""
    return base64.b64encode(hashlib.sha1(key.encode() + _MAGIC, usedforsecurity=False).digest()).decode()


def frame(kind: int, content: bytes, mask: Callable[[int], bytes] = os.urandom) -> bytes:
    """One frame with everything in it, masked as those of clients are."""
    length = len(content)
    if length < 126:
        head = struct.pack("!BB", 0x80 | kind, 0x80 | length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", 0x80 | kind, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", 0x80 | kind, 0x80 | 127, length)
    key = mask(4)
    return head + key + _masked(content, key)


def _masked(content: bytes, key: bytes) -> bytes:
    length = len(content)
    repeated = (key * (length // 4 + 1))[:length]
    return (int.from_bytes(content, "big") ^ int.from_bytes(repeated, "big")).to_bytes(length, "big")


class Frames:
    """Collects bytes until frames are whole, and puts messages in several frames together."""

    def __init__(self) -> None:
        self._rest = b""
        self._kind = 0
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> list[Frame]:
        """The messages that are whole with these bytes. Raises DecodeError for what is no frame of a server."""
        self._rest += chunk
        found = []
        while (taken := self._take()) is not None:
            is_last, kind, content = taken
            if kind >= CLOSE:
                found.append(Frame(kind, content))
                continue
            if kind != _CONTINUED:
                self._kind, self._parts = kind, []
            self._parts.append(content)
            if is_last:
                found.append(Frame(self._kind, b"".join(self._parts)))
                self._parts = []
        return found

    def _take(self) -> tuple[bool, int, bytes] | None:
        rest = self._rest
        if len(rest) < 2:
            return None
        length, at = rest[1] & 0x7F, 2
        if rest[1] & 0x80 or rest[0] & 0x70:
            raise DecodeError("/frame")
        if length >= 126:
            n_bytes = 2 if length == 126 else 8
            length, at = int.from_bytes(rest[2 : 2 + n_bytes], "big"), 2 + n_bytes
            if len(rest) < at:
                return None
        if _LONGEST < length:
            raise DecodeError("/frame")
        if len(rest) < at + length:
            return None
        self._rest = rest[at + length :]
        return bool(rest[0] & 0x80), rest[0] & 0x0F, rest[at : at + length]

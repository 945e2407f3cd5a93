"""The other end of a WebSocket, for tests: it greets, hears frames, and answers each of them with a partial result."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
from httpcore import ReadTimeout

from fenwen_client import _websocket as ws

READY = {"type": "ready", "token": "t-1", "received": 0.0, "frame_bytes": 6400, "idle": 30.0, "resume": 60.0}
FINAL = {
    "type": "final",
    "id": 0,
    "start": 0.1,
    "end": 0.9,
    "text": "甲",
    "confidence": 0.9,
    "language": "zh",
    "low_confidence": False,
}


class Network:
    """A connection after 101. `heard` are the messages of the client, `frames` the sizes of its binary ones."""

    def __init__(self) -> None:
        self.heard: list[dict[str, object]] = []
        self.frames: list[int] = []
        self.pongs: list[bytes] = []
        self.out = b""

    def greet(self, server: Callable[[httpx.Request], httpx.Response]) -> Callable[[httpx.Request], httpx.Response]:
        """The server, whose handshake accepts the key of each request."""

        def handle(request: httpx.Request) -> httpx.Response:
            answer = server(request)
            if answer.status_code == 101:
                answer.headers["sec-websocket-accept"] = ws.accepted(request.headers["sec-websocket-key"])
            return answer

        return handle

    def say(self, message: dict[str, object]) -> None:
        content = json.dumps(message).encode()
        assert len(content) < 1 << 16
        self.out += bytes([0x81, 126]) + len(content).to_bytes(2, "big") + content

    def take(self, content: bytes) -> None:
        kind, length, at = content[0] & 0x0F, content[1] & 0x7F, 2
        if length == 126:
            length, at = int.from_bytes(content[2:4], "big"), 4
        key, body = content[at : at + 4], content[at + 4 :]
        assert len(body) == length, "a frame is written at once"
        plain = bytes(byte ^ key[idx % 4] for idx, byte in enumerate(body))
        if kind == ws.TEXT:
            self.heard.append(json.loads(plain))
            self.answer(str(self.heard[-1]["type"]))
        elif kind == ws.BINARY:
            self.frames.append(length)
            self.out += bytes([0x89, 2]) + b"hi"
            self.say({"type": "partial", "start": 0.0, "end": 0.1, "text": "甲"})
        elif kind == ws.PONG:
            self.pongs.append(plain)

    def answer(self, kind: str) -> None:
        if kind == "end":
            self.say(FINAL)
            self.say({"type": "done", "received": 0.1})
            # The server closes at once, and both may arrive together.
            self.out += bytes([0x88, 2]) + (1000).to_bytes(2, "big")
        else:
            self.say(READY)

    def give(self) -> bytes:
        if not self.out:
            raise ReadTimeout
        found, self.out = self.out, b""
        return found

    def read(self, most: int, timeout: float | None = None) -> bytes:
        return self.give()

    def write(self, content: bytes, timeout: float | None = None) -> None:
        self.take(content)

    def close(self) -> None:
        pass


class AsyncNetwork(Network):
    """The same, awaited."""

    async def read(self, most: int, timeout: float | None = None) -> bytes:  # type: ignore[override]
        return self.give()

    async def write(self, content: bytes, timeout: float | None = None) -> None:  # type: ignore[override]
        self.take(content)

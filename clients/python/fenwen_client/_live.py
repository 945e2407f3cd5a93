"""A live stream of speech over a WebSocket, as a course."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Iterable
from typing import Any

from . import _websocket as ws
from ._core import Call, Close, Course, Emit, Lost, Next, Plan, Read, Settings, Write
from ._model import decode, encode
from .errors import ConnectionFailed, DeadlineExceeded, DecodeError, api_error
from .types import LiveMessage, LiveMessageDone, LiveMessageReady, LiveRequestEnd, LiveRequestResume, LiveRequestStart

Chunks = Iterable[bytes] | AsyncIterable[bytes]
Opening = LiveRequestStart | LiveRequestResume

_SAMPLE_BYTES = 2
# Seconds of a frame: PCM is gathered to so much before it is sent. The server takes 20 ms to 1 s.
_FRAME = 0.1
_SHORTEST = 0.02
# Seconds to look for messages between two frames.
_GLANCE = 0.001


def live(settings: Settings, opening: Opening, chunks: Chunks, gather: int, answers: bool = False) -> Course[Any]:
    """Sends chunks and gives the messages, to the end. `gather` is the rate of PCM; 0 sends each chunk as a frame."""
    stream = _Stream(settings)
    yield from stream.open(answers)
    try:
        yield from stream.say(opening)
        ready = None
        while ready is None:
            for message in (yield from stream.hear(settings.timeout)):
                yield Emit(message)
                ready = message if isinstance(message, LiveMessageReady) else ready
        iterator: Any = aiter(chunks) if isinstance(chunks, AsyncIterable) else iter(chunks)
        frames = _Pcm(gather, ready.frame_bytes) if gather else _Packets()
        while (chunk := (yield Next(iterator))) is not None:
            for frame in frames.take(chunk):
                yield from stream.write(ws.BINARY, frame)
                for message in (yield from stream.hear(_GLANCE)):
                    yield Emit(message)
        for frame in frames.rest():
            yield from stream.write(ws.BINARY, frame)
        yield from stream.say(LiveRequestEnd())
        is_done = False
        while not is_done:
            for message in (yield from stream.hear(settings.timeout)):
                yield Emit(message)
                is_done = is_done or isinstance(message, LiveMessageDone)
        yield from stream.write(ws.CLOSE, (1000).to_bytes(2, "big"))
    except Lost as lost:
        raise ConnectionFailed(str(lost)) from None
    yield Close()


class _Stream:
    """One connection."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.frames = ws.Frames()
        self.closed: int | None = None
        """Code of the server's close, once it has come."""

    def open(self, answers: bool) -> Plan[None]:
        key = ws.key()
        headers = {
            "connection": "Upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": key,
        }
        query = {"answers": True} if answers else None
        answer = yield from Call(self.settings, "stream_speech", query=query, headers=headers).open()
        if answer.status != 101 or answer.headers.get("sec-websocket-accept") != ws.accepted(key):
            raise ConnectionFailed("the server did not open a WebSocket")

    def write(self, kind: int, content: bytes) -> Plan[None]:
        yield Write(ws.frame(kind, content), self.settings.timeout)

    def say(self, message: LiveRequestStart | LiveRequestResume | LiveRequestEnd) -> Plan[None]:
        yield from self.write(ws.TEXT, json.dumps(encode(message), ensure_ascii=False).encode())

    def hear(self, timeout: float) -> Plan[list[Any]]:
        """What has come; a glance may find nothing, a wait must not."""
        if self.closed is not None:
            raise ConnectionFailed(f"closed with {self.closed}")
        chunk = yield Read(timeout)
        if chunk is None and timeout != _GLANCE:
            raise DeadlineExceeded(f"nothing was said for {timeout:g} s")
        if chunk == b"":
            raise ConnectionFailed("the connection was closed")
        found = []
        for frame in self.frames.feed(chunk or b""):
            if frame.kind == ws.PING:
                yield from self.write(ws.PONG, frame.content)
            elif frame.kind == ws.CLOSE:
                # What came before it is told first.
                self.closed = int.from_bytes(frame.content[:2], "big")
            elif frame.kind == ws.TEXT:
                found.append(_message(frame.content))
        return found


def _message(content: bytes) -> Any:
    try:
        document = json.loads(content)
    except ValueError:
        raise DecodeError("/message") from None
    if isinstance(document, dict) and document.get("type") == "error":
        raise api_error(101, document, {})
    kind: Any = LiveMessage
    return decode(kind, document)


class _Packets:
    """Chunks that are frames already."""

    def take(self, chunk: bytes) -> list[bytes]:
        return [chunk]

    def rest(self) -> list[bytes]:
        return []


class _Pcm:
    """Gathers chunks of any size to frames that the server takes."""

    def __init__(self, rate: int, most: int) -> None:
        self._least = int(rate * _FRAME) * _SAMPLE_BYTES
        self._shortest = int(rate * _SHORTEST) * _SAMPLE_BYTES
        self._most = most
        self._kept = b""

    def take(self, chunk: bytes) -> list[bytes]:
        self._kept += chunk
        frames = []
        while self._least <= len(self._kept):
            length = min(len(self._kept), self._most) // _SAMPLE_BYTES * _SAMPLE_BYTES
            frames.append(self._kept[:length])
            self._kept = self._kept[length:]
        return frames

    def rest(self) -> list[bytes]:
        """The last frame, filled with silence where it is too short."""
        return [self._kept.ljust(self._shortest, b"\0")] if self._kept else []

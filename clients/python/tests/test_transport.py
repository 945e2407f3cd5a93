"""The two transports, and what reaches a log."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake import BASE_URL, Described

from fenwen_client import AsyncClient, Client, Retry, Source, errors
from fenwen_client.types import Letter


def client(handler: Any, **settings: Any) -> Client:
    http = httpx.Client(transport=httpx.MockTransport(handler))
    return Client(BASE_URL, http=http, retry=Retry(first=0.0), **settings)


def refusing(error: type[httpx.TransportError]) -> Any:
    def handle(request: httpx.Request) -> httpx.Response:
        raise error("why")

    return handle


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(errors.ConnectionFailed, match="^ConnectError: why$"):
        client(refusing(httpx.ConnectError)).server.live()
    with pytest.raises(errors.ConnectionFailed, match="^ReadError$"):
        client(refusing(httpx.ReadError)).server.live()

    async def call() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(refusing(httpx.ReadError))) as http:
            await AsyncClient(BASE_URL, http=http, retry=Retry(tries=1)).server.live()

    with pytest.raises(errors.ConnectionFailed):
        asyncio.run(call())


@pytest.mark.parametrize(
    ("error", "n_sent"),
    [
        (httpx.ConnectError, 4),
        (httpx.ConnectTimeout, 4),
        (httpx.PoolTimeout, 4),
        (httpx.ReadError, 1),
        (httpx.ReadTimeout, 1),
        (httpx.WriteError, 1),
        (httpx.RemoteProtocolError, 1),
    ],
)
def test_what_may_have_been_done_is_not_sent_again(error: type[httpx.TransportError], n_sent: int) -> None:
    sent: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        raise error("why")

    with pytest.raises(errors.ConnectionFailed):
        client(handle).letters.classify([Letter(subject="戶籍")])
    assert len(sent) == n_sent


class Sent:
    """Takes uploads, and remembers their parts; those of `fails` are refused."""

    def __init__(self, fails: int = 0) -> None:
        self.parts: dict[int, bytes] = {}
        self.fails = fails
        self.deleted = False
        self.keys: list[str] = []
        self.bodies: list[bytes] = []
        self.completed: dict[str, str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "DELETE":
            self.deleted = True
            return httpx.Response(204)
        if "/parts/" in path:
            number = int(path.rpartition("/")[2])
            if number == self.fails:
                return httpx.Response(409, json={"code": "ER0410"})
            self.parts[number] = request.read()
            return httpx.Response(204)
        if path.endswith("/complete"):
            self.completed = json.loads(request.read())
            size = sum(map(len, self.parts.values()))
            done = {"blob_id": "b-1", "expires_at": "", "sha256": self.completed["sha256"], "size": size}
            return httpx.Response(200, json=done)
        if path.endswith("/blobs"):
            size = json.loads(request.read())["size"]
            parts = -(-size // (4 << 20))
            opened = {"blob_id": "b-1", "part_size": 4 << 20, "parts": parts, "expires_at": ""}
            return httpx.Response(201, json=opened)
        self.keys.append(request.headers["idempotency-key"])
        self.bodies.append(request.read())
        links = {"self": "", "result": "", "events": "", "cancel": ""}
        job = {"job_id": "j-1", "state": "queued", "created_at": "", "queue_position": 0, "links": links}
        return httpx.Response(202, json={**job, "estimated_finish_at": None})


LARGE = bytes(range(256)) * (5 << 12)


@pytest.mark.parametrize("kind", ["bytes", "path", "file"])
def test_a_large_recording_goes_up_in_parts(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(LARGE)
    file = io.BytesIO(LARGE)
    server = Sent()
    sources: dict[str, Source] = {"bytes": LARGE, "path": path, "file": file}
    client(server).transcriptions.submit(sources[kind], speakers=["民眾"])
    assert {number: len(it) for number, it in server.parts.items()} == {1: 4 << 20, 2: 1 << 20}
    assert b"".join(server.parts.values()) == LARGE
    assert server.completed["sha256"] == hashlib.sha256(LARGE).hexdigest()
    assert json.loads(server.bodies[0]) == {"blob_id": "b-1", "speakers": ["民眾"]}
    assert not file.closed


def test_a_small_recording_goes_with_its_order() -> None:
    server = Sent()
    client(server).transcriptions.submit(b"RIFFsmall", vocabulary=["戶政司"])
    assert server.parts == {}
    assert b"RIFFsmall" in server.bodies[0]
    assert json.dumps({"vocabulary": ["戶政司"]}, ensure_ascii=False).encode() in server.bodies[0]


def test_an_upload_that_fails_is_deleted() -> None:
    server = Sent(fails=2)
    with pytest.raises(errors.Conflict):
        client(server).transcriptions.submit(LARGE)
    assert server.deleted


def test_a_token_may_be_asynchronous() -> None:
    async def token() -> str:
        return "one"

    async def call(token: Any) -> str:
        server = Described()
        async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as http:
            await AsyncClient(BASE_URL, http=http, token=token).server.live()
        return server.requests[0].headers["authorization"]

    assert asyncio.run(call(token)) == "Bearer one"
    assert asyncio.run(call(lambda: "two")) == "Bearer two"


class Slow(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that never ends."""

    def __init__(self) -> None:
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield b" "

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b" "

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        self.is_closed = True


def test_a_body_that_never_ends_ends_with_the_deadline() -> None:
    body = Slow()

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=body)

    with pytest.raises(errors.DeadlineExceeded):
        client(answer, timeout=0.05).server.live()
    assert body.is_closed

    async def call() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            await AsyncClient(BASE_URL, http=http, timeout=0.05).server.live()

    with pytest.raises(errors.DeadlineExceeded):
        asyncio.run(call())


def test_a_stream_that_is_left_is_closed() -> None:
    body = Slow()
    stream = client(lambda request: httpx.Response(200, stream=body)).transcriptions.recording("j-1")
    assert next(stream) == b" "
    stream.close()  # type: ignore[attr-defined]
    assert body.is_closed


def test_other_settings_share_the_connections() -> None:
    server = Described()
    own = client(server, timeout=30.0)
    other = own.using(timeout=5.0, request_id="r-9")
    other.letters.classify([Letter(subject="戶籍")])
    own.server.live()
    assert server.requests[0].headers["x-request-id"] == "r-9"
    assert int(server.requests[0].headers["x-deadline-ms"]) <= 5_000
    assert "x-request-id" not in server.requests[1].headers


def test_nothing_that_is_private_is_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    own = client(Described(), token="fwd_secret")
    found = own.letters.classify([Letter(subject="王小明", body="A123456789")])
    shown = repr([own, own._settings, found, own.letters]) + caplog.text
    for private in ("王小明", "A123456789", "fwd_secret"):
        assert private not in shown


def test_a_review_is_changed_as_it_was_seen() -> None:
    server = Described()
    own = client(server)
    review = own.reviews.claim("r-1")
    own.reviews.release(review)
    assert server.requests[-1].headers["if-match"] == f'"{review.version}"'


def test_an_address_without_a_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="http://"):
        Client("127.0.0.1:8080")

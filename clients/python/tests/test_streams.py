"""Events and WebSockets, and the calls that are made of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from fake import BASE_URL, SCHEMAS, sample
from network import AsyncNetwork, Network

from fenwen_client import AsyncClient, Client, Retry, errors
from fenwen_client import _websocket as ws
from fenwen_client._sse import Events
from fenwen_client.types import (
    LiveMessageDone,
    LiveMessageFinal,
    LiveMessagePartial,
    LiveMessageReady,
    LiveMessageUnasked,
)

CHANGES = (
    b": quiet\n\nid: 1\nevent: queued\ndata: {}\n\n"
    b"id: 2\r\nevent: running\r\ndata: a\r\ndata: b\r\n\r\nid: 3\nevent: x\n\n"
)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_events_may_come_in_any_pieces(size: int) -> None:
    reader = Events()
    found = [it for at in range(0, len(CHANGES), size) for it in reader.feed(CHANGES[at : at + size])]
    assert [(it.id, it.name, it.data) for it in found] == [("1", "queued", "{}"), ("2", "running", "a\nb")]


def change(version: int, state: str) -> bytes:
    data = {**sample(SCHEMAS["JobChange"]), "state": state, "progress": version / 10}
    return f"id: {version}\nevent: {state}\ndata: {json.dumps(data)}\n\n".encode()


class Broken(httpx.SyncByteStream):
    """A body whose connection breaks."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self.content
        raise httpx.ReadError("broken")


class Watched:
    """A job whose stream of changes ends, or breaks, after each of these pieces."""

    def __init__(self, *pieces: bytes, state: str = "succeeded", breaks: bool = False) -> None:
        self.pieces = list(pieces)
        self.breaks = breaks
        self.state = state
        self.last: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            self.last.append(request.headers.get("last-event-id"))
            piece = self.pieces.pop(0)
            return httpx.Response(200, stream=Broken(piece) if self.breaks else httpx.ByteStream(piece))
        return httpx.Response(200, json={**sample(SCHEMAS["JobResponse"]), "state": self.state, "error": "ER0450"})

    def client(self) -> Client:
        return Client(BASE_URL, http=httpx.Client(transport=httpx.MockTransport(self)), retry=Retry(first=0.0))


@pytest.mark.parametrize("breaks", [False, True])
def test_a_broken_stream_goes_on_where_it_broke(breaks: bool) -> None:
    pieces = [change(1, "queued") + change(2, "running"), b"", change(3, "running"), change(4, "succeeded")]
    job = Watched(*pieces, breaks=breaks)
    told: list[float | None] = []
    found = job.client().jobs.wait("j-1", progress=lambda it: told.append(it.progress))
    assert found.state == "succeeded"
    assert told == [0.1, 0.2, 0.3, 0.4]
    assert job.last == [None, "2", "2", "3"]


def test_a_job_without_a_result_is_an_error() -> None:
    job = Watched(change(1, "failed"), state="failed")
    with pytest.raises(errors.JobFailed) as raised:
        job.client().jobs.wait("j-1")
    assert raised.value.job.error == "ER0450"


def test_waiting_ends() -> None:
    job = Watched(*[b""] * 1000)
    with pytest.raises(errors.DeadlineExceeded):
        job.client().jobs.wait("j-1", timeout=0.05)


def test_an_async_client_may_be_told_of_progress_by_a_coroutine() -> None:
    job = Watched(change(1, "running") + change(2, "succeeded"))
    told: list[str] = []

    async def tell(it: Any) -> None:
        told.append(it.state)

    async def call() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(job)) as http:
            await AsyncClient(BASE_URL, http=http).jobs.wait("j-1", progress=tell)

    asyncio.run(call())
    assert told == ["running", "succeeded"]


def mask(n_bytes: int) -> bytes:
    return b"\x37\xfa\x21\x3d"


def test_frames_are_those_of_the_standard() -> None:
    # RFC 6455, 5.7 and 1.3.
    assert ws.frame(ws.TEXT, b"Hello", mask) == bytes.fromhex("818537fa213d7f9f4d5158")
    assert ws.accepted("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert ws.frame(ws.BINARY, b"", mask)[:2] == b"\x82\x80"
    assert ws.frame(ws.BINARY, bytes(256), mask)[:4] == b"\x82\xfe\x01\x00"
    assert ws.frame(ws.BINARY, bytes(1 << 16), mask)[:10] == b"\x82\xff" + (1 << 16).to_bytes(8, "big")


@pytest.mark.parametrize("size", [1, 3, 500])
def test_messages_may_come_in_any_pieces(size: int) -> None:
    # In two frames with a ping between, then a long one, then the end.
    long = b"x" * 300
    sent = bytes.fromhex("010348656c" "890568656c6c6f" "80026c6f")
    sent += b"\x81\x7e" + len(long).to_bytes(2, "big") + long + bytes.fromhex("880203e8")
    frames = ws.Frames()
    found = [it for at in range(0, len(sent), size) for it in frames.feed(sent[at : at + size])]
    assert [(it.kind, it.content) for it in found] == [
        (ws.PING, b"hello"),
        (ws.TEXT, b"Hello"),
        (ws.TEXT, long),
        (ws.CLOSE, b"\x03\xe8"),
    ]


@pytest.mark.parametrize("wrong", ["8185", "c100", "817f0000000000200001"])
def test_what_no_server_sends_is_refused(wrong: str) -> None:
    with pytest.raises(errors.DecodeError):
        ws.Frames().feed(bytes.fromhex(wrong))


def connected(network: Network) -> Callable[[httpx.Request], httpx.Response]:
    return network.greet(lambda request: httpx.Response(101, extensions={"network_stream": network}))


def test_sound_goes_out_in_frames_and_messages_come_in() -> None:
    network = Network()
    http = httpx.Client(transport=httpx.MockTransport(connected(network)))
    chunks = [bytes(1000)] * 4 + [bytes(9000), bytes(10)]
    found = list(Client(BASE_URL, http=http).transcriptions.live(chunks, vocabulary=["戶政司"]))
    # Gathered to 3,200 bytes, cut to the most that the server takes.
    assert network.frames == [4000, 6400, 2610]
    assert network.heard[0]["vocabulary"] == ["戶政司"]
    assert network.heard[-1] == {"type": "end"}
    assert network.pongs and set(network.pongs) == {b"hi"}
    assert isinstance(found[0], LiveMessageReady)
    assert isinstance(found[1], LiveMessagePartial)
    assert isinstance(found[-2], LiveMessageFinal)
    assert isinstance(found[-1], LiveMessageDone)


def test_the_last_frame_is_filled_to_20_ms() -> None:
    network = Network()
    http = httpx.Client(transport=httpx.MockTransport(connected(network)))
    list(Client(BASE_URL, http=http).transcriptions.live([bytes(10)]))
    assert network.frames == [640]


def test_an_async_client_takes_asynchronous_chunks() -> None:
    network = AsyncNetwork()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"packet"
        yield b""

    async def call() -> list[Any]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(connected(network))) as http:
            live = AsyncClient(BASE_URL, http=http).transcriptions.live(
                chunks(), rate=48_000, encoding="opus", resume=("t-1", 4)
            )
            return [it async for it in live]

    found = asyncio.run(call())
    assert network.heard[0] == {"type": "resume", "token": "t-1", "after": 4}
    assert network.frames == [6, 0]
    assert isinstance(found[-1], LiveMessageDone)


class Asking(Network):
    def answer(self, kind: str) -> None:
        super().answer(kind)
        if kind == "start":
            question = {"id": 0, "start": 0.0, "end": 0.1, "question": "甲嗎?"}
            self.say({"type": "unasked", "code": "ER0429", "message": "請稍後再試。", **question})


@pytest.mark.parametrize(("answers", "query"), [(False, b""), (True, b"answers=true")])
def test_answers_are_asked_for(answers: bool, query: bytes) -> None:
    network, asked = Asking(), []

    def server(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.query)
        return httpx.Response(101, extensions={"network_stream": network})

    http = httpx.Client(transport=httpx.MockTransport(network.greet(server)))
    found = list(Client(BASE_URL, http=http).transcriptions.live([bytes(3200)], answers=answers))
    assert asked == [query]
    assert [it.question for it in found if isinstance(it, LiveMessageUnasked)] == ["甲嗎?"]


class Refusing(Network):
    def answer(self, kind: str) -> None:
        self.say({"type": "error", "code": "ER0320", "message": "特定目的未填。"})


class Closing(Network):
    def answer(self, kind: str) -> None:
        self.out += bytes([0x88, 2]) + (1013).to_bytes(2, "big")


@pytest.mark.parametrize(
    ("network", "kind", "text"),
    [(Refusing(), errors.PurposeRefused, "特定目的未填"), (Closing(), errors.ConnectionFailed, "closed with 1013")],
)
def test_a_stream_that_fails_is_an_error(network: Network, kind: type[Exception], text: str) -> None:
    http = httpx.Client(transport=httpx.MockTransport(connected(network)))
    with pytest.raises(kind, match=text):
        list(Client(BASE_URL, http=http).transcriptions.live([]))


def test_what_is_no_websocket_is_refused() -> None:
    http = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(101)))
    with pytest.raises(errors.ConnectionFailed):
        list(Client(BASE_URL, http=http).transcriptions.live([]))

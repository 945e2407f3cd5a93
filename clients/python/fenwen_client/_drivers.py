"""The two transports: they carry out the steps of plans with httpx, and know nothing of the API."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar, cast

import httpx

from ._core import (
    Answer,
    Close,
    Course,
    Emit,
    Lost,
    Next,
    Open,
    Plan,
    Read,
    ReadChunk,
    Request,
    Send,
    Sleep,
    Step,
    Token,
    Told,
    Work,
    Write,
)

T = TypeVar("T")

# What a network stream gives at most at once.
_CHUNK = 1 << 16


class _Walk(Generic[T]):
    """A plan on its way: what was done goes in, what is to be done comes out; None at its end."""

    def __init__(self, plan: Plan[T] | Course[T]) -> None:
        self._plan = plan
        self.value: Any = None

    def go(self, result: object = None, error: Exception | None = None) -> Step | Emit[T] | None:
        try:
            return self._plan.send(result) if error is None else self._plan.throw(error)
        except StopIteration as stop:
            self.value = stop.value
            return None

    def close(self) -> None:
        self._plan.close()


class SyncDriver:
    """Carries plans out with an httpx.Client."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def run(self, plan: Plan[T]) -> T:
        walk = _Walk(plan)
        for _ in self._walk(walk):
            pass
        return cast(T, walk.value)

    def stream(self, course: Course[T]) -> Iterator[T]:
        return self._walk(_Walk(course))

    def _walk(self, walk: _Walk[T]) -> Iterator[T]:
        hands = _SyncHands(self.http)
        try:
            step = walk.go()
            while step is not None:
                if isinstance(step, Emit):
                    yield step.item
                    step = walk.go()
                    continue
                try:
                    result = hands.do(step)
                except Exception as error:
                    step = walk.go(error=error)
                else:
                    step = walk.go(result)
        finally:
            walk.close()
            hands.close()


class _SyncHands:
    """Does one step after the other, and holds what was opened."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.opened: httpx.Response | None = None
        self.chunks: Iterator[bytes] = iter(())

    def do(self, step: Step) -> Any:
        match step:
            case Send(request):
                return self.send(request)
            case Open(request):
                return self.open(request)
            case ReadChunk():
                return _told(lambda: next(self.chunks, None))
            case Read(timeout):
                return _read(lambda: self._network().read(_CHUNK, timeout=timeout))
            case Write(content, timeout):
                return _told(lambda: self._network().write(content, timeout=timeout))
            case Close():
                return self.close()
            case Sleep(seconds):
                return time.sleep(seconds)
            case Work(function) | Token(function):
                return function()
            case Next(iterator):
                return next(iterator, None)
            case Told(function, item):
                return function(item)

    def send(self, request: Request) -> Answer:
        until = time.monotonic() + request.timeout
        with _Told():
            response = self.http.send(_request(self.http, request), stream=True)
            try:
                content = bytearray()
                for chunk in response.iter_bytes():
                    content += chunk
                    _in_time(until)
                return _answer(response, bytes(content))
            finally:
                response.close()

    def open(self, request: Request) -> Answer:
        self.close()
        with _Told():
            self.opened = self.http.send(_request(self.http, request), stream=True)
            content = b""
            if 400 <= self.opened.status_code:
                content = self.opened.read()
            elif self.opened.status_code != 101:
                self.chunks = self.opened.iter_bytes()
            return _answer(self.opened, content)

    def _network(self) -> Any:
        return self.opened.extensions["network_stream"] if self.opened is not None else None

    def close(self) -> None:
        if self.opened is not None:
            self.opened.close()
            self.opened = None


class AsyncDriver:
    """Carries plans out with an httpx.AsyncClient, on asyncio."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def run(self, plan: Plan[T]) -> T:
        walk = _Walk(plan)
        async for _ in self._walk(walk):
            pass
        return cast(T, walk.value)

    def stream(self, course: Course[T]) -> AsyncIterator[T]:
        return self._walk(_Walk(course))

    async def _walk(self, walk: _Walk[T]) -> AsyncIterator[T]:
        hands = _AsyncHands(self.http)
        try:
            step = walk.go()
            while step is not None:
                if isinstance(step, Emit):
                    yield step.item
                    step = walk.go()
                    continue
                try:
                    result = await hands.do(step)
                except Exception as error:
                    step = walk.go(error=error)
                else:
                    step = walk.go(result)
        finally:
            walk.close()
            await hands.close()


class _AsyncHands:
    """As `_SyncHands`, awaited."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.opened: httpx.Response | None = None
        self.chunks: AsyncIterator[bytes] | None = None

    async def do(self, step: Step) -> Any:
        match step:
            case Send(request):
                return await self.send(request)
            case Open(request):
                return await self.open(request)
            case ReadChunk():
                with _Told():
                    return await anext(self.chunks, None) if self.chunks is not None else None
            case Read(timeout):
                with _Quiet() as quiet, _Told():
                    return await self._network().read(_CHUNK, timeout=timeout)
                return quiet.value
            case Write(content, timeout):
                with _Told():
                    return await self._network().write(content, timeout=timeout)
            case Close():
                return await self.close()
            case Sleep(seconds):
                return await asyncio.sleep(seconds)
            case Work(function):
                return await asyncio.to_thread(function)
            case Token(function):
                return await _token(function)
            case Next(iterator):
                if hasattr(iterator, "__anext__"):
                    return await anext(iterator, None)
                return next(iterator, None)
            case Told(function, item):
                found = function(item)
                return await found if inspect.isawaitable(found) else found

    async def send(self, request: Request) -> Answer:
        until = time.monotonic() + request.timeout
        with _Told():
            response = await self.http.send(_request(self.http, request), stream=True)
            try:
                content = bytearray()
                async for chunk in response.aiter_bytes():
                    content += chunk
                    _in_time(until)
                return _answer(response, bytes(content))
            finally:
                await response.aclose()

    async def open(self, request: Request) -> Answer:
        await self.close()
        with _Told():
            self.opened = await self.http.send(_request(self.http, request), stream=True)
            content = b""
            if 400 <= self.opened.status_code:
                content = await self.opened.aread()
            elif self.opened.status_code != 101:
                self.chunks = self.opened.aiter_bytes()
            return _answer(self.opened, content)

    def _network(self) -> Any:
        return self.opened.extensions["network_stream"] if self.opened is not None else None

    async def close(self) -> None:
        if self.opened is not None:
            await self.opened.aclose()
            self.opened = None


async def _token(function: Callable[[], Any]) -> Any:
    """A callable that is not asynchronous may block while it fetches a token."""
    found = function() if inspect.iscoroutinefunction(function) else await asyncio.to_thread(function)
    return await found if inspect.isawaitable(found) else found


def _request(http: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
    return http.build_request(
        request.method,
        request.url,
        headers=request.headers,
        content=request.content,
        files=request.files,
        timeout=request.timeout,
    )


def _answer(response: httpx.Response, content: bytes) -> Answer:
    return Answer(response.status_code, {name.lower(): it for name, it in response.headers.items()}, content)


def _in_time(until: float) -> None:
    if until < time.monotonic():
        raise Lost("ReadTimeout", is_sent=True, is_timeout=True)


class _Told:
    """What the network did, as Lost. Of the library's exceptions only the kind is told, and why there is no connection."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        import httpcore  # the network streams of httpx are its own

        never_sent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
        if isinstance(error, httpx.TransportError):
            text = f"{type(error).__name__}: {error}" if isinstance(error, httpx.ConnectError) else type(error).__name__
            is_timeout = isinstance(error, httpx.TimeoutException)
            raise Lost(text, is_sent=not isinstance(error, never_sent), is_timeout=is_timeout) from None
        if isinstance(error, (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)):
            is_timeout = isinstance(error, httpcore.TimeoutException)
            raise Lost(type(error).__name__, is_sent=True, is_timeout=is_timeout) from None


class _Quiet:
    """Nothing came in time: that is None, and no failure."""

    value: bytes | None = None

    def __enter__(self) -> _Quiet:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        return isinstance(error, Lost) and error.is_timeout


def _told(work: Callable[[], T]) -> T:
    with _Told():
        return work()


def _read(work: Callable[[], bytes]) -> bytes | None:
    with _Quiet() as quiet, _Told():
        return work()
    return quiet.value

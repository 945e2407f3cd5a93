"""The two clients: the same groups of methods over two transports."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Generic

import httpx

from ._core import Retry, Settings, using
from ._drivers import AsyncDriver, SyncDriver
from ._method import D
from .answers import Answers
from .blobs import Blobs
from .clients import Clients
from .documents import Documents
from .embeddings import Embeddings
from .identity_documents import IdentityDocuments
from .jobs import Jobs
from .letters import Letters
from .modes import Modes
from .predictions import Predictions
from .proposals import Proposals
from .reviews import Reviews
from .server import Server
from .subjects import Subjects
from .taxonomy import Taxonomy
from .transcriptions import Transcriptions
from .types import Purpose
from .webhooks import Webhooks

VERSION = "0.1.0"


class _Groups(Generic[D]):
    """Every group of methods."""

    def __init__(self, driver: D, settings: Settings) -> None:
        self._settings = settings
        self.letters = Letters(driver, settings)
        self.documents = Documents(driver, settings)
        self.embeddings = Embeddings(driver, settings)
        self.identity_documents = IdentityDocuments(driver, settings)
        self.transcriptions = Transcriptions(driver, settings)
        self.answers = Answers(driver, settings)
        self.predictions = Predictions(driver, settings)
        self.jobs = Jobs(driver, settings)
        self.blobs = Blobs(driver, settings)
        self.reviews = Reviews(driver, settings)
        self.taxonomy = Taxonomy(driver, settings)
        self.proposals = Proposals(driver, settings)
        self.modes = Modes(driver, settings)
        self.subjects = Subjects(driver, settings)
        self.webhooks = Webhooks(driver, settings)
        self.clients = Clients(driver, settings)
        self.server = Server(driver, settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings.base_url!r})"


class Client(_Groups[SyncDriver]):
    """Calls a fenwen server and waits for its answers. Threads may share one.

    `token` is an API key, or a callable that gives an access token and is asked before each try. A client certificate
    goes into `verify` (an ssl.SSLContext), or into an httpx.Client of your own (`http`), which is not closed here.
    `timeout` is the seconds of a call, tries and pauses included.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | Callable[[], str] | None = None,
        purpose: Purpose | None = None,
        timeout: float = 60.0,
        retry: Retry | None = None,
        headers: Mapping[str, str] | None = None,
        verify: ssl.SSLContext | bool = True,
        http: httpx.Client | None = None,
    ) -> None:
        settings = _settings(base_url, token, purpose, timeout, retry, headers)
        self._own = httpx.Client(verify=verify) if http is None else None
        self._driver = SyncDriver(self._own or http or httpx.Client())
        super().__init__(self._driver, settings)

    def using(
        self,
        *,
        purpose: Purpose | None = None,
        timeout: float | None = None,
        retry: Retry | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> Client:
        """The same client over the same connections, with other settings for the calls made with it."""
        found = Client.__new__(Client)
        found._own, found._driver = None, self._driver
        settings = using(
            self._settings,
            purpose=purpose,
            timeout=timeout,
            retry=retry,
            idempotency_key=idempotency_key,
            request_id=request_id,
        )
        _Groups.__init__(found, self._driver, settings)
        return found

    def close(self) -> None:
        """Closes the connections, unless they are those of an httpx.Client of your own."""
        if self._own is not None:
            self._own.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Groups[AsyncDriver]):
    """The same on asyncio: methods are awaited, and those that give many things are iterated with `async for`.

    `token` may be an asynchronous callable too; one that is not runs in a thread.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | Callable[[], str | Awaitable[str]] | None = None,
        purpose: Purpose | None = None,
        timeout: float = 60.0,
        retry: Retry | None = None,
        headers: Mapping[str, str] | None = None,
        verify: ssl.SSLContext | bool = True,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        settings = _settings(base_url, token, purpose, timeout, retry, headers)
        self._own = httpx.AsyncClient(verify=verify) if http is None else None
        self._driver = AsyncDriver(self._own or http or httpx.AsyncClient())
        super().__init__(self._driver, settings)

    def using(
        self,
        *,
        purpose: Purpose | None = None,
        timeout: float | None = None,
        retry: Retry | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> AsyncClient:
        """As `Client.using`."""
        found = AsyncClient.__new__(AsyncClient)
        found._own, found._driver = None, self._driver
        settings = using(
            self._settings,
            purpose=purpose,
            timeout=timeout,
            retry=retry,
            idempotency_key=idempotency_key,
            request_id=request_id,
        )
        _Groups.__init__(found, self._driver, settings)
        return found

    async def aclose(self) -> None:
        """As `Client.close`."""
        if self._own is not None:
            await self._own.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _settings(
    base_url: str,
    token: str | Callable[[], Any] | None,
    purpose: Purpose | None,
    timeout: float,
    retry: Retry | None,
    headers: Mapping[str, str] | None,
) -> Settings:
    if not base_url.startswith(("http://", "https://")):
        raise ValueError("base_url begins with http:// or https://")
    return Settings(
        base_url=base_url.rstrip("/"),
        token=token,
        purpose=purpose,
        timeout=timeout,
        retry=retry or Retry(),
        headers={"user-agent": f"fenwen-client/{VERSION}", "accept": "*/*", **(headers or {})},
    )

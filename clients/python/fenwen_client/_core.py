"""What a call does, without doing it: a plan yields steps (send this, wait so long, …) and a driver carries them out.

Every call is written once, as a plan. The two drivers in `client` know HTTP and sleeping, and nothing of the API.
"""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from ._model import ApiModel, encode
from .errors import ConnectionFailed, DeadlineExceeded, DecodeError, api_error, seconds
from .types import OPERATIONS, CasePurpose, Purpose

T = TypeVar("T")
Part = tuple[str | None, bytes, str]
"""A part of a form: file name if it is a file, content, media type."""


@dataclass(frozen=True)
class Retry:
    """When a call is tried again. See the README for which calls are."""

    tries: int = 4
    """Most tries of one call, the first included."""
    first: float = 0.25
    """Seconds before the second try; doubled for each further one, then cut by chance to between half and all of it."""
    longest: float = 20.0
    """Most seconds of such a pause. What the server says in Retry-After is kept to whatever it is."""

    def pause(self, n_tries: int, asked: float | None, chance: float) -> float:
        """Seconds before the next try after `n_tries`; `chance` is from 0 to 1."""
        backoff = min(self.longest, self.first * 2.0 ** (n_tries - 1)) * (0.5 + chance / 2)
        return backoff if asked is None else asked + backoff / 4


@dataclass(frozen=True, repr=False)
class Settings:
    """What a client was told. Its `repr` shows no credential."""

    base_url: str
    token: str | Callable[[], Any] | None = None
    purpose: Purpose | None = None
    timeout: float = 60.0
    retry: Retry = field(default_factory=Retry)
    headers: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    request_id: str | None = None
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random

    def __repr__(self) -> str:
        return f"Settings(base_url={self.base_url!r}, timeout={self.timeout!r})"

    def why(self, purpose: Purpose | None) -> Purpose | None:
        """The purpose of a call: its own, or the client's."""
        return purpose or self.purpose

    def case(self, purpose: Purpose | None) -> CasePurpose | None:
        """The same, as bodies of letters, documents and questions have it."""
        said = self.why(purpose)
        return None if said is None else CasePurpose(code=said.code, case_no=said.case_no)


@dataclass(frozen=True, repr=False)
class Request:
    """One HTTP request, ready to be sent."""

    method: str
    url: str
    headers: dict[str, str]
    content: bytes | None = None
    files: list[tuple[str, Part]] | None = None
    timeout: float = 60.0


@dataclass(frozen=True, repr=False)
class Answer:
    """One HTTP response. Names of headers are in lower case; content is empty while it is still to be read."""

    status: int
    headers: Mapping[str, str]
    content: bytes = b""

    def json(self) -> Any:
        """Raises DecodeError when it is none."""
        try:
            return json.loads(self.content)
        except ValueError:
            raise DecodeError("") from None

    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


# Steps of a plan. The comment says what the driver sends back; it throws Lost for what the network did.


@dataclass(frozen=True, repr=False)
class Send:
    """→ Answer, with its content."""

    request: Request


@dataclass(frozen=True, repr=False)
class Open:
    """→ Answer whose content is read by ReadChunk; of a failure the content is there."""

    request: Request


@dataclass(frozen=True, repr=False)
class ReadChunk:
    """→ bytes of the opened answer, or None at its end."""


@dataclass(frozen=True, repr=False)
class Read:
    """→ bytes from the opened connection after 101, empty at its end; None when none came in time."""

    timeout: float


@dataclass(frozen=True, repr=False)
class Write:
    """→ None. Writes to the opened connection after 101."""

    content: bytes
    timeout: float


@dataclass(frozen=True, repr=False)
class Close:
    """→ None. Closes what was opened."""


@dataclass(frozen=True, repr=False)
class Sleep:
    """→ None."""

    seconds: float


@dataclass(frozen=True, repr=False)
class Work:
    """→ what the function gives, run where it may block: files are read so."""

    function: Callable[[], Any]


@dataclass(frozen=True, repr=False)
class Token:
    """→ str: an access token of the callable, which may be asynchronous for an AsyncClient."""

    function: Callable[[], Any]


@dataclass(frozen=True, repr=False)
class Next:
    """→ the next item of an iterator, or None at its end. An AsyncClient takes asynchronous ones too."""

    iterator: Any


@dataclass(frozen=True, repr=False)
class Told:
    """→ None. Calls the caller's function of progress with the item."""

    function: Callable[[Any], Any]
    item: object


@dataclass(frozen=True, repr=False)
class Emit(Generic[T]):
    """→ None. An item of a call that gives many."""

    item: T


Step = Send | Open | ReadChunk | Read | Write | Close | Sleep | Work | Token | Next | Told
Plan = Generator[Step, Any, T]
"""A call that gives one thing."""
Course = Generator[Step | Emit[T], Any, None]
"""A call that gives one thing after the other."""


class Lost(Exception):
    """The network failed. `is_sent` is false when the server cannot have seen anything of the request."""

    def __init__(self, kind: str, *, is_sent: bool, is_timeout: bool = False) -> None:
        super().__init__(kind)
        self.is_sent = is_sent
        self.is_timeout = is_timeout


# Calls that may be repeated although their method does not say so: they keep nothing, or the same twice.
REPEATABLE = frozenset(
    {
        "cancel_job",
        "change_webhook",
        "claim_review",
        "complete_blob",
        "create_audio_transcription",
        "open_blob",
        "recognise_identity_document",
        "suggest_answers",
    }
)


class Call:
    """An operation with its arguments: builds the request, and decides whether a failed try is repeated."""

    def __init__(
        self,
        settings: Settings,
        operation: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str | int | float | bool | None] | None = None,
        headers: Mapping[str, str] | None = None,
        body: ApiModel | bytes | None = None,
        media_type: str = "application/json",
        files: list[tuple[str, Part]] | None = None,
        keyed: bool = False,
    ) -> None:
        self.settings = settings
        self.operation = OPERATIONS[operation]
        self.body = json.dumps(encode(body), ensure_ascii=False).encode() if isinstance(body, ApiModel) else body
        self.media_type = media_type
        self.files = files
        names = {name: quote(it, safe="") for name, it in (path or {}).items()}
        self.url = settings.base_url + self.operation.path.format(**names) + _query(query or {})
        self.headers = {**settings.headers, **(headers or {})}
        if settings.request_id:
            self.headers["x-request-id"] = settings.request_id
        if keyed:
            self.headers["idempotency-key"] = settings.idempotency_key or str(uuid.uuid4())
        self.may_repeat = keyed or self.operation.method in ("GET", "PUT", "DELETE") or operation in REPEATABLE
        self.until = settings.clock() + settings.timeout
        self.n_tries = 0

    def answer(self) -> Plan[Answer]:
        """The answer, after as many tries as it takes. Raises ApiError, ConnectionFailed or DeadlineExceeded."""
        return (yield from self._try(Send))

    def open(self) -> Plan[Answer]:
        """The same for an answer that is read bit by bit."""
        return (yield from self._try(Open))

    def _try(self, step: Callable[[Request], Step]) -> Plan[Answer]:
        while True:
            self.n_tries += 1
            request = yield from self.request()
            try:
                answer: Answer = yield step(request)
            except Lost as lost:
                yield from self._pause_after_loss(lost)
                continue
            if answer.status < 400:
                return answer
            yield from self._pause_after_failure(answer)

    def request(self) -> Plan[Request]:
        """The request of the next try."""
        headers = dict(self.headers)
        token = self.settings.token
        if callable(token):
            token = yield Token(token)
        if token:
            headers["authorization"] = f"Bearer {token}"
        left = self.left()
        if "x-deadline-ms" in self.operation.headers:
            headers["x-deadline-ms"] = str(max(1, min(999_999_999, int(left * 1000))))
        if self.body is not None:
            headers["content-type"] = self.media_type
        return Request(self.operation.method, self.url, headers, self.body, self.files, left)

    def left(self) -> float:
        """Seconds that are left for the call. Raises DeadlineExceeded when none are."""
        left = self.until - self.settings.clock()
        if left <= 0:
            raise DeadlineExceeded(f"the call took longer than {self.settings.timeout:g} s")
        return left

    def _pause_after_loss(self, lost: Lost) -> Plan[None]:
        # Nothing was done of what was never sent.
        may_repeat = self.may_repeat or not lost.is_sent
        if not may_repeat or self.settings.retry.tries <= self.n_tries or not (yield from self._pause(None)):
            if lost.is_timeout and self.until <= self.settings.clock():
                raise DeadlineExceeded(f"the call took longer than {self.settings.timeout:g} s") from None
            raise ConnectionFailed(str(lost)) from None

    def _pause_after_failure(self, answer: Answer) -> Plan[None]:
        try:
            document = answer.json()
        except DecodeError:
            document = None
        error = api_error(answer.status, document, answer.headers)
        asked = seconds(answer.headers.get("retry-after"))
        # 429 is said before anything is done, so it is tried again whatever the call is; but not while credentials are
        # locked. 503 may be said afterwards too.
        may_repeat = error.code != "ER0301" and (
            answer.status == 429 or (answer.status == 503 and self.may_repeat)
        )
        if asked is None or not may_repeat or self.settings.retry.tries <= self.n_tries:
            raise error
        if not (yield from self._pause(asked)):
            raise error

    def _pause(self, asked: float | None) -> Plan[bool]:
        """Waits before the next try; false when there is no time for one."""
        pause = self.settings.retry.pause(self.n_tries, asked, self.settings.chance())
        if self.until <= self.settings.clock() + pause:
            return False
        yield Sleep(pause)
        return True


def _query(pairs: Mapping[str, str | int | float | bool | None]) -> str:
    def text(value: str | int | float | bool) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    said = [f"{name}={quote(text(it), safe='')}" for name, it in pairs.items() if it is not None]
    return "?" + "&".join(said) if said else ""


def using(settings: Settings, **changes: Any) -> Settings:
    """The settings with what is not None changed."""
    return replace(settings, **{name: it for name, it in changes.items() if it is not None})

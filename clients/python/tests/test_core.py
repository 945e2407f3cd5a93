"""What a call does: tries, pauses, headers. Plans are walked by hand, so that nothing waits."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fenwen_client import Purpose, Retry, errors
from fenwen_client._core import Answer, Call, Lost, Plan, Send, Settings, Sleep, Token
from fenwen_client.letters import Letters
from fenwen_client.types import Letter

PROBLEM = {"code": "ER0429", "title": "系統忙碌", "detail": "請稍後再試。", "instance": "urn:uuid:1-2-3", "errors": []}
OK = Answer(200, {}, b"{}")


def failed(status: int, code: str, **headers: str) -> Answer:
    names = {name.replace("_", "-"): it for name, it in headers.items()}
    return Answer(status, names, json.dumps({**PROBLEM, "code": code}).encode())


BUSY = failed(429, "ER0429", retry_after="2")
AWAY = failed(503, "ER0510", retry_after="5")


class World:
    """A clock that sleeping moves, and answers that are ready."""

    def __init__(self, *answers: Answer | Lost, each: float = 0.0) -> None:
        self.now = 100.0
        self.answers = list(answers)
        self.each = each
        self.sent: list[Any] = []
        self.slept: list[float] = []

    def settings(self, **changes: Any) -> Settings:
        return Settings("http://fenwen.test", clock=lambda: self.now, chance=lambda: 1.0, **changes)

    def walk(self, plan: Plan[Any]) -> Any:
        result: Any = None
        error: Exception | None = None
        while True:
            try:
                step = plan.send(result) if error is None else plan.throw(error)
            except StopIteration as stop:
                return stop.value
            result, error = None, None
            match step:
                case Send(request):
                    self.sent.append(request)
                    self.now += self.each
                    found = self.answers.pop(0)
                    result, error = (None, found) if isinstance(found, Lost) else (found, None)
                case Sleep(seconds):
                    self.slept.append(seconds)
                    self.now += seconds
                case Token(function):
                    result = function()


def tried(world: World, operation: str, **arguments: Any) -> Any:
    settings = world.settings(**arguments.pop("settings", {}))
    return world.walk(Call(settings, operation, **arguments).answer())


ID = {"id": "1"}


@pytest.mark.parametrize(
    ("operation", "arguments", "answers", "n_sent"),
    [
        # What may be repeated: reads, what keeps nothing, what has a key.
        ("read_job", {"path": ID}, [AWAY, OK], 2),
        ("read_job", {"path": ID}, [Lost("ReadError", is_sent=True), OK], 2),
        ("delete_blob", {"path": ID}, [AWAY, OK], 2),
        ("recognise_identity_document", {}, [Lost("ReadError", is_sent=True), OK], 2),
        ("create_job", {"keyed": True}, [Lost("ReadError", is_sent=True), AWAY, OK], 3),
        ("classify_letters", {"keyed": True}, [AWAY, OK], 2),
        # What may not be repeated, unless nothing can have been done.
        ("classify_letters", {}, [BUSY, OK], 2),
        ("classify_letters", {}, [Lost("ConnectError", is_sent=False), OK], 2),
        ("add_feedback", {"path": ID}, [BUSY, BUSY, OK], 3),
    ],
)
def test_a_call_is_tried_again(
    operation: str, arguments: dict[str, Any], answers: list[Answer | Lost], n_sent: int
) -> None:
    world = World(*answers)
    assert tried(world, operation, **arguments) is OK
    assert len(world.sent) == n_sent


@pytest.mark.parametrize(
    ("operation", "answer", "kind"),
    [
        ("classify_letters", Lost("ReadError", is_sent=True), errors.ConnectionFailed),
        ("classify_letters", AWAY, errors.Unavailable),
        ("add_feedback", AWAY, errors.Unavailable),
        # No time is named: it will not pass by itself.
        ("read_job", failed(503, "ER0510"), errors.Unavailable),
        ("read_job", failed(429, "ER0301", retry_after="9"), errors.Locked),
        *(
            ("read_job", failed(status, code, retry_after="1"), kind)
            for status, code, kind in [
                (400, "ER0210", errors.BadRequest),
                (401, "ER0300", errors.Unauthenticated),
                (403, "ER0320", errors.PurposeRefused),
                (404, "ER0100", errors.NotFound),
                (408, "ER0521", errors.SlowUpload),
                (409, "ER0410", errors.Conflict),
                (422, "ER0452", errors.Classified),
                (500, "ER0500", errors.ServerError),
                (504, "ER0520", errors.ServerTimeout),
            ]
        ),
    ],
)
def test_a_call_is_tried_once(operation: str, answer: Answer | Lost, kind: type[Exception]) -> None:
    world = World(answer, OK)
    with pytest.raises(kind):
        tried(world, operation, path=ID)
    assert len(world.sent) == 1


def test_tries_end() -> None:
    world = World(*[BUSY] * 9)
    with pytest.raises(errors.Overloaded) as raised:
        tried(world, "read_job", path=ID)
    assert len(world.sent) == Retry().tries
    assert raised.value.retry_after == 2.0


def test_tries_end_when_nothing_answers() -> None:
    world = World(*[Lost("ReadError", is_sent=True)] * 9)
    with pytest.raises(errors.ConnectionFailed, match="^ReadError$"):
        tried(world, "read_job", path=ID)
    assert len(world.sent) == Retry().tries


def test_pauses_double_and_keep_to_what_is_asked() -> None:
    retry = Retry(tries=9, first=1.0, longest=4.0)
    assert [retry.pause(n, None, 1.0) for n in (1, 2, 3, 4)] == [1.0, 2.0, 4.0, 4.0]
    assert retry.pause(1, None, 0.0) == 0.5
    world = World(BUSY, OK)
    tried(world, "read_job", path=ID)
    assert world.slept[0] >= 2.0


def test_a_pause_that_is_too_long_is_not_begun() -> None:
    world = World(failed(429, "ER0429", retry_after="60"), OK)
    with pytest.raises(errors.Overloaded):
        tried(world, "read_job", path=ID, settings={"timeout": 30.0})
    assert world.slept == []


def test_the_deadline_is_for_all_tries() -> None:
    lost = Lost("ReadTimeout", is_sent=True, is_timeout=True)
    world = World(lost, lost, lost, each=30.0)
    with pytest.raises(errors.DeadlineExceeded):
        tried(world, "read_job", path=ID, settings={"timeout": 40.0})
    assert [round(it.timeout) for it in world.sent] == [40, 10]


def test_the_server_is_told_how_long_we_wait() -> None:
    world = World(BUSY, OK, each=1.0)
    tried(world, "recognise_identity_document", settings={"timeout": 10.0})
    said = [int(it.headers["x-deadline-ms"]) for it in world.sent]
    assert said[0] == 10_000
    assert 0 < said[1] < 8_000
    world = World(OK)
    tried(world, "list_jobs")
    assert "x-deadline-ms" not in world.sent[0].headers


def test_one_key_for_all_tries_and_another_for_the_next_call() -> None:
    world = World(AWAY, OK, OK)
    tried(world, "create_job", keyed=True)
    tried(world, "create_job", keyed=True)
    keys = [it.headers["idempotency-key"] for it in world.sent]
    assert keys[0] == keys[1] != keys[2]
    world = World(OK)
    tried(world, "create_job", keyed=True, settings={"idempotency_key": "mine"})
    assert world.sent[0].headers["idempotency-key"] == "mine"


def test_each_try_asks_for_a_token() -> None:
    tokens = iter(["one", "two"])
    world = World(BUSY, OK)
    tried(world, "read_job", path=ID, settings={"token": lambda: next(tokens)})
    assert [it.headers["authorization"] for it in world.sent] == ["Bearer one", "Bearer two"]
    world = World(OK)
    tried(world, "read_job", path=ID, settings={"token": "fwd_key"})
    assert world.sent[0].headers["authorization"] == "Bearer fwd_key"


def test_paths_and_queries_are_quoted() -> None:
    world = World(OK, OK)
    tried(world, "read_job", path={"id": "a/b?c"})
    tried(world, "list_reviews", query={"unit": "301000000A/戶政司", "own": True, "limit": None})
    assert world.sent[0].url == "http://fenwen.test/api/v1/jobs/a%2Fb%3Fc"
    assert world.sent[1].url.endswith("/reviews?unit=301000000A%2F%E6%88%B6%E6%94%BF%E5%8F%B8&own=true")


def body(purpose: Purpose | None, own: Purpose | None) -> Any:
    world = World(Answer(200, {}, b'{"items": []}'))
    group: Letters[Any] = Letters(None, world.settings(purpose=own))
    plan: Callable[..., Plan[Any]] = Letters.classify.plan
    world.walk(plan(group, [Letter(subject="戶籍")], purpose=purpose))
    return json.loads(world.sent[0].content)


def test_the_purpose_of_a_call_comes_before_that_of_the_client() -> None:
    one, two = Purpose(code="petition-handling", case_no="C-1"), Purpose(code="other")
    assert body(None, one) == {
        "letters": [{"subject": "戶籍"}],
        "purpose": {"code": "petition-handling", "case_no": "C-1"},
    }
    assert body(two, one)["purpose"] == {"code": "other"}
    assert "purpose" not in body(None, None)

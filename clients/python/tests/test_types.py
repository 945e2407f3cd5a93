"""Generated models: current, read and written as the description says, and silent."""

from __future__ import annotations

import json
from typing import Any

import generate
import pytest
from fake import SCHEMAS, sample

from fenwen_client import types
from fenwen_client._model import ApiModel, decode, encode
from fenwen_client.errors import DecodeError

MODELS = {
    name: it
    for name, it in vars(types).items()
    if isinstance(it, type) and issubclass(it, ApiModel) and it is not ApiModel
}


def test_the_generated_file_is_current() -> None:
    document = json.loads(generate.DOCUMENT.read_text(encoding="utf-8"))
    assert generate.TARGET.read_text(encoding="utf-8") == generate.generated(document), "run generate.py"


def test_every_schema_has_a_model() -> None:
    forms = {name for name, it in SCHEMAS.items() if generate.is_form(it)}
    assert forms == {"AudioRequest", "DocumentForm", "RecognitionForm", "TranscriptionForm"}
    assert set(SCHEMAS) - forms <= set(vars(types))


@pytest.mark.parametrize("name", [it for it in MODELS if it in SCHEMAS])
def test_a_model_is_read_and_written_as_described(name: str) -> None:
    value = sample(SCHEMAS[name])
    assert encode(decode(MODELS[name], value)) == value


@pytest.mark.parametrize("name", [it for it in MODELS if it in SCHEMAS])
def test_a_model_shows_nothing_that_somebody_wrote(name: str) -> None:
    value = sample(SCHEMAS[name])
    shown = repr(decode(MODELS[name], marked(value, "")))
    assert "secret" not in shown


def marked(value: Any, name: str) -> Any:
    """Each text that is no id, state or code is a secret."""
    if isinstance(value, dict):
        return {name: marked(it, name) for name, it in value.items()}
    if isinstance(value, list):
        return [marked(it, name) for it in value]
    free = {"state", "code", "service", "operation", "version", "status"}
    is_id = name.endswith("_id") and name not in ("external_id", "officer_id", "source_id", "trace_id", "request_id")
    return "secret" if isinstance(value, str) and name not in free and not is_id else value


def test_what_is_shown_helps_to_find_it() -> None:
    job = decode(types.JobAccepted, {**sample(SCHEMAS["JobAccepted"]), "job_id": "j-1", "state": "queued"})
    assert repr(job) == "JobAccepted(job_id='j-1', state='queued', …)"
    assert repr(types.Letter(subject="王小明", external_id="A123456789")) == "Letter(…)"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"score": "0.5"}, "/score"),
        ({"score": True}, "/score"),
        ({"code": 5}, "/code"),
        ({"name": None}, "/name"),
        ({"name": ...}, "/name"),
    ],
)
def test_what_is_not_as_described_is_refused_without_its_value(change: dict[str, Any], place: str) -> None:
    value = {"code": "RIS-05", "name": "戶籍", "score": 0.5, "unit": None, **change}
    value = {name: it for name, it in value.items() if it is not ...}
    with pytest.raises(DecodeError) as raised:
        decode(types.Label, value)
    assert raised.value.place == place
    assert str(raised.value) == f"answer is not as described at {place}"


def test_a_newer_server_may_say_more() -> None:
    value = {"code": "RIS-05", "name": "戶籍", "score": 1, "unit": None, "more": {"x": 1}}
    assert decode(types.Label, value).score == 1.0
    assert repr(decode(types.FeedbackRequest, {"decision": "postponed"}).to_json()) == "{'decision': 'postponed'}"


def test_a_document_on_a_picture_is_not_an_official_one() -> None:
    assert types.DocumentAnswer.__annotations__["document"] == "CardDocument"

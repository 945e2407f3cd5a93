"""Base of the generated models: how they are read from JSON, written as JSON, and shown without their contents."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import types
import typing
from collections.abc import Hashable, Mapping
from typing import Any, TypeVar, cast

from .errors import DecodeError

T = TypeVar("T")

# What `repr` shows: ids that the server made, states and codes. Nothing that somebody wrote, said or has on a card.
_SHOWN = frozenset(
    "answer_id attempt blob_id code delivery_id job_id operation prediction_id recognition_id review_id service state "
    "status version webhook_id".split()
)


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class ApiModel:
    """A document of the API. Its `repr` names ids and states only: letters, transcripts and fields stay out of logs."""

    def __repr__(self) -> str:
        shown = []
        hidden = False
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in _SHOWN and isinstance(value, (str, int)):
                shown.append(f"{field.name}={value!r}")
            else:
                hidden = hidden or value is not None
        return f"{type(self).__name__}({', '.join([*shown, *(['…'] if hidden else [])])})"

    def to_json(self) -> dict[str, Any]:
        """The document as JSON values. Fields that are None are left out."""
        return cast("dict[str, Any]", encode(self))


@dataclasses.dataclass(frozen=True)
class Operation:
    """An operation of the API: its method, its path with names in braces, and the headers that it takes."""

    method: str
    path: str
    headers: frozenset[str]


def encode(value: object) -> Any:
    """JSON values of models, sequences, mappings and plain values."""
    if isinstance(value, ApiModel):
        pairs = ((it.name, getattr(value, it.name)) for it in dataclasses.fields(value))
        return {name: encode(it) for name, it in pairs if it is not None}
    if isinstance(value, Mapping):
        return {str(name): encode(it) for name, it in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(it) for it in value]
    return value


def decode(kind: type[T], value: object) -> T:
    """Reads `kind` (a model, or a union of models) from JSON values. What is not known of a model is ignored.

    Raises DecodeError with the place of what is not as described, never its value.
    """
    return cast(T, _decode(kind, value, ""))


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _decode(kind: Any, value: Any, place: str) -> Any:
    origin = typing.get_origin(kind)
    if kind is Any:
        return value
    if isinstance(kind, type) and issubclass(kind, ApiModel):
        return _decode_model(kind, value, place)
    if origin is list and isinstance(value, list):
        (item,) = typing.get_args(kind)
        return [_decode(item, it, f"{place}/{idx}") for idx, it in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        (_, item) = typing.get_args(kind)
        return {name: _decode(item, it, f"{place}/*") for name, it in value.items()}
    if origin in (types.UnionType, typing.Union):
        return _decode_union(typing.get_args(kind), value, place)
    # A newer server may know more words than this list: each text is taken.
    if origin is typing.Literal and isinstance(value, str):
        return value
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if kind in (str, bool, int) and type(value) is kind:
        return value
    raise DecodeError(place)


def _decode_model(kind: type[ApiModel], value: Any, place: str) -> ApiModel:
    if not isinstance(value, dict):
        raise DecodeError(place)
    hints = _hints(cast(Hashable, kind))
    found = {}
    for field in dataclasses.fields(kind):
        if field.name in value:
            found[field.name] = _decode(hints[field.name], value[field.name], f"{place}/{field.name}")
        elif field.default is dataclasses.MISSING:
            raise DecodeError(f"{place}/{field.name}")
    return kind(**found)


def _decode_union(kinds: tuple[Any, ...], value: Any, place: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    rest = [it for it in kinds if it is not type(None)]
    if len(rest) == 1:
        return _decode(rest[0], value, place)
    named = value.get("type") if isinstance(value, dict) else None
    for kind in rest:
        if isinstance(kind, type) and issubclass(kind, ApiModel):
            if named in typing.get_args(_hints(cast(Hashable, kind))["type"]):
                return _decode(kind, value, place)
            continue
        # Values without a name of their kind differ in their type: a text, or a list.
        with contextlib.suppress(DecodeError):
            return _decode(kind, value, place)
    raise DecodeError(f"{place}/type")

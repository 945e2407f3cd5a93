"""A server that knows nothing but the API's description: it checks requests against it and answers what it describes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs/reference/openapi.json").read_text(encoding="utf-8"))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]

BASE_URL = "http://fenwen.test"

# The types of JSON values as Python has them.
KNOWN: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "string": (str,),
    "null": (type(None),),
}


class Described:
    """Answers every operation; `seen` are the operations that were called, `requests` their requests."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.requests: list[httpx.Request] = []
        self.answers: dict[str, httpx.Response] = {}
        """What is answered instead, by operation."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name, operation = _operation(request)
        self.seen.append(name)
        self.requests.append(request)
        _check_request(operation, request)
        return self.answers.get(name) or _answer(operation, request)


def _operation(request: httpx.Request) -> tuple[str, dict[str, Any]]:
    for path, methods in DOCUMENT["paths"].items():
        pattern = re.sub(r"\\{[a-z_]+\\}", "[^/]+", re.escape(path))
        if re.fullmatch(pattern, request.url.path) and request.method.lower() in methods:
            operation = methods[request.method.lower()]
            return operation["operationId"], operation
    raise AssertionError(f"no operation: {request.method} {request.url.path}")


def _check_request(operation: dict[str, Any], request: httpx.Request) -> None:
    parameters = {(it["in"], it["name"].lower()): it for it in operation.get("parameters", [])}
    for name in request.url.params:
        assert ("query", name) in parameters, f"undescribed query parameter {name}"
    for (place, name), it in parameters.items():
        assert place != "header" or not it["required"] or name in request.headers, f"{name} is missing"
    body = operation.get("requestBody")
    if body is None:
        assert request.read() == b"", "a body that is not described"
        return
    media_type = request.headers["content-type"].split(";")[0]
    assert media_type in body["content"], media_type
    if media_type == "application/json":
        check(body["content"][media_type]["schema"], json.loads(request.read()), "")


def _answer(operation: dict[str, Any], request: httpx.Request) -> httpx.Response:
    is_later = "respond-async" in request.headers.get("prefer", "")
    status, described = next(
        (int(code), it)
        for code, it in operation["responses"].items()
        if code[0] in "123" and (not is_later or code == "202")
    )
    for media_type, it in described.get("content", {}).items():
        found = sample(it.get("schema", {}))
        if media_type == "text/event-stream":
            found = {**sample(SCHEMAS["JobChange"]), "state": "succeeded"}
            content = f"id: 1\nevent: succeeded\ndata: {json.dumps(found)}\n\n".encode()
        else:
            content = found.encode() if isinstance(found, str) else json.dumps(found).encode()
        return httpx.Response(status, headers={"content-type": media_type}, content=content)
    return httpx.Response(status)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMAS[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    return found


def sample(schema: dict[str, Any]) -> Any:
    """A value that the schema allows: with every property, and one item in each list."""
    schema = resolved(schema)
    if "allOf" in schema:
        return {name: it for part in schema["allOf"] for name, it in sample(part).items()}
    if "oneOf" in schema:
        return sample(next(it for it in schema["oneOf"] if it.get("type") != "null"))
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    match kind:
        case "object":
            return {name: sample(it) for name, it in properties(schema).items()}
        case "array":
            return [sample(schema["items"])]
        case "integer":
            return 1
        case "number":
            return 0.5
        case "boolean":
            return True
    return "甲"


def properties(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema.get("properties", {})
    return found


def check(schema: dict[str, Any], value: Any, place: str) -> None:
    """Fails when a value is not as the schema says."""
    schema = resolved(schema)
    if "oneOf" in schema:
        kinds = [it for it in schema["oneOf"] if it.get("type") != "null"]
        # Alternatives differ in their type: the one that the value has is meant.
        kinds = [it for it in map(resolved, kinds) if type(value) in KNOWN[it.get("type", "object")]]
        assert len(kinds) == 1, place
        return check(kinds[0], value, place)
    if "enum" in schema:
        assert value in schema["enum"], place
    kinds = schema.get("type", "object")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    assert any(type(value) in KNOWN[it] for it in kinds), f"{place}: {kinds}"
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema.get("required", [])) <= set(value), f"{place}: something is missing"
        for name, it in value.items():
            assert name in schema["properties"], f"{place}/{name} is not described"
            check(schema["properties"][name], it, f"{place}/{name}")
    if isinstance(value, list):
        for idx, it in enumerate(value):
            check(schema["items"], it, f"{place}/{idx}")

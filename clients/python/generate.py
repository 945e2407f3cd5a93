"""Writes fenwen_client/types.py from the server's OpenAPI document: a model for each schema, a row for each operation.

    python generate.py            # writes
    python generate.py --check    # fails when the file is not current
"""

from __future__ import annotations

import json
import keyword
import sys
import textwrap
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "docs" / "reference" / "openapi.json"
TARGET = HERE / "fenwen_client" / "types.py"

HEAD = '''"""Models and operations of the API.

Made by generate.py from docs/reference/openapi.json. Do not edit: run generate.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ._model import ApiModel, Operation

'''

DECORATOR = "@dataclass(frozen=True, kw_only=True, repr=False)"
SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "object": "dict[str, Any]"}


def main() -> None:
    text = generated(json.loads(DOCUMENT.read_text(encoding="utf-8")))
    if "--check" in sys.argv[1:]:
        if TARGET.read_text(encoding="utf-8") != text:
            sys.exit(f"{TARGET.name} is not current: run python {Path(__file__).name}")
        return
    TARGET.write_text(text, encoding="utf-8")


def generated(document: dict[str, Any]) -> str:
    """The text of types.py."""
    schemas = dict(document["components"]["schemas"])
    kept = {name: it for name, it in schemas.items() if not is_form(it)}
    classes: dict[str, str] = {}
    early: list[str] = []
    late: list[str] = []
    for name, schema in kept.items():
        if "enum" in schema:
            early.append(f"{name}: TypeAlias = {literal(schema['enum'])}\n{comment(schema)}")
        elif "oneOf" in schema:
            late.append(union(name, schema, classes))
        elif "properties" in schema or "allOf" in schema or schema.get("additionalProperties") is False:
            classes[name] = model(name, schema)
        else:
            early.append(f"{name}: TypeAlias = {type_of(schema)}\n{comment(schema)}")
    return HEAD + "\n".join([*early, "", *(f"{it}\n\n" for it in ordered(classes)), *late, operations(document["paths"])])


def is_form(schema: dict[str, Any]) -> bool:
    """Whether it describes a multipart form: its parts are arguments of methods."""
    parts = schema.get("properties", {}).values()
    return any("binary" in (it.get("format"), it.get("items", {}).get("format")) for it in parts)


def union(name: str, schema: dict[str, Any], classes: dict[str, str]) -> str:
    """An alias; each alternative with properties becomes a model, named by its `type`."""
    names = []
    for alternative in schema["oneOf"]:
        if "properties" not in alternative:
            names.append(type_of(alternative))
            continue
        (tag,) = alternative["properties"]["type"]["enum"]
        names.append(name + tag.capitalize())
        classes[names[-1]] = model(names[-1], alternative)
    return f"{name}: TypeAlias = {' | '.join(names)}\n{comment(schema)}"


def model(name: str, schema: dict[str, Any]) -> str:
    """A class with a field for each property."""
    base = "ApiModel"
    own = schema
    for part in schema.get("allOf", []):
        if "$ref" in part:
            base = reference(part)
        else:
            own = {**part, "description": schema.get("description", part.get("description"))}
    lines = [DECORATOR, f"class {name}({base}):"]
    lines += docstring(own.get("description") or name)
    required = own.get("required", [])
    for field, it in own.get("properties", {}).items():
        if not field.isidentifier() or keyword.iskeyword(field):
            sys.exit(f"{name}.{field} is no name of a field")
        lines += ["", *member(field, it, field in required), *docstring(described(it))]
    return "\n".join(lines)


def member(field: str, schema: dict[str, Any], is_required: bool) -> list[str]:
    kind = type_of(schema)
    if len(schema.get("enum", [])) == 1:
        return [f"    {field}: {kind} = {json.dumps(schema['enum'][0])}"]
    if is_required:
        return [f"    {field}: {kind}"]
    if "None" not in kind:
        kind += " | None"
    return [f"    {field}: {kind} = None"]


def type_of(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return reference(schema)
    if "enum" in schema:
        return literal(schema["enum"])
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            kinds = [type_of(it) for it in schema[choice]]
            return " | ".join(sorted(kinds, key=lambda it: it == "None"))
    named = schema.get("type")
    if isinstance(named, list):
        kinds = [type_of({**schema, "type": it}) for it in named]
        return " | ".join(sorted(kinds, key=lambda it: it == "None"))
    if named == "null":
        return "None"
    if named == "array":
        return f"list[{type_of(schema['items'])}]"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"dict[str, {type_of(schema['additionalProperties'])}]"
    return SCALARS.get(str(named), "Any")


def reference(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rsplit("/", 1)[1]


def literal(values: list[str]) -> str:
    text = f"Literal[{', '.join(json.dumps(it) for it in values)}]"
    if len(text) <= 90:
        return text
    return "Literal[\n" + "".join(f"    {json.dumps(it)},\n" for it in values) + "]"


def described(schema: dict[str, Any]) -> str:
    """The description, also of the one schema behind a choice with null."""
    parts = [schema, *schema.get("oneOf", [])]
    return next((it["description"] for it in parts if it.get("description")), "")


def docstring(text: str) -> list[str]:
    if not text:
        return []
    text = text.replace("\\", "\\\\").replace('"""', "'''")
    wrapped = textwrap.wrap(" ".join(text.split()), 110, break_long_words=False) or [""]
    if len(wrapped) == 1 and not wrapped[0].endswith('"'):
        return [f'    """{wrapped[0]}"""']
    return [f'    """{wrapped[0]}', *(f"    {it}" for it in wrapped[1:]), '    """']


def comment(schema: dict[str, Any]) -> str:
    return "".join(it.removeprefix("    ") + "\n" for it in docstring(schema.get("description", "")))


def ordered(classes: dict[str, str]) -> list[str]:
    """Bases before what is made of them."""
    done: dict[str, str] = {}
    rest = dict(classes)
    while rest:
        for name, text in list(rest.items()):
            base = text.split("(", 2)[2].split(")", 1)[0]
            if base == "ApiModel" or base in done:
                done[name] = rest.pop(name)
    return list(done.values())


def operations(paths: dict[str, Any]) -> str:
    lines = ["OPERATIONS: dict[str, Operation] = {"]
    for path, methods in paths.items():
        for method, it in methods.items():
            headers = sorted(p["name"].lower() for p in it.get("parameters", []) if p["in"] == "header")
            row = ", ".join(json.dumps(name) for name in headers)
            named = f"frozenset({{{row}}})" if row else "frozenset()"
            lines.append(f'    "{it["operationId"]}": Operation("{method.upper()}", "{path}", {named}),')
    return "\n".join([*lines, "}"]) + '\n"""Each operation of the API by its id."""\n'


if __name__ == "__main__":
    main()

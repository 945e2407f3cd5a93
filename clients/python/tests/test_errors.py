"""Problem documents as exceptions."""

from __future__ import annotations

import re

import pytest
from fake import ROOT

from fenwen_client import errors

PROBLEM = {
    "type": "/problems/er0210",
    "title": "輸入的參數內容格式錯誤",
    "status": 400,
    "code": "ER0210",
    "detail": "/options/boxes:應為布林值。",
    "instance": "urn:uuid:019a9f4e-5d7c-7d3e-9c55-0d6a3f2b1c00",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "errors": [{"pointer": "/options/boxes", "code": "ER0210", "detail": "應為布林值。"}],
}


def test_every_code_has_a_class_and_a_remedy() -> None:
    text = (ROOT / "docs/reference/error-codes.md").read_text(encoding="utf-8")
    codes = set(re.findall(r"^\| (ER\d{4}) \|", text, re.MULTILINE))
    assert set(errors.CLASSES) == codes
    assert set(errors.REMEDIES) == codes


def test_a_problem_is_told_whole() -> None:
    found = errors.api_error(400, PROBLEM, {"x-request-id": "mine"})
    assert type(found) is errors.BadRequest
    assert (found.status, found.code, found.detail) == (400, "ER0210", PROBLEM["detail"])
    assert found.remedy == errors.REMEDIES["ER0210"]
    assert found.request_id == "019a9f4e-5d7c-7d3e-9c55-0d6a3f2b1c00"
    assert found.trace_id == PROBLEM["trace_id"]
    assert found.errors == [errors.FieldProblem("/options/boxes", "ER0210", "應為布林值。")]
    assert str(found) == f"ER0210 {PROBLEM['detail']} (request {found.request_id})"


def test_a_remedy_of_the_server_comes_first() -> None:
    assert errors.api_error(400, {**PROBLEM, "remedy": "請改用上傳。"}, {}).remedy == "請改用上傳。"


def test_the_other_shape_is_read_too() -> None:
    document = {"error": {"code": "ER0440", "message": "不支援", "type": "x", "param": None, "request_id": "r-1"}}
    found = errors.api_error(415, document, {})
    assert type(found) is errors.UnsupportedMedia
    assert (found.detail, found.request_id) == ("不支援", "r-1")


@pytest.mark.parametrize("document", [None, [], "<html>", {"code": "ER9999"}, {"code": 5, "errors": "x"}, {"errors": [1]}])
@pytest.mark.parametrize(("status", "kind"), [(404, errors.ApiError), (502, errors.ServerError)])
def test_what_is_no_problem_document_is_an_error_still(document: object, status: int, kind: type[Exception]) -> None:
    found = errors.api_error(status, document, {"x-request-id": "r-2", "retry-after": "Thu, 01 Jan 2026"})
    assert type(found) is kind
    assert found.retry_after is None
    assert found.request_id == "r-2"

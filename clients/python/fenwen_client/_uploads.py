"""Large contents, sent in parts."""

from __future__ import annotations

import hashlib

from ._core import Call, Plan, Settings, Work
from ._model import decode
from ._source import Parts, Source
from .errors import FenwenError
from .types import BlobRequest, BlobResponse, BlobState, CompleteRequest, CompleteResponse


def upload(settings: Settings, source: Source, kind: str, media_type: str) -> Plan[CompleteResponse]:
    """Opens an upload, sends its parts, and completes it by its hash. What fails on the way is deleted again."""
    parts = Parts(source)
    try:
        size = yield Work(parts.open)
        opened = yield from open_upload(settings, BlobRequest(kind=kind, media_type=media_type, size=size))
        try:
            digest = hashlib.sha256()
            for number in range(1, opened.parts + 1):
                content = yield Work(lambda: parts.read(opened.part_size))
                digest.update(content)
                yield from put_part(settings, opened.blob_id, number, content)
            return (yield from complete(settings, opened.blob_id, digest.hexdigest()))
        except Exception:
            try:
                yield from delete(settings, opened.blob_id)
            except FenwenError:
                # It is destroyed when it expires.
                pass
            raise
    finally:
        parts.close()


def open_upload(settings: Settings, wanted: BlobRequest) -> Plan[BlobResponse]:
    answer = yield from Call(settings, "open_blob", body=wanted).answer()
    return decode(BlobResponse, answer.json())


def read(settings: Settings, blob_id: str) -> Plan[BlobState]:
    answer = yield from Call(settings, "read_blob", path={"id": blob_id}).answer()
    return decode(BlobState, answer.json())


def put_part(settings: Settings, blob_id: str, number: int, content: bytes) -> Plan[None]:
    path = {"id": blob_id, "number": str(number)}
    media_type = "application/octet-stream"
    yield from Call(settings, "put_blob_part", path=path, body=content, media_type=media_type).answer()


def complete(settings: Settings, blob_id: str, sha256: str) -> Plan[CompleteResponse]:
    body = CompleteRequest(sha256=sha256)
    answer = yield from Call(settings, "complete_blob", path={"id": blob_id}, body=body).answer()
    return decode(CompleteResponse, answer.json())


def delete(settings: Settings, blob_id: str) -> Plan[None]:
    yield from Call(settings, "delete_blob", path={"id": blob_id}).answer()

"""Uploads (`blob`): large inputs of jobs."""

from __future__ import annotations

from . import _uploads
from ._core import Plan
from ._method import D, Group, method
from ._source import Source
from .types import BlobRequest, BlobResponse, BlobState, CompleteResponse


class Blobs(Group[D]):
    """Uploads of up to 1 GiB in parts of 4 MiB, sealed by the server until they expire."""

    @method
    def upload(self, source: Source, *, kind: str, media_type: str) -> Plan[CompleteResponse]:
        """Everything below in one call, with one part in memory at a time. `kind` is a word such as `audio`."""
        return (yield from _uploads.upload(self.settings, source, kind, media_type))

    @method
    def open(self, *, kind: str, media_type: str, size: int) -> Plan[BlobResponse]:
        """Begins an upload of `size` bytes."""
        wanted = BlobRequest(kind=kind, media_type=media_type, size=size)
        return (yield from _uploads.open_upload(self.settings, wanted))

    @method
    def get(self, blob_id: str) -> Plan[BlobState]:
        """Which parts are there: what is missing may be sent after an interruption."""
        return (yield from _uploads.read(self.settings, blob_id))

    @method
    def put(self, blob_id: str, number: int, content: bytes) -> Plan[None]:
        """Sends part `number`, from 1 on, in any order."""
        yield from _uploads.put_part(self.settings, blob_id, number, content)

    @method
    def complete(self, blob_id: str, sha256: str) -> Plan[CompleteResponse]:
        """Ends an upload; `sha256` is that of the whole, in hex. Raises Conflict when it differs or a part is missing."""
        return (yield from _uploads.complete(self.settings, blob_id, sha256))

    @method
    def delete(self, blob_id: str) -> Plan[None]:
        """Destroys the content at once."""
        yield from _uploads.delete(self.settings, blob_id)

"""Pictures of ID documents (證件影像識別)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ._core import Call, Part, Plan
from ._method import D, Group, method
from ._model import decode, encode
from ._source import Source, whole
from .types import (
    CardCheckRequest,
    CheckedField,
    DecidedBy,
    DocumentType,
    Meta,
    Options,
    PredictionResponse,
    Purpose,
    RecognitionAnswer,
)


class IdentityDocuments(Group[D]):
    """Kind, fields, checks and quality of pictures of ID documents. Nothing of them is kept."""

    @method
    def recognise(
        self,
        image: Source,
        second: Source | None = None,
        *,
        expected: Mapping[str, str] | None = None,
        options: Options | None = None,
        purpose: Purpose | None = None,
    ) -> Plan[RecognitionAnswer]:
        """Reads one picture, or both sides of a card (JPEG, PNG, WebP, TIFF, BMP; at most 10 MiB each).

        `expected` has values to compare with, by the name of the field; `*` stands for any one character.
        The answer itself is about the first picture; with two, `documents` has both.
        """
        said = Meta(
            expected=dict(expected) if expected is not None else None,
            options=options,
            purpose=self.settings.why(purpose),
        )
        meta = json.dumps(encode(said), ensure_ascii=False).encode()
        files: list[tuple[str, Part]] = [("meta", ("meta.json", meta, "application/json"))]
        for source in (image, second):
            if source is not None:
                content = yield from whole(source)
                files.append(("image", ("image", content, "application/octet-stream")))
        answer = yield from Call(self.settings, "recognise_identity_document", files=files).answer()
        return decode(RecognitionAnswer, answer.json())

    @method
    def get(self, recognition_id: str) -> Plan[PredictionResponse]:
        """Which kinds and fields an earlier picture gave and how surely; no value. With `id:recognize` only, one's own."""
        answer = yield from Call(self.settings, "read_recognition", path={"id": recognition_id}).answer()
        return decode(PredictionResponse, answer.json())

    @method
    def check(
        self,
        recognition_id: str,
        document_type: DocumentType,
        fields: Sequence[CheckedField],
        *,
        decided_by: DecidedBy | None = None,
    ) -> Plan[None]:
        """What an officer found when every field was compared with the card: no values, only whether each was right."""
        body = CardCheckRequest(document_type=document_type, fields=list(fields), decided_by=decided_by)
        yield from Call(self.settings, "check_identity_document", path={"id": recognition_id}, body=body).answer()

    @method
    def reveal(self, recognition_id: str) -> Plan[None]:
        """Puts on record that numbers and names of a recognition are shown to somebody, before they are."""
        yield from Call(self.settings, "reveal_identity_document", path={"id": recognition_id}).answer()

"""Texts as vectors (OpenAI's interface)."""

from __future__ import annotations

from collections.abc import Sequence

from ._core import Call, Plan
from ._method import D, Group, method
from ._model import decode
from .types import EmbeddingRequest, EmbeddingResponse


class Embeddings(Group[D]):
    """Vectors of 512 numbers and length 1: the inner product of two is how near their texts are in meaning."""

    @method
    def create(
        self, texts: str | Sequence[str], *, model: str = "use-multilingual-v3"
    ) -> Plan[EmbeddingResponse]:
        """Embeds one text, or up to 2,048. A text that is too long is refused, not cut. Keeps nothing."""
        body = EmbeddingRequest(input=texts if isinstance(texts, str) else list(texts), model=model)
        answer = yield from Call(self.settings, "create_embedding", body=body).answer()
        return decode(EmbeddingResponse, answer.json())

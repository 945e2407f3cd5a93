"""Units, their duties and what became of earlier ones (分類與職掌)."""

from __future__ import annotations

from datetime import date

from ._core import Call, Plan
from ._method import D, Group, method
from ._model import decode
from .types import TaxonomyComparisonResponse, TaxonomyRequest, TaxonomyResponse


class Taxonomy(Group[D]):
    """The units that answers are given for, and other versions of them."""

    @method
    def get(self) -> Plan[TaxonomyResponse]:
        """Units, changes, and the versions that were added."""
        answer = yield from Call(self.settings, "read_taxonomy").answer()
        return decode(TaxonomyResponse, answer.json())

    @method
    def compare(self, toml: str, valid_from: date) -> Plan[TaxonomyComparisonResponse]:
        """What another version would change from a day on. Nothing is kept."""
        body = TaxonomyRequest(toml=toml, valid_from=valid_from.isoformat())
        answer = yield from Call(self.settings, "compare_taxonomy", body=body).answer()
        return decode(TaxonomyComparisonResponse, answer.json())

    @method
    def add(self, toml: str, valid_from: date) -> Plan[TaxonomyResponse]:
        """Adds a version that holds from a day on; it is never changed."""
        body = TaxonomyRequest(toml=toml, valid_from=valid_from.isoformat())
        answer = yield from Call(self.settings, "add_taxonomy", body=body).answer()
        return decode(TaxonomyResponse, answer.json())

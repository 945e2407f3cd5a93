"""Reviews (複審): answers that wait for an officer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ._core import Call, Plan
from ._method import D, Group, method
from ._model import ApiModel, decode
from .types import (
    BatchItem,
    BatchRequest,
    BatchResponse,
    DecisionRequest,
    EscalationRequest,
    NextRequest,
    NextResponse,
    ReviewItem,
    ReviewPageResponse,
    ReviewResponse,
)


class Reviews(Group[D]):
    """Taken by lease, decided by version: what changes an item takes the item as it was seen.

    Raises PreconditionFailed when somebody has changed it since, Conflict when it is not held any more.
    """

    @method
    def list(
        self,
        *,
        state: Literal["open", "claimed", "escalated", "decided"] | None = None,
        kind: Literal["letter", "document", "identity_document", "transcript"] | None = None,
        unit: str | None = None,
        own: bool | None = None,
        confidence_from: float | None = None,
        sort: Literal["deadline", "confidence", "priority"] | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Plan[ReviewPageResponse]:
        """A page of what waits; `after` is `next` of the page before, `limit` is 1 to 200."""
        query = {
            "state": state,
            "kind": kind,
            "unit": unit,
            "own": own,
            "confidence_from": confidence_from,
            "sort": sort,
            "after": after,
            "limit": limit,
        }
        answer = yield from Call(self.settings, "list_reviews", query=query).answer()
        return decode(ReviewPageResponse, answer.json())

    @method
    def get(self, review_id: str) -> Plan[ReviewResponse]:
        """An item with its text (personal data masked) and suggestions; it is not held by that."""
        answer = yield from Call(self.settings, "read_review", path={"id": review_id}).answer()
        return decode(ReviewResponse, answer.json())

    @method
    def claim(self, review_id: str) -> Plan[ReviewResponse]:
        """Takes an item and holds it for ten minutes; again, and they begin anew."""
        answer = yield from Call(self.settings, "claim_review", path={"id": review_id}).answer()
        return decode(ReviewResponse, answer.json())

    @method
    def claim_next(
        self, *, kind: Literal["letter", "document"] | None = None, unit: str | None = None
    ) -> Plan[ReviewResponse | None]:
        """Takes the next item, by deadline; None when nothing waits. A lost try is not repeated: it may have taken one."""
        body = NextRequest(kind=kind, unit=unit)
        answer = yield from Call(self.settings, "claim_next_review", body=body).answer()
        return decode(NextResponse, answer.json()).review

    @method
    def decide(
        self,
        review: ReviewItem,
        action: Literal["accept", "correct", "discard"],
        *,
        label: str | None = None,
        unit: str | None = None,
        note_code: str | None = None,
    ) -> Plan[ReviewItem]:
        """Decides a held item; `correct` needs the right label. It can be undone for 30 seconds."""
        body = DecisionRequest(action=action, label=label, unit=unit, note_code=note_code)
        return (yield from _change(self, "decide_review", review, body))

    @method
    def undo(self, review: ReviewItem) -> Plan[ReviewItem]:
        """Takes the own decision back, and holds the item again."""
        return (yield from _change(self, "undo_review", review))

    @method
    def extend(self, review: ReviewItem) -> Plan[ReviewItem]:
        """Holds an item longer."""
        return (yield from _change(self, "extend_review", review))

    @method
    def release(self, review: ReviewItem) -> Plan[ReviewItem]:
        """Puts an item back for others."""
        return (yield from _change(self, "release_review", review))

    @method
    def escalate(self, review: ReviewItem, *, note_code: str | None = None) -> Plan[ReviewItem]:
        """Leaves an item to somebody who may assign (陳核)."""
        return (yield from _change(self, "escalate_review", review, EscalationRequest(note_code=note_code)))

    @method
    def second_opinion(self, review_id: str) -> Plan[ReviewResponse]:
        """Asks another officer to decide the same without knowing the first decision."""
        answer = yield from Call(self.settings, "ask_second_opinion", path={"id": review_id}).answer()
        return decode(ReviewResponse, answer.json())

    @method
    def accept(self, reviews: Sequence[ReviewItem]) -> Plan[BatchResponse]:
        """Accepts the first suggestion of many documents; each has an outcome of its own."""
        items = [BatchItem(review_id=it.review_id, version=it.version) for it in reviews]
        answer = yield from Call(self.settings, "accept_reviews", body=BatchRequest(items=items)).answer()
        return decode(BatchResponse, answer.json())


def _change(group: Reviews[D], operation: str, review: ReviewItem, body: ApiModel | None = None) -> Plan[ReviewItem]:
    """Changes an item as it was seen: its ETag is its version."""
    headers = {"if-match": f'"{review.version}"'}
    path = {"id": review.review_id}
    answer = yield from Call(group.settings, operation, path=path, headers=headers, body=body).answer()
    return decode(ReviewItem, answer.json())

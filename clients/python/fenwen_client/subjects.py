"""Rights of persons about whom something is kept (當事人權利): find, copy, erase with two persons, hold."""

from __future__ import annotations

from ._core import Call, Plan
from ._method import D, Group, method
from ._model import decode
from .types import (
    ApprovalRequest,
    CopiesResponse,
    ErasedResponse,
    ErasureAskedResponse,
    ErasureList,
    ErasureRequest,
    FoundResponse,
    HoldLaidResponse,
    HoldList,
    HoldRequest,
    RejectionRequest,
    SubjectRequest,
)


class Subjects(Group[D]):
    """What is kept of a person. `kind` is `id-number`, `phone` or `email`; `by` counts only where nobody is proven."""

    @method
    def find(self, kind: str, identifier: str) -> Plan[FoundResponse]:
        """Rows that mention a person."""
        body = SubjectRequest(kind=kind, identifier=identifier)
        answer = yield from Call(self.settings, "find_subject", body=body).answer()
        return decode(FoundResponse, answer.json())

    @method
    def copy(self, kind: str, identifier: str) -> Plan[CopiesResponse]:
        """What they hold, in the clear."""
        body = SubjectRequest(kind=kind, identifier=identifier)
        answer = yield from Call(self.settings, "copy_subject", body=body).answer()
        return decode(CopiesResponse, answer.json())

    @method
    def erasures(self) -> Plan[ErasureList]:
        """Requests to erase, the newest first."""
        answer = yield from Call(self.settings, "list_erasures").answer()
        return decode(ErasureList, answer.json())

    @method
    def ask_erasure(
        self, kind: str, identifier: str, reason: str, *, by: str | None = None
    ) -> Plan[ErasureAskedResponse]:
        """Asks to erase what mentions a person; another person approves it."""
        body = ErasureRequest(kind=kind, identifier=identifier, reason=reason, by=by)
        answer = yield from Call(self.settings, "ask_erasure", body=body).answer()
        return decode(ErasureAskedResponse, answer.json())

    @method
    def approve_erasure(self, erasure_id: str, *, by: str | None = None) -> Plan[ErasedResponse]:
        """Approves a request of somebody else: it is done at once and for good."""
        body = ApprovalRequest(by=by)
        answer = yield from Call(self.settings, "approve_erasure", path={"id": erasure_id}, body=body).answer()
        return decode(ErasedResponse, answer.json())

    @method
    def reject_erasure(self, erasure_id: str, reason: str, *, by: str | None = None) -> Plan[None]:
        """Rejects a request, or takes one's own back."""
        body = RejectionRequest(reason=reason, by=by)
        yield from Call(self.settings, "reject_erasure", path={"id": erasure_id}, body=body).answer()

    @method
    def holds(self) -> Plan[HoldList]:
        """Holds, the newest first."""
        answer = yield from Call(self.settings, "list_holds").answer()
        return decode(HoldList, answer.json())

    @method
    def hold(
        self,
        held: str,
        reason: str,
        *,
        object: str | None = None,
        kind: str | None = None,
        identifier: str | None = None,
        by: str | None = None,
    ) -> Plan[HoldLaidResponse]:
        """Holds a `case`, a `job` or a `prediction` by `object`, or a `subject` by `kind` and `identifier`."""
        body = HoldRequest(held=held, reason=reason, object=object, kind=kind, identifier=identifier, by=by)
        answer = yield from Call(self.settings, "lay_hold", body=body).answer()
        return decode(HoldLaidResponse, answer.json())

    @method
    def lift(self, hold_id: str, *, by: str | None = None) -> Plan[None]:
        """Lifts a hold."""
        yield from Call(self.settings, "lift_hold", path={"id": hold_id}, body=ApprovalRequest(by=by)).answer()

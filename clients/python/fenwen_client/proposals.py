"""Which versions of models may answer (模型版本的提案): one person proposes, another approves or rejects."""

from __future__ import annotations

from ._core import Call, Plan
from ._method import D, Group, method
from ._model import decode
from .types import (
    ApprovalRequest,
    ProposalList,
    ProposalRequest,
    ProposalResponse,
    RejectionRequest,
    ReplayResponse,
)


class Proposals(Group[D]):
    """Proposals of versions that are there. `by` counts only where nobody is proven."""

    @method
    def list(self) -> Plan[ProposalList]:
        """Proposals, the newest first."""
        answer = yield from Call(self.settings, "list_proposals").answer()
        return decode(ProposalList, answer.json())

    @method
    def propose(self, model: str, version: int, reason: str, *, by: str | None = None) -> Plan[ProposalResponse]:
        """Proposes that a version answers; it waits for another person."""
        body = ProposalRequest(model=model, version=version, reason=reason, by=by)
        answer = yield from Call(self.settings, "propose_model", body=body).answer()
        return decode(ProposalResponse, answer.json())

    @method
    def compare(self, proposal_id: str) -> Plan[ReplayResponse]:
        """What the proposed version and the active one say to the newest cases that officers have decided."""
        answer = yield from Call(self.settings, "compare_proposal", path={"id": proposal_id}).answer()
        return decode(ReplayResponse, answer.json())

    @method
    def approve(self, proposal_id: str, *, by: str | None = None) -> Plan[None]:
        """Approves a proposal of somebody else: its version answers at once."""
        body = ApprovalRequest(by=by)
        yield from Call(self.settings, "approve_model", path={"id": proposal_id}, body=body).answer()

    @method
    def reject(self, proposal_id: str, reason: str, *, by: str | None = None) -> Plan[None]:
        """Rejects a proposal, or takes one's own back."""
        body = RejectionRequest(reason=reason, by=by)
        yield from Call(self.settings, "reject_model", path={"id": proposal_id}, body=body).answer()

"""Earlier answers, and what officers say of them."""

from __future__ import annotations

from ._core import Call, Plan
from ._method import D, Group, method
from ._model import decode
from .types import DecidedBy, DriftResponse, FeedbackRequest, PredictionResponse, StatisticsResponse, Verdict


class Predictions(Group[D]):
    """Predictions by id, feedback on them, and how often they were right."""

    @method
    def get(self, prediction_id: str) -> Plan[PredictionResponse]:
        """Labels, model, days and feedback of an earlier answer; no text."""
        answer = yield from Call(self.settings, "read_prediction", path={"id": prediction_id}).answer()
        return decode(PredictionResponse, answer.json())

    @method
    def feedback(
        self,
        prediction_id: str,
        decision: Verdict,
        *,
        label: str | None = None,
        unit: str | None = None,
        reason: str | None = None,
        decided_by: DecidedBy | None = None,
    ) -> Plan[None]:
        """What the officer decided; for `corrected` with the right label. It is appended: a lost try is not repeated."""
        body = FeedbackRequest(decision=decision, label=label, unit=unit, reason=reason, decided_by=decided_by)
        yield from Call(self.settings, "add_feedback", path={"id": prediction_id}, body=body).answer()

    @method
    def statistics(self) -> Plan[StatisticsResponse]:
        """Precision promised and measured by service and label, and the agreement of officers."""
        answer = yield from Call(self.settings, "read_statistics").answer()
        return decode(StatisticsResponse, answer.json())

    @method
    def drift(self) -> Plan[DriftResponse]:
        """Whether the answers of the last 30 days still look like the first ones of their version, and what to do."""
        answer = yield from Call(self.settings, "read_drift").answer()
        return decode(DriftResponse, answer.json())

"""Letters (信件智能分類)."""

from __future__ import annotations

from collections.abc import Sequence

from ._core import Call, Plan, Settings
from ._jobs import accepted, result
from ._method import D, Group, method
from ._model import decode
from .types import ClassificationRequest, ClassificationResponse, JobAccepted, Letter, LetterOptions, Purpose


class Letters(Group[D]):
    """Labels, units, evidence, flags and personal data of letters from citizens."""

    @method
    def classify(
        self,
        letters: Sequence[Letter],
        *,
        options: LetterOptions | None = None,
        purpose: Purpose | None = None,
    ) -> Plan[ClassificationResponse]:
        """Classifies 1 to 100 letters; the items of the answer are in their order.

        Keeps the predictions: a try whose answer is lost is not repeated.
        """
        body = _body(self.settings, letters, options, purpose)
        answer = yield from Call(self.settings, "classify_letters", body=body).answer()
        return decode(ClassificationResponse, answer.json())

    @method
    def submit(
        self,
        letters: Sequence[Letter],
        *,
        options: LetterOptions | None = None,
        purpose: Purpose | None = None,
    ) -> Plan[JobAccepted]:
        """The same as a job: answered at once, done later. Repeated safely, by an Idempotency-Key."""
        body = _body(self.settings, letters, options, purpose)
        headers = {"prefer": "respond-async"}
        answer = yield from Call(
            self.settings, "classify_letters", body=body, headers=headers, keyed=True
        ).answer()
        return accepted(answer)

    @method
    def result(self, job_id: str) -> Plan[ClassificationResponse]:
        """The result of such a job. Raises Conflict before its end."""
        return decode(ClassificationResponse, (yield from result(self.settings, job_id)))


def _body(
    settings: Settings, letters: Sequence[Letter], options: LetterOptions | None, purpose: Purpose | None
) -> ClassificationRequest:
    return ClassificationRequest(letters=list(letters), options=options, purpose=settings.case(purpose))

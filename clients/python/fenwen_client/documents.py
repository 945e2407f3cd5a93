"""Official documents (電子公文智能分文)."""

from __future__ import annotations

from collections.abc import Sequence

from ._core import Call, Plan, Settings
from ._jobs import accepted, result
from ._method import D, Group, method
from ._model import decode
from ._source import Source, whole
from .types import (
    DispatchOptions,
    DispatchRequest,
    DispatchResponse,
    Document,
    JobAccepted,
    Officer,
    PriorCase,
    Purpose,
)


class Documents(Group[D]):
    """Units, officers, reasons and the day for documents from other agencies."""

    @method
    def route(
        self,
        document: Document,
        *,
        officers: Sequence[Officer] | None = None,
        prior_cases: Sequence[PriorCase] | None = None,
        options: DispatchOptions | None = None,
        purpose: Purpose | None = None,
    ) -> Plan[DispatchResponse]:
        """Suggests units and officers. Raises Classified for a document above 普通.

        Keeps the prediction: a try whose answer is lost is not repeated.
        """
        body = _body(self.settings, document, officers, prior_cases, options, purpose)
        answer = yield from Call(self.settings, "suggest_dispatch", body=body).answer()
        return decode(DispatchResponse, answer.json())

    @method
    def route_file(self, document: Source) -> Plan[DispatchResponse]:
        """The same for a DI file (公文交換本文檔, UTF-8 or Big5). It has no place for a purpose: the client's only one counts."""
        content = yield from whole(document)
        answer = yield from Call(
            self.settings, "suggest_dispatch", body=content, media_type="application/xml"
        ).answer()
        return decode(DispatchResponse, answer.json())

    @method
    def submit(
        self,
        document: Document,
        *,
        officers: Sequence[Officer] | None = None,
        prior_cases: Sequence[PriorCase] | None = None,
        options: DispatchOptions | None = None,
        purpose: Purpose | None = None,
    ) -> Plan[JobAccepted]:
        """The same as a job: answered at once, done later. Repeated safely, by an Idempotency-Key."""
        body = _body(self.settings, document, officers, prior_cases, options, purpose)
        headers = {"prefer": "respond-async"}
        answer = yield from Call(
            self.settings, "suggest_dispatch", body=body, headers=headers, keyed=True
        ).answer()
        return accepted(answer)

    @method
    def result(self, job_id: str) -> Plan[DispatchResponse]:
        """The result of such a job. Raises Conflict before its end."""
        return decode(DispatchResponse, (yield from result(self.settings, job_id)))


def _body(
    settings: Settings,
    document: Document,
    officers: Sequence[Officer] | None,
    prior_cases: Sequence[PriorCase] | None,
    options: DispatchOptions | None,
    purpose: Purpose | None,
) -> DispatchRequest:
    return DispatchRequest(
        document=document,
        officers=list(officers) if officers is not None else None,
        prior_cases=list(prior_cases) if prior_cases is not None else None,
        options=options,
        purpose=settings.case(purpose),
    )

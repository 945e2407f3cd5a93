"""Jobs: what is done later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from ._core import Call, Course, Plan, using
from ._jobs import accepted, changes, read, result, wait
from ._method import D, Group, course, method
from ._model import decode
from .types import JobAccepted, JobChange, JobPage, JobRequest, JobResponse, Purpose

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled", "dead"]


class Jobs(Group[D]):
    """Jobs of this client: submitted, watched, cancelled, and their results."""

    @method
    def submit(
        self,
        service: str,
        operation: str,
        *,
        input: Mapping[str, Any] | None = None,
        blob_id: str | None = None,
        priority: int | None = None,
        purpose: Purpose | None = None,
    ) -> Plan[JobAccepted]:
        """Makes a job of an input of at most 64 KiB (what the service takes directly), or of an upload.

        `letters.submit`, `documents.submit` and `transcriptions.submit` do it with models. Repeated safely, by an
        Idempotency-Key.
        """
        body = JobRequest(
            service=service,
            operation=operation,
            input=dict(input) if input is not None else None,
            blob_id=blob_id,
            priority=priority,
            purpose=self.settings.why(purpose),
        )
        answer = yield from Call(self.settings, "create_job", body=body, keyed=True).answer()
        return accepted(answer)

    @method
    def get(self, job_id: str) -> Plan[JobResponse]:
        """State, progress and when it may end."""
        return (yield from read(self.settings, job_id))

    @method
    def list(
        self,
        *,
        state: JobState | None = None,
        service: str | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> Plan[JobPage]:
        """A page of jobs, newest first; `before` is `next` of the page before, `limit` is 1 to 200."""
        query = {"state": state, "service": service, "before": before, "limit": limit}
        answer = yield from Call(self.settings, "list_jobs", query=query).answer()
        return decode(JobPage, answer.json())

    @course
    def events(self, job_id: str, *, timeout: float = 600.0) -> Course[JobChange]:
        """Changes as they happen, to the end of the job; a broken connection is opened again where it broke.

        Raises DeadlineExceeded after `timeout` seconds.
        """
        yield from changes(using(self.settings, timeout=timeout), job_id)

    @method
    def wait(
        self, job_id: str, *, timeout: float = 600.0, progress: Callable[[JobChange], Any] | None = None
    ) -> Plan[JobResponse]:
        """Waits for the end of a job and tells `progress` of each change.

        Raises JobFailed when it ends without a result, DeadlineExceeded after `timeout` seconds.
        """
        return (yield from wait(self.settings, job_id, timeout, progress))

    @method
    def result(self, job_id: str) -> Plan[Any]:
        """The result as JSON values; the groups of the services read it as models. Raises Conflict before the end."""
        return (yield from result(self.settings, job_id))

    @method
    def cancel(self, job_id: str) -> Plan[JobResponse]:
        """Cancels: at once while it waits, within seconds while it runs. Raises Conflict after its end."""
        answer = yield from Call(self.settings, "cancel_job", path={"id": job_id}).answer()
        return decode(JobResponse, answer.json())

    @method
    def delete(self, job_id: str) -> Plan[JobResponse]:
        """The same as `cancel`, as the API has both."""
        answer = yield from Call(self.settings, "delete_job", path={"id": job_id}).answer()
        return decode(JobResponse, answer.json())

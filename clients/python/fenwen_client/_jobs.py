"""What several groups do with jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ._core import Answer, Call, Close, Course, Emit, Lost, Plan, ReadChunk, Settings, Sleep, Told, using
from ._model import decode
from ._sse import Events
from .errors import DecodeError, FenwenError, JobFailed
from .types import JobAccepted, JobChange, JobResponse

FINAL = frozenset({"succeeded", "failed", "cancelled", "dead"})
"""States that a job does not leave."""


def accepted(answer: Answer) -> JobAccepted:
    """The job that a call has become."""
    return decode(JobAccepted, answer.json())


def read(settings: Settings, job_id: str) -> Plan[JobResponse]:
    """A job as it is."""
    answer = yield from Call(settings, "read_job", path={"id": job_id}).answer()
    return decode(JobResponse, answer.json())


def result(settings: Settings, job_id: str) -> Plan[Any]:
    """The result of a job, as JSON values."""
    answer = yield from Call(settings, "read_job_result", path={"id": job_id}).answer()
    return answer.json()


def changes(settings: Settings, job_id: str) -> Course[JobChange]:
    """What becomes of a job, to its end; a connection that breaks is opened again where it broke."""
    until = settings.clock() + settings.timeout
    last = ""
    n_breaks = 0
    while True:
        headers = {"last-event-id": last} if last else {}
        # When no time is left, the call says so.
        left = until - settings.clock()
        call = Call(using(settings, timeout=left), "watch_job", path={"id": job_id}, headers=headers)
        yield from call.open()
        reader = Events()
        try:
            while (chunk := (yield ReadChunk())) is not None:
                for event in reader.feed(chunk):
                    last, n_breaks = event.id, 0
                    change = decode(JobChange, _json(event.data))
                    yield Emit(change)
                    if change.state in FINAL:
                        return
                call.left()
        except Lost:
            pass
        yield Close()
        n_breaks += 1
        yield Sleep(min(settings.retry.pause(n_breaks, None, settings.chance()), max(0.0, call.left())))


def wait(
    settings: Settings, job_id: str, timeout: float, progress: Callable[[JobChange], Any] | None
) -> Plan[JobResponse]:
    """Waits for the end of a job; tells the changes meanwhile."""
    course = changes(using(settings, timeout=timeout), job_id)
    try:
        step = next(course)
        while True:
            if isinstance(step, Emit):
                if progress is not None:
                    yield Told(progress, step.item)
                step = next(course)
                continue
            try:
                done = yield step
            except (FenwenError, Lost) as error:
                step = course.throw(error)
            else:
                step = course.send(done)
    except StopIteration:
        pass
    finally:
        course.close()
    job = yield from read(settings, job_id)
    if job.state != "succeeded":
        raise JobFailed(job)
    return job


def _json(data: str) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        raise DecodeError("/data") from None

"""Every operation of the API has a method, and both clients have it."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from datetime import date
from typing import Any

import httpx
import pytest
from fake import BASE_URL, DOCUMENT, SCHEMAS, Described, sample
from network import AsyncNetwork, Network

from fenwen_client import AsyncClient, Client, Purpose
from fenwen_client._method import course, method
from fenwen_client.types import (
    ApplicationRequest,
    CallUtterance,
    CheckedField,
    DecidedBy,
    DispatchOptions,
    Document,
    Letter,
    LetterOptions,
    Officer,
    Options,
    PriorCase,
    ReviewItem,
)

ID = "019a9f4e5d7c7d3e9c550d6a3f2b1c00"
LETTERS = [Letter(subject="戶籍", body="遷入")]
DOCUMENT_IN = Document(subject="函轉", priority="普通件")
REVIEW = ReviewItem(
    confidence=0.5,
    confidential=False,
    created_at="",
    deadline="",
    decision=None,
    kind="letter",
    lease=None,
    prediction_id=ID,
    priority=0,
    reason="requires_human",
    review_id=ID,
    state="claimed",
    title=None,
    unit=None,
    version=3,
)

APPLICATION = ApplicationRequest(
    application_no="SO-1",
    applied_by="u-31",
    client_id="mailbox",
    org="301000000A",
    scopes=["letters:classify"],
    purposes=["petition-handling"],
)

# Each operation with a call that makes it. Where a method makes several, the last one counts.
CALLS: dict[str, Callable[[Any], Any]] = {
    "start_page": lambda c: c.server.start_page(),
    "open_blob": lambda c: c.blobs.open(kind="audio", media_type="audio/wav", size=3),
    "read_blob": lambda c: c.blobs.get(ID),
    "delete_blob": lambda c: c.blobs.delete(ID),
    "complete_blob": lambda c: c.blobs.upload(b"abc", kind="audio", media_type="audio/wav"),
    "put_blob_part": lambda c: c.blobs.put(ID, 1, b"abc"),
    "suggest_dispatch": lambda c: c.documents.route(
        DOCUMENT_IN,
        officers=[Officer(officer_id="u-1", unit="301000000A/戶政司")],
        prior_cases=[PriorCase(officer_id="u-1", reference="1", tie="cited")],
        options=DispatchOptions(top_k=3),
    ),
    "recognise_identity_document": lambda c: c.identity_documents.recognise(
        b"picture", b"picture", expected={"name": "王*明"}, options=Options(lines=True)
    ),
    "read_recognition": lambda c: c.identity_documents.get(ID),
    "check_identity_document": lambda c: c.identity_documents.check(
        ID, "tw_nhi_card", [CheckedField(name="name", decision="accepted", confidence=0.9)]
    ),
    "reveal_identity_document": lambda c: c.identity_documents.reveal(ID),
    "list_jobs": lambda c: c.jobs.list(state="queued", service="letters", before="9", limit=2),
    "create_job": lambda c: c.jobs.submit("letters", "classify", input={"letters": [{"subject": "戶籍"}]}),
    "read_job": lambda c: c.jobs.get(ID),
    "delete_job": lambda c: c.jobs.delete(ID),
    "cancel_job": lambda c: c.jobs.cancel(ID),
    "watch_job": lambda c: c.jobs.events(ID),
    "read_job_result": lambda c: c.jobs.result(ID),
    "classify_letters": lambda c: c.letters.classify(LETTERS, options=LetterOptions(top_k=1)),
    "read_prediction": lambda c: c.predictions.get(ID),
    "add_feedback": lambda c: c.predictions.feedback(
        ID, "corrected", label="RIS-05", decided_by=DecidedBy(id="u-1", role="承辦人")
    ),
    "create_embedding": lambda c: c.embeddings.create(["戶籍遷入", "地籍謄本"]),
    "answer_question": lambda c: c.answers.ask("身分證遺失怎麼辦?", previous_question="戶政事務所在哪?", audience="citizen"),
    "suggest_answers": lambda c: c.answers.suggest([CallUtterance(start=0.0, end=1.5, text="請問…")]),
    "list_unanswered": lambda c: c.answers.unanswered(),
    "list_reviews": lambda c: c.reviews.list(
        state="open", kind="letter", unit="301000000A/戶政司", own=True, confidence_from=0.5, sort="priority", limit=5
    ),
    "accept_reviews": lambda c: c.reviews.accept([REVIEW]),
    "claim_next_review": lambda c: c.reviews.claim_next(kind="letter"),
    "read_review": lambda c: c.reviews.get(ID),
    "claim_review": lambda c: c.reviews.claim(ID),
    "decide_review": lambda c: c.reviews.decide(REVIEW, "correct", label="RIS-05", note_code="wrong_category"),
    "escalate_review": lambda c: c.reviews.escalate(REVIEW, note_code="unsure"),
    "extend_review": lambda c: c.reviews.extend(REVIEW),
    "release_review": lambda c: c.reviews.release(REVIEW),
    "ask_second_opinion": lambda c: c.reviews.second_opinion(ID),
    "undo_review": lambda c: c.reviews.undo(REVIEW),
    "list_services": lambda c: c.server.services(),
    "stream_speech": lambda c: c.transcriptions.live([b"\0" * 3200]),
    "transcribe_recording": lambda c: c.transcriptions.submit(b"RIFF", speakers=["民眾"], vocabulary=["戶政司"]),
    "read_transcription": lambda c: c.transcriptions.get(ID, rendition="redacted"),
    "read_recording": lambda c: c.transcriptions.recording(ID),
    "correct_transcription": lambda c: c.transcriptions.correct(ID, 0, "我要檢舉違建", version=1),
    "undo_correction": lambda c: c.transcriptions.undo_correction(ID, 0, version=2),
    "read_statistics": lambda c: c.predictions.statistics(),
    "read_drift": lambda c: c.predictions.drift(),
    "read_taxonomy": lambda c: c.taxonomy.get(),
    "compare_taxonomy": lambda c: c.taxonomy.compare("version = 'a'", date(2027, 1, 1)),
    "add_taxonomy": lambda c: c.taxonomy.add("version = 'a'", date(2027, 1, 1)),
    "list_modes": lambda c: c.modes.list(),
    "set_mode": lambda c: c.modes.set("301000000A", "letters", "shadow", "試辦前比對"),
    "read_comparisons": lambda c: c.modes.comparisons(),
    "list_proposals": lambda c: c.proposals.list(),
    "propose_model": lambda c: c.proposals.propose("letters", 3, "年度重訓"),
    "compare_proposal": lambda c: c.proposals.compare(ID),
    "approve_model": lambda c: c.proposals.approve(ID),
    "reject_model": lambda c: c.proposals.reject(ID, "召回率下降"),
    "find_subject": lambda c: c.subjects.find("id-number", "A123456789"),
    "copy_subject": lambda c: c.subjects.copy("phone", "0912345678"),
    "list_erasures": lambda c: c.subjects.erasures(),
    "ask_erasure": lambda c: c.subjects.ask_erasure("id-number", "A123456789", "當事人申請", by="王承辦"),
    "approve_erasure": lambda c: c.subjects.approve_erasure(ID),
    "reject_erasure": lambda c: c.subjects.reject_erasure(ID, "非本人申請"),
    "list_holds": lambda c: c.subjects.holds(),
    "lay_hold": lambda c: c.subjects.hold("case", "訴願", object="C-1"),
    "lift_hold": lambda c: c.subjects.lift(ID),
    "list_webhooks": lambda c: c.webhooks.list(),
    "create_webhook": lambda c: c.webhooks.create("https://mailbox.example.gov.tw/fenwen", events=["job.dead"]),
    "read_webhook": lambda c: c.webhooks.get(ID),
    "delete_webhook": lambda c: c.webhooks.delete(ID),
    "change_webhook": lambda c: c.webhooks.change(ID, active=False),
    "list_webhook_deliveries": lambda c: c.webhooks.deliveries(ID, limit=1),
    "redeliver": lambda c: c.webhooks.redeliver(ID, ID),
    "rotate_webhook_secret": lambda c: c.webhooks.rotate_secret(ID),
    "apply_for_client": lambda c: c.clients.apply(APPLICATION),
    "list_client_applications": lambda c: c.clients.applications(),
    "get_client_application": lambda c: c.clients.application(ID),
    "approve_client_application": lambda c: c.clients.approve(ID),
    "reject_client_application": lambda c: c.clients.reject(ID, "重複申請"),
    "list_clients": lambda c: c.clients.list(),
    "suspend_client": lambda c: c.clients.suspend("mailbox"),
    "enable_client": lambda c: c.clients.enable("mailbox"),
    "issue_client_key": lambda c: c.clients.issue_key("mailbox"),
    "revoke_client_key": lambda c: c.clients.revoke_key("mailbox", "0123456789abcdef"),
    "apis": lambda c: c.server.apis(),
    "openapi_of_service": lambda c: c.server.openapi_of("letters"),
    "asyncapi": lambda c: c.server.asyncapi(),
    "health_live": lambda c: c.server.live(),
    "health_ready": lambda c: c.server.ready(),
    "metrics": lambda c: c.server.metrics(),
    "openapi": lambda c: c.server.openapi(),
    "event_schema": lambda c: c.server.event_schema("job.dead.v1.json"),
    "create_audio_transcription": lambda c: c.transcriptions.transcribe_now(b"RIFF", vocabulary=["戶政司"]),
}

# Other methods, which make operations that are called above.
MORE: dict[str, Callable[[Any], Any]] = {
    "letters.submit": lambda c: c.letters.submit(LETTERS),
    "letters.result": lambda c: c.letters.result(ID),
    "documents.route_file": lambda c: c.documents.route_file(b"<?xml version='1.0'?>"),
    "documents.submit": lambda c: c.documents.submit(DOCUMENT_IN),
    "documents.result": lambda c: c.documents.result(ID),
    "transcriptions.download": lambda c: c.transcriptions.download(ID, "vtt"),
    "transcriptions.transcribe": lambda c: c.transcriptions.transcribe(b"RIFF"),
    "jobs.wait": lambda c: c.jobs.wait(ID),
    "blobs.complete": lambda c: c.blobs.complete(ID, "0" * 64),
}


def described() -> set[str]:
    """All but raw models under /v2: those are for KServe's and Triton's own clients."""
    paths = (methods for path, methods in DOCUMENT["paths"].items() if not path.startswith("/v2"))
    return {it["operationId"] for methods in paths for it in methods.values()}


def test_every_operation_has_a_method() -> None:
    assert set(CALLS) == described()


def served(network: object) -> Described:
    """A server whose answers of a few operations are what the methods need of them."""
    found = Described()
    found.answers["stream_speech"] = httpx.Response(101, extensions={"network_stream": network})
    job = {**sample(SCHEMAS["JobResponse"]), "state": "succeeded"}
    found.answers["read_job"] = httpx.Response(200, content=json.dumps(job))
    for name, model in [("letters.result", "ClassificationResponse"), ("documents.result", "DispatchResponse")]:
        found.answers[name] = httpx.Response(200, content=json.dumps(sample(SCHEMAS[model])))
    return found


@pytest.mark.parametrize("name", [*CALLS, *MORE])
def test_a_client_calls_it_as_described(name: str) -> None:
    network = Network()
    server = served(network)
    if name in server.answers and "." in name:
        server.answers["read_job_result"] = server.answers[name]
    transport = httpx.MockTransport(network.greet(server))
    with httpx.Client(transport=transport) as http:
        client = Client(BASE_URL, http=http, purpose=Purpose(code="petition-handling", case_no="C-1"))
        found = {**CALLS, **MORE}[name](client)
        if inspect.isgenerator(found):
            assert list(found)
    assert name not in CALLS or server.seen[-1] == name


@pytest.mark.parametrize("name", [*CALLS, *MORE])
def test_an_async_client_calls_it_as_described(name: str) -> None:
    async def call() -> None:
        network = AsyncNetwork()
        server = served(network)
        if name in server.answers and "." in name:
            server.answers["read_job_result"] = server.answers[name]
        async with httpx.AsyncClient(transport=httpx.MockTransport(network.greet(server))) as http:
            client = AsyncClient(BASE_URL, http=http, purpose=Purpose(code="petition-handling"))
            found = {**CALLS, **MORE}[name](client)
            if inspect.isasyncgen(found):
                assert [it async for it in found]
            else:
                await found
        assert name not in CALLS or server.seen[-1] == name

    asyncio.run(call())


def test_every_method_is_called_here() -> None:
    client = Client(BASE_URL)
    groups = [it for it in vars(client).values() if hasattr(it, "driver")]
    named = {
        f"{type(group).__module__.rpartition('.')[2]}.{name}"
        for group in groups
        for name, it in vars(type(group)).items()
        if isinstance(it, (method, course))
    }
    called: set[str] = set()

    class Recorder:
        def __getattr__(self, group: str) -> Any:
            class Methods:
                def __getattr__(self, name: str) -> Any:
                    called.add(f"{group}.{name}")
                    return lambda *args, **kwargs: None

            return Methods()

    for call in [*CALLS.values(), *MORE.values()]:
        call(Recorder())
    assert called == named

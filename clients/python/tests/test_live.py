"""Every service of a real server with real models, by both clients; the examples run here too.

FENWEN names the program (target/debug/fenwen unless given). Without it these tests are skipped, and say so.
SPEECH_WAV may name a WAV file (mono, 16 bits, 16 kHz) in which somebody speaks.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live_server import HERE, PROGRAM, LiveServer, folder

from fenwen_client import AsyncClient, Client, Purpose, Retry, Source, errors
from fenwen_client.types import CallUtterance, Document, Letter, LiveMessageDone, LiveMessageReady, Officer, Options

if not PROGRAM.is_file():
    reason = f"NO SERVER: there is no {PROGRAM}; build fenwen, or name it in FENWEN"
    pytest.skip(reason, allow_module_level=True)

ROOT = HERE.parents[2]
CARD = ROOT / "tests/data/idcard/tw_national_id_front.jpg"
PURPOSE = Purpose(code="petition-handling", case_no="TEST-1")
LETTERS = [Letter(external_id="T-1", subject="戶籍遷入遭退件", body="請問遷入戶籍要帶什麼?")]
FAQ = """id,question,answer,unit
ris-1,身分證遺失怎麼補發?,請攜帶印章至戶政事務所補發。,301000000A/戶政司
ris-2,結婚登記要帶什麼證件?,結婚書約、雙方身分證與戶口名簿。,301000000A/戶政司
"""
RATE = 16_000


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with folder() as path:
        found = LiveServer(path, "")
        faq = path / "faq.csv"
        faq.write_text(FAQ, encoding="utf-8")
        found.operate("qa", "import", str(faq), "--by", "u-88")
        found.operate("qa", "approve", "--all", "--by", "u-12")
        found.operate("qa", "index")
        with found.serve():
            yield found


@pytest.fixture
def client(server: LiveServer) -> Iterator[Client]:
    with Client(server.url, purpose=PURPOSE, timeout=120.0) as found:
        yield found


def tone(seconds: float) -> bytes:
    values = (0.3 * math.sin(2 * math.pi * 440 * idx / RATE) for idx in range(int(seconds * RATE)))
    return b"".join(struct.pack("<h", int(it * 32_767)) for it in values)


def recording(path: Path, seconds: float) -> Path:
    with wave.open(str(path), "wb") as writer:
        writer.setparams((1, 2, RATE, 0, "NONE", "NONE"))
        writer.writeframes(tone(seconds))
    return path


def test_letters(client: Client) -> None:
    found = client.letters.classify(LETTERS)
    item = found.items[0]
    assert item.external_id == "T-1"
    assert item.labels[0].score > 0
    assert client.predictions.get(item.prediction_id).labels[0].code == item.labels[0].code
    client.predictions.feedback(item.prediction_id, "accepted")
    assert [it.decision for it in client.predictions.get(item.prediction_id).feedback] == ["accepted"]
    assert {it.service for it in client.predictions.statistics().services} >= {"letters"}


def test_letters_as_a_job(client: Client) -> None:
    keyed = client.using(idempotency_key="live-letters-1")
    job = keyed.letters.submit(LETTERS)
    assert keyed.letters.submit(LETTERS) == job, "the same key, the same answer"
    with pytest.raises(errors.KeyReused):
        keyed.letters.submit([Letter(subject="另一封")])
    states: list[str] = []
    assert client.jobs.wait(job.job_id, progress=lambda it: states.append(it.state)).state == "succeeded"
    assert states[-1] == "succeeded"
    assert client.letters.result(job.job_id).items[0].external_id == "T-1"
    assert job.job_id in [it.job_id for it in client.jobs.list(service="letters").items]
    with pytest.raises(errors.Conflict):
        client.jobs.cancel(job.job_id)


def test_documents(client: Client) -> None:
    document = Document(subject="檢送土地徵收計畫書", priority="速件", received_at="2026-11-20")
    officers = [Officer(officer_id="u-1", unit="301000000A/地政司", duties=["徵收"])]
    found = client.documents.route(document, officers=officers)
    assert found.units and found.deadline.date
    di = (
        '<?xml version="1.0" encoding="UTF-8"?><函><發文機關><全銜>臺北市政府</全銜></發文機關><速別 代碼="最速件"/>'
        "<密等及解密條件或保密期限><密等/></密等及解密條件或保密期限><主旨><文字>土地重測疑義</文字></主旨></函>"
    )
    assert client.documents.route_file(di.encode()).units
    with pytest.raises(errors.Classified):
        client.documents.route(Document(secrecy="機密", subject="土地"))
    job = client.documents.submit(document, officers=officers)
    client.jobs.wait(job.job_id)
    assert client.documents.result(job.job_id).units[0] == found.units[0]


@pytest.mark.parametrize("kind", ["path", "bytes", "file"])
def test_identity_documents(client: Client, kind: str) -> None:
    with CARD.open("rb") as file:
        sources: dict[str, Source] = {"path": CARD, "bytes": CARD.read_bytes(), "file": file}
        found = client.identity_documents.recognise(sources[kind], expected={"name": "*"}, options=Options(lines=True))
    assert found.document.type == "tw_national_id_front"
    assert found.document.image.width > 0
    assert {it.name for it in found.fields} >= {"name", "id_number", "birth_date"}
    assert [it.name for it in found.comparisons] == ["name"]
    assert "A1" not in repr(found) and "A1" not in repr(found.fields)


def test_both_sides_of_a_card(client: Client) -> None:
    back = CARD.with_name("tw_national_id_back.jpg")
    found = client.identity_documents.recognise(CARD, back)
    assert found.documents is not None
    assert [it.document.type for it in found.documents] == ["tw_national_id_front", "tw_national_id_back"]


def test_a_picture_that_is_none(client: Client) -> None:
    with pytest.raises((errors.UnsupportedMedia, errors.ContentRefused)) as raised:
        client.identity_documents.recognise(b"no picture")
    assert raised.value.request_id and raised.value.detail and raised.value.remedy


def test_recordings(client: Client, tmp_path: Path) -> None:
    path = recording(tmp_path / "tone.wav", 3.0)
    job = client.transcriptions.submit(path, vocabulary=["戶政司"])
    assert client.jobs.wait(job.job_id).progress in (None, 1.0)
    found = client.transcriptions.get(job.job_id)
    assert found.transcript is not None
    assert found.transcript.duration == pytest.approx(3.0, abs=0.1)
    assert client.transcriptions.download(job.job_id, "vtt").startswith("WEBVTT")
    assert b"".join(client.transcriptions.recording(job.job_id)) == path.read_bytes()
    assert client.transcriptions.transcribe_now(path).duration == pytest.approx(3.0, abs=0.1)


def test_a_large_recording(client: Client, tmp_path: Path) -> None:
    # 4.8 MB: over what goes with its order, and in two parts.
    path = tmp_path / "quiet.wav"
    with wave.open(str(path), "wb") as writer:
        writer.setparams((1, 2, RATE, 0, "NONE", "NONE"))
        writer.writeframes(tone(1.0) + bytes(2 * RATE * 149))
    found = client.transcriptions.transcribe(path, media_type="audio/wav", timeout=300.0)
    assert found.duration == pytest.approx(150.0, abs=0.1)


def test_live_speech(client: Client) -> None:
    found = list(client.transcriptions.live([tone(0.5), tone(1.0)]))
    assert isinstance(found[0], LiveMessageReady)
    assert isinstance(found[-1], LiveMessageDone)
    assert found[-1].received == pytest.approx(1.5, abs=0.05)
    with pytest.raises(errors.BadRequest):
        list(client.transcriptions.live([], rate=44_100))


@pytest.mark.skipif("SPEECH_WAV" not in os.environ, reason="SPEECH_WAV names no recording with speech")
def test_what_is_said_is_heard(client: Client) -> None:
    path = Path(os.environ["SPEECH_WAV"])
    assert client.transcriptions.transcribe(path).segments[0].text
    assert client.transcriptions.transcribe_now(path).text
    with wave.open(str(path)) as reader:
        chunks = [reader.readframes(RATE // 10) for _ in range(reader.getnframes() // (RATE // 10))]
    assert [it for it in client.transcriptions.live(chunks) if it.type == "final"]


def test_questions(client: Client) -> None:
    found = client.answers.ask("身分證遺失怎麼補發", audience="agent")
    assert found.answer == "請攜帶印章至戶政事務所補發。"
    assert found.citations[0].source_id == "ris-1"
    assert client.answers.ask("那需要什麼", previous_question="結婚登記要帶什麼證件?").used_previous
    refused = client.answers.ask("海生館的企鵝叫什麼名字")
    assert refused.answer is None and refused.message
    heard = [CallUtterance(start=2.5, end=5.0, speaker="citizen", text="我身分證遺失了想問怎麼補發")]
    assert client.answers.suggest(heard).items[0].citations[0].source_id == "ris-1"
    assert client.answers.unanswered().unanswered == 1


def test_reviews(client: Client) -> None:
    client.letters.classify([Letter(subject="地籍圖重測有疑義", body="面積變小了。")])
    client.documents.route(Document(subject="檢送消防安全檢查結果"))
    page = client.reviews.list(kind="document")
    review = client.reviews.claim(page.items[0].review_id)
    assert review.content is not None
    assert client.reviews.get(review.review_id).version == review.version
    held = client.reviews.extend(review)
    decided = client.reviews.decide(held, "accept")
    assert decided.decision is not None
    with pytest.raises(errors.PreconditionFailed):
        client.reviews.decide(held, "discard")
    client.reviews.release(client.reviews.undo(decided))
    following = client.reviews.claim_next(kind="letter")
    assert following is not None
    assert client.reviews.escalate(following, note_code="unsure").state == "escalated"
    waiting = client.reviews.list(kind="document", state="open").items
    outcome = client.reviews.accept(waiting)
    assert [it.review_id for it in outcome.items] == [it.review_id for it in waiting]


def test_webhooks(client: Client) -> None:
    hook = client.webhooks.create("https://mailbox.example.gov.tw/fenwen", events=["predictions.feedback.received"])
    assert hook.secret and hook.secret not in repr(hook)
    assert client.webhooks.rotate_secret(hook.webhook_id).secret != hook.secret
    assert not client.webhooks.change(hook.webhook_id, active=False).active
    assert client.webhooks.get(hook.webhook_id).events == ["predictions.feedback.received"]
    assert client.webhooks.deliveries(hook.webhook_id).items == []
    client.webhooks.delete(hook.webhook_id)
    with pytest.raises(errors.NotFound):
        client.webhooks.get(hook.webhook_id)


def test_uploads(client: Client) -> None:
    opened = client.blobs.open(kind="letters", media_type="application/json", size=3)
    client.blobs.put(opened.blob_id, 1, b"abc")
    with pytest.raises(errors.Conflict):
        client.blobs.complete(opened.blob_id, "0" * 64)
    client.blobs.delete(opened.blob_id)
    with pytest.raises(errors.NotFound):
        client.blobs.delete(opened.blob_id)


def test_the_server_itself(client: Client) -> None:
    assert client.server.live().status
    assert client.server.ready().status
    assert "letters" in str([it.name for it in client.server.services().services])
    assert "fenwen_http_requests_total" in client.server.metrics()
    assert client.server.openapi()["info"]["version"]
    assert "asyncapi" in client.server.asyncapi()
    assert client.server.event_schema("job.dead.v1.json")
    client.server.start_page()


def test_values_that_are_wrong_are_named(client: Client) -> None:
    with pytest.raises(errors.BadRequest) as raised:
        client.letters.classify([])
    assert raised.value.code == "ER0210"
    assert raised.value.errors[0].pointer == "/letters"
    with pytest.raises(errors.NotFound):
        client.jobs.get("019a9f4e5d7c7d3e9c550d6a3f2b1c00")


def test_an_async_client_has_every_service(server: LiveServer, tmp_path: Path) -> None:
    async def call() -> None:
        async with AsyncClient(server.url, purpose=PURPOSE, timeout=120.0) as client:
            letters, document, card, answer = await asyncio.gather(
                client.letters.classify(LETTERS),
                client.documents.route(Document(subject="檢送土地徵收計畫書")),
                client.identity_documents.recognise(CARD),
                client.answers.ask("身分證遺失怎麼補發"),
            )
            assert letters.items and document.units and answer.answer
            assert card.document.type == "tw_national_id_front"
            await client.predictions.feedback(letters.items[0].prediction_id, "accepted")
            job = await client.transcriptions.submit(recording(tmp_path / "tone.wav", 2.0))
            states = [it.state async for it in client.jobs.events(job.job_id)]
            assert states[-1] == "succeeded"
            kept = [it async for it in client.transcriptions.recording(job.job_id)]
            assert b"".join(kept).startswith(b"RIFF")
            live = [it async for it in client.transcriptions.live([tone(1.0)])]
            assert isinstance(live[-1], LiveMessageDone)
            assert (await client.reviews.list()).waiting
            assert (await client.webhooks.list()).items == []
            with pytest.raises(errors.BadRequest):
                await client.letters.classify([])

    asyncio.run(call())


def test_nothing_private_reaches_a_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    own = client.using()
    own.letters.classify([Letter(subject="王小明申訴", body="身分證 A123456789")])
    assert caplog.text, "the libraries below do log, at this level"
    assert "王小明" not in caplog.text and "A123456789" not in caplog.text


@pytest.mark.parametrize("path", sorted((HERE.parent / "examples").glob("*.py")), ids=lambda it: it.stem)
def test_an_example_runs_as_it_is(server: LiveServer, path: Path) -> None:
    done = subprocess.run([sys.executable, path, server.url], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout


def test_callers_are_proven() -> None:
    with folder() as path:
        server = LiveServer(path, '[auth]\nmode = "required"\n')
        given = ["--scope", "letters:classify", "--purpose", PURPOSE.code, "--approved-by", "u-1"]
        server.operate("clients", "add", "mailbox", *given)
        said = server.operate("clients", "key", "mailbox")
        key = next(it for it in said.split() if it.startswith("fwd_"))
        with server.serve():
            proven(server.url, key)


def proven(url: str, key: str) -> None:
    def called(token: str | Callable[[], str] | None, purpose: Purpose | None = PURPOSE) -> Any:
        with Client(url, token=token, purpose=purpose, timeout=120.0) as client:
            return client.letters.classify(LETTERS)

    assert called(key).items
    assert called(lambda: key).items
    with pytest.raises(errors.Unauthenticated):
        called(None)
    with pytest.raises(errors.Unauthenticated):
        called("fwd_wrong")
    with pytest.raises(errors.PurposeRefused):
        called(key, Purpose(code="marketing"))
    with pytest.raises(errors.PurposeRefused):
        called(key, None)
    with Client(url, token=key, purpose=PURPOSE) as client, pytest.raises(errors.Forbidden) as raised:
        client.predictions.statistics()
    assert key not in repr(raised.value) and key not in repr(client)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates of this test")
def test_a_client_certificate_is_shown() -> None:
    with folder() as path:
        _certificate(path, "ca")
        for name in ("server", "client"):
            _certificate(path, name, issuer="ca")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        listener = f"""
[auth]
mode = "required"
[[listeners]]
address = "127.0.0.1:{port}"
surface = "public"
certificate = "{path}/server.pem"
key = "{path}/server.key"
client_ca = "{path}/ca.pem"
"""
        server = LiveServer(path, listener)
        mark = hashlib.sha256(ssl.PEM_cert_to_DER_cert((path / "client.pem").read_text())).hexdigest()
        given = ["--scope", "letters:classify", "--purpose", PURPOSE.code, "--approved-by", "u-1"]
        server.operate("clients", "add", "mailbox", *given, "--certificate", mark)
        said = server.operate("clients", "key", "mailbox")
        key = next(it for it in said.split() if it.startswith("fwd_"))
        context = ssl.create_default_context(cafile=path / "ca.pem")
        url = f"https://127.0.0.1:{port}"
        with server.serve():
            with Client(url, token=key, purpose=PURPOSE, verify=context) as client, pytest.raises(errors.Unauthenticated):
                client.letters.classify(LETTERS)
            context.load_cert_chain(path / "client.pem", path / "client.key")
            with Client(url, token=key, purpose=PURPOSE, verify=context) as client:
                assert client.letters.classify(LETTERS).items
            with Client(url, token=key, verify=True) as client, pytest.raises(errors.ConnectionFailed):
                client.using(retry=Retry(tries=1)).server.live()


def _certificate(folder: Path, name: str, issuer: str = "") -> None:
    """A certificate for the loopback interface, by an issuer or of its own issue."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    command += ["-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem", "-subj", f"/CN={name}"]
    if issuer:
        command += ["-CA", f"{folder}/{issuer}.pem", "-CAkey", f"{folder}/{issuer}.key"]
        command += ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=IP:127.0.0.1"]
        command += ["-addext", f"extendedKeyUsage={name}Auth"]
    subprocess.run(command, check=True, capture_output=True)

"""nats-py, unchanged: services are found, each answers as over HTTP, and an event comes from JetStream under one id."""

import asyncio
import hashlib
import json

import nats

from server import ROOT, fenwen, nats_server

PREFIX = "moi.ai.v1"
# What differs from call to call; the second of two equal letters is a repeated one.
OWN = ("repeated", "repeated_similarity", "recognition_id", "request_id", "trace_id", "prediction_id", "answer_id", "document_id", "job_id",
       "links", "timings_ms", "created_at", "estimated_finish_at", "queue_position")
FAQ = "id,title,question,answer\nris-1,補發身分證,身分證遺失怎麼補發,請攜帶印章至戶政事務所補發。\n"
LETTERS = {"letters": [{"subject": "戶籍遷入遭退件", "body": "請問要怎麼補件?"}], "options": {"explain": True}}
DOCUMENT = {"document": {"doc_type": "函", "subject": "檢送本縣消防人員訓練計畫1份,請鑒核。"}}
QUESTION = {"question": "身分證遺失怎麼補發"}
SUGGESTION = {"utterances": [{"start": 0.0, "end": 2.0, "speaker": "citizen", "text": "身分證遺失怎麼補發?"}]}


def check(program):
    with nats_server() as url:
        settings = f'[bus]\nengine = "nats"\nurl = "{url}"\n'
        with fenwen(program, settings, prepare=index) as server:
            asyncio.run(talk(server, url))


def index(server):
    """Approved sources, so that questions have an answer."""
    faq = server.folder / "faq.csv"
    faq.write_text(FAQ, encoding="utf-8")
    server.run("qa", "import", faq, "--by", "u-1")
    server.run("qa", "approve", "--all", "--by", "u-2")
    server.run("qa", "index")


async def talk(server, url):
    client = await nats.connect(url)
    try:
        subjects = await discover(client)
        prediction = await same_answers(client, server)
        await feedback(client, server, prediction)
        await correction(client, server)
        await event(client, prediction)
        asked = {f"{PREFIX}.rpc.{it}" for it in (*ASKED, "predictions.feedback", "speech.correct")}
        assert subjects == asked, f"not every operation was asked: {subjects ^ asked}"
    finally:
        await client.close()


async def gather(client, subject):
    """Every answer to one question: services answer one by one."""
    inbox = client.new_inbox()
    answers = await client.subscribe(inbox)
    await client.publish(subject, b"", reply=inbox)
    found = []
    while True:
        try:
            found.append(json.loads((await answers.next_msg(timeout=1)).data))
        except nats.errors.TimeoutError:
            return found


async def discover(client):
    """The subjects of all endpoints of all services, by the protocol of NATS services."""
    pinged = {it["name"] for it in await gather(client, "$SRV.PING")}
    described = await gather(client, "$SRV.INFO")
    assert pinged == {it["name"] for it in described} and "fenwen-letters" in pinged, pinged
    assert all(it["type"] == "io.nats.micro.v1.info_response" and it["version"] for it in described)
    counted = await gather(client, "$SRV.STATS")
    assert pinged == {it["name"] for it in counted}
    return {endpoint["subject"] for it in described for endpoint in it["endpoints"]}


ASKED = {
    "letters.classify": ("/api/v1/letters/classifications", LETTERS),
    "documents.dispatch": ("/api/v1/documents/dispatch-suggestions", DOCUMENT),
    "qa.answer": ("/api/v1/qa/answers", QUESTION),
    "qa.suggest": ("/api/v1/qa/suggestions", SUGGESTION),
    "speech.transcribe": ("/api/v1/speech/transcriptions", None),
    "identity-documents.recognise": ("/api/v1/identity-documents/recognitions", None),
}


async def same_answers(client, server):
    """The same document over both transports; returns the prediction of a letter."""
    for name, (path, body) in ASKED.items():
        if name == "identity-documents.recognise":
            over_bus = await ask(client, name, {"images": [{"blob_id": upload(server, picture(), "image", "image/jpeg")}]})
            status, over_http = server.call("POST", path, raw=form(), headers={"content-type": FORM})
        else:
            # A recording is taken by the job that it becomes: each has its own.
            recorded = name == "speech.transcribe"
            over_bus = await ask(client, name, body or {"blob_id": upload(server, sound(), "audio", "audio/flac")})
            body = {"blob_id": upload(server, sound(), "audio", "audio/flac")} if recorded else body
            status, over_http = server.call("POST", path, body)
        assert status in (200, 202), (name, status, over_http)
        assert same(over_bus) == same(over_http), f"{name}:\n{same(over_bus)}\n{same(over_http)}"
        if name == "letters.classify":
            prediction = over_bus["items"][0]["prediction_id"]
    return prediction


async def ask(client, name, body):
    reply = await client.request(f"{PREFIX}.rpc.{name}", json.dumps(body).encode(), timeout=60)
    assert "Nats-Service-Error" not in (reply.headers or {}), (name, reply.headers, reply.data)
    return json.loads(reply.data) if reply.data else None


def same(answer):
    """Without what is one call's own."""
    if isinstance(answer, dict):
        return {key: same(value) for key, value in answer.items() if key not in OWN}
    return [same(it) for it in answer] if isinstance(answer, list) else answer


async def feedback(client, server, prediction):
    """Accepted over the bus, seen over HTTP; a refusal has the code of HTTP."""
    assert await ask(client, "predictions.feedback", {"prediction_id": prediction, "decision": "accepted"}) is None
    status, kept = server.call("GET", f"/api/v1/predictions/{prediction}")
    assert status == 200 and kept["feedback"][0]["decision"] == "accepted", kept
    wrong = {"prediction_id": prediction, "decision": "corrected"}
    over_http = server.call("POST", f"/api/v1/predictions/{prediction}/feedback", {"decision": "corrected"})
    await refused(client, "predictions.feedback", wrong, over_http)


async def correction(client, server):
    """Of a recording that nobody sent: refused with the code of HTTP."""
    job = "0" * 32
    over_http = server.call("PUT", f"/api/v1/speech/transcriptions/{job}/segments/0/correction", {"text": "更正"}, {"if-match": '"0"'})
    await refused(client, "speech.correct", {"job_id": job, "segment": 0, "version": 0, "text": "更正"}, over_http)


async def refused(client, name, body, http):
    status, over_http = http
    reply = await client.request(f"{PREFIX}.rpc.{name}", json.dumps(body).encode(), timeout=10)
    problem = json.loads(reply.data)
    assert reply.headers["Nats-Service-Error"] == problem["code"] == over_http["code"], (problem, over_http)
    assert reply.headers["Nats-Service-Error-Code"] == str(problem["status"]) == str(status)


async def event(client, prediction):
    """The letter's event: kept by JetStream once, its id the message's id."""
    stream = client.jetstream()
    subject = f"{PREFIX}.evt.*.letters.classification.completed"
    events = await stream.subscribe(subject, ordered_consumer=True)
    seen = {}
    while prediction not in str(list(seen.values())):
        message = await events.next_msg(timeout=20)
        told = json.loads(message.data)
        assert told["specversion"] == "1.0" and message.headers["Nats-Msg-Id"] == told["id"]
        assert told["id"] not in seen, "an event came twice"
        seen[told["id"]] = told


def upload(server, content, kind, media_type):
    """The id of a blob in one part."""
    asked = {"kind": kind, "media_type": media_type, "size": len(content)}
    status, opened = server.call("POST", "/api/v1/blobs", asked)
    assert status == 201, opened
    blob = f"/api/v1/blobs/{opened['blob_id']}"
    status, problem = server.call("PUT", f"{blob}/parts/1", raw=content, headers={"content-type": "application/octet-stream"})
    assert status == 204, problem
    status, problem = server.call("POST", f"{blob}/complete", {"sha256": hashlib.sha256(content).hexdigest()})
    assert status == 200, problem
    return opened["blob_id"]


def picture():
    return (ROOT / "tests/data/idcard/tw_national_id_front.jpg").read_bytes()


def sound():
    return (ROOT / "tests/data/audio/tone.flac").read_bytes()


FORM = "multipart/form-data; boundary=part"


def form():
    head = b'--part\r\ncontent-disposition: form-data; name="image"; filename="a.jpg"\r\ncontent-type: image/jpeg\r\n\r\n'
    return head + picture() + b"\r\n--part--\r\n"

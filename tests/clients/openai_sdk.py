"""The openai package, unchanged: embeddings, and transcriptions in every format, read by the parsers of others."""

import io
import json
import math
import struct
import wave

import numpy
import srt
import webvtt
from openai import BadRequestError, NotFoundError, OpenAI

from server import ROOT

ENCODER, SPEECH = "use-multilingual-v3", "whisper-base"
TEXTS = ["戶籍遷入", "地籍謄本", "遷戶口"]
# Recordings that are not part of the repository; where they are, one of them is transcribed.
CLIPS = ROOT.parent / "shared/data/speech"


def check(server):
    client = OpenAI(base_url=server.url("/v1"), api_key="none-in-the-demo")
    listed = {it.id for it in client.models.list()}
    assert {ENCODER, SPEECH, "whisper-1"} <= listed, listed
    embeddings(client)
    clip, spoken = recording()
    plain = client.audio.transcriptions.create(model=SPEECH, file=clip)
    assert bool(plain.text) == spoken, plain.text
    subtitles(client, clip, spoken)
    whole = client.audio.transcriptions.create(model=SPEECH, file=clip, response_format="verbose_json")
    assert whole.text == plain.text and bool(whole.segments) == spoken, whole
    assert all(it.avg_logprob <= 0 < it.compression_ratio for it in whole.segments), whole
    streamed = [it.type for it in client.audio.transcriptions.create(model=SPEECH, file=clip, stream=True)]
    assert streamed[-1] == "transcript.text.done", streamed


def embeddings(client):
    answer = client.embeddings.create(model=ENCODER, input=TEXTS)
    rows = numpy.array([it.embedding for it in answer.data])
    assert rows.shape == (3, 512) and answer.usage.prompt_tokens > 0
    assert rows[0] @ rows[2] > rows[0] @ rows[1], "moving house is nearer to moving house than to land"
    single = client.embeddings.create(model=ENCODER, input=TEXTS[0], encoding_format="float")
    assert numpy.allclose(single.data[0].embedding, rows[0], atol=1e-6)
    try:
        client.embeddings.create(model="nobody", input="x")
    except NotFoundError as error:
        assert error.body["message"], error
    else:
        raise AssertionError("a model that nobody knows answers")
    for wrong in (" \n", [[1, 2]]):
        try:
            client.embeddings.create(model=ENCODER, input=wrong)
        except BadRequestError as error:
            assert error.body["message"] and error.body["param"].startswith("input"), error
        else:
            raise AssertionError(f"{wrong!r} is embedded")


def subtitles(client, clip, spoken):
    """SRT as PyPI's `srt` reads it, VTT as `webvtt-py` does: the same words at the same times, in order."""
    def written(form):
        return client.audio.transcriptions.create(model=SPEECH, file=clip, response_format=form)

    lines = list(srt.parse(written("srt"), ignore_errors=False))
    captions = list(webvtt.from_string(written("vtt")))
    assert bool(lines) == spoken and len(lines) == len(captions)
    for idx, (line, caption) in enumerate(zip(lines, captions), 1):
        assert line.index == idx and line.start < line.end
        assert line.content == caption.text, (line.content, caption.text)
        assert abs(line.start.total_seconds() - caption.start_in_seconds) < 1.001
    starts = [it.start for it in lines]
    assert starts == sorted(starts)


def recording():
    """A short clip and whether somebody speaks in it."""
    manifest = CLIPS / "manifest.json"
    if not manifest.exists():
        return ("tone.wav", tone()), False
    paths = [CLIPS / it["file"] for it in json.loads(manifest.read_text(encoding="utf-8"))]
    path = min((it for it in paths if it.exists()), key=lambda it: it.stat().st_size)
    return (path.name, path.read_bytes()), True


def tone():
    """Two seconds of 440 Hz: nobody speaks in it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        values = (int(9_000 * math.sin(math.tau * 440 * it / 16_000)) for it in range(32_000))
        out.writeframes(b"".join(struct.pack("<h", it) for it in values))
    return file.getvalue()

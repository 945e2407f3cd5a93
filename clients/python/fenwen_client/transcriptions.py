"""Recordings and speech (語音轉寫)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal

from ._core import Call, Close, Course, Emit, Lost, Part, Plan, ReadChunk
from ._jobs import accepted, wait
from ._live import Chunks, live
from ._method import D, Group, course, method
from ._model import decode, encode
from ._source import Source, size_of, whole
from ._uploads import upload
from .errors import ConnectionFailed, DecodeError
from .types import (
    AudioVerbose,
    CorrectionRequest,
    CorrectionResponse,
    JobAccepted,
    JobChange,
    LiveMessage,
    LiveRequestResume,
    LiveRequestStart,
    Purpose,
    TranscriptDocument,
    TranscriptionRequest,
    TranscriptionResponse,
)

Rendition = Literal["redacted", "original"]
"""Which text is given: with personal data masked, or as it was said."""

# Up to so many bytes a recording comes with its order, in one request; a larger one is uploaded first.
_DIRECT = 4 << 20


class Transcriptions(Group[D]):
    """Recordings become jobs, whose transcripts are read in the form that is wanted; speech is heard live."""

    @method
    def submit(
        self,
        recording: Source,
        *,
        media_type: str = "application/octet-stream",
        speakers: Sequence[str] | None = None,
        vocabulary: Sequence[str] | None = None,
        priority: int | None = None,
        purpose: Purpose | None = None,
    ) -> Plan[JobAccepted]:
        """Makes a job of a recording (WAV, MP3, FLAC, OGG/Opus, M4A/AAC, WebM); a large one goes up in parts.

        `speakers` are the names of the channels, `vocabulary` is what is likely to be said. `timeout` of the client
        holds for each request of an upload. Repeated safely, by an Idempotency-Key.
        """
        order = TranscriptionRequest(
            speakers=list(speakers) if speakers is not None else None,
            vocabulary=list(vocabulary) if vocabulary is not None else None,
            priority=priority,
            purpose=self.settings.why(purpose),
        )
        if (yield from size_of(recording)) <= _DIRECT:
            meta = json.dumps(encode(order), ensure_ascii=False).encode()
            content = yield from whole(recording)
            files: list[tuple[str, Part]] = [
                ("meta", ("meta.json", meta, "application/json")),
                ("file", ("recording", content, "application/octet-stream")),
            ]
            call = Call(self.settings, "transcribe_recording", files=files, keyed=True)
        else:
            sent = yield from upload(self.settings, recording, "audio", media_type)
            body = TranscriptionRequest(**{**vars(order), "blob_id": sent.blob_id})
            call = Call(self.settings, "transcribe_recording", body=body, keyed=True)
        return accepted((yield from call.answer()))

    @method
    def transcribe(
        self,
        recording: Source,
        *,
        media_type: str = "application/octet-stream",
        speakers: Sequence[str] | None = None,
        vocabulary: Sequence[str] | None = None,
        priority: int | None = None,
        purpose: Purpose | None = None,
        rendition: Rendition | None = None,
        timeout: float = 3600.0,
        progress: Callable[[JobChange], Any] | None = None,
    ) -> Plan[TranscriptDocument]:
        """Submits, waits at most `timeout` seconds, and reads the transcript. Raises as `jobs.wait` does."""
        job = yield from Transcriptions.submit.plan(
            self,
            recording,
            media_type=media_type,
            speakers=speakers,
            vocabulary=vocabulary,
            priority=priority,
            purpose=purpose,
        )
        yield from wait(self.settings, job.job_id, timeout, progress)
        found = yield from Transcriptions.get.plan(self, job.job_id, rendition=rendition)
        if found.transcript is None:
            raise DecodeError("/transcript")
        return found.transcript

    @method
    def get(self, job_id: str, *, rendition: Rendition | None = None) -> Plan[TranscriptionResponse]:
        """The transcript with times and confidences; of a running job what was heard so far."""
        query = {"rendition": rendition}
        answer = yield from Call(self.settings, "read_transcription", path={"id": job_id}, query=query).answer()
        return decode(TranscriptionResponse, answer.json())

    @method
    def download(
        self, job_id: str, form: Literal["srt", "vtt", "txt"] = "srt", *, rendition: Rendition | None = None
    ) -> Plan[str]:
        """The transcript as subtitles or plain text."""
        query = {"format": form, "rendition": rendition}
        answer = yield from Call(self.settings, "read_transcription", path={"id": job_id}, query=query).answer()
        return answer.text()

    @course
    def recording(self, job_id: str) -> Course[bytes]:
        """The recording itself, bit by bit, as long as it is kept. Personal data in it is not masked."""
        yield from Call(self.settings, "read_recording", path={"id": job_id}).open()
        try:
            while (chunk := (yield ReadChunk())) is not None:
                yield Emit(chunk)
        except Lost as lost:
            raise ConnectionFailed(str(lost)) from None
        yield Close()

    @method
    def transcribe_now(
        self,
        recording: Source,
        *,
        vocabulary: Sequence[str] | None = None,
        language: Literal["zh", "en"] | None = None,
        rendition: Rendition | None = None,
    ) -> Plan[AudioVerbose]:
        """Hears a short recording (at most 25 MiB) while you wait, and keeps nothing of it.

        Raises ServerTimeout for one that takes longer than the server's deadline: submit it.
        """
        content = yield from whole(recording)
        fields = {"model": "whisper-1", "response_format": "verbose_json", "language": language, "rendition": rendition}
        pairs = [(name, it) for name, it in fields.items() if it is not None]
        pairs += [("timestamp_granularities[]", it) for it in ("segment", "word")]
        pairs += [("prompt", "、".join(vocabulary))] if vocabulary else []
        files: list[tuple[str, Part]] = [(name, (None, it.encode(), "text/plain")) for name, it in pairs]
        files.append(("file", ("recording", content, "application/octet-stream")))
        answer = yield from Call(self.settings, "create_audio_transcription", files=files).answer()
        return decode(AudioVerbose, answer.json())

    @course
    def live(
        self,
        chunks: Chunks,
        *,
        rate: int = 16_000,
        encoding: Literal["pcm", "opus"] = "pcm",
        rendition: Rendition | None = None,
        vocabulary: Sequence[str] | None = None,
        purpose: Purpose | None = None,
        resume: tuple[str, int | None] | None = None,
        answers: bool = False,
    ) -> Course[LiveMessage]:
        """Sends sound as it is spoken and gives what is heard: `ready`, `partial`, `final`, `done`.

        With `answers` also what approved sources say to what is asked in it: `answer`, `unasked`.

        Chunks are mono PCM (16 bits, little-endian, 8 or 16 kHz) of any size, or one Opus packet each. Messages are
        given between chunks and after the last. When the connection breaks, ConnectionFailed is raised: call again with
        `resume=(token of ready, id of the last final)` and the chunks from `ready.received` seconds on.
        """
        opening: LiveRequestStart | LiveRequestResume
        if resume is not None:
            token, after = resume
            opening = LiveRequestResume(token=token, after=after, rendition=rendition)
        else:
            opening = LiveRequestStart(
                rate=rate,
                encoding=encoding,
                rendition=rendition,
                vocabulary=list(vocabulary) if vocabulary is not None else None,
                purpose=self.settings.why(purpose),
            )
        yield from live(self.settings, opening, chunks, rate if encoding == "pcm" else 0, answers)

    @method
    def correct(
        self,
        job_id: str,
        number: int,
        text: str,
        *,
        version: int,
        rendition: Rendition | None = None,
        purpose: Purpose | None = None,
    ) -> Plan[CorrectionResponse]:
        """Writes another text for an utterance. `version` is that of the transcript that was read; when somebody else
        has corrected it since, it is refused."""
        body = CorrectionRequest(text=text, rendition=rendition, purpose=self.settings.why(purpose))
        path, headers = {"id": job_id, "number": str(number)}, {"if-match": f'"{version}"'}
        call = Call(self.settings, "correct_transcription", path=path, headers=headers, body=body)
        return decode(CorrectionResponse, (yield from call.answer()).json())

    @method
    def undo_correction(self, job_id: str, number: int, *, version: int) -> Plan[CorrectionResponse]:
        """Takes the correction of an utterance back."""
        path, headers = {"id": job_id, "number": str(number)}, {"if-match": f'"{version}"'}
        call = Call(self.settings, "undo_correction", path=path, headers=headers)
        return decode(CorrectionResponse, (yield from call.answer()).json())

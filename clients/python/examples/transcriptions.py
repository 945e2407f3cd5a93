"""Recordings: submitted as a job, watched, and read as subtitles; a short one is heard while you wait.

    python transcriptions.py [http://127.0.0.1:8080] [call.wav]

Without a recording it makes one of three tones, in which nobody speaks.
"""

import io
import math
import struct
import sys
import wave

from fenwen_client import Client, Purpose

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
RATE = 16_000


def tones() -> bytes:
    """Three seconds of sound, as a WAV file."""
    samples = (0.3 * math.sin(2 * math.pi * (440 + 220 * (idx // RATE)) * idx / RATE) for idx in range(3 * RATE))
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(b"".join(struct.pack("<h", int(it * 32_767)) for it in samples))
    return file.getvalue()


recording = sys.argv[2] if len(sys.argv) > 2 else tones()

with Client(URL, purpose=Purpose(code="hotline-1996", case_no="DEMO-1")) as client:
    job = client.transcriptions.submit(recording, vocabulary=["戶政司", "國土管理署"])
    client.jobs.wait(job.job_id, progress=lambda it: print(f"{it.state} {(it.progress or 0):.0%}"))
    transcript = client.transcriptions.get(job.job_id).transcript
    assert transcript is not None
    print(f"{transcript.duration:.1f} 秒,{len(transcript.segments)} 句,模型 {transcript.model.name}")
    for form in ("srt", "vtt", "txt"):
        print(f"--- {form}\n{client.transcriptions.download(job.job_id, form)}")
    kept = sum(len(it) for it in client.transcriptions.recording(job.job_id))
    print(f"錄音原檔:{kept} 位元組")

    if not isinstance(recording, str):
        now = client.transcriptions.transcribe_now(recording)
        print(f"直接轉寫:{now.duration:.1f} 秒")

"""Live speech: sound goes out in pieces of 100 ms, and text comes back as it is heard.

    python live.py [http://127.0.0.1:8080] [speech.wav: mono, 16 bits, 16 kHz]

Without a recording it sends two seconds of a tone, in which nobody speaks.
"""

import math
import struct
import sys
import wave
from collections.abc import Iterator

from fenwen_client import Client, Purpose
from fenwen_client.types import LiveMessageFinal, LiveMessagePartial, LiveMessageReady

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
RATE = 16_000


def sound() -> Iterator[bytes]:
    """Chunks of mono PCM; a microphone would give them as they are spoken."""
    if len(sys.argv) > 2:
        with wave.open(sys.argv[2]) as reader:
            while chunk := reader.readframes(RATE // 10):
                yield chunk
        return
    for at in range(0, 2 * RATE, RATE // 10):
        samples = (0.3 * math.sin(2 * math.pi * 440 * idx / RATE) for idx in range(at, at + RATE // 10))
        yield b"".join(struct.pack("<h", int(it * 32_767)) for it in samples)


with Client(URL, purpose=Purpose(code="hotline-1996", case_no="DEMO-1")) as client:
    for message in client.transcriptions.live(sound(), rate=RATE):
        match message:
            case LiveMessageReady():
                print("開始")
            case LiveMessagePartial(text=text):
                print(f"… {text}")
            case LiveMessageFinal(text=text, start=start, end=end):
                print(f"{start:.1f}–{end:.1f} {text}")
            case _:
                print("結束")

"""Writes the sound files of this folder: 0.75 s of 440 Hz on the left and 1000 Hz on the right, in every coding.

Needs PyAV, NumPy and soundfile: `python3 tests/data/audio/make.py`.
"""

import pathlib

import av
import numpy as np
import soundfile

HERE = pathlib.Path(__file__).parent
FILES = [
    ("tone.mp3", "libmp3lame", 44100, "fltp", 64000),
    ("tone.m4a", "aac", 44100, "fltp", 64000),
    ("tone.aac", "aac", 22050, "fltp", 48000),
    ("tone.flac", "flac", 32000, "s16", 0),
    ("tone.opus", "libopus", 48000, "flt", 96000),
    ("tone.webm", "libopus", 48000, "flt", 96000),
]



def tones(rate):
    time = np.arange(rate * 3 // 4) / rate
    return 0.5 * np.sin(2 * np.pi * np.outer([440.0, 1000.0], time))


# PyAV has no whole Vorbis encoder.
soundfile.write(HERE / "tone.ogg", tones(44100).T, 44100, format="OGG", subtype="VORBIS")

for name, codec, rate, sample_format, bit_rate in FILES:
    sound = tones(rate)
    file_format = {"opus": "ogg", "m4a": "ipod", "aac": "adts"}.get(name.rsplit(".", 1)[1])
    with av.open(str(HERE / name), "w", format=file_format) as out:
        stream = out.add_stream(codec, rate=rate, layout="stereo", format=sample_format)
        if bit_rate:
            stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(sound.astype(np.float32), format="fltp", layout="stereo")
        frame.rate = rate
        resampler = av.AudioResampler(format=sample_format, layout="stereo", rate=rate)
        for part in [*resampler.resample(frame), None]:
            for packet in stream.encode(part):
                out.mux(packet)

"""The clients that others publish, unchanged, against a server: tritonclient over HTTP and openai.

make test-clients; needs a built fenwen and pulled models. Starts the server itself, on a port of its own.
"""

import io
import math
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import wave

import numpy
import tritonclient.http as triton
from openai import NotFoundError, OpenAI

ENCODER, CLASSIFIER = "use-multilingual-v3", "ppocr-line-cls"
TEXTS = ["戶籍遷入", "地籍謄本", "遷戶口"]


def check_triton(address):
    client = triton.InferenceServerClient(address)
    assert client.is_server_live() and client.is_server_ready()
    known = {it["name"]: it["state"] for it in client.get_model_repository_index()}
    assert known[ENCODER] == known[CLASSIFIER] == "UNAVAILABLE"
    for name in (ENCODER, CLASSIFIER):
        client.load_model(name)
        assert client.is_model_ready(name)
    ids = numpy.array([[1, 6, 1533, 2], [1, 17, 9, 2]], dtype=numpy.int64)
    answers = []
    for is_binary in (True, False):
        value = triton.InferInput("ids", ids.shape, "INT64")
        value.set_data_from_numpy(ids, binary_data=is_binary)
        wanted = triton.InferRequestedOutput("embedding", binary_data=is_binary)
        answers.append(client.infer(ENCODER, [value], outputs=[wanted]).as_numpy("embedding"))
    assert answers[0].shape == (2, 512) and numpy.array_equal(*answers)
    assert numpy.allclose(numpy.linalg.norm(answers[0], axis=1), 1, atol=1e-5)
    about = client.get_model_metadata(CLASSIFIER)
    pictures = numpy.random.default_rng(7).random((2, 3, 48, 192), dtype=numpy.float32)
    value = triton.InferInput(about["inputs"][0]["name"], pictures.shape, "FP32")
    value.set_data_from_numpy(pictures)
    shares = client.infer(CLASSIFIER, [value]).as_numpy(about["outputs"][0]["name"])
    assert shares.shape == (2, 2) and numpy.allclose(shares.sum(axis=1), 1, atol=1e-5)
    client.unload_model(CLASSIFIER)
    assert not client.is_model_ready(CLASSIFIER)
    try:
        client.infer("nobody", [value])
    except triton.InferenceServerException as error:
        assert error.status() == "404", error
    else:
        raise AssertionError("a model that nobody knows answers")


def check_openai(address):
    client = OpenAI(base_url=f"http://{address}/v1", api_key="none-in-the-demo")
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
    said = client.audio.transcriptions.create(model="whisper-base", file=("tone.wav", tone()))
    assert said.text == "", "nobody speaks in a tone"


def tone():
    """Two seconds of 440 Hz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        values = (int(9_000 * math.sin(math.tau * 440 * it / 16_000)) for it in range(32_000))
        out.writeframes(b"".join(struct.pack("<h", it) for it in values))
    return file.getvalue()


def main():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.argv[1], "serve", "--profile", "demo", "--listen", address, "--data-dir", folder]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 120
            while time.monotonic() < until and server.poll() is None:
                try:
                    urllib.request.urlopen(f"http://{address}/v2/health/ready", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.2)
            for check in (check_triton, check_openai):
                check(address)
                print("ok  ", check.__name__)
        finally:
            server.terminate()
            server.wait(timeout=30)


if __name__ == "__main__":
    main()

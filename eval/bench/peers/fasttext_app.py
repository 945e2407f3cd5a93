"""fastText on the characters of letters: alone, or behind FastAPI on uvicorn.

    python fasttext_app.py alone MODEL ROWS     trains MODEL on `train` of the rows, times `test`, one letter after another
    python fasttext_app.py serve MODEL PORT
"""

import json
import sys
import tempfile
import time

import fasttext

PREFIX = "__label__"
ROUNDS = 5
TOP_K = 3


def characters(text):
    """What fastText takes for words: it knows no others in Chinese."""
    return " ".join("".join(text.split()))


def alone(path, rows):
    train, test = rows["train"], rows["test"]
    labels = sorted({label for _, label in train})
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(f"{PREFIX}{labels.index(label)} {characters(text)}\n" for text, label in train)
        file.flush()
        # Words of three characters at most; until it has learned its rows.
        model = fasttext.train_supervised(file.name, wordNgrams=3, epoch=50, lr=0.5, minCount=1, thread=1, seed=1, verbose=0)
    model.save_model(path)
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answers = [model.predict(characters(text), k=TOP_K) for text, _ in test]
        seconds.append(time.perf_counter() - began)
    right = sum(labels[int(first.removeprefix(PREFIX))] == label for ((first, *_), _), (_, label) in zip(answers, test))
    print(json.dumps({"accuracy": right / len(test), "us": min(seconds) / len(test) * 1e6}))


def serve(path, port):
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Letter(BaseModel):
        subject: str = ""
        body: str

    class Letters(BaseModel):
        letters: list[Letter]

    model, app = fasttext.load_model(path), FastAPI()

    # Not `async`: FastAPI then computes on its threads, and the loop goes on taking calls.
    @app.post("/classify")
    def classify(order: Letters):
        found = model.predict([characters(f"{it.subject}\n{it.body}") for it in order.letters], k=TOP_K)
        return {"items": [{"labels": [{"code": code.removeprefix(PREFIX), "score": float(score)} for code, score in zip(*it)]}
                          for it in zip(*found)]}

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    _, command, model_path, argument = sys.argv
    if command == "alone":
        with open(argument, encoding="utf-8") as file:
            alone(model_path, json.load(file))
    else:
        serve(model_path, int(argument))

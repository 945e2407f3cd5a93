"""mosec, with its own batching where the model gains from it."""

import json
import sys

import work
from mosec import Server, Worker


class Model(Worker):
    def deserialize(self, data):
        return json.loads(data)

    def serialize(self, data):
        return json.dumps(data).encode()

    def forward(self, data):
        if isinstance(data, list):
            work.compute(len(data))
            return [work.answer(it) for it in data]
        return work.answer(data)


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "--address", "127.0.0.1", "--port", str(work.PORT), "--timeout", "60000", "--log-level", "warning"]
    server = Server()
    if work.WORK == "echo":
        server.append_worker(Model, num=1)
    else:
        server.append_worker(Model, num=1, max_batch_size=work.MAX_ROWS, max_wait_time=max(1, int(work.WINDOW * 1000)))
    server.run()

"""LitServe, with its own batching where the model gains from it."""

import litserve
import work


class Api(litserve.LitAPI):
    def setup(self, device):
        """Nothing is loaded."""

    def decode_request(self, request):
        return request

    def predict(self, given):
        work.compute(len(given) if isinstance(given, list) else 1)
        return given

    def batch(self, inputs):
        return inputs

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return work.answer(output)


if __name__ == "__main__":
    batch = {} if work.WORK == "echo" else {"max_batch_size": work.MAX_ROWS, "batch_timeout": work.WINDOW}
    api = Api(api_path="/infer", **batch)
    litserve.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=60).run(
        host="127.0.0.1", port=work.PORT, num_api_servers=1, generate_client_file=False, log_level="warning"
    )

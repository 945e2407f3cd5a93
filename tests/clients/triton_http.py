"""tritonclient over HTTP, unchanged: repository, metadata, inference with and without binary tensors, statistics."""

import numpy
import tritonclient.http as triton

ENCODER, CLASSIFIER = "use-multilingual-v3", "ppocr-line-cls"


def check(server):
    client = triton.InferenceServerClient(server.address)
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
    config = client.get_model_config(CLASSIFIER)
    assert config["max_batch_size"] > 1 and config["input"][0]["name"] == about["inputs"][0]["name"]
    client.infer(CLASSIFIER, [value], priority=1, timeout=60_000_000)
    late = refused(lambda: client.infer(CLASSIFIER, [value], timeout=1))
    assert late.status() == "504", late
    of_one = client.get_inference_statistics(CLASSIFIER)["model_stats"][0]
    assert of_one["inference_count"] == 4 and of_one["inference_stats"]["fail"]["count"] == 1, of_one
    assert {it["name"] for it in client.get_inference_statistics()["model_stats"]} >= {ENCODER, CLASSIFIER}
    client.unload_model(CLASSIFIER)
    assert not client.is_model_ready(CLASSIFIER)
    unknown = refused(lambda: client.infer("nobody", [value]))
    assert unknown.status() == "404", unknown
    # A path that is not there is told so in the words of the protocol.
    missing = refused(lambda: client.get_trace_settings())
    assert missing.status() == "404" and "exception" not in missing.message(), missing


def refused(call):
    """The refusal of a call, as the client reads it."""
    try:
        call()
    except triton.InferenceServerException as error:
        return error
    raise AssertionError("nothing was refused")

"""tritonclient over gRPC, unchanged: metadata, loading, tensors raw and typed, statuses."""

import queue

import grpc
import numpy
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2, service_pb2_grpc

ENCODER, CLASSIFIER = "use-multilingual-v3", "ppocr-line-cls"


def check(server):
    address = server.address
    with triton.InferenceServerClient(address) as client:
        assert client.is_server_live() and client.is_server_ready()
        assert client.get_server_metadata().name == "fenwen"
        known = {it.name for it in client.get_model_repository_index().models}
        assert {ENCODER, CLASSIFIER} <= known
        for name in (ENCODER, CLASSIFIER):
            client.load_model(name)
            assert client.is_model_ready(name)
        _rows_of_ids(client, address)
        _pictures(client)
        client.unload_model(CLASSIFIER)
        assert not client.is_model_ready(CLASSIFIER)
        _refusals(client)


def _rows_of_ids(client, address):
    ids = numpy.array([[1, 6, 1533, 2], [1, 17, 9, 2]], dtype=numpy.int64)
    value = triton.InferInput("ids", ids.shape, "INT64")
    value.set_data_from_numpy(ids)
    wanted = [triton.InferRequestedOutput("embedding")]
    answer = client.infer(ENCODER, [value], outputs=wanted, request_id="r-1", client_timeout=60)
    raw = answer.as_numpy("embedding")
    assert raw.shape == (2, 512) and answer.get_response().id == "r-1"
    assert numpy.allclose(numpy.linalg.norm(raw, axis=1), 1, atol=1e-5)
    later = queue.SimpleQueue()
    client.async_infer(ENCODER, [value], lambda result, error: later.put(error or result))
    assert numpy.array_equal(later.get(timeout=60).as_numpy("embedding"), raw)
    # Typed contents, as clients made from the protocol file alone send them.
    request = service_pb2.ModelInferRequest(model_name=ENCODER)
    tensor = request.inputs.add(name="ids", datatype="INT64", shape=ids.shape)
    tensor.contents.int64_contents.extend(ids.flatten().tolist())
    with grpc.insecure_channel(address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        typed = triton.InferResult(stub.ModelInfer(request)).as_numpy("embedding")
    assert numpy.array_equal(raw, typed)


def _pictures(client):
    about = client.get_model_metadata(CLASSIFIER)
    config = client.get_model_config(CLASSIFIER).config
    assert config.max_batch_size > 1 and config.input[0].name == about.inputs[0].name
    pictures = numpy.random.default_rng(7).random((2, 3, 48, 192), dtype=numpy.float32)
    value = triton.InferInput(about.inputs[0].name, pictures.shape, "FP32")
    value.set_data_from_numpy(pictures)
    shares = client.infer(CLASSIFIER, [value]).as_numpy(about.outputs[0].name)
    assert shares.shape == (2, 2) and numpy.allclose(shares.sum(axis=1), 1, atol=1e-5)
    client.infer(CLASSIFIER, [value], priority=1, timeout=60_000_000)
    counted = client.get_inference_statistics(CLASSIFIER).model_stats[0]
    assert counted.inference_count == 4 and counted.inference_stats.success.count == 2, counted
    assert {it.name for it in client.get_inference_statistics().model_stats} >= {ENCODER, CLASSIFIER}


def _refusals(client):
    value = triton.InferInput("ids", [1, 2], "INT64")
    value.set_data_from_numpy(numpy.array([[1, 2]], dtype=numpy.int64))
    for call, status in [
        (lambda: client.infer("nobody", [value]), "NOT_FOUND"),
        (lambda: client.infer(CLASSIFIER, [value]), "FAILED_PRECONDITION"),
        (lambda: client.infer(ENCODER, [value], sequence_id=1), "INVALID_ARGUMENT"),
        (lambda: client.infer(ENCODER, [value], timeout=1), "DEADLINE_EXCEEDED"),
        (lambda: client.get_inference_statistics(CLASSIFIER), "FAILED_PRECONDITION"),
        (lambda: client.get_trace_settings(), "UNIMPLEMENTED"),
    ]:
        try:
            call()
        except triton.InferenceServerException as error:
            assert error.status() == f"StatusCode.{status}" and error.message(), error
        else:
            raise AssertionError(f"no {status}")

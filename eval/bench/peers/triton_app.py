"""Triton, the program inside nvidia-pytriton, with its dynamic batcher where the model gains from it."""

import work
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig


@batch
def infer(x):
    work.compute(len(x))
    return {"y": x}


def main():
    import numpy

    config = TritonConfig(
        http_address="127.0.0.1", http_port=work.PORT, grpc_port=work.PORT + 1, metrics_port=work.PORT + 2,
        allow_grpc=False, allow_metrics=False, log_verbose=0,
    )
    if work.WORK == "echo":
        model = ModelConfig(batching=True, max_batch_size=work.MAX_ROWS, batcher=DynamicBatcher())
    else:
        # Its default: no window, whoever waits goes.
        model = ModelConfig(batching=True, max_batch_size=work.MAX_ROWS, batcher=DynamicBatcher(max_queue_delay_microseconds=0))
    with Triton(config=config) as triton:
        triton.bind(
            model_name="load", infer_func=infer, config=model,
            inputs=[Tensor(name="x", dtype=numpy.float32, shape=(16,))],
            outputs=[Tensor(name="y", dtype=numpy.float32, shape=(16,))],
        )
        triton.serve()


if __name__ == "__main__":
    main()

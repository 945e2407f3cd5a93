"""The model in MLServer's shape."""

import asyncio

import work
from mlserver import MLModel
from mlserver.types import InferenceResponse, ResponseOutput


class Model(MLModel):
    async def load(self):
        return True

    async def predict(self, payload):
        given = payload.inputs[0]
        if work.WORK != "echo":
            await asyncio.to_thread(work.compute, given.shape[0])
        output = ResponseOutput(name="y", datatype=given.datatype, shape=given.shape, data=given.data)
        return InferenceResponse(id=payload.id, model_name=self.name, outputs=[output])

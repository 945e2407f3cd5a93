"""FastAPI on uvicorn; for a model that gains from company, the batcher that one would write: ten lines on a queue."""

import asyncio
from contextlib import asynccontextmanager

import uvicorn
import work
from fastapi import FastAPI, Request

queue = asyncio.Queue()


async def batcher():
    while True:
        batch = [await queue.get()]
        while len(batch) < work.MAX_ROWS and not queue.empty():
            batch.append(queue.get_nowait())
        await asyncio.to_thread(work.compute, len(batch))
        for future in batch:
            if not future.done():
                future.set_result(None)


@asynccontextmanager
async def lifespan(_):
    task = asyncio.create_task(batcher())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.post("/infer")
async def infer(request: Request):
    body = await request.json()
    if work.WORK != "echo":
        future = asyncio.get_running_loop().create_future()
        queue.put_nowait(future)
        await future
    return work.answer(body)


uvicorn.run(app, host="127.0.0.1", port=work.PORT, log_level="warning", access_log=False)

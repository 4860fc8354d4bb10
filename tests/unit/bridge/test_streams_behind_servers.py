"""S16: a server whose client has left drops the stream; the collector closes it, on the loop's thread say."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_runtime.bridge import Strategy, call_in_caller, enter, iterate
from tests.helpers.children import run_child

LIMIT = 10.0

SERVER = """
import asyncio, gc, socket, sys, threading, time
import httpx, uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from agent_runtime import Runtime

WORKFLOW = "steps: [{id: first, tool: first}, {id: hold, tool: hold, needs: [first]}]\\n"
began, cleaning, cleaned, may_end = (threading.Event() for _ in range(4))

async def first(): ...

async def hold():
    began.set()
    try:
        await asyncio.sleep(60)
    finally:
        cleaning.set()
        for _ in range(200):  # whoever waits for it is seen to have waited
            if not may_end.is_set():
                await asyncio.sleep(0.01)
        cleaned.set()

runtime = Runtime(WORKFLOW, tools={"first": first, "hold": hold})
app = FastAPI()

@app.get("/stream")
def stream():
    # More than any buffer holds: the server is sending when the client leaves, and not asking for an event.
    return StreamingResponse(type(event).__name__.ljust(50_000_000) for event in runtime.stream())

@app.get("/collect")
async def collect():
    gc.collect()
    return cleaning.is_set()

@app.get("/end")
async def end():
    may_end.set()
    return cleaned.is_set()

async def main():
    gc.disable()  # the collector runs where this test says, on the loop's thread
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    serving = asyncio.create_task(server.serve([listening]))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=address, timeout=5) as client:
        async with client.stream("GET", "/stream") as response:
            async for _ in response.aiter_raw():
                break
            await asyncio.to_thread(began.wait, 5)
        while not (await client.get("/collect")).json():
            await asyncio.sleep(0.01)
        print("answered while the cleanup went on:", not (await client.get("/end")).json())
    print("cleaned up:", await asyncio.to_thread(cleaned.wait, 5))
    server.should_exit = True
    await serving

asyncio.run(main())
"""


def test_a_server_answers_others_while_the_run_of_a_client_that_left_cleans_up() -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")

    child = run_child(SERVER, limit=30).check()

    assert child.lines == ["answered while the cleanup went on: True", "cleaned up: True"]


class Source:
    """An async generator whose cleanup lasts until it may end, and sends a function to the calling thread."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.cleaned_up = threading.Event()
        self.cleaned_on: set[str] = set()

    async def items(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(10):
                yield number
        finally:
            for _ in range(1000):  # whoever waits for it is seen to have waited
                if not self.may_end.is_set():
                    await asyncio.sleep(0.002)
            await call_in_caller(self._note)
            self.cleaned_up.set()

    def _note(self) -> None:
        self.cleaned_on.add(threading.current_thread().name)


@pytest.mark.parametrize("strategy", ["portal", "direct"])
@pytest.mark.parametrize("host", ["asyncio", "trio"])
def test_the_loop_goes_on_where_the_collector_closes_what_other_threads_have_read(
    host: str, strategy: Strategy
) -> None:
    source = Source()

    async def main() -> None:
        with ThreadPoolExecutor(1) as pool:
            items = iterate(source.items(), strategy=strategy)
            assert pool.submit(next, items).result(LIMIT) == 0
        cycle: list[object] = [items]
        del items
        if strategy == "portal":  # else the loop of the work is in the cycle, too
            cycle.append(cycle)
        del cycle
        gc.collect()
        assert not source.cleaned_up.is_set()
        source.may_end.set()

    _run(host, main)
    assert source.cleaned_up.wait(LIMIT)
    assert source.cleaned_on == {"agent_runtime end of Source.items"}


def test_a_context_manager_that_is_dropped_there_does_not_block_the_loop_either() -> None:
    source = Source()

    async def main() -> None:
        from contextlib import asynccontextmanager

        manager = enter(asynccontextmanager(source.items)())
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(manager.__enter__).result(LIMIT) == 0
        del manager
        gc.collect()
        assert not source.cleaned_up.is_set()
        source.may_end.set()

    asyncio.run(main())
    assert source.cleaned_up.wait(LIMIT)


def test_a_stream_that_the_loops_own_thread_has_read_is_waited_for_as_ever() -> None:
    source = Source()
    source.may_end.set()

    async def main() -> bool:
        items = iterate(source.items())
        next(items)
        items.close()
        return source.cleaned_up.is_set()

    assert asyncio.run(main())


def test_what_the_cleanup_raises_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[object] = []
    told = threading.Event()

    def note(args: object) -> None:
        reported.append(args.exc_value)  # type: ignore[attr-defined]
        told.set()

    monkeypatch.setattr("sys.unraisablehook", note)

    async def failing() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            raise LookupError("in the cleanup")

    async def main() -> None:
        with ThreadPoolExecutor(1) as pool:
            items = iterate(failing())
            pool.submit(next, items).result(LIMIT)
        del items
        gc.collect()

    asyncio.run(main())
    assert told.wait(LIMIT)
    assert [str(error) for error in reported] == ["in the cleanup"]


@pytest.mark.parametrize("strategy", ["portal", "direct"])
def test_leaving_a_generator_with_a_task_group_is_no_failure(strategy: Strategy) -> None:
    async def items(failing: bool) -> AsyncGenerator[int, None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(_wait(failing=failing))
            await asyncio.sleep(0)
            yield 1

    left = iterate(items(False), strategy=strategy)
    next(left)
    left.close()  # raised a group of one GeneratorExit
    failed = iterate(items(True), strategy=strategy)
    next(failed)
    with pytest.raises(BaseExceptionGroup) as caught:
        failed.close()
    assert {type(error) for error in caught.value.exceptions} == {GeneratorExit, LookupError}


async def _wait(*, failing: bool) -> None:
    try:
        await asyncio.sleep(LIMIT)
    finally:
        if failing:
            raise LookupError


def _run(host: str, main: Callable[[], object]) -> None:
    if host == "asyncio":
        asyncio.run(main())  # type: ignore[arg-type]
    else:
        pytest.importorskip("trio").run(main)

"""S16 with S3, S6, S7, S10 and S17: streams and the contexts, loops and threads of their readers."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest

from agent_runtime import (
    CallerLoopError,
    RunFinished,
    Runtime,
    StepFinished,
)
from tests.helpers.children import run_child
from tests.helpers.streams import (
    CHAIN,
    LIMIT,
    ONE,
    Stream,
    after,
    asynchronous,
    bridge_is_quiet,
    kinds,
    nothing,
    sync,
    through_async_for,
)

# One context


request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="nobody")


def in_steps(stream: Stream) -> list[object]:
    """Read to the end, changing the variable after each event; return what the steps saw."""
    outputs: list[object] = []
    for event in stream:
        request.set("of the reader")
        if isinstance(event, StepFinished):
            outputs.append(event.output)
    return outputs


def test_steps_see_the_context_variables_of_the_call_across_the_whole_stream() -> None:
    def go() -> list[object]:
        request.set("r-1")
        return in_steps(Runtime(CHAIN, tools={"first": see, "second": request.get}).stream())

    async def see() -> str:
        return request.get()

    assert contextvars.copy_context().run(go) == ["r-1", "r-1"]


def test_steps_see_the_variables_of_a_given_context_and_leave_them_alone() -> None:
    given = contextvars.copy_context()
    given.run(request.set, "given")

    def change() -> str:
        seen = request.get()
        request.set("of the step")
        return seen

    for stream in (
        Runtime(CHAIN, tools={"first": change, "second": change}).stream(context=given),
        through_async_for(
            Runtime(CHAIN, tools={"first": change, "second": change}).stream_async(context=given)
        ),
    ):
        assert contextvars.copy_context().run(in_steps, stream) == ["given", "given"]
    assert given[request] == "given"


def test_async_steps_see_the_context_of_the_call_whichever_task_asks() -> None:
    async def see() -> str:
        return request.get()

    async def main() -> list[object]:
        request.set("r-1")
        stream = Runtime(CHAIN, tools={"first": see, "second": see}).stream_async()
        request.set("later")
        outputs: list[object] = []
        with contextlib.suppress(StopAsyncIteration):
            while True:
                event = await asyncio.create_task(anext(stream))
                if isinstance(event, StepFinished):
                    outputs.append(event.output)
        return outputs

    assert asyncio.run(main()) == ["r-1", "r-1"]


# Several at once


def test_two_streams_of_one_runtime_do_not_disturb_each_other() -> None:
    runtime = Runtime(CHAIN, tools={"first": nothing, "second": nothing})
    pairs = list(zip(runtime.stream(), runtime.stream(), strict=True))

    assert kinds(one for one, _ in pairs) == kinds(other for _, other in pairs)
    assert pairs[0][0].run_id != pairs[0][1].run_id


def test_stream_can_be_read_inside_steps_of_another() -> None:
    runtime = Runtime(ONE, tools={"act": nothing})

    async def first() -> int:
        return len(list(runtime.stream()))

    *_, last = sync(CHAIN, first=first, second=lambda: len(list(runtime.stream())))

    assert isinstance(last, RunFinished)
    assert last.result.outputs == {"first": 4, "second": 4}


def test_many_threads_stream_at_once() -> None:
    runtime = Runtime(CHAIN, tools={"first": nothing, "second": threading.get_ident})
    together = threading.Barrier(8)

    def read(_: int) -> bool:
        together.wait(LIMIT)
        last = list(runtime.stream())[-1]
        assert isinstance(last, RunFinished)
        return last.result.outputs["second"] == threading.get_ident()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))


def test_stream_may_be_read_by_one_thread_after_another() -> None:
    runtime = Runtime(CHAIN, tools={"first": threading.get_ident, "second": threading.get_ident})
    stream = runtime.stream()
    first = after(stream, StepFinished)
    with ThreadPoolExecutor(1) as pool:
        rest = pool.submit(list, stream).result(LIMIT)

    assert isinstance(first, StepFinished)
    assert first.output == threading.get_ident()
    assert isinstance(rest[-1], RunFinished)
    assert rest[-1].result.outputs["second"] not in (threading.get_ident(), None)


# A running loop, Ctrl-C


def test_stream_works_where_a_loop_runs() -> None:
    async def main() -> int:
        return len(list(sync(CHAIN, first=nothing, second=nothing)))

    assert asyncio.run(main()) == 6


def test_stream_refuses_to_block_a_loop_if_told_to() -> None:
    async def main() -> None:
        Runtime(ONE, tools={"act": nothing}).stream(on_running_loop="raise")

    with pytest.raises(CallerLoopError, match=r"Runtime\.stream\(\) was called.*Runtime\.stream_async"):
        asyncio.run(main())


CTRL_C = """
import asyncio, os, signal
from agent_runtime import Runtime, RunStarted

async def act():
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.01)
        print("cleaned")

try:
    for event in Runtime("steps:\\n  - {id: a, tool: act}\\n", tools={"act": act}).stream():
        print(type(event).__name__)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_while_waiting_cancels_and_waits_for_the_cleanup() -> None:
    child = run_child(CTRL_C, limit=30)

    assert child.check().stdout.split()[-2:] == ["cleaned", "interrupted"]


# What is left afterwards


def test_result_and_exception_are_freed_without_the_collector() -> None:
    class Big:
        alive: ClassVar[Counter[str]] = Counter()

        def __init__(self) -> None:
            Big.alive["big"] += 1

        def __del__(self) -> None:
            Big.alive["big"] -= 1

    def fail() -> None:
        held = Big()
        raise ValueError(held)

    def read(stream: Stream) -> None:
        try:
            for _ in stream:
                pass
        except ValueError:
            pass

    def fail_late() -> None:
        raise ValueError("late")

    streams = (
        sync(ONE, act=Big),
        sync(ONE, act=fail),
        sync(CHAIN, first=Big, second=fail_late),
        asynchronous(ONE, act=Big),
    )
    gc.collect()
    gc.disable()
    try:
        for stream in streams:
            read(stream)
            del stream
            bridge_is_quiet()
            assert Big.alive["big"] == 0
    finally:
        gc.enable()


def test_thousand_streams_leave_nothing_behind() -> None:
    runtime = Runtime(ONE, tools={"act": nothing})
    kept: Sequence[object] = [list(runtime.stream()) for _ in range(10)]
    del kept
    gc.collect()  # what other tests have left in cycles is not ours
    threads = threading.active_count()

    for number in range(1_000):
        stream = runtime.stream()
        for _ in range(number % 5):
            next(stream)

    del stream
    assert threading.active_count() == threads
    assert runtime._program.runs.live == {}
    assert sum(isinstance(one, asyncio.Task) for one in gc.get_objects()) < 20

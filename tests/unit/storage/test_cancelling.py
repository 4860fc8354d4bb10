"""A run is cancelled by its id, from wherever; who waits for it is told, and what it has done is undone."""

from __future__ import annotations

import asyncio
import pickle
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_runtime import (
    MemoryStorage,
    RunCancelledError,
    RunFailed,
    RunNotFoundError,
    Runtime,
    Storage,
    StreamEvent,
)
from agent_runtime.storage import RunState
from tests.helpers.counting import TWO, Counter, OwnError, state_of

LIMIT = 30.0

UNDONE = """
name: undone
steps:
  - {id: a, tool: do, with: {name: a}, compensate: {tool: do, with: {name: undo a}}}
  - {id: b, tool: wait, needs: a}
"""


class Work:
    """A tool that waits until it is cancelled, and one that notes what it does."""

    def __init__(self) -> None:
        self.book: list[str] = []
        self.began = threading.Event()

    async def do(self, name: str) -> str:
        self.book.append(name)
        return name

    async def wait(self) -> None:
        self.began.set()
        try:
            await asyncio.sleep(600)
        finally:
            self.book.append("cleaned up")

    def tools(self) -> dict[str, Callable[..., object]]:
        return {"do": self.do, "wait": self.wait}


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.mark.parametrize("is_kept", [pytest.param(False, id="not_kept"), pytest.param(True, id="kept")])
def test_a_run_is_cancelled_from_another_thread_and_undone(
    storage: Storage, work: Work, is_kept: bool
) -> None:
    runtime = Runtime(UNDONE, tools=work.tools(), storage=storage if is_kept else None)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(runtime.run, run_id="r")
        assert work.began.wait(LIMIT)

        cancelled = runtime.cancel("r")

        with pytest.raises(RunCancelledError, match="run r of workflow 'undone' was cancelled"):
            waiting.result(LIMIT)
    assert cancelled
    assert work.book == ["a", "cleaned up", "undo a"]
    if is_kept:
        assert state_of(storage, "r") is RunState.CANCELLED


def test_an_async_run_is_cancelled_from_a_thread_and_from_its_own_loop(work: Work) -> None:
    async def main(cancel: Callable[[Runtime], object]) -> None:
        runtime = Runtime(UNDONE, tools=work.tools())
        task = asyncio.create_task(runtime.run_async(run_id="r"))
        await asyncio.to_thread(work.began.wait, LIMIT)
        if cancel is in_place:
            assert await runtime.cancel_async("r")
        else:
            await asyncio.to_thread(cancel, runtime)
        with pytest.raises(RunCancelledError):
            await task

    def in_place(_runtime: Runtime) -> None:
        raise AssertionError

    asyncio.run(main(lambda runtime: runtime.cancel("r")))
    work.began.clear()
    asyncio.run(main(in_place))

    assert work.book == ["a", "cleaned up", "undo a"] * 2


def test_the_reader_of_a_stream_is_told(work: Work) -> None:
    runtime = Runtime(UNDONE, tools=work.tools())
    events: list[StreamEvent] = []

    def read() -> None:
        for event in runtime.stream(run_id="r"):
            events.append(event)  # noqa: PERF402 - those before the error count

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        assert work.began.wait(LIMIT)
        runtime.cancel("r")
        with pytest.raises(RunCancelledError):
            reading.result(LIMIT)

    assert isinstance(events[-1], RunFailed)
    assert events[-1].error_type == "RunCancelledError"


def test_a_step_cancels_its_own_run(storage: Storage, work: Work) -> None:
    def stop() -> bool:
        return runtime.cancel("r")

    text = UNDONE.replace("tool: wait", "function: stop")
    runtime = Runtime(text, tools=work.tools(), functions={"stop": stop}, storage=storage)

    with pytest.raises(RunCancelledError):
        runtime.run(run_id="r")

    assert work.book == ["a", "undo a"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_a_signal_handler_cancels_the_run_that_it_interrupts(storage: Storage, work: Work) -> None:
    runtime = Runtime(UNDONE, tools=work.tools(), storage=storage)
    before = signal.signal(signal.SIGUSR1, lambda *_: runtime.cancel("r"))
    main = threading.main_thread().ident
    assert main is not None

    def press() -> None:
        work.began.wait(LIMIT)
        signal.pthread_kill(main, signal.SIGUSR1)

    threading.Thread(target=press).start()
    try:
        with pytest.raises(RunCancelledError):
            runtime.run(run_id="r", timeout=LIMIT)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_run_of_another_runner_is_cancelled_by_way_of_the_storage(work: Work) -> None:
    storage = MemoryStorage(lease=0.3)
    runtime = Runtime(UNDONE, tools=work.tools(), storage=storage)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(runtime.run, run_id="r")
        assert work.began.wait(LIMIT)

        assert Runtime(UNDONE, tools=work.tools(), storage=storage).cancel("r")

        with pytest.raises(RunCancelledError):
            waiting.result(LIMIT)
    assert work.book == ["a", "cleaned up", "undo a"]


def test_a_run_that_nobody_has_in_hand_is_undone_by_who_cancels_it(storage: Storage, work: Work) -> None:
    async def fail() -> None:
        raise OwnError

    text = UNDONE.replace("tool: wait", "tool: wait, timeout: 60")
    runtime = Runtime(text, tools=work.tools(), storage=storage)
    with pytest.raises(TimeoutError):
        runtime.run(run_id="r", timeout=0.3)
    before = list(work.book)

    cancelled = runtime.cancel("r")

    assert cancelled
    assert before == ["a", "cleaned up"]
    assert work.book == [*before, "undo a"]
    assert state_of(storage, "r") is RunState.CANCELLED
    with pytest.raises(RunCancelledError):
        runtime.resume("r")
    assert runtime.cancel("r")


def test_a_run_that_has_ended_is_not_cancelled(storage: Storage) -> None:
    runtime = Runtime(TWO, tools={"count": Counter()}, storage=storage)
    runtime.run({"n": 1}, run_id="r")

    assert not runtime.cancel("r")
    assert state_of(storage, "r") is RunState.SUCCEEDED
    assert runtime.resume("r").outputs == {"a": 2, "b": 3}


def test_a_run_that_is_not_there_is_not_cancelled(storage: Storage) -> None:
    with pytest.raises(RunNotFoundError):
        Runtime(TWO, tools={"count": Counter()}, storage=storage).cancel("r")
    assert not Runtime(TWO, tools={"count": Counter()}).cancel("r")


def test_who_waits_for_the_run_of_a_key_is_told_that_it_was_cancelled(storage: Storage, work: Work) -> None:
    runtime = Runtime(UNDONE, tools=work.tools(), storage=storage)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(runtime.run, idempotency_key="k")
        assert work.began.wait(LIMIT)
        second = pool.submit(runtime.run, idempotency_key="k")
        (run,) = storage.runs()

        runtime.cancel(run.id)

        for waiting in (first, second):
            with pytest.raises(RunCancelledError):
                waiting.result(LIMIT)
    assert work.book == ["a", "cleaned up", "undo a"]


def test_the_errors_of_runs_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(RunCancelledError("r", "w")))

    assert (str(error), error.run_id) == ("run r of workflow 'w' was cancelled", "r")

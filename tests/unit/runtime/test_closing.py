"""S18: closing a runtime cancels its runs, waits for their cleanup where that can end, and refuses more."""

from __future__ import annotations

import asyncio
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from agent_runtime import RunResult, Runtime, RuntimeClosedError, run_workflow
from tests.helpers.children import run_child

LIMIT = 10.0

TOOL = "name: shut\nsteps:\n  - {id: a, tool: t}\n"

AnyFunction = Callable[..., object]


class Sleeper:
    """A tool that waits until it is cancelled, and then cleans up for a moment."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.cleaned: list[threading.Thread] = []

    async def __call__(self) -> None:
        try:
            self.began.set()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02)
            self.cleaned.append(threading.current_thread())


def call_sync(runtime: Runtime) -> RunResult:
    return runtime.run()


def call_async(runtime: Runtime) -> RunResult:
    """Run on a loop of this thread, and raise what comes out where nobody changes it."""
    return asyncio.run(runtime.run_async())


WAYS = pytest.mark.parametrize(
    "way", [pytest.param(call_sync, id="sync"), pytest.param(call_async, id="async")]
)


@contextmanager
def running(runtime: Runtime, way: Callable[[Runtime], RunResult] = call_sync) -> Iterator[Future[RunResult]]:
    """Run it on another thread."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(way, runtime)


@WAYS
def test_close_cancels_runs_of_other_threads_and_waits_for_their_cleanup(
    way: Callable[[Runtime], RunResult],
) -> None:
    sleeper = Sleeper()
    runtime = Runtime(TOOL, tools={"t": sleeper})

    with running(runtime, way) as run:
        assert sleeper.began.wait(LIMIT)
        runtime.close()
        cleaned = len(sleeper.cleaned)

        with pytest.raises(RuntimeClosedError, match="of workflow 'shut' was cancelled") as caught:
            run.result(LIMIT)

    assert cleaned == 1
    assert caught.value.workflow == "shut"
    assert caught.value.run_id
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    with pytest.raises(RuntimeClosedError, match="is closed"):
        runtime.run()


def test_leaving_the_with_block_closes() -> None:
    sleeper = Sleeper()

    with Runtime(TOOL, tools={"t": sleeper}) as runtime, running(runtime) as run:
        assert sleeper.began.wait(LIMIT)
        runtime.__exit__(None, None, None)

        assert isinstance(run.exception(LIMIT), RuntimeClosedError)

    assert len(sleeper.cleaned) == 1


def test_other_runtimes_go_on() -> None:
    release = threading.Event()

    async def wait() -> str:
        while not release.is_set():
            await asyncio.sleep(0.001)
        return "done"

    shut, open_ = Runtime(TOOL, tools={"t": wait}), Runtime(TOOL, tools={"t": wait})
    with running(shut) as first, running(open_) as second:
        shut.close()
        release.set()

        assert isinstance(first.exception(LIMIT), RuntimeClosedError)
        assert second.result(LIMIT).outputs == {"a": "done"}


def test_many_threads_may_close_at_once_and_all_wait() -> None:
    sleeper = Sleeper()
    runtime = Runtime(TOOL, tools={"t": sleeper})

    def close() -> int:
        runtime.close()
        return len(sleeper.cleaned)

    with running(runtime), ThreadPoolExecutor(8) as closers:
        assert sleeper.began.wait(LIMIT)
        seen = [closer.result(LIMIT) for closer in [closers.submit(close) for _ in range(8)]]

    assert seen == [1] * 8


@WAYS
@pytest.mark.parametrize("kind", ["def", "def_on_worker", "async_def", "async_def_with_aclose"])
def test_step_that_closes_its_own_runtime_ends_its_own_run(
    kind: str, way: Callable[[Runtime], RunResult]
) -> None:
    def close() -> None:
        runtime.close()

    async def close_async() -> None:
        await runtime.aclose() if kind == "async_def_with_aclose" else runtime.close()
        await asyncio.sleep(60)

    text = TOOL.replace("}", ", thread: worker}") if kind == "def_on_worker" else TOOL
    runtime = Runtime(
        text + "  - {id: b, tool: slow}\n",
        tools={"t": close_async if kind.startswith("async") else close, "slow": Sleeper()},
    )

    with running(runtime, way) as run:
        assert isinstance(run.exception(LIMIT), RuntimeClosedError)


def test_steps_that_close_each_others_runtimes_do_not_wait_for_each_other() -> None:
    both = threading.Barrier(2)

    def closing(other: Callable[[], Runtime]) -> AnyFunction:
        def close() -> None:
            both.wait(LIMIT)
            other().close()
            both.wait(LIMIT)

        return close

    one = Runtime(TOOL, tools={"t": closing(lambda: two)})
    two = Runtime(TOOL, tools={"t": closing(lambda: one)})

    with running(one) as first, running(two) as second:
        assert isinstance(first.exception(LIMIT), RuntimeClosedError)
        assert isinstance(second.exception(LIMIT), RuntimeClosedError)


def test_aclose_waits_for_runs_on_the_running_loop() -> None:
    async def main() -> tuple[int, object]:
        sleeper = Sleeper()
        runtime = Runtime(TOOL, tools={"t": sleeper})
        task = asyncio.create_task(runtime.run_async())
        while not sleeper.began.is_set():
            await asyncio.sleep(0)
        await runtime.aclose()
        return len(sleeper.cleaned), task.exception() if task.done() else None

    cleaned, error = asyncio.run(asyncio.wait_for(main(), LIMIT))

    assert cleaned == 1
    assert isinstance(error, RuntimeClosedError)


def test_leaving_the_async_with_block_closes() -> None:
    async def main() -> object:
        sleeper = Sleeper()
        async with Runtime(TOOL, tools={"t": sleeper}) as runtime:
            thread = asyncio.create_task(asyncio.to_thread(runtime.run))
            while not sleeper.began.is_set():
                await asyncio.sleep(0.001)
        (error,) = await asyncio.gather(thread, return_exceptions=True)
        return error

    assert isinstance(asyncio.run(asyncio.wait_for(main(), LIMIT)), RuntimeClosedError)


def test_close_on_the_loop_of_a_run_cancels_it_and_does_not_wait() -> None:
    async def main() -> object:
        sleeper = Sleeper()
        with Runtime(TOOL, tools={"t": sleeper}) as runtime:
            task = asyncio.create_task(runtime.run_async())
            while not sleeper.began.is_set():
                await asyncio.sleep(0)
        (error,) = await asyncio.gather(task, return_exceptions=True)
        return error

    assert isinstance(asyncio.run(asyncio.wait_for(main(), LIMIT)), RuntimeClosedError)


def test_close_does_not_wait_for_a_run_whose_loop_has_stopped() -> None:
    sleeper = Sleeper()
    runtime = Runtime(TOOL, tools={"t": sleeper})
    loop = asyncio.new_event_loop()
    task = loop.create_task(runtime.run_async())
    loop.run_until_complete(asyncio.sleep(0.01))

    with ThreadPoolExecutor(1) as pool:
        pool.submit(runtime.close).result(LIMIT)

    loop.run_until_complete(asyncio.wait((task,)))
    loop.close()
    assert isinstance(task.exception(), RuntimeClosedError)


def test_run_in_the_pause_before_its_next_attempt_is_cancelled() -> None:
    tried = threading.Event()

    def fail() -> None:
        tried.set()
        raise ValueError

    runtime = Runtime(TOOL.replace("}", ", retry: {attempts: 2, backoff: 60}}"), tools={"t": fail})

    with running(runtime) as run:
        assert tried.wait(LIMIT)
        runtime.close()

        assert isinstance(run.exception(LIMIT), RuntimeClosedError)


def test_close_waits_for_a_plain_function_that_has_begun() -> None:
    began, release, closed = threading.Event(), threading.Event(), threading.Event()

    def hold() -> None:
        began.set()
        release.wait(LIMIT)

    runtime = Runtime(TOOL, tools={"t": hold})

    with running(runtime) as run, ThreadPoolExecutor(1) as pool:
        assert began.wait(LIMIT)
        closing = pool.submit(runtime.close)
        closing.add_done_callback(lambda _: closed.set())
        assert not closed.wait(0.05)
        release.set()
        closing.result(LIMIT)

        assert isinstance(run.exception(LIMIT), RuntimeClosedError)


def test_failure_that_came_before_the_close_comes_out() -> None:
    cleaning, closed = threading.Event(), threading.Event()

    async def fail() -> None:
        raise ValueError("first")

    async def clean_up_until_closed() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaning.set()
            while not closed.is_set():
                await asyncio.sleep(0.001)

    tools = {"t": clean_up_until_closed, "fail": fail}
    runtime = Runtime(TOOL + "  - {id: b, tool: fail}\n", tools=tools)

    with running(runtime) as run, ThreadPoolExecutor(1) as pool:
        assert cleaning.wait(LIMIT)
        closing = pool.submit(runtime.close)
        while not runtime._program.runs.closed:
            pass
        closed.set()
        closing.result(LIMIT)

        assert str(run.exception(LIMIT)) == "first"


def test_closing_leaves_the_callers_context_alone() -> None:
    """After a run has ended, its caller is not taken for one of its steps: it waits when it closes."""
    sleeper = Sleeper()

    async def main() -> int:
        await Runtime(TOOL, tools={"t": lambda: None}).run_async()
        run_workflow(TOOL, tools={"t": lambda: None})
        with Runtime(TOOL, tools={"t": sleeper}) as runtime, running(runtime):
            while not sleeper.began.is_set():
                await asyncio.sleep(0.001)
            runtime.close()
            return len(sleeper.cleaned)

    assert asyncio.run(main()) == 1


SIGNAL = """
import asyncio, os, signal, sys, threading
from agent_runtime import Runtime, RuntimeClosedError

async def act():
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    await asyncio.sleep(60)

runtime = Runtime("steps:\\n  - {id: a, tool: act}\\n", tools={"act": act})
signal.signal(signal.SIGUSR1, lambda *_: runtime.close())
try:
    runtime.run()
except RuntimeClosedError:
    print("closed")
"""

FORKED = """
import asyncio, os, sys, threading
from agent_runtime import Runtime, RuntimeClosedError

began = threading.Event()
async def act():
    began.set()
    await asyncio.sleep(60)

runtime = Runtime("steps:\\n  - {id: a, tool: act}\\n", tools={"act": act})
def run():
    try:
        runtime.run()
    except RuntimeClosedError:
        print("closed", flush=True)
thread = threading.Thread(target=run)
thread.start()
began.wait(10)
child = os.fork()
if child == 0:
    runtime.close()
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert thread.is_alive()
runtime.close()
thread.join()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and fork")
@pytest.mark.parametrize(
    "script",
    [pytest.param(SIGNAL, id="by_a_signal_handler"), pytest.param(FORKED, id="in_a_forked_child")],
)
def test_runtime_can_be_closed_anywhere(script: str) -> None:
    child = run_child(script, limit=30, options=("-Wignore",))  # of the fork, from 3.12 on

    assert child.check().stdout.split() == ["closed"]


def test_error_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(RuntimeClosedError("w", "r")))

    assert (again.workflow, again.run_id, str(again)) == ("w", "r", str(RuntimeClosedError("w", "r")))

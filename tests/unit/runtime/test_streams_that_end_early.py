"""S16, S12, S18: streams that fail, are left, pass their time limit, or are closed."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_runtime import (
    RunFailed,
    RunFinished,
    Runtime,
    RuntimeClosedError,
    StepStarted,
    WorkflowError,
)
from agent_runtime.engine.event_buffer import AHEAD
from tests.helpers.streams import (
    CHAIN,
    LIMIT,
    ONE,
    WAYS,
    Sleeper,
    Stream,
    Way,
    after,
    bridge_is_quiet,
    fan_out,
    kinds,
    nothing,
    sync,
    until_error,
)

# Failures


@WAYS
@pytest.mark.parametrize("error", [ValueError("v"), KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_failing_run_tells_and_then_raises_the_steps_own_exception(way: Way, error: BaseException) -> None:
    async def second() -> None:
        raise error

    events, raised = until_error(way(CHAIN, first=nothing, second=second))

    assert raised is error
    assert kinds(iter(events))[-3:] == ["StepStarted second", "StepFailed second", "RunFailed"]
    failed = events[-1]
    assert isinstance(failed, RunFailed)
    assert (failed.error_type, failed.error) == (type(error).__name__, str(error))


def test_cancelled_error_of_a_step_comes_out() -> None:
    error = asyncio.CancelledError("own")

    async def act() -> None:
        raise error

    assert until_error(sync(ONE, act=act))[1] is error


@WAYS
def test_stop_iteration_of_a_step_does_not_end_the_loop_in_silence(way: Way) -> None:
    error = StopIteration("stop")

    def act() -> None:
        raise error

    _, raised = until_error(way(ONE, act=act))

    assert isinstance(raised, RuntimeError)
    assert raised.__cause__ is error


@WAYS
def test_other_steps_of_a_failing_run_are_cancelled_and_clean_up(way: Way) -> None:
    sleeper = Sleeper()

    async def fail() -> None:
        raise ValueError("v")

    events, _ = until_error(
        way("name: two\nsteps:\n  - {id: a, tool: s}\n  - {id: b, tool: f}\n", s=sleeper, f=fail)
    )

    assert kinds(iter(events))[-3:] == ["StepFailed b", "StepCancelled a", "RunFailed"]
    assert len(sleeper.cleaned) == 1


def test_error_whose_text_cannot_be_made_is_told_all_the_same() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def act() -> None:
        raise Mute

    events, raised = until_error(sync(ONE, act=act))

    assert isinstance(raised, Mute)
    assert isinstance(events[-1], RunFailed)
    assert (events[-1].error_type, events[-1].error) == ("Mute", "its text cannot be made: RuntimeError")


def test_failure_of_the_outputs_comes_after_all_steps() -> None:
    events, raised = until_error(sync(ONE + "outputs: {x: '${steps.act.output.gone}'}\n", act=dict))

    assert isinstance(raised, LookupError)
    assert kinds(iter(events))[-2:] == ["StepFinished act", "RunFailed"]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        pytest.param(lambda r: r.stream({"x": 1}), WorkflowError, id="inputs"),
        pytest.param(lambda r: r.stream(timeout="soon"), TypeError, id="timeout"),
        pytest.param(lambda r: r.stream(timeout=float("nan")), ValueError, id="timeout_nan"),
        pytest.param(lambda r: r.stream(context={}), TypeError, id="context"),
        pytest.param(lambda r: r.stream_async({"x": 1}), WorkflowError, id="inputs_async"),
        pytest.param(lambda r: r.stream_async(context={}), TypeError, id="context_async"),
        pytest.param(lambda r: r.close() or r.stream(), RuntimeClosedError, id="closed"),
        pytest.param(lambda r: r.close() or r.stream_async(), RuntimeClosedError, id="closed_async"),
    ],
)
def test_wrong_arguments_are_said_at_once(make: Callable[[Runtime], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        make(Runtime(ONE, tools={"act": nothing}))


# Leaving early


def leave_by_break(stream: Stream) -> None:
    for event in stream:
        if isinstance(event, StepStarted):
            break


def leave_by_an_exception(stream: Stream) -> None:
    with contextlib.suppress(ZeroDivisionError), contextlib.closing(stream):
        for event in stream:
            if isinstance(event, StepStarted):
                raise ZeroDivisionError


def leave_by_close(stream: Stream) -> None:
    after(stream, StepStarted)
    stream.close()


def leave_by_dropping_it(stream: Stream) -> None:
    after(stream, StepStarted)


def leave_by_throw(stream: Stream) -> None:
    after(stream, StepStarted)
    with contextlib.suppress(ZeroDivisionError):
        stream.throw(ZeroDivisionError())


@pytest.mark.parametrize(
    "leave",
    [
        pytest.param(leave_by_break, id="break"),
        pytest.param(leave_by_an_exception, id="exception_in_the_body"),
        pytest.param(leave_by_close, id="close"),
        pytest.param(leave_by_dropping_it, id="garbage_collection"),
        pytest.param(leave_by_throw, id="throw"),
    ],
)
def test_leaving_early_cancels_the_run_and_waits_for_its_cleanup(leave: Callable[[Stream], None]) -> None:
    sleeper = Sleeper()
    runtime = Runtime(ONE, tools={"act": sleeper})

    leave(runtime.stream())  # the last reference to it goes with the call

    assert len(sleeper.cleaned) == int(sleeper.began.is_set())
    assert runtime._program.runs.live == {}


def test_stream_in_a_cycle_ends_its_run_when_the_collector_comes() -> None:
    sleeper = Sleeper()
    cycle: list[object] = []
    stream = sync(ONE, act=sleeper)
    cycle += [cycle, stream]
    after(stream, StepStarted)
    assert sleeper.began.wait(LIMIT)

    del stream, cycle
    gc.collect()

    assert len(sleeper.cleaned) == 1


def test_leaving_async_early_waits_for_the_cleanup() -> None:
    sleeper = Sleeper()

    async def main() -> int:
        async with contextlib.aclosing(Runtime(ONE, tools={"act": sleeper}).stream_async()) as stream:
            async for _ in stream:
                if sleeper.began.is_set():
                    break
                await asyncio.sleep(0)
        return len(sleeper.cleaned)

    assert asyncio.run(asyncio.wait_for(main(), LIMIT)) == 1


def test_cancelling_the_async_reader_waits_for_the_cleanup() -> None:
    sleeper = Sleeper()

    async def read() -> None:
        async for _ in Runtime(ONE, tools={"act": sleeper}).stream_async():
            pass

    async def main() -> int:
        task = asyncio.create_task(read())
        while not sleeper.began.is_set():
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
        return len(sleeper.cleaned)

    assert asyncio.run(asyncio.wait_for(main(), LIMIT)) == 1


def test_steps_held_back_for_a_reader_who_leaves_never_start() -> None:
    began: list[None] = []

    async def act() -> None:
        began.append(None)

    stream = sync(fan_out(3 * AHEAD), act=act)
    next(stream)
    stream.close()
    bridge_is_quiet()

    assert len(began) <= AHEAD


def test_failure_that_the_reader_never_heard_of_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    failed = threading.Event()

    async def fail() -> None:
        try:
            raise ValueError("unheard")
        finally:
            failed.set()

    stream = sync(ONE, act=fail)
    next(stream)
    assert failed.wait(LIMIT)
    bridge_is_quiet()
    stream.close()

    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["unheard"]


# Time limits


def test_time_limit_cancels_cleans_up_and_raises() -> None:
    sleeper = Sleeper()

    events, raised = until_error(Runtime(ONE, tools={"act": sleeper}).stream(timeout=0.05))

    assert type(raised) is TimeoutError
    assert str(raised) == "workflow 'one' was cancelled after 0.05 s"
    assert kinds(iter(events))[-2:] == ["StepCancelled act", "RunFailed"]
    assert len(sleeper.cleaned) == 1


def test_time_limit_of_an_async_stream_cancels_nothing_but_the_run() -> None:
    sleeper = Sleeper()

    async def main() -> BaseException | None:
        stream = Runtime(ONE, tools={"act": sleeper}).stream_async(timeout=0.05)
        error = None
        try:
            while True:
                await asyncio.create_task(anext(stream))  # each event is asked for by another task
        except TimeoutError as late:
            error = late
        await asyncio.sleep(0)
        return error

    assert str(asyncio.run(main())) == "workflow 'one' was cancelled after 0.05 s"
    assert len(sleeper.cleaned) == 1


def test_run_that_ended_in_time_can_be_read_after_it() -> None:
    ended = threading.Event()

    async def act() -> None:
        ended.set()

    stream = Runtime(ONE, tools={"act": act}).stream(timeout=0.2)
    next(stream)
    assert ended.wait(LIMIT)
    late = threading.Event()
    threading.Timer(0.4, late.set).start()
    assert late.wait(LIMIT)

    assert isinstance(list(stream)[-1], RunFinished)


def test_time_limit_holds_while_the_reader_is_elsewhere() -> None:
    sleeper = Sleeper()
    stream = Runtime(ONE, tools={"act": sleeper}).stream(timeout=0.05)
    next(stream)
    late = threading.Event()
    threading.Timer(0.3, late.set).start()
    assert late.wait(LIMIT)

    assert len(sleeper.cleaned) == 1
    assert isinstance(until_error(stream)[1], TimeoutError)


# The end of the runtime


def test_close_ends_streams_in_progress_whose_reader_is_elsewhere() -> None:
    sleeper = Sleeper()
    runtime = Runtime(ONE, tools={"act": sleeper})
    stream = runtime.stream()
    next(stream)
    assert sleeper.began.wait(LIMIT)

    runtime.close()
    cleaned = len(sleeper.cleaned)
    events, raised = until_error(stream)

    assert cleaned == 1
    assert isinstance(raised, RuntimeClosedError)
    assert isinstance(raised.__cause__, asyncio.CancelledError)
    assert kinds(iter(events))[-2:] == ["StepCancelled act", "RunFailed"]


def test_close_on_another_thread_ends_a_stream_that_waits() -> None:
    sleeper = Sleeper()
    runtime = Runtime(ONE, tools={"act": sleeper})

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(until_error, runtime.stream())
        assert sleeper.began.wait(LIMIT)
        runtime.close()
        cleaned = len(sleeper.cleaned)

        assert isinstance(reading.result(LIMIT)[1], RuntimeClosedError)

    assert cleaned == 1


def test_leaving_the_with_block_ends_a_stream_with_steps_held_back() -> None:
    with Runtime(fan_out(3 * AHEAD), tools={"act": nothing}) as runtime:
        stream = runtime.stream()
        next(stream)
        bridge_is_quiet()

    assert isinstance(until_error(stream)[1], RuntimeClosedError)


def test_aclose_ends_async_streams_of_the_same_loop() -> None:
    sleeper = Sleeper()

    async def main() -> tuple[int, str]:
        async with Runtime(ONE, tools={"act": sleeper}) as runtime:
            stream = runtime.stream_async()
            await anext(stream)
            while not sleeper.began.is_set():
                await asyncio.sleep(0)
        cleaned = len(sleeper.cleaned)
        with pytest.raises(RuntimeClosedError):
            async for event in stream:
                last = event
        return cleaned, type(last).__name__

    assert asyncio.run(asyncio.wait_for(main(), LIMIT)) == (1, "RunFailed")


def test_finished_stream_is_no_run_in_progress_whoever_has_read_it() -> None:
    runtime = Runtime(ONE, tools={"act": nothing})
    stream = runtime.stream()
    next(stream)
    bridge_is_quiet()

    runtime.close()  # nothing is left to cancel

    assert isinstance(list(stream)[-1], RunFinished)

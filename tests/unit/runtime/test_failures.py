"""A failing step ends the run, and its own exception comes out, the very object."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
import traceback
from collections.abc import Awaitable, Callable

import pytest

from agent_runtime import Runtime, StepError, StepTimeoutError, run_workflow, run_workflow_async

AnyFunction = Callable[..., object]

ONE = "steps:\n  - {id: a, tool: t}\n"


class OwnError(Exception):
    pass


def run_sync_way(text: str, **tools: AnyFunction) -> object:
    return run_workflow(text, tools=tools)


def run_async_way(text: str, **tools: AnyFunction) -> object:
    """Run the async variant on a loop that a KeyboardInterrupt does not tear down."""
    caught: list[BaseException] = []

    async def main() -> object:
        try:
            return await run_workflow_async(text, tools=tools)
        except BaseException as error:  # carried over the end of the loop
            caught.append(error)
            return None

    result = asyncio.run(main())
    if caught:
        raise caught.pop()
    return result


WAYS = pytest.mark.parametrize(
    "way", [pytest.param(run_sync_way, id="sync"), pytest.param(run_async_way, id="async")]
)
KINDS = pytest.mark.parametrize("kind", ["def", "def_on_worker", "async_def"])


def raising(error: BaseException, kind: str) -> tuple[str, AnyFunction]:
    """Return a workflow of one step, and a tool of this kind that raises."""

    def plain() -> None:
        raise error

    async def later() -> None:
        await asyncio.sleep(0)
        raise error

    text = ONE.replace("}", ", thread: worker}") if kind == "def_on_worker" else ONE
    return text, later if kind == "async_def" else plain


def decorated_error() -> BaseException:
    """Return an exception that carries everything an exception can carry."""
    error = OwnError("outer")
    error.__cause__ = ValueError("cause")
    error.__context__ = KeyError("context")
    error.add_note("a note")
    return error


@WAYS
@KINDS
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(decorated_error, id="exception_with_everything"),
        pytest.param(lambda: ExceptionGroup("group", [OwnError(1), ValueError(2)]), id="group"),
        pytest.param(lambda: BaseExceptionGroup("base", [KeyboardInterrupt()]), id="base_group"),
        pytest.param(lambda: SystemExit(3), id="system_exit"),
        pytest.param(lambda: KeyboardInterrupt("own"), id="keyboard_interrupt"),
        pytest.param(lambda: asyncio.CancelledError("own"), id="cancelled_error"),
        pytest.param(lambda: TimeoutError("own"), id="timeout_error"),
        pytest.param(lambda: GeneratorExit("own"), id="generator_exit"),
        pytest.param(lambda: StopAsyncIteration("own"), id="stop_async_iteration"),
    ],
)
def test_the_steps_own_exception_object_comes_out(
    way: Callable[..., object], kind: str, make: Callable[[], BaseException]
) -> None:
    error = make()
    before = (
        error.__cause__,
        error.__context__,
        error.__suppress_context__,
        getattr(error, "__notes__", None),
    )
    text, tool = raising(error, kind)

    with pytest.raises(type(error)) as caught:
        way(text, t=tool)

    assert caught.value is error
    after = (
        error.__cause__,
        error.__context__,
        error.__suppress_context__,
        getattr(error, "__notes__", None),
    )
    assert after == before
    assert traceback.extract_tb(error.__traceback__)[-1].name in ("plain", "later")


@pytest.mark.parametrize("kind", ["def", "def_on_worker"])
def test_stop_iteration_of_a_plain_function_comes_out_of_a_sync_call(kind: str) -> None:
    error = StopIteration("own")
    text, tool = raising(error, kind)

    with pytest.raises(StopIteration) as caught:
        run_sync_way(text, t=tool)

    assert caught.value is error
    assert error.__context__ is None


def test_stop_iteration_is_the_cause_of_what_an_async_call_raises() -> None:
    error = StopIteration("own")
    text, tool = raising(error, "def")

    with pytest.raises(RuntimeError, match="StopIteration") as caught:
        run_async_way(text, t=tool)

    assert caught.value.__cause__ is error


@KINDS
def test_exception_that_the_caller_is_handling_is_not_linked_to_the_steps_own(kind: str) -> None:
    """The async variant would not link it either: there every step is a task of its own."""
    error = OwnError("step")
    text, tool = raising(error, kind)

    try:
        raise ValueError("handled")
    except ValueError:
        with pytest.raises(OwnError):
            run_sync_way(text, t=tool)

    assert error.__context__ is None


def test_other_steps_are_cancelled_and_have_cleaned_up_before_the_exception_comes_out() -> None:
    cleaned: list[str] = []
    waiting = asyncio.Event()

    async def slow() -> None:
        try:
            waiting.set()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02)
            cleaned.append("slow")

    async def fail() -> None:
        await waiting.wait()
        raise OwnError

    with pytest.raises(OwnError):
        run_sync_way("steps:\n  - {id: a, tool: slow}\n  - {id: b, tool: fail}\n", slow=slow, fail=fail)

    assert cleaned == ["slow"]


def test_steps_that_wait_for_a_failed_one_never_run() -> None:
    ran: list[int] = []

    def fail() -> None:
        raise OwnError

    with pytest.raises(OwnError):
        run_sync_way(
            "steps:\n  - {id: a, tool: fail}\n  - {id: b, tool: note, needs: a}\n",
            fail=fail,
            note=lambda: ran.append(1),
        )

    assert not ran


def test_first_failure_comes_out_and_later_ones_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    first, second = OwnError("first"), OwnError("second")

    async def fail() -> None:
        await asyncio.sleep(0.01)
        raise first

    async def fail_in_cleanup() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise second

    with caplog.at_level(logging.ERROR, logger="agent_runtime"), pytest.raises(OwnError) as caught:
        run_sync_way(
            "steps:\n  - {id: a, tool: fail}\n  - {id: b, tool: fail_in_cleanup}\n",
            fail=fail,
            fail_in_cleanup=fail_in_cleanup,
        )

    assert caught.value is first
    (record,) = caplog.records
    assert "step 'b' failed as well" in record.message
    assert record.exc_info is not None
    assert record.exc_info[1] is second


def test_cancelling_an_async_run_waits_for_cleanup_and_goes_on() -> None:
    cleaned: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02)
            cleaned.append("slow")

    async def main() -> None:
        task = asyncio.create_task(run_workflow_async(ONE, tools={"t": slow}))
        await asyncio.sleep(0.05)
        task.cancel("from outside")
        with pytest.raises(asyncio.CancelledError, match="from outside"):
            await task
        assert task.cancelled()

    asyncio.run(main())

    assert cleaned == ["slow"]


@pytest.mark.parametrize(
    "limited",
    [
        pytest.param(lambda runtime: runtime.run(timeout=0.05), id="sync"),
        pytest.param(lambda runtime: asyncio.run(runtime.run_async(timeout=0.05)), id="async"),
    ],
)
def test_time_limit_of_the_run_cancels_it(limited: Callable[[Runtime], object]) -> None:
    cleaned: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append("slow")

    runtime = Runtime("name: lazy\n" + ONE, tools={"t": slow})

    with pytest.raises(TimeoutError, match=r"workflow 'lazy' was cancelled after 0\.05 s"):
        limited(runtime)

    assert cleaned == ["slow"]


@WAYS
def test_time_limit_of_a_step_raises_an_error_that_names_it(way: Callable[..., object]) -> None:
    async def slow() -> None:
        await asyncio.sleep(60)

    with pytest.raises(StepTimeoutError, match=r"step 'a' took longer than its timeout of 0\.05 s") as caught:
        way(ONE.replace("}", ", timeout: 0.05}"), t=slow)

    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, StepError)
    assert (caught.value.step, caught.value.seconds, caught.value.errno) == ("a", 0.05, None)


def test_time_limit_counts_for_each_attempt() -> None:
    tries: list[int] = []

    async def slow_at_first() -> str:
        tries.append(1)
        if len(tries) < 3:
            await asyncio.sleep(60)
        return "done"

    result = run_workflow(
        ONE.replace("}", ", timeout: 0.05, retry: {attempts: 3}}"), tools={"t": slow_at_first}
    )

    assert result.outputs["a"] == "done"
    assert result.steps["a"].attempts == 3


def test_step_that_swallows_its_cancellation_has_timed_out_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def stubborn() -> str:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return "late"

    with pytest.raises(StepTimeoutError):
        run_sync_way(ONE.replace("}", ", timeout: 0.05}"), t=stubborn)

    assert "step 'a' swallowed its cancellation" in caplog.text


def test_step_error_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(StepTimeoutError("a", 2.5)))

    assert (again.step, again.seconds, str(again)) == ("a", 2.5, str(StepTimeoutError("a", 2.5)))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), asyncio.CancelledError()])
def test_only_exceptions_are_retried(error: BaseException) -> None:
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        raise error

    with pytest.raises(type(error)):
        run_sync_way(ONE.replace("}", ", retry: {attempts: 5}}"), t=fail)

    assert len(tries) == 1


def test_exception_of_the_last_attempt_comes_out_without_the_earlier_ones_as_context() -> None:
    def fail() -> None:
        raise OwnError

    with pytest.raises(OwnError) as caught:
        run_sync_way(ONE.replace("}", ", retry: {attempts: 3}}"), t=fail)

    assert caught.value.__context__ is None


def test_runtime_goes_on_after_every_kind_of_failure() -> None:
    errors: list[BaseException] = [SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError(), OwnError()]

    def fail_or_not() -> str:
        if errors:
            raise errors.pop()
        return "fine"

    runtime = Runtime(ONE, tools={"t": fail_or_not})
    for kind in (OwnError, asyncio.CancelledError, KeyboardInterrupt, SystemExit):
        with pytest.raises(kind):
            runtime.run()

    assert runtime.run().outputs["a"] == "fine"


def test_awaitable_of_a_plain_function_fails_like_any_other() -> None:
    error = OwnError()

    async def fail() -> None:
        raise error

    def make() -> Awaitable[None]:
        return fail()

    with pytest.raises(OwnError) as caught:
        run_sync_way(ONE, t=make)

    assert caught.value is error

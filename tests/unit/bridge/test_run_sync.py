"""run_sync: what comes back, from which thread, on which loop."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref
from collections.abc import Callable
from typing import NoReturn

import pytest

from agent_runtime.bridge import Strategy, call_in_caller, call_in_worker, run_sync
from agent_runtime.errors import CallerLoopError, ContextInUseError
from tests.helpers.freeing import let_owners_free

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="unset")


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def add(left: int, right: int) -> int:
    await asyncio.sleep(0)
    return left + right


async def thread_name() -> str:
    return threading.current_thread().name


def in_new_thread(fn: Callable[[], object]) -> object:
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(fn()))
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    return results[0]


def test_run_sync_returns_what_the_function_returns() -> None:
    assert run_sync(add, 1, 2) == 3


def test_run_sync_works_inside_a_running_loop() -> None:
    async def main() -> int:
        return run_sync(add, 1, 2)

    assert asyncio.run(main()) == 3


def test_every_thread_gets_the_same_loop() -> None:
    async def main() -> asyncio.AbstractEventLoop:
        return run_sync(running_loop)

    loops = {run_sync(running_loop), in_new_thread(lambda: run_sync(running_loop)), asyncio.run(main())}

    assert len(loops) == 1


def test_the_loop_thread_has_a_name() -> None:
    assert run_sync(thread_name) == "agent_runtime portal"


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ValueError("no"), id="exception"),
        pytest.param(SystemExit(3), id="system_exit"),
        pytest.param(KeyboardInterrupt(), id="keyboard_interrupt"),
        pytest.param(asyncio.CancelledError("mine"), id="cancelled_error"),
        pytest.param(GeneratorExit(), id="generator_exit"),
        pytest.param(TimeoutError("mine"), id="timeout_error"),
        pytest.param(BaseExceptionGroup("g", [KeyError(1), SystemExit(2)]), id="base_exception_group"),
        pytest.param(RuntimeError("asyncio.run() cannot be called"), id="runtime_error"),
    ],
)
def test_the_functions_own_exception_comes_out_and_the_next_call_works(error: BaseException) -> None:
    async def fail() -> NoReturn:
        raise error

    with pytest.raises(BaseException) as caught:  # noqa: PT011 - identity is what is tested
        run_sync(fail)

    assert caught.value is error
    assert error.__context__ is None
    assert error.__cause__ is None
    assert run_sync(add, 1, 1) == 2


def test_a_left_behind_task_that_raises_system_exit_does_not_stop_the_loop() -> None:
    async def exit_later() -> NoReturn:
        raise SystemExit(5)

    async def leave() -> asyncio.Task[NoReturn]:
        task = asyncio.create_task(exit_later())
        await asyncio.sleep(0)
        return task

    before = run_sync(running_loop)
    task = run_sync(leave)

    assert run_sync(running_loop) is before
    assert isinstance(task.exception(), SystemExit)


def test_context_of_an_exception_is_what_a_plain_await_would_give() -> None:
    async def fail() -> NoReturn:
        try:
            raise KeyError("inner")
        except KeyError:
            raise ValueError("outer")  # noqa: B904 - the implicit chain is what is tested

    def chain_of(call: Callable[[], object]) -> list[str]:
        try:
            raise LookupError("the caller's own")
        except LookupError as handled:
            traceback = handled.__traceback__
            with pytest.raises(ValueError, match="outer") as caught:
                call()
            untouched = handled.__traceback__ is traceback
            error: BaseException | None = caught.value
        assert untouched
        chain = []
        while error is not None:
            chain.append(repr(error))
            error = error.__context__
        return chain

    async def native() -> list[str]:
        try:
            raise LookupError("the caller's own")
        except LookupError:
            try:
                await fail()
            except ValueError as caught:
                error: BaseException | None = caught
        chain = []
        while error is not None:
            chain.append(repr(error))
            error = error.__context__
        return chain

    assert chain_of(lambda: run_sync(fail)) == asyncio.run(native())


def test_traceback_ends_in_the_users_frame() -> None:
    async def fail() -> NoReturn:
        raise ValueError("here")

    with pytest.raises(ValueError, match="here") as caught:
        run_sync(fail)

    assert caught.traceback[-1].name == "fail"
    assert [entry.name for entry in caught.traceback].count("fail") == 1


def test_a_failed_call_leaves_no_reference_cycle() -> None:
    class Payload:
        pass

    async def fail() -> NoReturn:
        payload = Payload()
        seen.append(weakref.ref(payload))
        raise ValueError(payload)

    seen: list[weakref.ref[Payload]] = []
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(ValueError, match="Payload"):
            run_sync(fail)
        let_owners_free(lambda: seen[0]() is None)
        gone = seen[0]() is None
    finally:
        gc.enable()

    assert gone


def test_the_work_sees_the_callers_context_variables_and_keeps_its_own_changes() -> None:
    async def read_and_set() -> str:
        seen = request_id.get()
        request_id.set("changed inside")
        return seen

    token = request_id.set("r-1")
    try:
        assert run_sync(read_and_set) == "r-1"
        assert request_id.get() == "r-1"
    finally:
        request_id.reset(token)


def test_a_given_context_can_be_read_afterwards() -> None:
    async def change() -> None:
        request_id.set("changed inside")

    context = contextvars.copy_context()
    run_sync(change, context=context)

    assert context[request_id] == "changed inside"
    assert request_id.get() == "unset"


def test_a_context_that_is_entered_is_refused_instead_of_hanging() -> None:
    context = contextvars.copy_context()

    with pytest.raises(ContextInUseError, match="copy_context"):
        context.run(lambda: run_sync(thread_name, context=context))


def test_run_sync_can_refuse_to_block_a_running_loop() -> None:
    async def main() -> None:
        run_sync(add, 1, 1, on_running_loop="raise")

    with pytest.raises(CallerLoopError, match="await add"):
        asyncio.run(main())
    assert run_sync(add, 1, 1, on_running_loop="raise") == 2


def test_timeout_cancels_the_work_and_waits_for_its_cleanup() -> None:
    cleaned = threading.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            cleaned.set()

    with pytest.raises(TimeoutError, match=r"work was cancelled after 0\.05 s"):
        run_sync(work, timeout=0.05)

    assert cleaned.is_set()


def test_timeout_is_reported_when_the_work_swallows_the_cancellation() -> None:
    async def swallow() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "as if nothing had happened"
        return ""

    with pytest.raises(TimeoutError):
        run_sync(swallow, timeout=0.05)


def test_a_long_timeout_leaves_no_timer_behind() -> None:
    async def scheduled() -> int:
        return sum(not handle.cancelled() for handle in asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]

    before = run_sync(scheduled)
    run_sync(add, 1, 1, timeout=3600)

    assert run_sync(scheduled) == before


def test_calls_nest_fifty_deep_inside_async_functions_and_leave_one_thread() -> None:
    async def nest(depth: int) -> int:
        return 0 if depth == 0 else 1 + run_sync(nest, depth - 1)

    run_sync(thread_name)
    before = threading.active_count()

    assert run_sync(nest, 50) == 50
    assert threading.active_count() == before


def test_calls_nest_fifty_deep_through_the_calling_thread() -> None:
    async def nest(depth: int) -> int:
        return 0 if depth == 0 else 1 + await call_in_caller(lambda: run_sync(nest, depth - 1))

    assert run_sync(nest, 50) == 50


def test_run_sync_given_a_coroutine_says_to_give_it_the_function() -> None:
    with pytest.raises(TypeError, match=r"run_sync\(fn, arg\)"):
        run_sync(add(1, 2))  # type: ignore[arg-type]


def test_run_sync_given_a_plain_function_says_what_was_wrong() -> None:
    with pytest.raises(TypeError, match="await"):
        run_sync(len, "abc")  # type: ignore[arg-type]


def test_many_threads_share_one_portal_and_get_their_own_results() -> None:
    results: dict[int, int] = {}

    def work(number: int) -> None:
        results[number] = run_sync(add, number, number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert results == {number: 2 * number for number in range(200)}


def test_a_given_context_that_is_empty_is_used_all_the_same() -> None:
    async def change() -> str:
        seen = request_id.get()
        request_id.set("changed inside")
        return seen

    empty = contextvars.Context()
    token = request_id.set("r-1")
    try:
        assert run_sync(change, context=empty) == "unset"
    finally:
        request_id.reset(token)

    assert empty[request_id] == "changed inside"


def test_a_worker_thread_of_a_nested_call_does_not_wait_for_the_thread_that_waits_for_it() -> None:
    async def outer() -> int:
        return run_sync(middle)

    async def middle() -> int:
        return await call_in_worker(lambda: run_sync(add, 1, 2))

    assert run_sync(outer, timeout=20) == 3


class Client:
    """Keeps a context of the work alive, as the transport of an open connection does."""

    def __init__(self, kept: list[contextvars.Context]) -> None:
        self._kept = kept

    async def connect(self) -> None:
        self._kept.append(contextvars.copy_context())


@pytest.mark.parametrize("strategy", ["portal", "direct"])
def test_context_that_outlives_a_call_keeps_nothing_that_the_call_was_made_with(strategy: Strategy) -> None:
    kept: list[contextvars.Context] = []
    client = Client(kept)
    freed = weakref.ref(client)
    run_sync(client.connect, strategy=strategy)

    del client

    assert kept
    assert freed() is None


def test_work_on_the_thread_of_a_trio_task_is_seen_to_run_on_asyncio() -> None:
    sniffio = pytest.importorskip("sniffio")
    trio = pytest.importorskip("trio")

    async def library() -> str:
        await asyncio.sleep(0)
        return str(sniffio.current_async_library())

    async def main() -> tuple[str, str]:
        inside = run_sync(library, strategy="direct", on_running_loop="allow")
        return inside, str(sniffio.current_async_library())

    assert trio.run(main) == ("asyncio", "trio")

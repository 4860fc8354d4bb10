"""submit(): work begun now, its outcome taken later from a future of concurrent.futures."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import gc
import threading
import traceback
import weakref
from typing import Any

import pytest

from agent_runtime.bridge import run_sync, submit
from agent_runtime.errors import ContextInUseError
from tests.helpers.freeing import let_owners_free
from tests.helpers.work import Work, fail, give

Future = concurrent.futures.Future[Any]

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="unset")


def test_a_future_has_what_the_work_returns() -> None:
    future = submit(give, 42)

    assert isinstance(future, concurrent.futures.Future)
    assert future.result(10) == 42
    assert future.exception() is None
    assert (future.done(), future.running(), future.cancelled()) == (True, False, False)


def test_submit_does_not_wait_for_the_work() -> None:
    work = Work()

    future = submit(work)

    assert work.begun.wait(10)
    assert (future.done(), future.running()) == (False, True)
    with pytest.raises(TimeoutError):
        future.result(0)
    work.go_on()
    assert future.result(10) == "done"


def test_futures_work_with_wait_and_as_completed() -> None:
    slow = Work()
    quick: Future = submit(give, "quick")
    pending: Future = submit(slow)

    done, left = concurrent.futures.wait([pending, quick], 10, concurrent.futures.FIRST_COMPLETED)

    assert (done, left) == ({quick}, {pending})
    assert slow.begun.wait(10)
    slow.go_on()
    results = {future.result() for future in concurrent.futures.as_completed([pending, quick], 10)}
    assert results == {"quick", "done"}


def test_a_cancelled_future_counts_as_completed() -> None:
    work = Work()
    future = submit(work)
    assert work.begun.wait(10)

    future.cancel()

    assert list(concurrent.futures.as_completed([future], 10)) == [future]
    assert concurrent.futures.wait([future], 10).done == {future}


def test_async_code_awaits_a_future_and_its_loop_goes_on() -> None:
    async def main() -> object:
        work = Work()
        waiting = asyncio.ensure_future(asyncio.wrap_future(submit(work)))
        await asyncio.to_thread(work.begun.wait, 10)  # the loop goes on
        work.go_on()
        return await waiting

    assert asyncio.run(main()) == "done"


def test_cancelling_the_task_that_awaits_a_future_cancels_the_work() -> None:
    async def main(work: Work) -> None:
        waiting = asyncio.ensure_future(asyncio.wrap_future(submit(work)))
        await asyncio.to_thread(work.begun.wait, 10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    work = Work()
    asyncio.run(main(work))

    assert work.cleaned_up.wait(10)


def test_cancelling_a_future_cancels_the_work_once_and_waits_for_its_cleanup() -> None:
    work = Work()
    future = submit(work)
    assert work.begun.wait(10)

    assert future.cancel()
    assert future.cancel()

    with pytest.raises(concurrent.futures.CancelledError):
        future.result(10)
    assert work.cleaned_up.is_set()
    assert work.cancellations == 1
    assert future.cancelled()
    assert future.cancel()


def test_work_that_swallows_its_cancellation_keeps_its_result() -> None:
    begun = threading.Event()

    async def stubborn() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "saved"
        return "never"

    future = submit(stubborn)
    assert begun.wait(10)
    future.cancel()

    assert future.result(10) == "saved"
    assert not future.cancelled()
    assert not future.cancel()


def test_work_that_has_not_begun_never_begins_once_it_is_cancelled() -> None:
    begun: list[str] = []
    free = threading.Event()

    async def block() -> None:
        free.wait(10)

    async def work() -> None:
        begun.append("work")

    blocking = submit(block)
    future = submit(work)
    future.cancel()

    assert future.cancelled()
    free.set()
    blocking.result(10)
    run_sync(give, None)
    assert begun == []


def test_work_that_ends_with_cancelled_error_makes_the_future_cancelled() -> None:
    future = submit(fail, asyncio.CancelledError())

    with pytest.raises(concurrent.futures.CancelledError):
        future.result(10)
    assert future.cancelled()


@pytest.mark.parametrize(
    "error",
    [KeyError("k"), SystemExit(3), KeyboardInterrupt(), TimeoutError(), ExceptionGroup("g", [OSError()])],
)
def test_a_future_raises_the_very_object_and_its_traceback_does_not_grow(error: BaseException) -> None:
    future = submit(fail, error)
    lengths = []

    for _ in range(3):
        with pytest.raises(type(error)) as caught:
            future.result(10)
        assert caught.value is error
        lengths.append(len(traceback.extract_tb(error.__traceback__)))

    assert future.exception() is error
    assert len(set(lengths)) == 1
    assert traceback.extract_tb(error.__traceback__)[-1].name == "fail"


def test_raising_where_another_exception_is_handled_leaves_the_context_of_the_error() -> None:
    cause = OSError("the cause")
    error = KeyError("k")
    error.__context__ = cause
    future = submit(fail, error)

    try:
        raise ValueError
    except ValueError:
        with pytest.raises(KeyError):
            future.result(10)

    assert error.__context__ is cause


def test_nothing_keeps_results_and_exceptions_but_the_future() -> None:
    class Value:
        pass

    async def raise_with_locals() -> None:
        local = Value()
        kept.append(weakref.ref(local))
        await asyncio.sleep(0)
        raise KeyError

    async def return_value() -> Value:
        value = Value()
        kept.append(weakref.ref(value))
        return value

    def raises() -> None:
        with pytest.raises(KeyError):
            submit(raise_with_locals).result(10)

    kept: list[weakref.ref[Value]] = []
    gc.disable()
    try:
        raises()
        submit(return_value).result(10)
        run_sync(give, None)
        let_owners_free(lambda: not any(ref() for ref in kept))

        assert [ref() for ref in kept] == [None, None]
    finally:
        gc.enable()


def test_the_work_sees_the_context_variables_and_keeps_its_changes() -> None:
    async def work() -> str:
        seen = request_id.get()
        request_id.set("of the work")
        return seen

    token = request_id.set("r-1")
    try:
        assert submit(work).result(10) == "r-1"
        assert request_id.get() == "r-1"
    finally:
        request_id.reset(token)


def test_a_given_context_has_the_changes_afterwards() -> None:
    async def work() -> None:
        request_id.set("of the work")

    context = contextvars.copy_context()
    submit(work, context=context).result(10)

    assert context[request_id] == "of the work"
    with pytest.raises(ContextInUseError):
        context.run(lambda: submit(work, context=context))


def test_work_is_cancelled_when_its_time_is_up() -> None:
    work = Work()

    future = submit(work, timeout=0.01)

    with pytest.raises(TimeoutError, match=r"was cancelled after 0\.01 s"):
        future.result(10)
    assert work.cleaned_up.is_set()


def test_work_runs_on_the_loop_of_sync_calls() -> None:
    async def loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    assert submit(loop).result(10) is run_sync(loop)


def test_callbacks_are_called_once_the_work_has_ended() -> None:
    called: list[object] = []
    future = submit(give, "value")
    future.add_done_callback(lambda done: called.append(done.result()))

    future.result(10)
    run_sync(give, None)

    assert called == ["value"]


def test_a_hundred_threads_submit_at_once() -> None:
    results: list[object] = []

    def one(number: int) -> None:
        results.append(submit(give, number).result(30))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results, key=str) == sorted(range(100), key=str)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match=r"submit\(\) got a coroutine"):
        submit(give(1))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"submit\(\) needs an async function"):
        submit(3)  # type: ignore[arg-type]

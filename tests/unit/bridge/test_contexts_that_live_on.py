"""Contexts outlive the calls that they name, and tasks the calls that started them: nothing is confused."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest

from agent_runtime.bridge import call_in_caller, call_in_worker, run_sync
from agent_runtime.bridge.call import Call, current_call, errand_of
from agent_runtime.errors import CallAbandonedError
from agent_runtime.outcomes import Outcome, capture


async def give(value: object) -> object:
    await asyncio.sleep(0)
    return value


async def context_of_the_work() -> contextvars.Context:
    return contextvars.copy_context()


async def context_of_an_errand() -> contextvars.Context:
    return await call_in_caller(contextvars.copy_context)


def calls_above(context: contextvars.Context) -> list[Call[Any]]:
    """Return the call that a context names, and those that it leads to."""
    call, found = context.get(current_call) or context.get(errand_of), []
    while call is not None:
        found.append(call)
        call = call.waited_for_by
    return found


@pytest.mark.parametrize("kind", [context_of_the_work, context_of_an_errand])
def test_calls_made_in_the_context_of_an_ended_call_do_not_pile_up(kind: Any) -> None:
    context = contextvars.copy_context()

    for _ in range(20):
        context = context.copy().run(run_sync, kind)

    assert len(calls_above(context)) == 1


def test_a_cancellation_that_came_too_late_does_not_reach_calls_made_in_its_context() -> None:
    told: asyncio.Queue[Outcome[object]] = asyncio.Queue()

    async def work() -> None:
        call = current_call.get()
        assert call is not None
        asyncio.get_running_loop().call_later(0.01, later)
        call.request_cancel()  # from another thread; the work has ended before it is delivered

    def later() -> None:
        told.put_nowait(capture(run_sync, give, "a call of its own"))

    async def ask() -> Outcome[object]:
        return await told.get()

    run_sync(work)

    assert run_sync(ask, timeout=10).unwrap() == "a call of its own"


def test_an_errand_of_a_task_that_outlives_its_call_goes_to_the_same_thread_in_an_outer_call() -> None:
    started: list[asyncio.Task[int]] = []

    async def inner() -> None:
        started.append(asyncio.get_running_loop().create_task(ask_later()))

    async def ask_later() -> int:
        await asyncio.sleep(0.02)  # the call that started this has ended by now
        return await call_in_caller(threading.get_ident)

    async def outer() -> int:
        await call_in_caller(run_sync, inner)
        return await started[0]

    assert run_sync(outer, timeout=10) == threading.get_ident()


def test_an_errand_for_a_thread_that_waits_in_no_call_any_more_is_refused() -> None:
    started: list[asyncio.Task[int]] = []

    async def inner() -> None:
        started.append(asyncio.get_running_loop().create_task(ask_later()))

    async def ask_later() -> int:
        await asyncio.sleep(0.02)
        return await call_in_caller(threading.get_ident)

    async def outer() -> int:
        await call_in_worker(run_sync, inner)  # made on a thread that has nothing to do with this call's
        return await started[0]

    with pytest.raises(CallAbandonedError):
        run_sync(outer, timeout=10)

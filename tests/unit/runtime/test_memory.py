"""S7: what a run held is freed when it has ended, without the cycle collector."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator

import pytest

from agent_runtime import Runtime, StepTimeoutError

LIMIT = 10.0  # seconds; the loop thread needs microseconds to drop what it held last

AnyFunction = Callable[..., object]
OnFreed = Callable[[], None]


class Large:
    """Stands for an array, a connection, a file: what must not stay alive unseen."""

    def __init__(self, on_freed: OnFreed) -> None:
        weakref.finalize(self, on_freed)


class OwnError(Exception):
    pass


def plain(on_freed: OnFreed) -> AnyFunction:
    def fail() -> None:
        large = Large(on_freed)
        raise OwnError(type(large))

    return fail


def coroutine(on_freed: OnFreed) -> AnyFunction:
    async def fail() -> None:
        large = Large(on_freed)
        await asyncio.sleep(0)
        raise OwnError(type(large))

    return fail


def awaitable(on_freed: OnFreed) -> AnyFunction:
    def make() -> Awaitable[None]:
        async def fail() -> None:
            large = Large(on_freed)
            raise OwnError(type(large))

        return fail()

    return make


def endless(on_freed: OnFreed) -> AnyFunction:
    async def wait() -> None:
        large = Large(on_freed)
        await asyncio.sleep(60)
        raise OwnError(type(large))

    return wait


def late(on_freed: OnFreed) -> AnyFunction:
    """Fail at the second attempt; the first one's locals are watched, too."""
    fail, attempts = coroutine(on_freed), iter((plain(lambda: None),))

    def choose() -> object:
        return next(attempts, fail)()

    return choose


CASES = pytest.mark.parametrize(
    ("step", "make", "error"),
    [
        pytest.param("{id: a, tool: t}", plain, OwnError, id="def"),
        pytest.param("{id: a, tool: t, thread: worker}", plain, OwnError, id="def_on_worker"),
        pytest.param("{id: a, tool: t}", coroutine, OwnError, id="async_def"),
        pytest.param("{id: a, tool: t}", awaitable, OwnError, id="awaitable_of_a_def"),
        pytest.param("{id: a, tool: t, timeout: 60}", coroutine, OwnError, id="within_a_time_limit"),
        pytest.param("{id: a, tool: t, timeout: 0.01}", endless, StepTimeoutError, id="past_a_time_limit"),
        pytest.param("{id: a, tool: t, retry: {attempts: 2}}", late, OwnError, id="retried"),
    ],
)


@contextlib.contextmanager
def collector_off() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def fail_sync(runtime: Runtime, error: type[Exception]) -> None:
    with contextlib.suppress(error):
        runtime.run()


def fail_async(runtime: Runtime, error: type[Exception]) -> None:
    async def main() -> None:  # the exception ends here: asyncio.run() itself would keep it in a cycle
        with contextlib.suppress(error):
            await runtime.run_async()

    asyncio.run(main())


@CASES
@pytest.mark.parametrize("way", [pytest.param(fail_sync, id="sync"), pytest.param(fail_async, id="async")])
def test_failed_run_keeps_nothing_alive(
    way: Callable[[Runtime, type[Exception]], None],
    step: str,
    make: Callable[[OnFreed], AnyFunction],
    error: type[Exception],
) -> None:
    """A failed call's locals are often large, and the traceback holds them."""
    other = "  - {id: b, tool: slow}\n"
    freed = threading.Event()

    def call() -> None:
        tools = {"t": make(freed.set), "slow": endless(lambda: None)}
        way(Runtime(f"steps:\n  - {step}\n{other}", tools=tools), error)

    with collector_off():
        call()
        was_freed = freed.wait(LIMIT)

    assert was_freed


@pytest.mark.parametrize("make", [plain, coroutine], ids=["def", "async_def"])
@pytest.mark.parametrize(
    "step",
    [
        pytest.param("{id: a, tool: t, on_error: continue}", id="goes_on"),
        pytest.param("{id: a, tool: t, fallback: {tool: ok}}", id="falls_back"),
        pytest.param("{id: a, tool: t, fallback: {tool: t}}", id="falls_back_in_vain"),
        pytest.param("{id: a, tool: t, fallback: {tool: t}, on_error: continue}", id="both"),
        pytest.param("{id: a, steps: [{id: b, tool: t}]}", id="inside_a_step"),
        pytest.param("{id: a, retry: {attempts: 2}, steps: [{id: b, tool: t}]}", id="inside_a_retried_step"),
        pytest.param("{id: a, tool: t, for_each: [1, 2]}", id="items"),
        pytest.param("{id: a, tool: t, for_each: {in: [1, 2], on_error: continue}}", id="items_go_on"),
        pytest.param("{id: a, tool: t, repeat: {max: 2}}", id="repeated"),
        pytest.param(
            "{id: x, tool: ok, compensate: {tool: t}}\n  - {id: a, tool: t, needs: x}", id="compensated"
        ),
    ],
)
def test_failure_keeps_nothing_alive_however_it_is_dealt_with(
    step: str, make: Callable[[OnFreed], AnyFunction], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("agent_runtime"), "disabled", True)  # pytest keeps what is logged
    freed = threading.Event()

    def call() -> None:
        tools = {"t": make(freed.set), "ok": lambda: None}
        fail_sync(Runtime(f"steps:\n  - {step}\n", tools=tools), OwnError)

    with collector_off():
        call()
        was_freed = freed.wait(LIMIT)

    assert was_freed


def test_cancelled_run_keeps_nothing_alive() -> None:
    freed = threading.Event()

    async def main() -> None:
        runtime = Runtime("steps:\n  - {id: a, tool: t}\n", tools={"t": endless(freed.set)})
        task = asyncio.create_task(runtime.run_async())
        await asyncio.sleep(0.02)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    with collector_off():
        asyncio.run(main())
        was_freed = freed.wait(LIMIT)

    assert was_freed


def test_finished_run_keeps_no_output_alive() -> None:
    freed = threading.Event()

    async def make() -> object:
        return Large(freed.set)

    with collector_off():
        Runtime("steps:\n  - {id: a, tool: t}\n", tools={"t": make}).run()
        was_freed = freed.wait(LIMIT)

    assert was_freed

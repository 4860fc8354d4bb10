"""Links that stay in the process: loops, threads, steps, handlers, finalisers, streams."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import itertools
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from types import FrameType

from agent_runtime import run_workflow
from agent_runtime.bridge import Bridge, call_in_caller, call_in_worker, enter, iterate, run_sync
from agent_runtime.errors import BridgeClosedError
from tests.helpers.entry_points import one_step
from tests.helpers.soak.walk import Walk, expect, go, link

__all__ = ("Carried",)


class Carried:
    """What came of something that cannot return or raise by itself, in a thread or handler."""

    def __init__(self) -> None:
        self._value: list[str] | None = None
        self._error: BaseException | None = None

    def carry(self, visit: Callable[[], list[str]]) -> None:
        """Keep what a function returns or raises."""
        try:
            self._value = visit()
        except BaseException as error:
            self._error = error

    def unpack(self) -> list[str]:
        """Return or raise it."""
        error, self._error = self._error, None
        if error is not None:
            raise error
        assert self._value is not None, "it was never done"
        return self._value


async def _go(walk: Walk) -> list[str]:
    return go(walk)


@link
def call_with_def_step(walk: Walk) -> list[str]:
    async def work() -> list[str]:
        return await call_in_caller(go, walk)

    return run_sync(work, on_running_loop="allow")


@link
def call_with_async_step(walk: Walk) -> list[str]:
    return run_sync(_go, walk, on_running_loop="allow")


@link
def workflow_with_def_step(walk: Walk) -> list[str]:
    def act() -> list[str]:
        return go(walk)

    return list(_run_workflow("function", {"act": act}))


@link
def workflow_with_async_step(walk: Walk) -> list[str]:
    async def act() -> list[str]:
        return go(walk)

    return list(_run_workflow("tool", {"act": act}))


def _run_workflow(kind: str, code: dict[str, Callable[..., object]]) -> list[str]:
    functions, tools = (code, None) if kind == "function" else (None, code)
    result = run_workflow(one_step(kind), functions=functions, tools=tools, on_running_loop="allow")
    value: list[str] = result.outputs["value"]  # type: ignore[assignment]
    return value


@link
def asyncio_run(walk: Walk) -> list[str]:
    return asyncio.run(_go(walk))


@link
def uvloop_run(walk: Walk) -> list[str]:
    import uvloop

    value: list[str] = uvloop.run(_go(walk))
    return value


@link
def callback(walk: Walk) -> list[str]:
    carried = Carried()

    async def work() -> list[str]:
        loop = asyncio.get_running_loop()
        called = loop.create_future()

        def act() -> None:
            carried.carry(lambda: go(walk))
            called.set_result(None)

        loop.call_soon(act)
        await called
        return carried.unpack()

    return run_sync(work, on_running_loop="allow")


@link
def worker(walk: Walk) -> list[str]:
    async def work() -> list[str]:
        return await call_in_worker(go, walk)

    return run_sync(work, on_running_loop="allow")


@link
def thread(walk: Walk) -> list[str]:
    carried = Carried()
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(carried.carry, lambda: go(walk)))
    thread.start()
    thread.join()
    return carried.unpack()


@contextlib.contextmanager
def _handling(signum: int, handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    previous = signal.signal(signum, handler)
    try:
        yield
    finally:
        signal.signal(signum, previous)


@link
def signal_handler(walk: Walk) -> list[str]:
    carried = Carried()
    with _handling(signal.SIGUSR1, lambda signum, frame: carried.carry(lambda: go(walk))):
        signal.raise_signal(signal.SIGUSR1)
    return carried.unpack()


@link
def signal_handler_during_call(walk: Walk) -> list[str]:
    carried = Carried()
    handled = threading.Event()

    def handler(signum: int, frame: FrameType | None) -> None:
        carried.carry(lambda: go(walk))
        handled.set()

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        while not handled.is_set():
            await asyncio.sleep(0.001)

    with _handling(signal.SIGUSR1, handler):
        run_sync(work, on_running_loop="allow")
    return carried.unpack()


async def _echo(number: int) -> int:
    await asyncio.sleep(0)
    return await call_in_caller(lambda: number)


@link
def storm(walk: Walk) -> list[str]:
    """A timer goes off all the time, and its handler makes a call each time."""
    numbers = itertools.count()

    def handler(signum: int, frame: FrameType | None) -> None:
        number = next(numbers)
        expect(run_sync(_echo, number, on_running_loop="allow"), number, "a call of the storm")

    with _handling(signal.SIGALRM, handler):
        signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
        try:
            return go(walk)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


@link
def ctrl_c(walk: Walk) -> list[str]:
    """One press in a call of its own, which has to clean up and to raise; then on."""
    cleaned_up = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned_up.append(True)

    try:
        run_sync(work, on_running_loop="allow")
    except KeyboardInterrupt:
        expect(cleaned_up, [True], "the cleanup after Ctrl-C")
    else:
        raise AssertionError("Ctrl-C was lost")
    return go(walk)


class _Garbage:
    """Freed by the collector alone."""

    def __init__(self, finalise: Callable[[], None]) -> None:
        self.itself = self
        self.finalise = finalise

    def __del__(self) -> None:
        self.finalise()


@link
def finaliser(walk: Walk) -> list[str]:
    carried = Carried()
    _Garbage(lambda: carried.carry(lambda: go(walk)))
    gc.collect()
    return carried.unpack()


@link
def gc_callback(walk: Walk) -> list[str]:
    carried = Carried()

    def callback(phase: str, info: dict[str, int]) -> None:
        gc.callbacks.remove(callback)
        carried.carry(lambda: go(walk))

    gc.callbacks.append(callback)
    gc.collect()
    return carried.unpack()


@link
def timeout(walk: Walk) -> list[str]:
    """A call is cut off by its deadline; then on."""
    try:
        run_sync(asyncio.sleep, 60, timeout=0.01, on_running_loop="allow")
    except TimeoutError:
        return go(walk)
    raise AssertionError("the deadline was missed")


@link
def own_bridge(walk: Walk) -> list[str]:
    """On in a bridge of its own, which is closed afterwards and made anew."""
    with Bridge() as bridge:
        trace = bridge.run_sync(_go, walk, on_running_loop="allow")
    try:
        bridge.run_sync(_echo, 1, on_running_loop="allow")
    except BridgeClosedError:
        with Bridge() as another:
            expect(another.run_sync(_echo, 2, on_running_loop="allow"), 2, "a call of a new bridge")
        return trace
    raise AssertionError("a closed bridge took a call")


async def _numbers() -> AsyncIterator[int]:
    for number in range(3):
        await asyncio.sleep(0)
        yield number


@link
def iteration(walk: Walk) -> list[str]:
    """On between two items; the others are taken in another thread."""
    iterator = iterate(_numbers())
    expect(next(iterator), 0, "the first item")
    trace = go(walk)
    others: list[int] = []
    taking = threading.Thread(target=lambda: others.extend(iterator))
    taking.start()
    taking.join()
    expect(others, [1, 2], "the items taken in another thread")
    return trace


@contextlib.asynccontextmanager
async def _manager(left: list[bool]) -> AsyncIterator[int]:
    try:
        yield 1
    finally:
        await asyncio.sleep(0)
        left.append(True)


@link
def entered(walk: Walk) -> list[str]:
    """On inside the ``with`` block of an async context manager."""
    left: list[bool] = []
    with enter(_manager(left)) as value:
        expect(value, 1, "what was entered")
        trace = go(walk)
    expect(left, [True], "the manager's end")
    return trace

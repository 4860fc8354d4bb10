"""Ends that something interrupts: a close, a manager's exit, a call on the calling thread."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from agent_runtime.bridge import Bridge, enter, run_sync
from agent_runtime.bridge.interrupts import InterruptGuard, is_raised_at_once
from agent_runtime.bridge.portal import Portal
from agent_runtime.bridge.waiting import wait
from agent_runtime.errors import CallerLoopError
from tests.helpers.children import run_child

LIMIT = 20.0
TraceFunction = Callable[[FrameType, str, Any], Any]


class HandlerError(Exception):
    """What a signal handler of the application raises."""


class LastTask:
    """A task left on a bridge's loop that cleans up when it is cancelled, for as long as it is told to."""

    def __init__(self, bridge: Bridge) -> None:
        self.cleans_up = threading.Event()
        self.has_ended = False
        self._may_end: asyncio.Event
        self._loop: asyncio.AbstractEventLoop
        self._task = bridge.run_sync(self._leave)

    async def _leave(self) -> asyncio.Task[None]:
        self._loop, self._may_end = asyncio.get_running_loop(), asyncio.Event()
        task = asyncio.create_task(self._clean_up())
        await asyncio.sleep(0)
        return task

    async def _clean_up(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.cleans_up.set()
            await self._may_end.wait()
            self.has_ended = True

    def let_end(self) -> None:
        self._loop.call_soon_threadsafe(self._may_end.set)


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_close_that_a_signal_handler_has_ended_can_be_repeated() -> None:
    def handler(signum: int, frame: object) -> None:
        raise HandlerError

    def interrupt() -> None:
        assert task.cleans_up.wait(LIMIT)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    bridge = Bridge(name="closed twice")
    task = LastTask(bridge)
    previous = signal.signal(signal.SIGUSR1, handler)
    try:
        thread = in_thread(interrupt)
        with pytest.raises(HandlerError):
            bridge.close()
        thread.join(LIMIT)
    finally:
        signal.signal(signal.SIGUSR1, previous)

    task.let_end()
    bridge.close()

    assert task.has_ended
    assert "closed twice" not in [thread.name for thread in threading.enumerate()]


def test_second_close_waits_too_and_does_not_cut_short_what_the_first_one_waits_for() -> None:
    def close() -> None:
        bridge.close()
        ended.append(task.has_ended)

    ended: list[bool] = []
    bridge = Bridge()
    task = LastTask(bridge)
    closing = [in_thread(close) for _ in range(2)]
    assert task.cleans_up.wait(LIMIT)

    task.let_end()
    for thread in closing:
        thread.join(LIMIT)

    assert ended == [True, True]


class Left:
    """An async context manager that tells when it has been left."""

    def __init__(self) -> None:
        self.has_been_left = False

    @contextlib.asynccontextmanager
    async def manager(self) -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            self.has_been_left = True


def test_manager_whose_exit_is_refused_is_left_all_the_same() -> None:
    left = Left()
    entered = enter(left.manager(), on_running_loop="raise")
    entered.__enter__()

    async def main() -> None:
        with pytest.raises(CallerLoopError):
            entered.__exit__(None, None, None)

    asyncio.run(main())

    assert left.has_been_left


def test_manager_that_nobody_leaves_is_left_when_it_is_freed() -> None:
    left = Left()
    entered = enter(left.manager())
    entered.__enter__()

    del entered

    assert left.has_been_left


@pytest.mark.parametrize("depth", [1, 2])
def test_stream_that_outlives_the_call_it_began_in_takes_its_deeper_portal_with_it(depth: int) -> None:
    async def numbers() -> AsyncIterator[int]:
        yield 1
        yield 2

    async def begin(depth: int) -> Iterator[int]:
        if depth > 1:
            return bridge.run_sync(begin, depth - 1)
        stream = bridge.iterate(numbers(), on_running_loop="allow")
        next(stream)
        return stream

    with Bridge(name="streaming") as bridge:
        stream = bridge.run_sync(begin, depth)
        assert f"streaming {depth}" in names_of_threads()

        assert list(stream) == [2]

        until = time.monotonic() + LIMIT
        while names_of_threads() & {"streaming 1", "streaming 2"}:
            assert time.monotonic() < until
            time.sleep(0.001)


def names_of_threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_ctrl_c_in_the_very_last_step_of_work_on_the_calling_thread_is_not_lost() -> None:
    async def work() -> str:
        signal.raise_signal(signal.SIGINT)
        return "too late to be cancelled"

    with pytest.raises(KeyboardInterrupt):
        run_sync(work, strategy="direct")


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("moment", [InterruptGuard.take_over, is_raised_at_once, Portal.submit, wait])
def test_handler_that_raises_between_the_bridges_own_instructions_cancels_and_cleanup_is_waited_for(
    moment: Callable[..., object],
) -> None:
    def handler(signum: int, frame: object) -> None:
        raise HandlerError

    def signal_at_the_return(frame: FrameType, event: str, arg: object) -> TraceFunction | None:
        if frame.f_code is not moment.__code__:
            return None
        if event == "call" and moment is not wait:
            return signal_at_the_return
        if event in ("call", "return"):
            sys.settrace(None)
            assert moment in (InterruptGuard.take_over, is_raised_at_once) or work.has_begun.wait(LIMIT)
            signal.raise_signal(signal.SIGUSR1)
        return signal_at_the_return

    work = Work()
    # Python's own handler of SIGINT would be left where it is.
    of_sigint = signal.signal(
        signal.SIGINT, own_handler if moment is InterruptGuard.take_over else signal.default_int_handler
    )
    with Bridge(name="interrupted early") as bridge:
        bridge.run_sync(asyncio.sleep, 0)
        previous = signal.signal(signal.SIGUSR1, handler)
        sys.settrace(signal_at_the_return)
        try:
            with pytest.raises(HandlerError):
                bridge.run_sync(work.wait)
        finally:
            sys.settrace(None)
            signal.signal(signal.SIGUSR1, previous)
            signal.signal(signal.SIGINT, of_sigint)

        assert work.begun == work.cleaned_up
        assert bridge.run_sync(asyncio.sleep, 0, "the next call") == "the next call"


def own_handler(signum: int, frame: object) -> None:
    """Stand for a handler of the application."""


class Work:
    """Waits for ever, and cleans up for a while."""

    def __init__(self) -> None:
        self.begun = self.cleaned_up = 0
        self.has_begun = threading.Event()

    async def wait(self) -> None:
        self.begun += 1
        self.has_begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.2)
            self.cleaned_up += 1


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_ctrl_c_in_the_body_of_a_loop_is_the_first_one_of_its_stream() -> None:
    child = run_child(
        """
        import asyncio, contextlib, os, signal
        from agent_runtime.bridge import iterate

        async def numbers():
            try:
                yield 1
                yield 2
            finally:
                print("cleaning up", flush=True)
                os.kill(os.getpid(), signal.SIGINT)
                while True:
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.sleep(60)

        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with contextlib.closing(iterate(numbers())) as stream:
                for _ in stream:
                    os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        os._exit(0)
        """,
        limit=15,
    )

    assert child.stdout == "cleaning up\ninterrupted\n"


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_second_ctrl_c_before_the_loop_has_heard_of_the_next_item_prints_nothing() -> None:
    child = run_child(
        """
        import os, signal, sys, threading
        from agent_runtime.bridge import iterate, run_sync, submit

        begun, raised, main = threading.Event(), threading.Event(), threading.get_ident()

        def names(frame):
            while frame is not None:
                yield frame.f_code.co_name
                frame = frame.f_back

        async def numbers():
            while True:
                yield 1

        async def keep_busy():
            begun.set()
            while "_hear" not in names(sys._current_frames()[main]):
                pass
            while not raised.is_set():
                os.kill(os.getpid(), signal.SIGINT)
                raised.wait(0.05)

        async def look():
            return "still here"

        stream = iterate(numbers())
        next(stream)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        submit(keep_busy)
        begun.wait()
        try:
            try:
                next(stream)
            finally:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                raised.set()
        except KeyboardInterrupt:
            print("interrupted", run_sync(look), flush=True)
        """,
        limit=15,
    )

    assert (child.stdout, child.stderr) == ("interrupted still here\n", "")

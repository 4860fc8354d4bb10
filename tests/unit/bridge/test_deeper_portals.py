"""How long the loop thread of nested calls lives: as long as a call that makes nested calls."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import pytest

from agent_runtime.bridge import Bridge

_LIMIT = 5.0
"""Seconds that a thread may take to disappear; it takes a millisecond."""


async def _where() -> int:
    return threading.get_ident()


async def _held(begun: threading.Event, done: threading.Event) -> None:
    begun.set()
    while not done.is_set():
        await asyncio.sleep(0.001)


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with Bridge(name="two loops") as bridge:
        yield bridge


@contextmanager
def _another_call_on(bridge: Bridge) -> Iterator[None]:
    """Keep a call of another thread on the bridge's loop for the length of the block."""
    begun, done = threading.Event(), threading.Event()
    thread = threading.Thread(target=bridge.run_sync, args=(_held, begun, done))
    thread.start()
    assert begun.wait(_LIMIT)
    try:
        yield
    finally:
        done.set()
        thread.join()


def _deeper_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("two loops ")]


def _deeper_threads_that_stay() -> list[str]:
    """Return what is left when the thread of a portal that was told to end has had the time for it."""
    until = time.monotonic() + _LIMIT
    while _deeper_threads() and time.monotonic() < until:
        time.sleep(0.001)  # nothing tells of the end of a thread that nobody waits for
    return _deeper_threads()


def test_loop_of_a_nested_call_ends_with_the_call_around_it_while_another_call_lives(bridge: Bridge) -> None:
    async def nested() -> int:
        return bridge.run_sync(_where)

    with _another_call_on(bridge):
        assert bridge.run_sync(nested) != bridge.run_sync(_where)

        assert _deeper_threads_that_stay() == []


def test_nested_calls_of_one_call_share_a_loop_while_others_come_and_go(bridge: Bridge) -> None:
    async def nested() -> int:
        return bridge.run_sync(_where)

    async def twice() -> set[int]:
        first = bridge.run_sync(_where)
        await asyncio.to_thread(bridge.run_sync, nested)  # a call beside this one, with a nested one
        return {first, bridge.run_sync(_where)}

    with _another_call_on(bridge):
        assert len(bridge.run_sync(twice)) == 1

        assert _deeper_threads_that_stay() == []


def test_loop_of_a_nested_call_ends_when_its_maker_is_no_call(bridge: Bridge) -> None:
    made = threading.Event()

    async def callback() -> None:
        def call() -> None:
            bridge.run_sync(_where)
            made.set()

        asyncio.get_running_loop().call_soon(call)

    with _another_call_on(bridge):
        bridge.run_sync(callback)
        assert made.wait(_LIMIT)

        assert _deeper_threads_that_stay() == []


def test_loop_of_a_nested_call_ends_with_a_thread_that_goes_on_there(bridge: Bridge) -> None:
    begun, done, ended = threading.Event(), threading.Event(), threading.Event()

    def go_on() -> None:
        bridge.run_sync(_held, begun, done)
        ended.set()

    async def leaves_a_thread() -> None:
        await asyncio.to_thread(_start, go_on)
        await asyncio.to_thread(begun.wait, _LIMIT)

    async def nested() -> None:
        bridge.run_sync(leaves_a_thread)

    with _another_call_on(bridge):
        bridge.run_sync(nested)
        done.set()
        assert ended.wait(_LIMIT)

        assert _deeper_threads_that_stay() == []


def _start(target: Callable[[], object]) -> None:
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(target,)).start()


def test_loop_of_a_stream_that_a_call_reads_ends_with_that_call(bridge: Bridge) -> None:
    async def items() -> AsyncIterator[int]:
        yield threading.get_ident()

    async def nested() -> list[int]:
        return list(bridge.iterate(items()))

    with _another_call_on(bridge):
        bridge.run_sync(nested)

        assert _deeper_threads_that_stay() == []

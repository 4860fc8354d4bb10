"""iterate() and enter(): items as they come, one task, one context, and a prompt end."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import threading
import time
import weakref
from collections.abc import AsyncIterator

import pytest

from agent_runtime.bridge import Bridge, call_in_caller, enter, iterate, run_sync
from agent_runtime.errors import BridgeClosedError
from tests.helpers.children import run_child

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="unset")


class Source:
    """An async generator that tells in which task it ran and whether it was closed."""

    def __init__(self) -> None:
        self.tasks: set[object] = set()
        self.closed_in: list[object] = []

    async def items(self, count: int) -> AsyncIterator[int]:
        try:
            for number in range(count):
                self.tasks.add(asyncio.current_task())
                yield number
        finally:
            await asyncio.sleep(0)
            self.closed_in.append(asyncio.current_task())


def test_iterate_gives_every_item_from_one_task() -> None:
    source = Source()

    assert list(iterate(source.items(5))) == [0, 1, 2, 3, 4]
    assert len(source.tasks) == 1
    assert source.closed_in == list(source.tasks)


def test_iterate_gives_an_item_before_the_next_one_is_worked_on() -> None:
    begun: list[int] = []

    async def items() -> AsyncIterator[int]:
        for number in range(3):
            begun.append(number)
            yield number

    for item in iterate(items()):
        assert begun == list(range(item + 1))


@pytest.mark.parametrize("way", ["break", "close", "exception", "dropped"])
def test_leaving_early_closes_the_generator_in_its_own_task_before_the_next_statement(way: str) -> None:
    source = Source()

    if way == "break":
        for _ in iterate(source.items(100)):
            break
    elif way == "exception":
        with pytest.raises(KeyError):
            for _ in iterate(source.items(100)):
                raise KeyError
    else:
        iterator = iterate(source.items(100))
        next(iterator)
        if way == "close":
            iterator.close()
        del iterator
        gc.collect()

    assert source.closed_in == list(source.tasks)


def test_closing_reaches_through_nested_generators() -> None:
    closed: list[str] = []

    async def inner() -> AsyncIterator[int]:
        try:
            for number in range(100):
                yield number
        finally:
            closed.append("inner")

    async def outer() -> AsyncIterator[int]:
        async with contextlib.aclosing(inner()) as items:  # type: ignore[type-var]  # a generator
            try:
                async for item in items:
                    yield item
            finally:
                closed.append("outer")

    for _ in iterate(outer()):
        break

    assert closed == ["outer", "inner"]


def test_a_whole_iteration_keeps_its_context_variables() -> None:
    async def items() -> AsyncIterator[str]:
        token = request_id.set("set in the generator")
        try:
            for _ in range(3):
                yield request_id.get()
        finally:
            request_id.reset(token)
            seen.append(request_id.get())

    seen: list[str] = []
    outer = request_id.set("r-1")
    try:
        assert list(iterate(items())) == ["set in the generator"] * 3
        assert seen == ["r-1"]
        assert request_id.get() == "r-1"
    finally:
        request_id.reset(outer)


def test_the_generators_own_exception_comes_out() -> None:
    error = KeyError("mine")

    async def items() -> AsyncIterator[int]:
        yield 1
        raise error

    received = []
    with pytest.raises(KeyError) as caught:
        for item in iterate(items()):
            received.append(item)  # noqa: PERF402 - what came before the error is looked at

    assert received == [1]
    assert caught.value is error


def test_iterate_works_inside_a_running_loop_and_inside_async_functions_of_a_call() -> None:
    async def collect() -> list[int]:
        return list(iterate(Source().items(3)))

    assert asyncio.run(collect()) == [0, 1, 2]
    before = set(threading.enumerate())
    assert run_sync(collect) == [0, 1, 2]
    assert set(threading.enumerate()) <= before


def test_functions_for_the_calling_thread_run_there_while_it_iterates() -> None:
    async def items() -> AsyncIterator[int]:
        for _ in range(3):
            yield await call_in_caller(threading.get_ident)

    assert set(iterate(items())) == {threading.get_ident()}


def test_an_iterator_without_aclose_works_too() -> None:
    class Countdown:
        def __init__(self) -> None:
            self.left = 3

        def __aiter__(self) -> Countdown:
            return self

        async def __anext__(self) -> int:
            if not self.left:
                raise StopAsyncIteration
            self.left -= 1
            return self.left

    assert list(iterate(Countdown())) == [2, 1, 0]


def test_other_calls_go_on_while_an_iteration_rests() -> None:
    async def value() -> int:
        return 7

    source = Source()
    received = [(item, run_sync(value)) for item in iterate(source.items(3))]

    assert received == [(0, 7), (1, 7), (2, 7)]


@contextlib.asynccontextmanager
async def group_with_deadline() -> AsyncIterator[asyncio.Task[object] | None]:
    """Hold what must be left in the task in which it was entered."""
    task = asyncio.current_task()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0.01))
        yield task
        assert asyncio.current_task() is task


def test_enter_enters_and_exits_in_one_task() -> None:
    with enter(group_with_deadline()) as task:
        assert isinstance(task, asyncio.Task)
        assert not task.done()

    assert task.done()


def test_the_managers_background_tasks_run_while_the_block_does() -> None:
    ticked = threading.Event()

    @contextlib.asynccontextmanager
    async def ticking() -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(ticked.set))
            yield

    with enter(ticking()):
        assert ticked.wait(10)


def test_an_exception_of_the_block_goes_through_the_manager_and_comes_out_as_it_is() -> None:
    error = ValueError("mine")
    seen: list[BaseException] = []

    @contextlib.asynccontextmanager
    async def watching() -> AsyncIterator[None]:
        try:
            yield
        except BaseException as passing:
            seen.append(passing)
            raise

    with pytest.raises(ValueError, match="mine") as caught, enter(watching()):
        raise error

    assert caught.value is error
    assert seen == [error]


def test_a_manager_may_deal_with_the_exception_of_the_block() -> None:
    @contextlib.asynccontextmanager
    async def forgiving() -> AsyncIterator[None]:
        with contextlib.suppress(ValueError):
            yield

    def fail() -> None:
        raise ValueError("forgiven")

    with enter(forgiving()):
        fail()

    assert run_sync(asyncio.sleep, 0, "went on") == "went on"


def test_manager_is_entered_once_and_says_so() -> None:
    @contextlib.asynccontextmanager
    async def manager() -> AsyncIterator[int]:
        yield 1

    entered = enter(manager())
    with entered, pytest.raises(RuntimeError, match=r"has been entered already; call enter\(\)"):
        entered.__enter__()

    with pytest.raises(RuntimeError, match="has been entered already"), entered:
        pass


def test_a_manager_that_fails_to_enter_raises_its_own_exception() -> None:
    error = OSError("no connection")

    @contextlib.asynccontextmanager
    async def failing() -> AsyncIterator[None]:
        await fail()
        yield

    async def fail() -> None:
        raise error

    with pytest.raises(OSError, match="no connection") as caught, enter(failing()):
        pass

    assert caught.value is error


def test_an_iteration_that_nobody_begins_leaves_nothing_behind() -> None:
    source = Source()
    iterator = iterate(source.items(3))
    del iterator
    gc.collect()

    assert source.tasks == set()
    assert source.closed_in == []


def test_the_first_item_does_not_wait_for_the_last() -> None:
    async def items() -> AsyncIterator[int]:
        for number in range(3):
            await asyncio.sleep(0.2 * number)
            yield number

    began = time.monotonic()
    iterator = iterate(items())
    next(iterator)
    first = time.monotonic() - began
    list(iterator)

    assert first < time.monotonic() - began - 0.3


def test_a_closed_bridge_refuses_streams_and_cuts_off_open_ones() -> None:
    source = Source()
    bridge = Bridge(name="mine")
    iterator = bridge.iterate(source.items(100))
    next(iterator)

    bridge.close()

    with pytest.raises(BridgeClosedError):
        next(iterator)
    assert source.closed_in == list(source.tasks)
    with pytest.raises(BridgeClosedError):
        next(bridge.iterate(source.items(1)))
    with pytest.raises(BridgeClosedError), bridge.enter(group_with_deadline()):
        pass


@pytest.mark.parametrize(
    "opened",
    [
        pytest.param("stream = iterate(items()); next(stream)", id="iterate"),
        pytest.param("manager = enter(group()); manager.__enter__()", id="enter"),
    ],
)
def test_what_is_still_open_at_exit_does_not_keep_the_interpreter(opened: str) -> None:
    child = run_child(
        f"""
        import contextlib
        from agent_runtime.bridge import enter, iterate

        async def items():
            try:
                yield 1
                yield 2
            finally:
                print("closed")

        @contextlib.asynccontextmanager
        async def group():
            try:
                yield 1
            finally:
                print("closed")

        {opened}
        """
    )

    assert child.check().lines == ["closed"]


def test_manager_is_freed_when_the_block_has_been_left() -> None:
    class Manager(contextlib.AbstractAsyncContextManager[None]):
        async def __aexit__(self, *details: object) -> None: ...

    manager = Manager()
    watched = weakref.ref(manager)

    gc.disable()
    try:
        with enter(manager):
            pass
        del manager
        assert watched() is None
    finally:
        gc.enable()

"""send(), throw() and close() of the generators of iterate(), passed on to the async generator."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from typing import Literal, cast

import pytest

from agent_runtime.bridge import Bridge, iterate, syncify

Strategy = Literal["portal", "direct"]
STRATEGIES: tuple[Strategy, ...] = ("portal", "direct")


async def adder(seen: list[object]) -> AsyncGenerator[int, int | None]:
    """Give the sum of what was sent; a ValueError counts ten, and GeneratorExit is noted."""
    total = 0
    try:
        while True:
            try:
                sent = yield total
            except ValueError as error:
                seen.append(error)
                total += 10
            else:
                await asyncio.sleep(0)
                seen.append(sent)
                total += sent or 0
    except BaseException as error:
        seen.append(type(error))
        raise


class Numbers:
    """An async iterator that is no generator."""

    def __init__(self) -> None:
        self.number = 0
        self.closed = False

    def __aiter__(self) -> Numbers:
        return self

    async def __anext__(self) -> int:
        await asyncio.sleep(0)
        self.number += 1
        return self.number

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_values_that_are_sent_reach_the_async_generator(strategy: Strategy) -> None:
    seen: list[object] = []
    sums = iterate(adder(seen), strategy=strategy)

    assert [next(sums), sums.send(3), sums.send(4), next(sums)] == [0, 3, 7, 7]
    assert seen == [3, 4, None]
    sums.close()
    assert seen[-1] is GeneratorExit


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_exception_that_is_thrown_is_the_very_object_there(strategy: Strategy) -> None:
    seen: list[object] = []
    error = ValueError("thrown")
    sums = iterate(adder(seen), strategy=strategy)
    next(sums)

    assert sums.throw(error) == 10
    assert seen == [error]
    assert sums.send(1) == 11
    sums.close()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "error", [KeyError("k"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), OSError("o")]
)
def test_an_exception_that_is_not_dealt_with_comes_out_again(
    error: BaseException, strategy: Strategy
) -> None:
    seen: list[object] = []
    sums = iterate(adder(seen), strategy=strategy)
    next(sums)

    with pytest.raises(type(error)) as caught:
        sums.throw(error)

    assert caught.value is error
    assert seen == [type(error)]
    assert list(sums) == []


def test_another_exception_or_the_end_may_come_of_it() -> None:
    async def ends() -> AsyncGenerator[int, None]:
        try:
            yield 1
        except ValueError:
            return
        except KeyError as error:
            raise OSError from error

    ending = iterate(ends())
    next(ending)
    with pytest.raises(StopIteration):
        ending.throw(ValueError)
    failing = iterate(ends())
    next(failing)
    with pytest.raises(OSError, match=r"^$") as caught:
        failing.throw(KeyError("k"))
    assert isinstance(caught.value.__cause__, KeyError)


def test_before_the_first_item_a_generator_takes_no_value_as_any_other() -> None:
    seen: list[object] = []
    sums = iterate(adder(seen))

    with pytest.raises(TypeError, match="just-started"):
        sums.send(3)
    assert next(sums) == 0
    unused = iterate(adder(seen))
    with pytest.raises(KeyError):
        unused.throw(KeyError)
    assert seen == []
    sums.close()


def test_an_iterator_that_takes_no_values_says_so_and_is_closed() -> None:
    source = Numbers()
    numbers = iterate(source)

    assert (next(numbers), numbers.send(None)) == (1, 2)
    with pytest.raises(TypeError, match="Numbers takes no values, and was sent one of type str"):
        numbers.send("x")  # type: ignore[arg-type]
    assert source.closed
    assert list(numbers) == []


def test_what_is_thrown_into_an_iterator_that_takes_nothing_comes_out_when_it_is_closed() -> None:
    source, error = Numbers(), KeyError("k")
    numbers = iterate(source)
    next(numbers)

    with pytest.raises(KeyError) as caught:
        numbers.throw(error)

    assert caught.value is error
    assert source.closed


def test_a_generator_that_was_made_for_the_iteration_is_closed_in_its_task() -> None:
    tasks: list[object] = []

    class Cursor:
        async def __aiter__(self) -> AsyncIterator[int]:
            try:
                for number in range(100):
                    tasks.append(asyncio.current_task())
                    yield number
            finally:
                await asyncio.sleep(0)
                tasks.append(asyncio.current_task())

    for _ in iterate(Cursor()):
        break

    assert len(tasks) == 2
    assert tasks[0] is tasks[1]


def test_nothing_keeps_what_was_sent_and_thrown() -> None:
    class Value(Exception):
        def __init__(self) -> None:
            kept.append(weakref.ref(self))

    async def takes() -> AsyncGenerator[int, Value]:
        while True:
            with contextlib.suppress(Value):
                yield 1

    def send_and_throw() -> None:
        items = iterate(takes())
        next(items)
        items.send(Value())
        items.throw(Value())
        items.close()
        failing = iterate(adder([]))
        next(failing)
        with pytest.raises(Value):
            failing.throw(Value())

    kept: list[weakref.ref[Value]] = []
    gc.collect()
    gc.disable()
    try:
        send_and_throw()

        assert [ref() for ref in kept] == [None, None, None]
    finally:
        gc.enable()


def test_sync_forms_pass_on_what_is_sent_and_thrown() -> None:
    seen: list[object] = []
    error = ValueError()
    sums = cast("Generator[int, int, None]", syncify(adder)(seen))

    assert next(sums) == 0
    assert sums.send(3) == 3
    assert sums.throw(error) == 13
    with pytest.raises(KeyError):
        sums.throw(KeyError("k"))
    assert seen == [3, error, KeyError]


def test_a_bridge_of_ones_own_passes_on_too() -> None:
    with Bridge() as bridge:
        sums = bridge.iterate(adder([]))
        next(sums)
        assert sums.send(5) == 5

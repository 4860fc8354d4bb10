"""What hosts and steps can hand over that nobody expects: each works, or ends in a clear error."""

from __future__ import annotations

import asyncio
import functools
import logging
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from fractions import Fraction
from typing import Any

import pytest

from agent_runtime import Executor, ReferenceValueError, WorkflowError, run_workflow, run_workflow_async

AnyFunction = Callable[..., object]

ONE = "name: odd\nsteps:\n  - {id: a, tool: t}\n"
WRITTEN = "steps:\n  - {id: b, tool: t}\n  - {id: a, tool: show, with: {x: 'is ${steps.b.output}'}}\n"


def run_async(text: str, **tools: AnyFunction) -> object:
    """Run the async variant; what it raises does not go through ``asyncio.run``."""

    async def main() -> tuple[object, BaseException | None]:
        try:
            return (await run_workflow_async(text, tools=tools)).outputs["a"], None
        except Exception as error:
            return None, error

    value, error = asyncio.run(main())
    if error is not None:
        raise error
    return value


def run_sync(text: str, **tools: AnyFunction) -> object:
    return run_workflow(text, tools=tools).outputs["a"]


WAYS = pytest.mark.parametrize(
    "way", [pytest.param(run_sync, id="sync"), pytest.param(run_async, id="async")]
)


async def five() -> int:
    return 5


class Callable5:
    async def __call__(self) -> int:
        return 5


class Methods:
    @classmethod
    async def of_class(cls) -> int:
        return 5

    @staticmethod
    async def of_none() -> int:
        return 5


@types.coroutine
def old_style() -> Generator[None, None, int]:
    yield
    return 5


class BadSignature:
    @property
    def __signature__(self) -> object:
        raise ZeroDivisionError

    def __call__(self) -> int:
        return 5


@WAYS
@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(functools.partial(functools.partial(five)), id="partial_of_partial"),
        pytest.param(functools.partial(Callable5()), id="partial_of_async_call"),
        pytest.param(Methods.of_class, id="async_class_method"),
        pytest.param(Methods().of_none, id="async_static_method"),
        pytest.param(lambda x=5: five(), id="lambda_that_returns_a_coroutine"),
        pytest.param(old_style, id="generator_based_coroutine"),
        pytest.param(BadSignature(), id="signature_that_raises"),
    ],
)
def test_unusual_callable_works(way: Callable[..., object], tool: AnyFunction) -> None:
    assert way(ONE, t=tool) == 5


async def items() -> AsyncIterator[int]:
    yield 1


def plain_items() -> Iterator[int]:
    yield 1


class Items:
    async def __call__(self) -> AsyncIterator[int]:
        yield 1


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(items, id="async_generator"),
        pytest.param(plain_items, id="generator"),
        pytest.param(functools.partial(items), id="partial"),
        pytest.param(Items(), id="call_method"),
    ],
)
def test_generator_function_is_refused_before_the_run(tool: AnyFunction) -> None:
    with pytest.raises(WorkflowError, match=r"tool 't', which is a generator function; .*return a list"):
        run_sync(ONE, t=tool)


class BadAwaitable:
    def __await__(self) -> Generator[object, None, None]:
        yield 42


@WAYS
def test_awaitable_that_asyncio_cannot_wait_for_fails(way: Callable[..., object]) -> None:
    with pytest.raises(RuntimeError, match="bad yield"):
        way(ONE, t=BadAwaitable)


class Broken(Exception):
    """Raises in everything that Python code may ask of an exception."""

    def __str__(self) -> str:
        raise ZeroDivisionError

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    def __hash__(self) -> int:
        raise ZeroDivisionError

    def __bool__(self) -> bool:
        raise ZeroDivisionError

    def __setattr__(self, name: str, value: object) -> None:
        raise ZeroDivisionError


class Hidden(Exception):
    """Hides what every exception has."""

    @property
    def __traceback__(self) -> None:  # type: ignore[override]  # the point
        return None

    @property
    def __context__(self) -> None:  # type: ignore[override]  # the point
        raise ZeroDivisionError


@WAYS
@pytest.mark.parametrize("text", [ONE, ONE.replace("}", ", retry: {attempts: 2}}")], ids=["once", "retried"])
@pytest.mark.parametrize("kind", [Broken, Hidden])
@pytest.mark.parametrize("is_async", [False, True], ids=["def", "async_def"])
def test_exception_with_broken_methods_comes_out_all_the_same(
    way: Callable[..., object], text: str, kind: type[Exception], is_async: bool
) -> None:
    def plain() -> None:
        raise kind

    async def later() -> None:
        raise kind

    with pytest.raises(kind):
        way(text, t=later if is_async else plain)


def test_broken_exception_of_a_second_step_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            raise Broken

    with pytest.raises(Broken):
        run_sync(ONE + "  - {id: b, tool: t}\n", t=fail)

    assert "step 'b' failed as well" in caplog.messages[0]


def test_ten_of_many_failures_are_logged_and_the_others_counted(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            raise ValueError("refused")

    rows = "".join(f"  - {{id: s{n}, tool: t}}\n" for n in range(100))
    with caplog.at_level(logging.ERROR, logger="agent_runtime"), pytest.raises(ValueError, match="refused"):
        run_sync("name: odd\nsteps:\n" + rows, t=fail)

    assert len(caplog.messages) == 11
    assert caplog.messages[-1].startswith("workflow 'odd': 89 more steps failed as well")


def cyclic() -> object:
    value: list[object] = []
    value.append(value)
    return value


def deep() -> object:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    return value


@WAYS
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(cyclic, id="contains_itself"),
        pytest.param(deep, id="nested_deeply"),
        pytest.param(lambda: {(1, 2): 3}, id="keys_that_are_no_texts"),
        pytest.param(lambda: 10**10_000, id="endless_number"),
    ],
)
def test_value_that_cannot_be_written_out_is_named(way: Callable[..., object], make: AnyFunction) -> None:
    with pytest.raises(ReferenceValueError, match=r"steps\.b\.output.* step 'a'.* cannot be written as text"):
        way(WRITTEN, t=make, show=lambda x: x)


@WAYS
def test_message_that_cannot_be_written_out_is_named(way: Callable[..., object]) -> None:
    messages = "[{role: user, content: '${steps.b.output}'}]"
    text = f"steps:\n  - {{id: b, tool: t}}\n  - {{id: a, agent: {{messages: {messages}}}}}\n"

    with pytest.raises(ReferenceValueError, match="cannot be written as text"):
        way(text, t=lambda: {(1, 2): 3})


LIMITED = pytest.mark.parametrize(
    "limited",
    [
        pytest.param(
            lambda text, tool, limit: run_workflow(text, tools={"t": tool}, timeout=limit), id="sync"
        ),
        pytest.param(
            lambda text, tool, limit: asyncio.run(run_workflow_async(text, tools={"t": tool}, timeout=limit)),
            id="async",
        ),
    ],
)


@LIMITED
@pytest.mark.parametrize("limit", [0, -1, 0.0, float("-inf")])
def test_time_limit_that_has_passed_already_is_one(limited: AnyFunction, limit: object) -> None:
    with pytest.raises(TimeoutError, match="workflow 'odd' was cancelled after 0 s"):
        limited(ONE, lambda: None, limit)


@LIMITED
@pytest.mark.parametrize("limit", [float("inf"), 1e30, 10**400, Fraction(60)], ids=str)
def test_time_limit_beyond_all_patience_is_none(limited: AnyFunction, limit: object) -> None:
    limited(ONE, lambda: None, limit)


@LIMITED
@pytest.mark.parametrize(
    ("limit", "error"),
    [(True, TypeError), ("5", TypeError), ([], TypeError), (float("nan"), ValueError)],
    ids=["boolean", "text", "list", "nan"],
)
def test_time_limit_that_is_no_number_is_refused(
    limited: AnyFunction, limit: object, error: type[Exception]
) -> None:
    with pytest.raises(error, match="timeout= is"):
        limited(ONE, lambda: None, limit)


@pytest.mark.parametrize("kind", ["def", "async_def", "async_def_that_awaits"])
def test_workflow_may_run_itself_fifty_deep(kind: str) -> None:
    left = 50

    def plain() -> object:
        nonlocal left
        left -= 1
        return run_sync(ONE, t=again) if left else "deep"

    async def blocking() -> object:
        return plain()

    async def awaiting() -> object:
        nonlocal left
        left -= 1
        return (await run_workflow_async(ONE, tools={"t": again})).outputs["a"] if left else "deep"

    again = {"def": plain, "async_def": blocking, "async_def_that_awaits": awaiting}[kind]

    assert run_sync(ONE, t=again) == "deep"


def test_workflow_that_awaits_itself_without_end_fails() -> None:
    async def again() -> object:
        return await run_workflow_async(ONE, tools={"t": again})

    with pytest.raises(RecursionError, match="a step of workflow 'odd' runs it again, without end"):
        run_sync(ONE, t=again)


def test_run_that_starts_the_next_one_is_not_around_it() -> None:
    """A job that starts its own successor and ends goes on for ever; its context is handed down."""
    count = 0

    async def main() -> None:
        ended = asyncio.Event()
        tasks: set[asyncio.Task[object]] = set()

        async def start_next() -> None:
            nonlocal count
            count += 1
            if count == 1_100:
                ended.set()
                return
            tasks.add(asyncio.create_task(run_workflow_async(ONE, tools={"t": start_next})))

        await start_next()
        await ended.wait()
        await asyncio.gather(*tasks)

    asyncio.run(main())

    assert count == 1_100


def test_host_may_have_a_task_factory_that_knows_no_context() -> None:
    def factory(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return asyncio.Task(coro, loop=loop)

    async def main() -> object:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(factory)  # type: ignore[arg-type]  # as it was until 3.10
        return (await run_workflow_async(ONE, tools={"t": five})).outputs

    assert asyncio.run(main()) == {"a": 5}


def test_python_steps_that_share_lists_without_end_are_refused() -> None:
    shared: list[object] = [1]
    for _ in range(30):
        shared = [shared, shared]

    with pytest.raises(WorkflowError, match="holds more than 250000 values"):
        Executor([{"id": "a", "tool": "t", "with": {"x": shared}}], tools={"t": lambda x: x})


def test_python_step_that_contains_itself_is_refused() -> None:
    step: dict[str, object] = {"id": "a", "tool": "t"}
    step["with"] = {"x": step}

    with pytest.raises(WorkflowError, match="nested more than 60 levels deep"):
        Executor([step], tools={"t": lambda x: x})


def test_awaitable_is_awaited_once() -> None:
    async def value() -> int:
        return 1

    once: Awaitable[int] = value()

    assert run_sync(ONE, t=lambda: once) == 1
    with pytest.raises(RuntimeError, match="cannot reuse"):
        run_sync(ONE, t=lambda: once)

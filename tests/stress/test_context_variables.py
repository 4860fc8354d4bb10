"""S3 against an oracle: programs that set, reset, read and nest see what a native await would show."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from agent_runtime.bridge import call_in_caller, run_sync
from tests.helpers.entry_points import ENTRY_POINTS, one_step

VARIABLES = [contextvars.ContextVar(f"variable_{number}", default="unset") for number in range(3)]


@dataclass(frozen=True)
class Set:
    """Set a variable and keep the token."""

    variable: int
    value: int


@dataclass(frozen=True)
class Reset:
    """Reset with the latest token that this piece of program still has, if any."""


@dataclass(frozen=True)
class Read:
    """Note the values of all variables."""


@dataclass(frozen=True)
class Nest:
    """Run a program of its own, in the way that ``how`` says, and go on when it has ended."""

    how: str
    program: tuple[Operation, ...]


Operation = Set | Reset | Read | Nest

_simple = st.one_of(st.builds(Set, st.integers(0, 2), st.integers(0, 9)), st.just(Reset()), st.just(Read()))
_HOWS = ("call", "await", "spawn", "caller", *ENTRY_POINTS)
programs: st.SearchStrategy[tuple[Operation, ...]] = st.recursive(
    st.lists(_simple, max_size=5).map(tuple),
    lambda inner: st.lists(
        st.one_of(_simple, st.builds(Nest, st.sampled_from(_HOWS), inner)), min_size=1, max_size=5
    ).map(tuple),
    max_leaves=12,
)

Trace = list[tuple[object, ...]]
Tokens = list[tuple[contextvars.ContextVar[object], contextvars.Token[object]]]


def act(operation: Operation, trace: Trace, tokens: Tokens) -> None:
    """Carry out what is not a nesting."""
    if isinstance(operation, Set):
        variable: contextvars.ContextVar[object] = VARIABLES[operation.variable]  # type: ignore[assignment]
        tokens.append((variable, variable.set(operation.value)))
    elif isinstance(operation, Reset):
        if tokens:
            variable, token = tokens.pop()
            variable.reset(token)
    else:
        trace.append(tuple(variable.get() for variable in VARIABLES))


async def oracle(program: tuple[Operation, ...], trace: Trace) -> None:
    """Run natively: whatever a sync call does, here it is a task awaited in place."""
    tokens: Tokens = []
    for operation in program:
        if not isinstance(operation, Nest):
            act(operation, trace, tokens)
        elif operation.how == "await":
            await oracle(operation.program, trace)
        else:
            await asyncio.create_task(oracle(operation.program, trace))


async def on_loop(program: tuple[Operation, ...], trace: Trace) -> None:
    """Run as an async step would: nested calls are sync calls made on the loop's own thread."""
    tokens: Tokens = []
    for operation in program:
        if not isinstance(operation, Nest):
            act(operation, trace, tokens)
        elif operation.how == "await":
            await on_loop(operation.program, trace)
        elif operation.how == "spawn":
            await asyncio.create_task(on_loop(operation.program, trace))
        elif operation.how == "caller":
            await call_in_caller(on_thread, operation.program, trace)
        else:
            call(operation, trace)


def on_thread(program: tuple[Operation, ...], trace: Trace) -> None:
    """Run as a ``def`` step would: nested calls are sync calls made on the calling thread."""
    tokens: Tokens = []
    for operation in program:
        if not isinstance(operation, Nest):
            act(operation, trace, tokens)
        elif operation.how in ("await", "spawn", "caller"):
            how = "await" if operation.how == "await" else "call"
            run_sync(oracle_of, how, operation.program, trace)
        else:
            call(operation, trace)


async def oracle_of(how: str, program: tuple[Operation, ...], trace: Trace) -> None:
    """Run natively inside a sync call that stands for ``how``."""
    await (oracle(program, trace) if how == "await" else on_loop(program, trace))


def call(operation: Nest, trace: Trace) -> None:
    """Make the sync call that ``how`` names."""
    entry_point = ENTRY_POINTS.get(operation.how)
    if entry_point is None:
        run_sync(on_loop, operation.program, trace)
        return

    async def step() -> None:
        await on_loop(operation.program, trace)

    entry_point(one_step("tool"), {"tools": {"act": step}})


def without_awaits(program: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """Turn plain awaits into tasks: on a thread there is nothing to await, so a call takes their place."""
    return tuple(
        Nest("call" if operation.how == "await" else operation.how, without_awaits(operation.program))
        if isinstance(operation, Nest)
        else operation
        for operation in program
    )


def traced(run: Callable[[Trace], object]) -> Trace:
    """Run in a context of its own and return what was read, inside and afterwards."""
    trace: Trace = []

    def run_and_read() -> None:
        for variable in VARIABLES:
            variable.set("from the caller")
        run(trace)
        act(Read(), trace, [])

    contextvars.copy_context().run(run_and_read)
    return trace


@given(programs)
def test_nested_sync_calls_see_the_variables_that_native_awaits_would_see(
    program: tuple[Operation, ...],
) -> None:
    wanted = traced(lambda trace: asyncio.run(oracle(program, trace)))

    assert traced(lambda trace: run_sync(on_loop, program, trace)) == wanted


@given(programs)
def test_sync_calls_inside_a_running_loop_see_the_same(program: tuple[Operation, ...]) -> None:
    async def main(trace: Trace) -> None:
        run_sync(on_loop, program, trace)

    wanted = traced(lambda trace: asyncio.run(oracle(program, trace)))

    assert traced(lambda trace: asyncio.run(main(trace))) == wanted


@given(programs.map(without_awaits))
def test_sync_calls_from_functions_on_the_calling_thread_see_the_same(
    program: tuple[Operation, ...],
) -> None:
    async def main(trace: Trace) -> None:
        await call_in_caller(on_thread, program, trace)

    wanted = traced(lambda trace: asyncio.run(oracle(program, trace)))

    assert traced(lambda trace: run_sync(main, trace)) == wanted

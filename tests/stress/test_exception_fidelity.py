"""S2 against an oracle: whatever the async variant raises in a plain script, the sync call raises."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime.bridge import call_in_caller, call_in_worker, run_sync
from tests.helpers.entry_points import ASYNC_VARIANTS, ENTRY_POINTS, one_step


class OddInit(Exception):
    """Cannot be made again from its ``args``."""

    def __init__(self, code: int, *, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class Slotted(Exception):
    """Has a field outside its dictionary."""

    __slots__ = ("field",)

    def __init__(self, field: object) -> None:
        super().__init__()
        self.field = field


class EqualToAll(Exception):
    """Compares equal to anything: whoever looks for it with ``==`` finds the wrong one."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = Exception.__hash__


class Falsy(Exception):
    """Is false: whoever asks ``if error`` instead of ``is not None`` loses it."""

    def __bool__(self) -> bool:
        return False


MAKERS: dict[str, Callable[[], BaseException]] = {
    "value_error": lambda: ValueError("refused", 1),
    "key_error": lambda: KeyError("missing"),
    "runtime_error": lambda: RuntimeError("no running event loop"),
    "timeout_error": lambda: TimeoutError("mine"),
    "cancelled_error": lambda: asyncio.CancelledError("mine"),
    "system_exit": lambda: SystemExit(3),
    "keyboard_interrupt": lambda: KeyboardInterrupt("mine"),
    "generator_exit": lambda: GeneratorExit("mine"),
    "stop_async_iteration": lambda: StopAsyncIteration("mine"),
    "os_error": lambda: OSError(2, "no such file", "name"),
    "unicode_error": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
    "odd_init": lambda: OddInit(3, reason="odd"),
    "slotted": lambda: Slotted(["kept"]),
    "equal_to_all": lambda: EqualToAll("equal"),
    "falsy": lambda: Falsy("falsy"),
}


@dataclass(frozen=True)
class Plan:
    """How to raise: an exception with what hangs on it, and the number of frames it goes through."""

    maker: str
    notes: int = 0
    depth: int = 0
    again: bool = False
    cause: Plan | None = None
    context: Plan | None = None
    group: tuple[Plan, ...] = ()
    suppress: bool = False


plans: st.SearchStrategy[Plan] = st.recursive(
    st.builds(
        Plan,
        st.sampled_from(sorted(MAKERS)),
        notes=st.integers(0, 2),
        depth=st.integers(0, 2),
        again=st.booleans(),
    ),
    lambda inner: st.builds(
        Plan,
        st.sampled_from(sorted(MAKERS)),
        notes=st.integers(0, 2),
        depth=st.integers(0, 2),
        again=st.booleans(),
        cause=st.none() | inner,
        context=st.none() | inner,
        group=st.lists(inner, max_size=2).map(tuple),
        suppress=st.booleans(),
    ),
    max_leaves=5,
)


def make(plan: Plan) -> BaseException:
    """Return the exception of a plan, not raised yet."""
    error = MAKERS[plan.maker]()
    if plan.group:
        error = BaseExceptionGroup("several", [error, *(make(member) for member in plan.group)])
    for number in range(plan.notes):
        error.add_note(f"note {number}")
    return error


def raise_plan(plan: Plan, raised: list[BaseException], depth: int | None = None) -> NoReturn:
    """Raise as planned; keep the object in ``raised``."""
    if depth is None:
        depth = plan.depth
    if depth:
        raise_plan(plan, raised, depth - 1)
    error = make(plan)
    raised.append(error)
    if plan.again:
        try:
            raise error
        except BaseException:
            pass
    if plan.context is not None:
        try:
            raise_plan(plan.context, [])
        except BaseException:
            _raise(error, plan)
    _raise(error, plan)


def _raise(error: BaseException, plan: Plan) -> NoReturn:
    if plan.cause is not None:
        raise error from make(plan.cause)
    if plan.suppress:
        raise error from None
    raise error


def portrait(error: BaseException | None) -> object:
    """Describe an exception with all that hangs on it, by values that two runs can be compared by."""
    if error is None:
        return None
    members = tuple(portrait(member) for member in getattr(error, "exceptions", ()))
    return (
        type(error),
        repr(error.args) if not members else error.args[0],
        tuple(getattr(error, "__notes__", ())),
        sorted((name, repr(value)) for name, value in vars(error).items() if name != "__notes__"),
        repr(getattr(error, "field", None)),
        error.__suppress_context__,
        portrait(error.__cause__),
        portrait(error.__context__),
        frames_here(error),
        members,
    )


def frames_here(error: BaseException) -> tuple[str, ...]:
    """Return the functions of :func:`raise_plan` and below that the traceback goes through, in order."""
    names = [frame.name for frame in traceback.extract_tb(error.__traceback__) if frame.filename == __file__]
    return tuple(name for name in names if name in ("raise_plan", "_raise"))


def seen(call: Callable[[], object], raised: list[BaseException]) -> object:
    """Make a call that raises; check identity and last frame, and return the portrait."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - identity is what is tested
        call()
    assert caught.value is raised[0]
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name in ("raise_plan", "_raise")
    return portrait(caught.value)


def raise_as_it_is(error: object) -> NoReturn:
    """Raise an exception that was carried out of a loop, with the context that it had."""
    assert isinstance(error, BaseException)
    context = error.__context__
    try:
        raise error
    finally:
        error.__context__ = context


def natively(variant: str, step: Callable[..., Any], *, in_except: bool) -> Callable[[], object]:
    """Return a call of the async variant in a plain script, which is the oracle."""

    async def main() -> object:
        try:
            if not in_except:
                return await ASYNC_VARIANTS[variant](one_step("tool"), {"tools": {"act": step}})
            try:
                raise LookupError("the caller is handling this")
            except LookupError:
                return await ASYNC_VARIANTS[variant](one_step("tool"), {"tools": {"act": step}})
        except BaseException as error:
            return error

    return lambda: raise_as_it_is(asyncio.run(main()))


def by_entry_point(
    name: str, kind: str, step: Callable[..., Any], *, in_except: bool
) -> Callable[[], object]:
    """Return a call of the sync entry point, made inside an ``except`` block if so wished."""

    def call() -> object:
        return ENTRY_POINTS[name](one_step(kind), {f"{kind}s": {"act": step}})

    def call_in_except() -> object:
        try:
            raise LookupError("the caller is handling this")
        except LookupError:
            return call()

    return call_in_except if in_except else call


@pytest.mark.parametrize("in_except", [False, True], ids=["plain", "in_an_except_block"])
@pytest.mark.parametrize("kind", ["tool", "function"])
@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
@given(plan=plans)
def test_entry_point_raises_what_its_async_variant_raises(
    entry_point: str, kind: str, in_except: bool, plan: Plan
) -> None:
    wanted_raised: list[BaseException] = []
    raised: list[BaseException] = []

    async def oracle_step() -> None:
        raise_plan(plan, wanted_raised)

    async def tool() -> None:
        raise_plan(plan, raised)

    def function() -> None:
        raise_plan(plan, raised)

    step = tool if kind == "tool" else function
    wanted = seen(natively(entry_point, oracle_step, in_except=in_except), wanted_raised)
    got = seen(by_entry_point(entry_point, kind, step, in_except=in_except), raised)

    assert got == wanted


@pytest.mark.parametrize("way", ["loop", "caller", "worker", "nested", "in_a_loop"])
@given(plan=plans)
def test_bridge_raises_what_a_plain_await_raises(way: str, plan: Plan) -> None:
    wanted_raised: list[BaseException] = []
    raised: list[BaseException] = []

    async def fail() -> None:
        raise_plan(plan, raised)

    async def fail_by_way() -> None:
        if way == "caller":
            await call_in_caller(raise_plan, plan, raised)
        elif way == "worker":
            await call_in_worker(raise_plan, plan, raised)
        elif way == "nested":
            run_sync(fail)
        else:
            await fail()

    async def host() -> object:
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - identity is what is tested
            run_sync(fail_by_way)
        return caught.value

    def call() -> None:
        if way != "in_a_loop":
            run_sync(fail_by_way)
        raise_as_it_is(asyncio.run(host()))

    def oracle() -> None:
        raise_plan(plan, wanted_raised)

    assert seen(call, raised) == seen(oracle, wanted_raised)


def test_stop_iteration_of_a_function_comes_out_of_every_entry_point() -> None:
    error = StopIteration("mine")

    def step() -> NoReturn:
        raise error

    for name in ENTRY_POINTS:
        with pytest.raises(StopIteration) as caught:
            by_entry_point(name, "function", step, in_except=False)()
        assert caught.value is error


def test_stop_iteration_of_a_coroutine_becomes_what_python_makes_of_it() -> None:
    async def step() -> NoReturn:
        raise StopIteration("mine")

    for name in ENTRY_POINTS:
        with pytest.raises(RuntimeError, match="coroutine raised StopIteration") as caught:
            by_entry_point(name, "tool", step, in_except=False)()
        assert isinstance(caught.value.__cause__, StopIteration)

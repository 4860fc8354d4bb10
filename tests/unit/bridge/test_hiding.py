"""What a plain function of the work sees of its caller's host: nothing; and what that sees of it: nothing."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import signal
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

import pytest

from agent_runtime.bridge import call_in_caller, call_in_worker, iterate, run_sync
from tests.helpers.children import run_child

anyio = pytest.importorskip("anyio")
greenback = pytest.importorskip("greenback")
greenlet = pytest.importorskip("greenlet")
sniffio = pytest.importorskip("sniffio")
trio = pytest.importorskip("trio")


def library() -> str | None:
    """Return what sniffio takes the calling code for."""
    with contextlib.suppress(sniffio.AsyncLibraryNotFoundError):
        return str(sniffio.current_async_library())
    return None


def marks() -> dict[str, object]:
    """Return all that a host has written on this thread, as far as it is to be seen here."""
    loop = asyncio._get_running_loop()
    policy = asyncio.events._event_loop_policy  # type: ignore[attr-defined]
    return {
        "loop": loop,
        "task": None if loop is None else asyncio.current_task(loop),
        "current": getattr(getattr(policy, "_local", None), "_loop", None),
        "hooks": sys.get_asyncgen_hooks(),
        "trio": trio.lowlevel.current_task() if trio.lowlevel.in_trio_task() else None,
        "library": library(),
        "SIGINT": signal.getsignal(signal.SIGINT),
        "tracer": greenlet.gettrace(),
    }


def own_run(kind: str) -> str:
    """Do what sync facades do: run a loop of one's own, by one of the ways that there are."""

    async def asynchronously() -> str:
        await anyio.sleep(0)
        return kind

    async def on_trio() -> str:
        await trio.sleep(0)
        return kind

    if kind == "current loop":
        try:
            loop = asyncio.get_event_loop()
        except RuntimeError:
            loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(asynchronously())
        finally:
            loop.close()
            asyncio.set_event_loop(None)
    if kind == "asyncio.run":
        return asyncio.run(asynchronously())
    if kind == "run_sync":
        return run_sync(asynchronously)
    return str(trio.run(on_trio) if kind == "trio.run" else anyio.run(asynchronously, backend=kind))


KINDS = ("current loop", "asyncio.run", "run_sync", "asyncio", "trio", "trio.run")


def all_own_runs() -> list[str]:
    """Run each kind in a plain function of a call, and see that nothing of it is left."""
    before, seen = marks(), []
    for kind in KINDS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of trio: another run watches signals; of 3.12: a loop is made
            seen.append(run_sync(call_in_caller, own_run, kind))
        assert marks() == before
    return seen


async def the_runs() -> list[str]:
    return all_own_runs()


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(lambda: asyncio.run(the_runs()), id="asyncio_run"),
        pytest.param(lambda: trio.run(the_runs), id="trio_run"),
        pytest.param(lambda: anyio.run(the_runs, backend="asyncio"), id="anyio_on_asyncio"),
        pytest.param(lambda: anyio.run(the_runs, backend="trio"), id="anyio_on_trio"),
    ],
)
def test_a_plain_function_can_run_loops_of_its_own_inside_any_host(run: Callable[[], list[str]]) -> None:
    assert run() == list(KINDS)


def test_a_plain_function_finds_the_current_loop_that_the_one_before_has_set() -> None:
    async def main() -> bool:
        before, own = marks(), asyncio.new_event_loop()
        try:
            run_sync(call_in_caller, asyncio.set_event_loop, own)
            found = run_sync(call_in_caller, asyncio.get_event_loop)
            run_sync(call_in_caller, asyncio.set_event_loop, None)
        finally:
            own.close()
        assert marks() == before
        return found is own

    assert asyncio.run(main())


async def of_anyio() -> tuple[str | None, int]:
    """Do what clients over anyio do; return the library, and what a thread gave."""
    event = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 0)
        event.set()
        await event.wait()
    return library(), await anyio.to_thread.run_sync(lambda: 42)


async def many_of_anyio() -> AsyncIterator[tuple[str | None, int]]:
    for _ in range(2):
        yield await of_anyio()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_work_is_on_asyncio_for_sniffio_whatever_anyio_runs_on(backend: str) -> None:
    right = ("asyncio", 42)

    async def main() -> None:
        given = contextvars.copy_context()

        assert run_sync(of_anyio) == right
        assert run_sync(of_anyio, context=given) == right
        assert list(iterate(many_of_anyio())) == [right, right]
        assert list(iterate(many_of_anyio(), context=given)) == [right, right]
        assert run_sync(call_in_worker, library) is None
        assert run_sync(call_in_caller, library) is None
        if backend == "trio":
            assert run_sync(of_anyio, strategy="direct") == right
        assert given[sniffio.current_async_library_cvar] == library() == backend

    anyio.run(main, backend=backend)


class Host:
    """A loop that awaits what greenlets of its tasks hand to it, and looks at itself meanwhile."""

    def __init__(self) -> None:
        self.strange: list[dict[str, object]] = []

    async def run(self, function: Callable[[], object]) -> object:
        """Call a plain function in a greenlet, as SQLAlchemy's ``run_sync()`` does."""
        here = greenlet.getcurrent()
        child = greenlet.greenlet(function, here)
        child.gr_context = here.gr_context
        handed = child.switch()
        while not child.dead:
            before = self.look()
            await handed
            handed = child.switch()
            self.compare(before)
        return handed

    def look(self) -> dict[str, object]:
        seen = marks()
        del seen["tracer"]
        return seen

    def compare(self, before: dict[str, object]) -> None:
        now = self.look()
        if now != before:
            self.strange.append({name: (was, now[name]) for name, was in before.items() if now[name] != was})


def switch(awaitable: Coroutine[Any, Any, object]) -> None:
    """Hand something to the greenlet that has started this one; be back when it has been awaited."""
    greenlet.getcurrent().parent.switch(awaitable)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_calls_of_several_greenlets_overlap_in_any_order_and_the_host_notices_nothing(
    order: tuple[int, ...],
) -> None:
    host = Host()

    def calling(turn: int) -> object:
        gates = [asyncio.sleep(0.005 * turn), asyncio.sleep(0.005 * turn)]
        return run_sync(call_in_caller, plain, gates)

    def plain(gates: Sequence[Coroutine[Any, Any, object]]) -> list[object]:
        seen: list[object] = []
        for gate in gates:
            seen.append(asyncio._get_running_loop())
            switch(gate)
        return seen

    async def other() -> str:
        for _ in range(20):
            await asyncio.sleep(0.001)
            assert asyncio.current_task() is not None
        return "went on"

    async def main() -> list[object]:
        before = marks()
        calls = [host.run(lambda turn=turn: calling(turn)) for turn in order]  # type: ignore[misc]
        results = await asyncio.gather(other(), *calls)
        assert marks() == before
        return list(results)

    assert asyncio.run(main()) == ["went on", [None, None], [None, None], [None, None]]
    assert host.strange == []


def test_a_greenlet_that_a_plain_function_starts_is_part_of_it_and_an_older_one_is_not() -> None:
    seen: dict[str, object] = {}

    def older() -> None:
        greenlet.getcurrent().parent.switch()
        seen["older"] = asyncio._get_running_loop()

    def younger() -> None:
        seen["younger"] = asyncio._get_running_loop()
        greenlet.getcurrent().parent.switch()
        seen["younger again"] = asyncio._get_running_loop()

    async def main() -> asyncio.AbstractEventLoop:
        of_the_host = greenlet.greenlet(older)
        of_the_host.switch()

        def plain() -> None:
            of_the_function = greenlet.greenlet(younger)
            of_the_function.switch()
            of_the_host.switch()
            of_the_function.switch()

        run_sync(call_in_caller, plain)
        return asyncio.get_running_loop()

    loop = asyncio.run(main())

    assert seen == {"younger": None, "older": loop, "younger again": None}


def test_somebodys_own_tracer_of_greenlets_is_told_of_all_and_stays() -> None:
    told = []

    def tracer(event: str, _greenlets: object) -> None:
        told.append(event)

    def plain() -> object:
        greenlet.greenlet(int).switch()
        return greenlet.gettrace()

    async def main() -> object:
        return run_sync(call_in_caller, plain)

    greenlet.settrace(tracer)
    try:
        during = asyncio.run(main())
        assert greenlet.gettrace() is tracer
    finally:
        greenlet.settrace(None)

    assert during is not tracer
    assert told == ["switch", "switch"]


def test_a_call_in_a_greenlet_of_sqlalchemy_suspends_its_task() -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy.util.concurrency")

    async def answer() -> str:
        return "the host's loop goes on"

    async def main() -> tuple[object, object]:
        host = asyncio.get_running_loop()

        async def ask() -> str:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(answer(), host))

        def nested() -> str:
            return run_sync(ask)

        suspended = await sqlalchemy.greenlet_spawn(run_sync, ask)
        return suspended, await sqlalchemy.greenlet_spawn(run_sync, call_in_caller, nested)

    assert asyncio.run(main()) == ("the host's loop goes on", "the host's loop goes on")


SESSIONS = """
import asyncio, signal
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from agent_runtime import run_workflow

W = 'name: w\\nsteps:\\n  - {id: a, function: f}\\noutputs: {x: "${steps.a.output}"}\\n'

def report(session):
    def count():
        return session.execute(text("select 41 + 1")).scalar()
    return run_workflow(W, functions={"f": count}).outputs["x"]

async def other():
    for _ in range(20):
        await asyncio.sleep(.001)
    return asyncio.current_task() is not None

async def one(engine):
    async with AsyncSession(engine) as session:
        return await session.run_sync(report)

async def main():
    engine = create_async_engine("sqlite+aiosqlite:///:memory:")
    before = signal.getsignal(signal.SIGINT)
    print(await asyncio.gather(other(), *(one(engine) for _ in range(3))))
    print(signal.getsignal(signal.SIGINT) is before)
    await engine.dispose()

asyncio.run(main())
"""


def test_steps_use_the_session_whose_run_sync_has_called_and_other_tasks_go_on() -> None:
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("aiosqlite")

    child = run_child(SESSIONS, limit=30)

    assert child.check().lines == ["[True, 42, 42, 42]", "True"]
    assert child.stderr == ""


async def failing() -> None:
    await asyncio.sleep(0)
    raise KeyError("inside")


def plain_with_greenback() -> list[object]:
    seen: list[object] = []
    for _ in range(2):
        seen += [library(), greenback.await_(asyncio.sleep(0.001, "awaited"))]
    with pytest.raises(KeyError, match="inside"):
        greenback.await_(failing())
    with pytest.raises(TypeError):
        greenback.await_(3)
    return [*seen, library(), own_run("asyncio.run"), library()]


def test_plain_functions_in_tasks_of_greenback_can_await_and_see_no_host_else() -> None:
    async def one() -> object:
        await greenback.ensure_portal()
        before = marks()
        seen = run_sync(call_in_caller, plain_with_greenback)
        now = marks()
        assert {**now, "tracer": None} == {**before, "tracer": None}
        return seen

    async def main() -> list[object]:
        return await asyncio.gather(*(one() for _ in range(3)))

    right = [None, "awaited", None, "awaited", None, "asyncio.run", None]
    assert asyncio.run(main()) == [right, right, right]
    assert (greenlet.gettrace(), sys.getprofile()) == (None, None)


def test_plain_functions_in_tasks_of_trio_can_await_through_greenback() -> None:
    async def awaited() -> str:
        await trio.sleep(0)
        return "awaited"

    def plain() -> tuple[object, ...]:
        return library(), greenback.await_(awaited()), library()

    async def main() -> object:
        await greenback.ensure_portal()
        return run_sync(call_in_caller, plain)

    assert trio.run(main) == (None, "awaited", None)

"""run_async(): the awaitable way into a bridge's loop, from asyncio, uvloop and trio."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
import pytest
import trio

from agent_runtime.bridge import Bridge, call_in_caller, run_async, run_sync
from agent_runtime.errors import BridgeClosedError, ContextInUseError, NoCallerError
from tests.helpers.children import run_child
from tests.helpers.freeing import let_owners_free
from tests.helpers.work import Work, fail, give

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="unset")

Main = Callable[[], Coroutine[Any, Any, object]]


def on_uvloop(main: Main) -> object:
    uvloop = pytest.importorskip("uvloop")
    return uvloop.run(main())


HOSTS = [
    pytest.param(lambda main: asyncio.run(main()), id="asyncio"),
    pytest.param(on_uvloop, id="uvloop"),
    pytest.param(trio.run, id="trio"),
    pytest.param(lambda main: anyio.run(main, backend="trio"), id="anyio_on_trio"),
    pytest.param(run_sync, id="own_loop"),
]
Host = Callable[[Main], object]


async def loop_of_bridge() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


@pytest.mark.parametrize("host", HOSTS)
def test_it_returns_what_the_work_returns_on_the_loop_of_the_bridge(host: Host) -> None:
    async def main() -> object:
        return await run_async(loop_of_bridge)

    assert host(main) is run_sync(loop_of_bridge)


@pytest.mark.parametrize("host", HOSTS)
def test_it_raises_the_very_object(host: Host) -> None:
    error = KeyError("k")

    async def main() -> object:
        try:
            await run_async(fail, error)
        except KeyError as raised:
            return raised
        return None

    assert host(main) is error


@pytest.mark.parametrize("error", [SystemExit(3), TimeoutError(), ExceptionGroup("g", [OSError()])])
def test_whatever_the_work_raises_comes_out(error: BaseException) -> None:
    async def main() -> object:
        try:
            await run_async(fail, error)
        except BaseException as raised:
            return raised
        return None

    assert asyncio.run(main()) is error


@pytest.mark.parametrize("host", HOSTS)
def test_the_work_sees_the_context_variables_and_keeps_its_changes(host: Host) -> None:
    async def work() -> str:
        seen = request_id.get()
        request_id.set("of the work")
        return seen

    async def main() -> object:
        request_id.set("r-1")
        return await run_async(work), request_id.get()

    assert host(main) == ("r-1", "r-1")


def test_a_given_context_has_the_changes_afterwards() -> None:
    async def work() -> None:
        request_id.set("of the work")

    async def main() -> None:
        context = contextvars.copy_context()
        await run_async(work, context=context)
        assert context[request_id] == "of the work"
        with pytest.raises(ContextInUseError):
            await asyncio.create_task(run_async(work, context=context), context=context)

    asyncio.run(main())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_awaiting_loop_goes_on(backend: str) -> None:
    async def main() -> object:
        gate = anyio.Event()
        ours = threading.Event()
        results: list[object] = []

        async def wait_for_gate() -> None:
            results.append(await run_async(wait_in_thread, ours))

        async with anyio.create_task_group() as group:
            group.start_soon(wait_for_gate)
            await anyio.sleep(0.005)
            gate.set()
            ours.set()
        return results

    async def wait_in_thread(event: threading.Event) -> bool:
        return await asyncio.to_thread(event.wait, 10)

    assert anyio.run(main, backend=backend) == [True]


@pytest.mark.parametrize("host", HOSTS)
def test_a_hundred_tasks_await_at_once(host: Host) -> None:
    async def main() -> object:
        results: list[object] = []

        async def one(number: int) -> None:
            results.append(await run_async(give, number))

        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(one, number)
        return sorted(results, key=lambda value: int(str(value)))

    assert host(main) == list(range(100))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_closing_the_bridge_meanwhile_is_told(backend: str) -> None:
    async def main(work: Work) -> None:
        bridge = Bridge(name="mine")

        async def close() -> None:
            await anyio.to_thread.run_sync(work.begun.wait, 10)
            await anyio.to_thread.run_sync(bridge.close)

        async with anyio.create_task_group() as group:
            group.start_soon(close)
            with pytest.raises(BridgeClosedError, match="mine"):
                await bridge.run_async(work)
        assert work.cleaned_up.is_set()
        with pytest.raises(BridgeClosedError):
            await bridge.run_async(give, 1)

    anyio.run(main, Work(), backend=backend)


def test_inside_a_sync_call_functions_are_sent_to_its_caller() -> None:
    async def ask() -> int:
        return await call_in_caller(threading.get_ident)

    async def through_another_bridge() -> int:
        return await other.run_async(ask)

    async def on_the_same_loop() -> int:
        return await run_async(ask)

    with Bridge() as other:
        assert run_sync(through_another_bridge) == threading.get_ident()
        assert run_sync(on_the_same_loop) == threading.get_ident()


def test_outside_a_sync_call_there_is_no_caller() -> None:
    async def ask() -> None:
        await call_in_caller(print)

    with pytest.raises(NoCallerError):
        asyncio.run(run_async(ask))


def test_work_of_two_bridges_can_await_each_other_and_call_each_other() -> None:
    async def there() -> object:
        return run_sync(back)

    async def back() -> object:
        return await other.run_async(give, "there and back")

    async def main() -> object:
        return await other.run_async(there)

    with Bridge() as other:
        assert run_sync(main, timeout=10) == "there and back"
        assert asyncio.run(main()) == "there and back"


def test_nothing_keeps_results_and_exceptions() -> None:
    class Value:
        pass

    async def raise_with_locals() -> None:
        local = Value()
        kept.append(weakref.ref(local))
        await asyncio.sleep(0)
        raise KeyError

    async def return_value() -> Value:
        value = Value()
        kept.append(weakref.ref(value))
        return value

    async def main() -> list[Value | None]:
        with pytest.raises(KeyError):
            await run_async(raise_with_locals)
        await run_async(return_value)
        let_owners_free(lambda: not any(ref() for ref in kept))
        return [ref() for ref in kept]

    kept: list[weakref.ref[Value]] = []
    gc.disable()
    try:
        assert asyncio.run(main()) == [None, None]
    finally:
        gc.enable()


def test_what_no_loop_drives_is_refused() -> None:
    coroutine: Awaitable[object] = run_async(give, 1)

    with pytest.raises(RuntimeError, match=r"run_sync\(\)"):
        coroutine.__await__().__next__()
    with pytest.raises(TypeError, match=r"run_async\(\) got a coroutine"):
        asyncio.run(run_async(give(1)))  # type: ignore[arg-type]


NO_THREADS = """
import _thread, asyncio
def refuse(*args): raise RuntimeError("can't start new thread")
_thread.start_new_thread = refuse
from agent_runtime.bridge import run_async
from agent_runtime.errors import NoThreadError
import trio

async def short(value):
    try: await asyncio.sleep(value); return value
    finally: print("cleaned up")
async def host():
    print(await run_async(short, 0))
    try: await asyncio.wait_for(run_async(short, 10), 0.05)
    except TimeoutError: print("timed out")

asyncio.run(host())
try: trio.run(run_async, short, 0)
except NoThreadError as error: print(error)
"""


def test_where_no_thread_can_start_the_work_runs_on_the_awaiting_loop() -> None:
    done = run_child(NO_THREADS).check()

    assert done.lines[:4] == ["cleaned up", "0", "cleaned up", "timed out"]
    assert done.lines[4].startswith("run_async() needs a thread")


def test_nothing_is_imported_that_the_host_has_not() -> None:
    done = run_child(
        """
        import asyncio, sys
        from agent_runtime.bridge import run_async
        asyncio.run(run_async(asyncio.sleep, 0))
        print(sorted({"anyio", "trio", "sniffio", "greenlet", "greenback"} & set(sys.modules)))
        """
    ).check()

    assert done.lines == ["[]"]
    assert "trio" in sys.modules

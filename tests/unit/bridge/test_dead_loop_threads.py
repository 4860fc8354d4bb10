"""S11: whatever ends a loop thread, its callers are told, and the next call starts another one."""

from __future__ import annotations

import textwrap

import pytest

from tests.helpers.children import run_child

COMMON = """
import asyncio, ctypes, faulthandler, sys, threading
from agent_runtime.bridge import Bridge, call_in_worker, enter, iterate, run_sync
from agent_runtime.errors import LoopThreadDiedError
faulthandler.dump_traceback_later(15, exit=True)

def fail_from_now_on(error=MemoryError):
    def fail(): raise error("no room")
    asyncio.get_running_loop()._run_once = fail

def fail_once(error=MemoryError):
    loop = asyncio.get_running_loop()
    def fail():
        del loop._run_once
        raise error("no room")
    loop._run_once = fail

async def die(how):
    how()
    await asyncio.Event().wait()

def told(fn, *args):
    try:
        return fn(*args)
    except LoopThreadDiedError as error:
        return f"died of {error.reason}: {type(error.__cause__).__name__}"

def well(run=run_sync): return run(asyncio.sleep, 0, "well", on_running_loop="allow")
"""


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        pytest.param(
            "print(told(run_sync, die, fail_once), well())",
            "died of MemoryError: MemoryError well",
            id="once",
        ),
        pytest.param(
            """
            class Odd(BaseException): pass
            print(told(run_sync, die, lambda: fail_once(Odd)), well())
            """,
            "died of Odd: Odd well",
            id="no_ordinary_exception",
        ),
        pytest.param(
            """
            cleaned = []
            async def clean_up():
                try:
                    await die(fail_once)
                finally:
                    await asyncio.sleep(0.01)
                    cleaned.append("cleaned up")
            print(told(run_sync, clean_up), cleaned, well())
            """,
            "died of MemoryError: MemoryError ['cleaned up'] well",
            id="cleanup_is_awaited",
        ),
        pytest.param(
            """
            others, begun = [], threading.Barrier(4)
            async def wait():
                await call_in_worker(begun.wait)
                await asyncio.Event().wait()
            def call(): others.append(told(run_sync, wait))
            threads = [threading.Thread(target=call) for _ in range(3)]
            for thread in threads: thread.start()
            begun.wait()
            print(told(run_sync, die, fail_once), well())
            for thread in threads: thread.join()
            print(set(others))
            """,
            "died of MemoryError: MemoryError well {'died of MemoryError: MemoryError'}",
            id="callers_on_other_threads",
        ),
        pytest.param(
            """
            async def numbers():
                yield 1
                await die(fail_once)
            items = iterate(numbers())
            print(next(items), told(next, items), well())
            """,
            "1 died of MemoryError: MemoryError well",
            id="stream",
        ),
        pytest.param(
            """
            with Bridge() as bridge:
                print(told(bridge.submit(die, fail_once).result), well(bridge.run_sync))
            """,
            "died of MemoryError: MemoryError well",
            id="future",
        ),
        pytest.param(
            """
            async def main():
                with Bridge() as bridge:
                    try:
                        await bridge.run_async(die, fail_once)
                    except LoopThreadDiedError as error:
                        return f"died of {error.reason}", await bridge.run_async(asyncio.sleep, 0, "well")
            print(*asyncio.run(main()))
            """,
            "died of MemoryError well",
            id="awaited_from_another_loop",
        ),
        pytest.param(
            """
            async def ident(): return threading.get_ident()
            thread = ctypes.c_ulong(run_sync(ident))
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(InterruptedError))
            print(told(well), well())
            """,
            "died of InterruptedError: InterruptedError well",
            id="exception_injected_while_idle",
        ),
        pytest.param(
            """
            async def stop():
                asyncio.get_running_loop().stop()
                await asyncio.sleep(0.01)
                return "went on"
            print(run_sync(stop), well())
            """,
            "went on well",
            id="stopped_by_a_step",
        ),
        pytest.param(
            """
            def closed():
                loop = asyncio.new_event_loop()
                loop.close()
                return loop
            with Bridge(loop_factory=closed) as bridge:
                print(told(well, bridge.run_sync), told(well, bridge.run_sync), well())
            """,
            "died of RuntimeError: RuntimeError died of RuntimeError: RuntimeError well",
            id="factory_of_closed_loops",
        ),
        pytest.param(
            """
            async def host():
                loop = asyncio.get_running_loop()
                with Bridge(loop_factory=lambda: loop) as bridge:
                    print(told(well, bridge.run_sync), well())
                return await asyncio.sleep(0.01, "the host goes on")
            print(asyncio.run(host()))
            """,
            "died of RuntimeError: RuntimeError well the host goes on",
            id="factory_of_the_hosts_running_loop",
        ),
        pytest.param(
            """
            stale = asyncio.new_event_loop()
            def mark(*event):
                sys.settrace(None)
                asyncio._set_running_loop(stale)
            threading.settrace(mark)
            print(well())
            threading.settrace(None)
            stale.close()
            """,
            "well",
            id="mark_of_a_loop_that_runs_elsewhere",
        ),
        pytest.param(
            """
            def trace(*event): raise LookupError("a debugger's own mistake")
            threading.settrace(trace)
            print(well())
            threading.settrace(None)
            """,
            "well",
            id="trace_function_that_raises",
        ),
    ],
)
def test_callers_of_a_loop_thread_that_dies_are_told_and_the_next_call_works(
    situation: str, expected: str
) -> None:
    child = run_child(COMMON + textwrap.dedent(situation))

    assert " ".join(child.check().lines) == expected


def test_a_loop_that_fails_for_good_is_left_behind() -> None:
    child = run_child(COMMON + "print(told(run_sync, die, fail_from_now_on), well())")

    assert child.lines == ["died of MemoryError: MemoryError well"]
    assert child.returncode == 0
    assert "was never awaited" not in child.stderr

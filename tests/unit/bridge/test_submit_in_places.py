"""submit() inside calls, on loop threads, and when bridge, process or the parent of a fork end."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Awaitable, Callable

import pytest

from agent_runtime.bridge import Bridge, call_in_caller, call_in_worker, run_sync, submit
from agent_runtime.errors import BridgeClosedError, CircularWaitError, NoCallerError
from tests.helpers.children import run_child
from tests.helpers.work import Work, give


def test_submitted_work_has_no_caller_and_is_told_so() -> None:
    async def ask() -> None:
        await call_in_caller(print)

    async def submits() -> concurrent.futures.Future[None]:
        return submit(ask)

    for future in (submit(ask), run_sync(submits)):
        with pytest.raises(NoCallerError, match="call_in_worker"):
            future.result(10)


def test_submitted_work_can_use_worker_threads() -> None:
    async def ask() -> int:
        return await call_in_worker(threading.get_ident)

    assert submit(ask).result(10) not in (threading.get_ident(), run_sync(ident_of_loop_thread))


async def ident_of_loop_thread() -> int:
    return threading.get_ident()


def test_work_outlives_the_call_that_submitted_it() -> None:
    work = Work()

    async def begin() -> concurrent.futures.Future[str]:
        return submit(work)

    future = run_sync(begin)
    assert work.begun.wait(10)
    work.go_on()
    assert future.result(10) == "done"


def test_waiting_on_the_loop_thread_for_its_own_work_is_refused() -> None:
    async def wait_there() -> None:
        future = submit(give, 1)
        with pytest.raises(TimeoutError):
            future.result(0)  # asks, and does not wait
        try:
            future.result()
        finally:
            assert await asyncio.wrap_future(future) == 1

    with pytest.raises(CircularWaitError, match=r"asyncio\.wrap_future"):
        run_sync(wait_there, timeout=10)


def test_waiting_is_refused_where_the_loop_of_the_work_waits_for_this_thread() -> None:
    async def outer() -> object:
        return other.run_sync(inner, future)

    async def inner(pending: concurrent.futures.Future[object]) -> object:
        try:
            return pending.result()
        except CircularWaitError:
            return "refused"

    async def wait_for(value: Callable[[], Awaitable[object]]) -> object:
        return await value()

    work = Work()
    future: concurrent.futures.Future[object] = submit(wait_for, work)
    assert work.begun.wait(10)
    with Bridge() as other:
        assert run_sync(outer, timeout=10, on_running_loop="allow") == "refused"
    work.go_on()
    assert future.result(10) == "done"


def test_blocking_another_bridges_thread_for_a_future_leaves_it_reachable() -> None:
    async def outer() -> object:
        return submit(calls_back).result(10)

    async def calls_back() -> object:
        return other.run_sync(give, "served")

    with Bridge() as other:
        assert other.run_sync(outer, timeout=10) == "served"


def test_closing_the_bridge_settles_its_futures() -> None:
    work, begun, free = Work(), threading.Event(), threading.Event()

    async def hold() -> None:
        begun.set()
        free.wait(10)

    bridge = Bridge(name="mine")
    future, blocking = bridge.submit(work), bridge.submit(hold)
    assert work.begun.wait(10)
    assert begun.wait(10)
    not_begun = bridge.submit(give, 1)
    closing = threading.Thread(target=bridge.close)
    closing.start()
    with pytest.raises(BridgeClosedError, match="mine"):
        not_begun.result(10)
    free.set()
    closing.join(10)

    for one in (future, not_begun):
        with pytest.raises(BridgeClosedError, match="mine"):
            one.result(10)
    assert work.cleaned_up.is_set()
    assert blocking.done()
    with pytest.raises(BridgeClosedError):
        bridge.submit(give, 1)


FORKED = """
import asyncio, concurrent.futures, os
from agent_runtime.bridge import run_sync, submit
from agent_runtime.errors import ForkedCallError

async def long(): await asyncio.sleep(0.3); return "parent"
async def short(): return "child"

called = []
future = submit(long)
future.add_done_callback(lambda done: called.append(os.getpid()))
pid = os.fork()
if pid == 0:
    done = concurrent.futures.wait([future], 10).done
    assert done == {future}
    try:
        future.result(10)
    except ForkedCallError as error:
        print(error.what, submit(short).result(10), called, flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print(future.result(10))
run_sync(short)
print(called == [os.getpid()])
"""


def test_a_forked_child_is_told_that_the_work_is_its_parents() -> None:
    done = run_child(FORKED)

    assert done.stdout.split("\n")[:3] == ["long child []", "parent", "True"], done.stderr


ENDING = """
import asyncio, atexit, threading
from agent_runtime.bridge import submit

async def forever(): await asyncio.Event().wait()
async def blocks(): threading.Event().wait()
async def short(): return "done at exit"

def older():
    try:
        print(type(future.exception(10)).__name__)
    except BaseException as error:
        print(type(error).__name__)
    print(submit(short).result(10))

atexit.register(older)
future = submit(forever)
if BLOCKS:
    blocking = submit(blocks)
    atexit.register(lambda: None)
"""


@pytest.mark.parametrize("blocks", [False, True])
def test_the_end_of_the_process_settles_futures_and_late_work_is_done(blocks: bool) -> None:
    done = run_child(ENDING.replace("BLOCKS", str(blocks)))

    assert done.stdout.splitlines() == ["BridgeClosedError", "done at exit"], done.stderr
    assert (done.returncode, done.stderr) == (0, "")


NO_THREADS = """
import _thread, asyncio
def refuse(*args): raise RuntimeError("can't start new thread")
_thread.start_new_thread = refuse
from agent_runtime.bridge import submit
from agent_runtime.errors import NoThreadError

async def short(value): await asyncio.sleep(0); return value
async def fail(): raise KeyError("k")
async def in_loop():
    try: submit(short, 1)
    except NoThreadError as error: print(error)

print(submit(short, 1).result(), repr(submit(fail).exception()))
asyncio.run(in_loop())
"""


def test_where_no_thread_can_start_the_work_is_done_on_the_calling_thread() -> None:
    done = run_child(NO_THREADS)

    assert done.stdout.splitlines()[0] == "1 KeyError('k')", done.stderr
    assert "submit() needs a thread" in done.stdout
    assert "`await short(...)`" in done.stdout


def test_failure_of_work_that_is_done_on_this_thread_has_nothing_hung_on_it() -> None:
    child = run_child(
        """
        import _thread
        from agent_runtime.bridge import submit

        def refuse(*args):
            raise RuntimeError("can't start new thread")

        async def fail():
            raise KeyError("mine")

        _thread.start_new_thread = refuse
        error = submit(fail).exception()
        print(repr(error), error.__context__, error.__cause__)
        """
    )

    assert child.check().lines == ["KeyError('mine') None None"]

"""The executor of the bridge's loops, host names and child processes, wherever a process may be."""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import pytest

from agent_runtime.bridge import Bridge, run_sync
from agent_runtime.bridge.workers import WorkerPool
from agent_runtime.outcomes import Outcome
from tests.helpers.children import run_child

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="fork, policies and greenlets of POSIX")

WORK = """
import asyncio, atexit, os, sys, threading
async def work():
    loop = asyncio.get_running_loop()
    assert await loop.getaddrinfo("localhost", 80)
    return await asyncio.to_thread(lambda: "worked")
async def child():
    process = await asyncio.create_subprocess_exec(sys.executable, "-S", "-c", "print('worked')", stdout=-1)
    return (await process.communicate())[0].decode().strip()
async def refuse():
    process = await asyncio.create_subprocess_exec("/no/such/program")
def say(fn=work):
    print(run_sync(fn), flush=True)
"""
BRIDGE = "from agent_runtime.bridge import run_sync, Bridge\n"
GEVENT = "from gevent import monkey; monkey.patch_all()\n"
EVENTLET = """
import os, warnings
os.environ["EVENTLET_NO_GREENDNS"] = "yes"  # with dnspython, httpx and trio it fails otherwise
warnings.simplefilter("ignore")
import eventlet
eventlet.monkey_patch()
"""


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("atexit.register(say)", id="first_call_in_exit_hook"),
        pytest.param("atexit.register(say); run_sync(asyncio.sleep, 0)", id="older_exit_hook"),
        pytest.param("run_sync(asyncio.sleep, 0); atexit.register(say)", id="younger_exit_hook"),
        pytest.param(
            """
            def late():
                threading.main_thread().join()
                say()
            threading.Thread(target=late).start()
            """,
            id="late_thread",
        ),
        pytest.param(
            """
            bridge = Bridge(loop_factory=asyncio.SelectorEventLoop)
            bridge.run_sync(asyncio.sleep, 0)
            atexit.register(lambda: print(bridge.run_sync(work)))
            """,
            id="loop_of_somebody_elses_make",
        ),
    ],
)
def test_executor_works_at_the_end_of_the_process(program: str) -> None:
    child = run_child(BRIDGE + WORK + textwrap.dedent(program))

    assert child.check().lines == ["worked"]


@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="no thread starts at the end of CPython 3.12")
@pytest.mark.parametrize(
    "call",
    [
        pytest.param("run_sync(nested, 1)", id="nested"),
        pytest.param("run_sync(nested, 5)", id="nested_deeply"),
        pytest.param("asyncio.run(nested(1))", id="in_a_loop_of_the_hook"),
    ],
)
def test_call_in_async_code_of_an_older_exit_hook_works(call: str) -> None:
    program = f"""
        async def nested(depth):
            return run_sync(nested, depth - 1) if depth else await work()
        atexit.register(lambda: print({call}))
        run_sync(asyncio.sleep, 0)
    """

    child = run_child(BRIDGE + WORK + textwrap.dedent(program))

    assert child.check().lines == ["worked"]


@posix_only
@pytest.mark.parametrize(
    "library", [pytest.param(GEVENT, id="gevent"), pytest.param(EVENTLET, id="eventlet")]
)
@pytest.mark.parametrize("order", ["patches_first", "bridge_first"])
def test_executor_names_and_children_work_in_a_patched_process(library: str, order: str) -> None:
    if find_spec("gevent" if library is GEVENT else "eventlet") is None:
        pytest.skip("the library is not installed")
    first = library + BRIDGE if order == "patches_first" else BRIDGE + library
    program = """
        say()
        say(child)
        try: run_sync(refuse)
        except FileNotFoundError: print("refused")
        try: run_sync(asyncio.sleep, 60, timeout=0.01)
        except TimeoutError: print("ended in time")
    """

    child = run_child(first + WORK + textwrap.dedent(program))

    assert child.check().lines == ["worked", "worked", "refused", "ended in time"]


@posix_only
@pytest.mark.parametrize(
    "loop", ["Bridge()", "Bridge(loop_factory=uvloop.new_event_loop)"], ids=["own", "uvloop"]
)
def test_policy_of_another_library_does_not_reach_the_loop(loop: str) -> None:
    pytest.importorskip("uvloop")
    program = f"""
        import uvloop, warnings
        warnings.simplefilter("ignore")
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        with {loop} as bridge:
            print(bridge.run_sync(child), bridge.run_sync(work))
    """

    child = run_child(BRIDGE + WORK + textwrap.dedent(program))

    assert child.check().lines == ["worked worked"]


def test_calls_in_threads_of_the_executor_never_wait_for_a_place_that_they_hold() -> None:
    def count(depth: int) -> int:
        async def below() -> int:
            width = 2 * (os.cpu_count() or 1) + 10 if depth else 1
            counts = (asyncio.to_thread(count, depth - 1) for _ in range(width if depth > 0 else 0))
            return 1 + sum(await asyncio.gather(*counts))

        return run_sync(below)

    width = 2 * (os.cpu_count() or 1) + 10

    assert count(2) == 1 + width + width * width


def test_exception_of_a_function_in_a_thread_is_the_object_itself() -> None:
    error = KeyError("mine")

    def fail() -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        run_sync(asyncio.to_thread, fail)

    assert caught.value is error


def test_stop_iteration_of_a_function_in_a_thread_arrives_as_a_runtime_error() -> None:
    with pytest.raises(RuntimeError) as caught:
        run_sync(asyncio.to_thread, next, iter(()))

    assert isinstance(caught.value.__cause__, StopIteration)


def test_executor_that_a_step_sets_is_used_and_shut_down() -> None:
    async def name() -> str:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1, thread_name_prefix="mine"))
        return await asyncio.to_thread(lambda: threading.current_thread().name)

    with Bridge() as bridge:
        assert bridge.run_sync(name) == "mine_0"


def test_closing_a_bridge_ends_the_threads_of_its_executor() -> None:
    threads: list[threading.Thread] = []
    with Bridge() as bridge:
        bridge.run_sync(asyncio.to_thread, lambda: threads.append(threading.current_thread()))

    assert not set(threads) & set(threading.enumerate())


@posix_only
def test_child_forked_in_a_thread_of_the_executor_ends_with_its_function() -> None:
    program = """
        def fork():
            return os.fork()
        pid = run_sync(asyncio.to_thread, fork)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """

    child = run_child(BRIDGE + WORK + textwrap.dedent(program), options=("-W", "ignore::DeprecationWarning"))

    assert child.check().lines == ["0"]


class _Job:
    """A function for a pool whose threads cannot start, or must wait."""

    def __init__(self, fn: Callable[[], object]) -> None:
        self._fn = fn
        self.done = threading.Event()

    def run(self) -> Outcome[object]:
        return Outcome(self._fn())

    def report(self, outcome: Outcome[object]) -> None:
        del outcome
        self.done.set()


def test_pool_runs_as_many_functions_at_once_as_asyncio_does_and_all_in_the_end() -> None:
    pool, here = WorkerPool(), threading.Semaphore(0)
    go_on, limit = threading.Event(), min(32, (os.cpu_count() or 1) + 4)

    def work() -> None:
        here.release()
        go_on.wait(10)

    jobs = [_Job(work) for _ in range(limit + 5)]
    for job in jobs:
        pool.submit(job)
    began = [here.acquire(timeout=10) for _ in range(limit)]
    one_more = here.acquire(blocking=False)
    go_on.set()

    assert all(began)
    assert not one_more
    assert all(job.done.wait(10) for job in jobs)


def test_function_runs_on_the_submitting_thread_where_none_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("_thread.start_new_thread", refuse)
    threads: list[int] = []

    WorkerPool().submit(_Job(lambda: threads.append(threading.get_ident())))

    assert threads == [threading.get_ident()]

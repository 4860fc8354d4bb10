"""Forks, the end of the process, and places where no thread can start: each in a process of its own."""

from __future__ import annotations

import os
import sys
import textwrap

import pytest

from tests.helpers.children import run_child

COMMON = """
import asyncio, atexit, os, sys, threading, time, warnings
from agent_runtime.bridge import call_in_caller, call_in_worker, run_sync

async def value(number=1):
    await asyncio.sleep(0.001)
    return await call_in_caller(lambda: number)
"""

FORK = (
    COMMON
    + """
warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 and later warn of a fork with threads

def child_of_fork(fn):
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if fn() == 1 else 2)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(3)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""
)

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@needs_fork
@pytest.mark.parametrize(
    "situation",
    [
        pytest.param("print(child_of_fork(lambda: run_sync(value)))", id="idle"),
        pytest.param(
            """
            waiting = threading.Event()
            async def hold(): waiting.set(); await asyncio.sleep(1)
            thread = threading.Thread(target=run_sync, args=(hold,))
            thread.start()
            waiting.wait()
            print(child_of_fork(lambda: run_sync(value)))
            thread.join()
            """,
            id="while_another_thread_is_in_a_call",
        ),
        pytest.param(
            """
            async def step(): return await call_in_caller(child_of_fork, lambda: run_sync(value))
            print(run_sync(step))
            """,
            id="from_a_function_on_the_calling_thread",
        ),
        pytest.param(
            """
            async def step(): return child_of_fork(lambda: run_sync(value))
            print(run_sync(step))
            """,
            id="from_the_loop_thread",
        ),
        pytest.param(
            """
            async def nested(): return await call_in_worker(child_of_fork, lambda: run_sync(value))
            async def step(): return run_sync(nested)
            print(run_sync(step))
            """,
            id="from_a_worker_of_a_call_that_a_loop_thread_waits_for",
        ),
        pytest.param(
            "print(child_of_fork(lambda: child_of_fork(lambda: run_sync(value)) + run_sync(value)))",
            id="twice",
        ),
    ],
)
def test_a_forked_child_can_call_at_once_and_the_parent_goes_on(situation: str) -> None:
    child = run_child(
        FORK
        + "run_sync(value)\n"
        + textwrap.dedent(situation)
        + "\nbefore = time.process_time(); time.sleep(0.2)\n"
        + "print(run_sync(value), time.process_time() - before < 0.1)\n"
    )

    assert child.check().lines == ["0", "1 True"]


@needs_fork
def test_a_child_that_goes_on_inside_its_parents_call_is_told_so() -> None:
    child = run_child(
        FORK
        + """
def fork():
    return os.fork()

async def step():
    return await call_in_caller(fork)

try:
    pid = run_sync(step)
except Exception as error:
    print(type(error).__name__, flush=True)
    os._exit(0 if run_sync(value) == 1 else 1)
print(os.waitpid(pid, 0)[1])
"""
    )

    assert child.check().lines == ["ForkedCallError", "0"]


@needs_fork
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_children_can_call(method: str) -> None:
    if method != "spawn" and sys.platform == "win32":
        pytest.skip("Windows only spawns")
    child = run_child(
        f"""
        import concurrent.futures, multiprocessing, warnings
        from agent_runtime.bridge import run_sync
        from tests.helpers.entry_points import ENTRY_POINTS
        from tests.helpers.remote import remote_call

        warnings.simplefilter("ignore", DeprecationWarning)
        if __name__ == "__main__":
            print(remote_call(1))
            context = multiprocessing.get_context({method!r})
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
                print(list(pool.map(remote_call, range(4))))
        """,
        limit=60,
    )

    assert child.check().lines == ["2", "[0, 2, 4, 6]"]


@pytest.mark.parametrize(
    ("situation", "printed"),
    [
        pytest.param("run_sync(value)", [], id="after_a_call"),
        pytest.param("atexit.register(lambda: print(run_sync(value)))", ["1"], id="first_call_at_exit"),
        pytest.param(
            "run_sync(value); atexit.register(lambda: print(run_sync(value)))", ["1"], id="younger_exit_hook"
        ),
        pytest.param(
            "atexit.register(lambda: print(run_sync(value))); run_sync(value)", ["1"], id="older_exit_hook"
        ),
        pytest.param(
            """
            async def make(): return asyncio.Lock(), asyncio.get_running_loop()
            async def use():
                async with lock: return asyncio.get_running_loop() is loop
            atexit.register(lambda: print(run_sync(use)))
            lock, loop = run_sync(make)
            """,
            ["True"],
            id="older_exit_hook_finds_the_same_loop",
        ),
        pytest.param(
            """
            def late():
                threading.main_thread().join()
                print(run_sync(value))
            run_sync(value)
            threading.Thread(target=late).start()
            """,
            ["1"],
            id="late_thread",
        ),
        pytest.param(
            """
            async def forever():
                started.set()
                try: await asyncio.Event().wait()
                finally: print("cleaned up")
            started = threading.Event()
            threading.Thread(target=run_sync, args=(forever,), daemon=True).start()
            started.wait()
            """,
            ["cleaned up"],
            id="work_in_flight_on_a_daemon_thread",
        ),
        pytest.param(
            """
            async def forever():
                try: await asyncio.Event().wait()
                finally: print("cleaned up")
            async def leave():
                tasks.append(asyncio.create_task(forever())); await asyncio.sleep(0)
            tasks = []
            run_sync(leave)
            """,
            ["cleaned up"],
            id="task_left_behind",
        ),
        pytest.param(
            """
            async def block(): started.set(); time.sleep(60)
            started = threading.Event()
            threading.Thread(target=run_sync, args=(block,), daemon=True).start()
            started.wait()
            """,
            [],
            id="loop_thread_is_blocked",
        ),
    ],
)
def test_the_interpreter_ends_by_itself_and_quietly(situation: str, printed: list[str]) -> None:
    child = run_child(COMMON + textwrap.dedent(situation), options=("-X", "dev"))

    assert child.check().lines == printed


NO_THREADS = (
    COMMON
    + """
import _thread
def refuse(*args): raise RuntimeError("can't start new thread")
_thread.start_new_thread = refuse
"""
)


def test_where_no_thread_can_start_the_call_runs_on_the_calling_thread() -> None:
    child = run_child(
        NO_THREADS
        + """
async def thread(): return threading.get_ident() == threading.main_thread().ident
async def fail(): raise KeyError("mine")
print(run_sync(value), run_sync(thread), threading.active_count())
try: run_sync(fail)
except KeyError as error: print(repr(error))
""",
        options=("-X", "dev"),
    )

    assert child.check().lines == ["1 True 1", "KeyError('mine')"]


def test_where_no_thread_can_start_and_a_loop_runs_the_error_names_the_async_variant() -> None:
    child = run_child(
        NO_THREADS
        + """
async def main(): run_sync(value)
try: asyncio.run(main())
except Exception as error: print(type(error).__name__, "await value(...)" in str(error))
"""
    )

    assert child.check().lines == ["NoThreadError True"]


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_the_direct_strategy_answers_ctrl_c_like_the_portal() -> None:
    child = run_child(
        COMMON
        + """
import signal
def press(): os.kill(os.getpid(), signal.SIGINT)
async def work():
    try:
        asyncio.get_running_loop().call_soon(press)
        await asyncio.sleep(30)
    finally:
        await asyncio.sleep(0.01)
        print("cleaned up")
async def swallow():
    press()
    await call_in_caller(time.sleep, 30)
for fn in (work, swallow):
    try: run_sync(fn, strategy="direct")
    except KeyboardInterrupt: print("interrupted")
print(run_sync(value, strategy="direct"), signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""
    )

    assert child.check().lines == ["cleaned up", "interrupted", "interrupted", "1 True"]


def test_importing_starts_no_thread_makes_no_loop_and_patches_nothing() -> None:
    child = run_child(
        """
        import asyncio, sys, threading, signal, os
        def state():
            fds = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
            return (threading.active_count(), fds,
                    asyncio.run, asyncio.events._get_running_loop(), asyncio.events._event_loop_policy,
                    [signal.getsignal(s) for s in signal.valid_signals()], sys.excepthook,
                    sys.unraisablehook, threading.excepthook, sys.get_asyncgen_hooks())
        before = state()
        import agent_runtime, agent_runtime.bridge
        print(state() == before)
        """
    )

    assert child.check().lines == ["True"]


@needs_fork
def test_a_child_forked_on_the_loop_thread_ends_with_its_work() -> None:
    child = run_child(
        FORK
        + """
async def step(exit_code):
    pid = os.fork()
    if pid == 0:
        if exit_code is None:
            return 1
        sys.exit(exit_code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

print(run_sync(step, 7), run_sync(step, None))
"""
    )

    assert child.check().lines == ["7 0"]


@needs_fork
def test_sys_exit_in_a_child_forked_by_a_function_on_the_calling_thread_ends_the_child() -> None:
    child = run_child(
        FORK
        + """
def fork_and_exit():
    pid = os.fork()
    if pid == 0:
        sys.exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

async def step():
    return await call_in_caller(fork_and_exit)

print(run_sync(step))
"""
    )

    assert child.check().lines == ["7"]


@needs_fork
def test_a_stream_of_the_parent_says_so_in_a_forked_child() -> None:
    child = run_child(
        FORK
        + """
from agent_runtime.bridge import iterate

async def items():
    yield 1
    yield 2

def next_in_child():
    try:
        next(stream)
    except Exception as error:
        print(type(error).__name__, flush=True)
        return 1

stream = iterate(items())
next(stream)
print(child_of_fork(next_in_child))
print(next(stream))
"""
    )

    assert child.check().lines == ["ForkedCallError", "0", "2"]

"""Processes in which things are scarce, replaced, or switched on: calls work, or say what is wrong."""

from __future__ import annotations

import sys
import textwrap

import pytest

from tests.helpers.children import ROOT, run_child
from tests.helpers.freeing import FREE_THREADED

EXERCISE = """
import asyncio, sys, threading
from agent_runtime import run_workflow
from agent_runtime.bridge import call_in_caller, call_in_worker, run_sync

TEXT = '''
name: exercise
steps:
  - {id: asynchronous, tool: work}
  - {id: plain, function: thread}
outputs: {values: ["${steps.asynchronous.output}", "${steps.plain.output}"]}
'''

async def work():
    await asyncio.sleep(0.001)
    nested = run_sync(asyncio.sleep, 0, 1)
    on_worker = await call_in_worker(lambda: 1)
    return nested + on_worker

async def fail():
    raise KeyError("mine")

def call():
    outputs = run_workflow(TEXT, tools={"work": work}, functions={"thread": threading.get_ident}).outputs
    assert outputs["values"] == [2, threading.get_ident()], outputs
    try:
        run_sync(fail)
    except KeyError as error:
        assert error.args == ("mine",)

async def in_loop():
    call()

def exercise():
    call()
    asyncio.run(in_loop())
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    return "well"
"""

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="limits and descriptors of POSIX")
since_3_12 = pytest.mark.skipif(sys.version_info < (3, 12), reason="new in Python 3.12")


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        pytest.param(("-X", "dev"), {}, id="development_mode"),
        pytest.param(("-W", "error"), {}, id="warnings_are_errors"),
        pytest.param(("-bb", "-O"), {}, id="without_assertions"),
        pytest.param(("-OO",), {}, id="without_docstrings"),
        pytest.param(("-X", "tracemalloc=1"), {}, id="tracing_allocations"),
        pytest.param(("-X", "utf8=0", "-B"), {"LC_ALL": "C"}, id="ascii_locale"),
        pytest.param((), {"PYTHONASYNCIODEBUG": "1"}, id="asyncio_debug_mode"),
        pytest.param((), {"PYTHONMALLOC": "debug"}, id="debugging_allocator"),
        pytest.param((), {"PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"}, id="fixed_hashes"),
    ],
)
def test_calls_work_whatever_the_interpreter_was_told(
    options: tuple[str, ...], environment: dict[str, str]
) -> None:
    child = run_child(EXERCISE + "print(exercise())", options=options, environment=environment, limit=60)

    assert child.check().lines == ["well"]


def test_calls_work_in_isolated_mode() -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + EXERCISE + "print(exercise())"

    assert run_child(code, options=("-I",)).check().lines == ["well"]


@pytest.mark.parametrize(
    "situation",
    [
        pytest.param(
            """
            def trace(frame, event, argument): return trace
            threading.settrace(trace); sys.settrace(trace)
            print(exercise())
            sys.settrace(None); threading.settrace(None)
            """,
            id="trace_function_of_a_debugger",
        ),
        pytest.param(
            """
            seen = []
            threading.setprofile(lambda *event: seen.append(event[1])); sys.setprofile(lambda *event: None)
            print(exercise())
            sys.setprofile(None); threading.setprofile(None)
            assert "c_call" in seen
            """,
            id="profile_function",
        ),
        pytest.param(
            """
            import cProfile
            with cProfile.Profile() as profile:
                print(exercise())
            """,
            id="cprofile",
            marks=pytest.mark.skipif(
                FREE_THREADED,
                reason="cProfile keeps one list of the calls of all threads, without a lock: goes in circles",
            ),
        ),
        pytest.param(
            """
            import gc
            gc.disable()
            print(exercise())
            """,
            id="without_the_collector",
        ),
        pytest.param(
            """
            import gc
            gc.set_threshold(1, 1, 1)
            print(exercise())
            """,
            id="collecting_all_the_time",
        ),
        pytest.param(
            """
            import faulthandler
            faulthandler.dump_traceback_later(300)
            print(exercise())
            faulthandler.cancel_dump_traceback_later()
            """,
            id="watchdog_of_faulthandler",
        ),
        pytest.param(
            """
            import warnings
            class Policy(asyncio.DefaultEventLoopPolicy):
                def new_event_loop(self):
                    assert threading.current_thread() in mine, "somebody asked the policy"
                    return super().new_event_loop()
            mine = [threading.main_thread()]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                asyncio.set_event_loop_policy(Policy())
            print(exercise())
            """,
            id="event_loop_policy_of_somebody_else",
            marks=pytest.mark.skipif(sys.version_info >= (3, 14), reason="policies are deprecated there"),
        ),
    ],
)
def test_calls_work_under_tools_that_watch_the_interpreter(situation: str) -> None:
    child = run_child(EXERCISE + textwrap.dedent(situation), limit=60)

    assert child.check().lines == ["well"]


@since_3_12
def test_calls_work_inside_a_loop_with_eager_tasks() -> None:
    child = run_child(
        EXERCISE
        + """
async def main():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.create_task(in_loop())
    return "well"

print(asyncio.run(main()))
"""
    )

    assert child.check().lines == ["well"]


@needs_posix
@pytest.mark.parametrize(
    "closed", [(0,), (1,), (2,), (0, 1, 2)], ids=lambda closed: "_".join(map(str, closed))
)
def test_calls_work_with_the_standard_descriptors_closed(closed: tuple[int, ...]) -> None:
    code = f"import os\nfor number in {closed}: os.close(number)\n" + EXERCISE
    again = f"""
import subprocess
script = {code!r} + "exercise(); sys.stdout = sys.stderr = None; exercise(); os._exit(7)"
print(subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE).returncode)
"""

    assert run_child(EXERCISE + again).check().lines == ["7"]


@needs_posix
def test_calls_work_with_twenty_descriptors() -> None:
    child = run_child(
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))\n"
        + EXERCISE
        + "print(exercise())"
    )

    assert child.check().lines == ["well"]


@needs_posix
def test_without_a_descriptor_for_its_loop_a_call_says_so_and_works_once_there_is_one() -> None:
    child = run_child(
        EXERCISE
        + """
import os
taken = []
try:
    while True: taken.append(os.dup(0))
except OSError as error:
    full = error.errno
try: run_sync(work)
except OSError as error: print(type(error).__name__, error.errno == full)
print(threading.active_count())
while taken: os.close(taken.pop())
print(exercise())
""",
        limit=60,
    )

    assert child.check().lines == ["OSError True", "1", "well"]


@needs_posix
def test_without_memory_for_the_stack_of_a_thread_the_call_runs_on_the_calling_thread() -> None:
    child = run_child(
        EXERCISE
        + """
import resource
async def thread(): return threading.get_ident()
limits = resource.getrlimit(resource.RLIMIT_AS)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
threading.stack_size(512 * 1024 * 1024)
resource.setrlimit(resource.RLIMIT_AS, (used + 128 * 1024 * 1024, limits[1]))
print(run_sync(thread) == threading.get_ident())
async def main(): run_sync(thread)
try: asyncio.run(main())
except Exception as error: print(type(error).__name__)
resource.setrlimit(resource.RLIMIT_AS, limits)
threading.stack_size(0)
print(exercise())
"""
    )

    assert child.check().lines == ["True", "NoThreadError", "well"]


@needs_posix
def test_threads_that_are_refused_in_the_middle_of_a_call_are_said_so_and_the_bridge_goes_on() -> None:
    child = run_child(
        EXERCISE
        + """
import resource
exercise()
limits = resource.getrlimit(resource.RLIMIT_AS)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
threading.stack_size(512 * 1024 * 1024)
resource.setrlimit(resource.RLIMIT_AS, (used + 128 * 1024 * 1024, limits[1]))
async def worker(): return await call_in_worker(lambda: 1)
async def nested(): return run_sync(asyncio.sleep, 0, 1)
for fn in (worker, nested):
    try: print(run_sync(fn))
    except Exception as error: print(type(error).__name__)
resource.setrlimit(resource.RLIMIT_AS, limits)
threading.stack_size(0)
print(exercise())
"""
    )

    assert child.check().lines == ["CannotStartThreadError", "NoThreadError", "well"]


@pytest.mark.parametrize("kibibytes", [64, 256, 1024])
def test_calls_work_on_small_stacks_of_threads(kibibytes: int) -> None:
    child = run_child(EXERCISE + f"threading.stack_size({kibibytes} * 1024)\nprint(exercise())")

    assert child.check().lines == ["well"]


def test_a_call_near_the_recursion_limit_fails_as_any_call_does_and_the_next_one_works() -> None:
    child = run_child(
        EXERCISE
        + """
exercise()
failed = 0
def descend():
    global failed
    try:
        descend()
    except RecursionError:
        pass
    try:
        run_sync(asyncio.sleep, 0, 1)
    except RecursionError:
        failed += 1
sys.setrecursionlimit(300)
descend()
sys.setrecursionlimit(1000)
print(failed > 0, exercise())
""",
        limit=60,
    )

    assert child.check().lines == ["True well"]


def test_calls_work_inside_a_loop_that_nest_asyncio_has_patched() -> None:
    pytest.importorskip("nest_asyncio2")
    child = run_child(
        EXERCISE
        + """
import nest_asyncio2
nest_asyncio2.apply()
async def main():
    call()
    asyncio.run(in_loop())
    return "well"
print(asyncio.run(main()))
""",
        options=("-W", "ignore::DeprecationWarning"),
    )

    assert child.check().lines == ["well"]


GEVENT = """
import gevent.monkey
gevent.monkey.patch_all()
"""


@pytest.mark.parametrize(
    "situation",
    [
        pytest.param("call(); print('well')", id="main_greenlet"),
        pytest.param(
            """
            import gevent
            jobs = [gevent.spawn(call) for _ in range(5)]
            gevent.joinall(jobs, raise_error=True)
            print("well")
            """,
            id="greenlets",
        ),
        pytest.param(
            """
            thread = threading.Thread(target=call)
            thread.start(); thread.join()
            print("well")
            """,
            id="patched_thread",
        ),
        pytest.param("print(exercise())", id="everything"),
    ],
)
def test_calls_work_in_a_process_that_gevent_has_patched(situation: str) -> None:
    pytest.importorskip("gevent")

    child = run_child(GEVENT + EXERCISE + textwrap.dedent(situation))

    assert child.check().lines == ["well"]


def test_calls_work_in_a_greenlet() -> None:
    pytest.importorskip("greenlet")

    child = run_child(EXERCISE + "import greenlet\nprint(greenlet.greenlet(exercise).switch())")

    assert child.check().lines == ["well"]

"""Ctrl-C in the main thread: one press cancels, waits for cleanup, and raises KeyboardInterrupt."""

from __future__ import annotations

import signal
import sys
import textwrap

import pytest

from agent_runtime.bridge import Strategy, call_in_caller, run_sync
from tests.helpers.children import run_child

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")

COMMON = """
import asyncio, os, signal, threading, time
from agent_runtime.bridge import call_in_caller, run_sync

def press():
    os.kill(os.getpid(), signal.SIGINT)

async def work(name="work"):
    try:
        asyncio.get_running_loop().call_soon(press)
        await asyncio.sleep(30)
    finally:
        await asyncio.sleep(0.05)
        print(name, "cleaned up")

started = time.monotonic()
handler = signal.getsignal(signal.SIGINT)
term = signal.getsignal(signal.SIGTERM)

def report():
    assert signal.getsignal(signal.SIGINT) is handler, signal.getsignal(signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is term
    assert signal.set_wakeup_fd(-1) == -1
    assert time.monotonic() - started < 10
    async def again(): return "next call works"
    print(run_sync(again))

async def in_loop():
    run_sync(work)
"""

HOSTS = {
    "script": "run_sync(work)",
    "asyncio_run": "asyncio.run(in_loop())",
    "uvloop_run": "import uvloop; uvloop.run(in_loop())",
    "run_until_complete": """
        loop = asyncio.new_event_loop()
        try: loop.run_until_complete(in_loop())
        finally: loop.close()
    """,
    "nested_in_async": """
        async def outer():
            run_sync(work)
        run_sync(outer)
    """,
    "nested_in_caller": """
        async def outer():
            await call_in_caller(lambda: run_sync(work))
        run_sync(outer)
    """,
    "nested_three_deep": """
        async def outer(depth):
            run_sync(outer, depth - 1) if depth else run_sync(work)
        run_sync(outer, 3)
    """,
}


def host(body: str) -> str:
    """Return a script that runs ``body`` and reports how it ended and what it left."""
    body = textwrap.indent(textwrap.dedent(body.strip("\n")), "    ")
    return f"{COMMON}\ntry:\n{body}\nexcept KeyboardInterrupt:\n    print('interrupted')\nreport()\n"


@pytest.mark.parametrize("situation", HOSTS)
def test_one_press_cancels_waits_for_cleanup_and_interrupts(situation: str) -> None:
    if situation == "uvloop_run":
        pytest.importorskip("uvloop")
    child = run_child(host(HOSTS[situation]))

    assert child.check().lines == ["work cleaned up", "interrupted", "next call works"]


def test_a_press_while_the_calling_thread_runs_a_function_interrupts_that_function() -> None:
    child = run_child(
        host(
            """
            def step():
                try:
                    press()
                    time.sleep(30)
                finally:
                    print("step unwound")

            async def outer():
                try:
                    await call_in_caller(step)
                finally:
                    print("outer cleaned up")

            async def main():
                run_sync(outer)

            asyncio.run(main())
            """
        )
    )

    assert child.check().lines == ["step unwound", "outer cleaned up", "interrupted", "next call works"]


def test_a_second_press_abandons_the_wait_for_cleanup() -> None:
    child = run_child(
        host(
            """
            async def stubborn():
                try:
                    asyncio.get_running_loop().call_soon(press)
                    await asyncio.sleep(30)
                finally:
                    press()
                    await asyncio.sleep(30)

            run_sync(stubborn)
            """
        )
    )

    assert child.check().lines == ["interrupted", "next call works"]


def test_work_that_swallows_the_cancellation_does_not_swallow_ctrl_c() -> None:
    child = run_child(
        host(
            """
            async def swallow():
                try:
                    asyncio.get_running_loop().call_soon(press)
                    await asyncio.sleep(30)
                except asyncio.CancelledError:
                    return "as if nothing had happened"

            run_sync(swallow)
            """
        )
    )

    assert child.check().lines == ["interrupted", "next call works"]


def test_an_error_in_the_cleanup_is_the_cause_of_the_interrupt() -> None:
    child = run_child(
        host(
            """
            async def fail_late():
                try:
                    asyncio.get_running_loop().call_soon(press)
                    await asyncio.sleep(30)
                finally:
                    raise OSError("cleanup failed")

            try:
                run_sync(fail_late)
            except KeyboardInterrupt as error:
                print(repr(error.__cause__))
                raise
            """
        )
    )

    assert child.check().lines == ["OSError('cleanup failed')", "interrupted", "next call works"]


def test_a_cleanup_that_makes_sync_calls_itself_is_not_cancelled_again() -> None:
    child = run_child(
        host(
            """
            async def tidy():
                await asyncio.sleep(0.05)
                print("tidied up")

            async def outer():
                try:
                    run_sync(work)
                finally:
                    run_sync(tidy)

            run_sync(outer)
            """
        )
    )

    assert child.check().lines == ["work cleaned up", "tidied up", "interrupted", "next call works"]


def test_a_handler_of_the_application_that_returns_does_not_end_the_call() -> None:
    child = run_child(
        f"""{COMMON}
presses = []
signal.signal(signal.SIGINT, lambda *_: presses.append(1))
handler = signal.getsignal(signal.SIGINT)

async def work():
    press()
    await asyncio.sleep(0.1)
    return "went on"

print(run_sync(work), presses)
report()
"""
    )

    assert child.check().lines == ["went on [1]", "next call works"]


def test_an_exception_from_any_signal_handler_cancels_the_work_and_comes_out() -> None:
    child = run_child(
        f"""{COMMON}
def on_alarm(signum, frame):
    raise TimeoutError("the application's alarm")

signal.signal(signal.SIGALRM, on_alarm)

async def work():
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        await asyncio.sleep(30)
    finally:
        print("cleaned up")

try:
    run_sync(work)
except TimeoutError as error:
    print(error)
report()
"""
    )

    assert child.check().lines == ["cleaned up", "the application's alarm", "next call works"]


def test_ignored_sigint_stays_ignored() -> None:
    child = run_child(
        f"""{COMMON}
signal.signal(signal.SIGINT, signal.SIG_IGN)
handler = signal.SIG_IGN

async def work():
    press()
    await asyncio.sleep(0.05)
    return "went on"

print(run_sync(work))
report()
"""
    )

    assert child.check().lines == ["went on", "next call works"]


def test_a_press_at_the_very_moment_when_the_wait_begins_is_not_lost() -> None:
    child = run_child(
        f"""{COMMON}
async def wait_for_ever():
    threading.Thread(target=press).start()
    await asyncio.Event().wait()

count = 0
for _ in range(300):
    try:
        run_sync(wait_for_ever)
    except KeyboardInterrupt:
        count += 1
print(count)
""",
        limit=60,
    )

    assert child.check().lines == ["300"]


def test_a_press_interrupts_a_call_that_a_busy_loop_has_not_begun() -> None:
    child = run_child(
        f"""{COMMON}
async def keep_busy():
    busy.set()
    go_on.wait()

async def never():
    print("begun all the same")

busy, go_on = threading.Event(), threading.Event()
threading.Thread(target=run_sync, args=(keep_busy,)).start()
busy.wait()
try:
    threading.Timer(0.3, press).start()
    run_sync(never)
except KeyboardInterrupt:
    print("interrupted")
go_on.set()
report()
"""
    )

    assert child.check().lines == ["interrupted", "next call works"]


def test_a_signal_handler_can_call_while_the_loop_thread_is_in_a_call_of_the_interrupted_one() -> None:
    child = run_child(
        f"""{COMMON}
def on_usr1(signum, frame):
    print(run_sync(asyncio.sleep, 0, "called in the handler"))
    go_on.set()

signal.signal(signal.SIGUSR1, on_usr1)
go_on = threading.Event()

async def inner():
    os.kill(os.getpid(), signal.SIGUSR1)
    while not go_on.is_set():
        await asyncio.sleep(0.001)
    return "inner went on"

async def outer():
    return run_sync(inner)

print(run_sync(outer))
report()
"""
    )

    assert child.check().lines == ["called in the handler", "inner went on", "next call works"]


def test_a_press_during_a_call_made_in_a_signal_handler_interrupts_that_call_first() -> None:
    child = run_child(
        f"""{COMMON}
def on_usr1(signum, frame):
    try:
        run_sync(work, "inner")
    except KeyboardInterrupt:
        print("inner interrupted")

signal.signal(signal.SIGUSR1, on_usr1)

async def outer():
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.sleep(0.5)
    return "outer went on"

print(run_sync(outer))
report()
"""
    )

    assert child.check().lines == [
        "inner cleaned up",
        "inner interrupted",
        "outer went on",
        "next call works",
    ]


A_SIGNAL_THAT_ENDS_NO_WAIT = """
import asyncio, signal, threading
from agent_runtime.bridge import run_sync

def press():
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)  # noted, while the main thread sleeps on

async def work():
    threading.Timer(0.3, press).start()
    try:
        await asyncio.Event().wait()
    finally:
        print("cleaned up")

try:
    run_sync(work, strategy={strategy!r})
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("strategy", ["portal", "direct"])
def test_a_signal_that_does_not_end_the_main_threads_wait_is_heard_soon(strategy: str) -> None:
    """So does one that comes microseconds before the thread falls asleep."""
    child = run_child(A_SIGNAL_THAT_ENDS_NO_WAIT.format(strategy=strategy), limit=60).check()

    assert child.lines == ["cleaned up", "interrupted"]


@pytest.mark.parametrize("strategy", ["portal", "direct"])
def test_pythons_own_handler_stays_where_it_is_during_a_call_on_a_portal(strategy: Strategy) -> None:
    async def work() -> object:
        return await call_in_caller(signal.getsignal, signal.SIGINT)

    during = run_sync(work, strategy=strategy)

    assert (during is signal.default_int_handler) == (strategy == "portal")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

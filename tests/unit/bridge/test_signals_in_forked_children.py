"""S13 with S5: signals of a child whose main thread was another one before the fork."""

from __future__ import annotations

import os

import pytest

from tests.helpers.children import run_child

FORKED_ON_ANOTHER_THREAD = """
import asyncio, os, signal, threading, warnings
from agent_runtime.bridge import run_sync

warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 and later warn of a fork with threads
handled = threading.Event()
signal.signal(signal.SIGUSR1, lambda signum, frame: handled.set())

async def work():
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)  # nothing interrupts the wait of the caller
    while not handled.is_set():
        await asyncio.sleep(0.001)
    return "handled"

def fork():
    child = os.fork()
    if child == 0:
        print(run_sync(work, timeout=10), flush=True)
        os._exit(0)
    os.waitpid(child, 0)

thread = threading.Thread(target=fork)
thread.start()
thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_on_another_thread_hears_signals_that_its_loop_thread_gets() -> None:
    """CPython 3.13 and later leaves them for the thread that was main before the fork, and is no more."""
    assert run_child(FORKED_ON_ANOTHER_THREAD, limit=60).check().lines == ["handled"]


FORKED_ON_A_LOOP_THREAD = """
import _thread, os, signal, warnings
from agent_runtime.bridge import run_sync

warnings.simplefilter("ignore", DeprecationWarning)
start = _thread.start_new_thread

def press_and_start(*arguments):
    _thread.start_new_thread = start
    os.kill(os.getpid(), signal.SIGUSR1)
    return start(*arguments)

async def echo(value):
    return value

def handler(signum, frame):
    print(run_sync(echo, "in the handler", on_running_loop="allow"), flush=True)

async def work():
    run_sync(echo, "before", on_running_loop="allow")  # on a deeper portal, which stays until this has ended
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGUSR1, handler)
        _thread.start_new_thread = press_and_start
        print(run_sync(echo, "in the child", on_running_loop="allow"), flush=True)
        os._exit(0)
    os.waitpid(child, 0)

run_sync(work)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_handler_that_interrupts_the_start_of_a_childs_loop_thread_does_not_call_its_parents() -> None:
    """At the bottom of the child's only thread there is still the loop thread of its parent."""
    lines = run_child(FORKED_ON_A_LOOP_THREAD, limit=60).check().lines

    assert lines == ["in the handler", "in the child"]

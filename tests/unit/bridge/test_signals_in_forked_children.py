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

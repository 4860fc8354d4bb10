"""S20 with a crowd: a thousand threads in a call at once, in a process that may have 64 descriptors."""

from __future__ import annotations

import sys

import pytest

from tests.helpers.children import run_child

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits descriptors as POSIX does")

CROWD = """
import asyncio, os, resource, sys, threading
from agent_runtime.bridge import call_in_caller, run_sync

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
threading.stack_size(256 * 1024)
size = int(sys.argv[1])
there, loops, most = 0, set(), 0

async def meet():
    global there, most
    there += 1
    loops.add(asyncio.get_running_loop())
    if there == size:
        most = threading.active_count()
        everybody.set()
    await everybody.wait()
    return await call_in_caller(threading.get_ident)

async def event():
    return asyncio.Event()

def call():
    if run_sync(meet) == threading.get_ident():
        served.append(None)

everybody, served = run_sync(event), []
descriptors = len(os.listdir("/dev/fd"))
threads = [threading.Thread(target=call) for _ in range(size)]
for thread in threads: thread.start()
for thread in threads: thread.join()
more = len(os.listdir("/dev/fd")) - descriptors
print(len(served), len(loops), most - size, more, threading.active_count())
"""


def test_a_thousand_threads_share_one_loop_thread_and_its_descriptors(long: bool) -> None:
    size = 4_000 if long else 1_000

    child = run_child(CROWD, limit=600 if long else 60, arguments=(str(size),))

    # All were served, by one loop, on one thread beside the main one, with no descriptor more.
    assert child.check().lines == [f"{size} 1 2 0 2"]

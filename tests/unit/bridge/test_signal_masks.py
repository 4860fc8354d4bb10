"""S8: threads of the bridge that wait take no signal, so one that the main thread blocks stays pending."""

from __future__ import annotations

import signal
import sys

import pytest

from tests.helpers.children import run_child

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads masks of threads in /proc")

COMMON = """
import asyncio, os, signal, socket, threading, time
from pathlib import Path
from agent_runtime.bridge import Bridge, WorkerLane, run_sync

async def thread(): return threading.get_native_id()

def is_at_rest(thread):
    status = Path(f"/proc/self/task/{thread}/status").read_text()
    mask = int(status.split("SigBlk:")[1].split()[0], 16)
    return mask >> signal.SIGTERM - 1 & 1

def wait_for_rest(thread):
    until = time.monotonic() + 20
    while not is_at_rest(thread) and time.monotonic() < until:
        time.sleep(0.001)

def critical_section(*threads):
    for thread in threads:
        wait_for_rest(thread)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    os.kill(os.getpid(), signal.SIGTERM)
    print("not cut short", signal.SIGTERM in signal.sigpending(), flush=True)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    print("the signal has not come", flush=True)
"""

THREADS = {
    "loop_thread": "critical_section(run_sync(thread))",
    "loop_thread_that_watches_a_socket": """
async def watching():
    here, there = socket.socketpair()
    asyncio.get_running_loop().add_reader(here, bool)
    kept.append((here, there))
    return await thread()
kept = []
critical_section(run_sync(watching))
""",
    "loop_thread_with_a_timer": """
async def timing():
    asyncio.get_running_loop().call_later(60, bool)
    return await thread()
critical_section(run_sync(timing))
""",
    "loop_thread_of_a_bridge": "with Bridge() as bridge: critical_section(bridge.run_sync(thread))",
    "thread_of_a_lane": """
lane = WorkerLane()
async def on_lane(): return await lane.call(threading.get_native_id)
critical_section(run_sync(thread), run_sync(on_lane))
""",
    "idle_thread_of_the_executor": """
async def in_thread(): return await asyncio.to_thread(threading.get_native_id)
critical_section(run_sync(thread), run_sync(in_thread))
""",
}


@pytest.mark.parametrize("program", [pytest.param(text, id=name) for name, text in THREADS.items()])
def test_a_signal_that_the_main_thread_blocks_waits_for_it(program: str) -> None:
    child = run_child(COMMON + program, limit=60)

    assert (child.lines, child.returncode) == (["not cut short True"], -signal.SIGTERM)

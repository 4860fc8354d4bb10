"""S5 under fire: signal handlers, finalisers and threads call in at every moment of a call's life."""

from __future__ import annotations

import sys

import pytest

from tests.helpers.children import run_child

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX interval timers")

STORM = """
import asyncio, gc, itertools, signal, sys, threading, time
from agent_runtime.bridge import call_in_caller, call_in_worker, run_sync

seconds, interval = float(sys.argv[1]), float(sys.argv[2])
handled = itertools.count()
depth = deepest = 0

async def value(number):
    await asyncio.sleep(0)
    return number

async def on_caller(number):
    return await call_in_caller(lambda: number)

async def on_worker(number):
    return await call_in_worker(lambda: number)

async def nested(number):
    Cyclic()
    return run_sync(value, number)

class Cyclic:
    '''Freed by the collector alone, at whatever allocation that starts it: then it calls in.'''
    def __init__(self):
        self.itself = self
    def __del__(self):
        assert run_sync(value, 7) == 7

def on_alarm(signum, frame):
    global depth, deepest
    if depth == 20:
        return
    depth += 1
    deepest = max(depth, deepest)
    try:
        number = next(handled)
        assert run_sync(value, number) == number
        assert run_sync(on_caller, number) == number
    finally:
        depth -= 1

async def in_loop(number):
    calls = [run_sync(fn, number, on_running_loop="allow") for fn in (value, on_caller, nested)]
    return calls == [number] * 3

run_sync(value, 0)
started = time.monotonic()
for _ in range(100):
    run_sync(on_caller, 0)
# Signals that come faster than their handler, two calls long, can end leave nobody any time to go on.
interval = max(interval, (time.monotonic() - started) / 100 * 2)
gc.set_threshold(50)
signal.signal(signal.SIGALRM, on_alarm)
signal.setitimer(signal.ITIMER_REAL, interval, interval)
started = time.monotonic()
rounds = 0
while time.monotonic() - started < seconds:
    rounds += 1
    Cyclic()
    for fn in (value, on_caller, on_worker, nested):
        assert run_sync(fn, rounds) == rounds
    assert asyncio.run(in_loop(rounds))
    thread = threading.Thread(target=run_sync, args=(on_caller, rounds))
    thread.start()
    thread.join()
signal.setitimer(signal.ITIMER_REAL, 0)
gc.set_threshold(700, 10, 10)
gc.collect()
deadline = time.monotonic() + 5
while len(sys._current_frames()) > 2 and time.monotonic() < deadline:
    run_sync(value, 0)
print(rounds > 0, next(handled) > 100, deepest > 1, len(sys._current_frames()))
"""


@pytest.mark.parametrize("interval", ["0.0003", "0.002"])
def test_calls_survive_a_storm_of_signals_and_collections(interval: str, long: bool) -> None:
    seconds = 60 if long else 3

    # How long calls block a loop under such fire is the machine's business: that warning is not asked for.
    quiet = ("-W", "ignore::RuntimeWarning")

    child = run_child(STORM, limit=seconds + 60, arguments=(str(seconds), interval), options=quiet)

    assert child.check().lines == ["True True True 2"]


FIRST_CALL = """
import asyncio, gc, signal, sys, threading
from agent_runtime.bridge import run_sync

async def value(number):
    return number

def on_alarm(signum, frame):
    seen.append(run_sync(value, 1))

seen = []
signal.signal(signal.SIGALRM, on_alarm)
signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))
while not seen:
    assert run_sync(value, 2) == 2
assert run_sync(value, 3) == 3
print(seen, threading.active_count())
"""


def test_a_signal_handler_may_interrupt_the_very_first_call(long: bool) -> None:
    for number in range(300 if long else 12):
        delay = 0.00002 + 0.00005 * number

        child = run_child(FIRST_CALL, arguments=(f"{delay:.6f}",))

        assert child.check().lines == ["[1] 2"], delay

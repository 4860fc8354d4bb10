"""The contract at every moment: threads that switch at any rate, and something between any two opcodes."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.helpers.children import run_child
from tests.helpers.exploration.sections import SECTIONS

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="tracing opcodes stops the world there: a thread that does so when the process ends or forks keeps"
    " the interpreter itself from going on",
)
@pytest.mark.skipif(sys.platform != "linux", reason="forks, sends signals, counts descriptors in /proc")
@pytest.mark.parametrize("section", SECTIONS)
def test_contract_holds_whatever_comes_between_two_opcodes(section: str, long: bool, seed: int) -> None:
    command = [sys.executable, "-m", "tests.helpers.exploration", section, "--seed", str(seed)]
    command += [] if long else ["--sample", "3"]

    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=4 * 3_600 if long else 300,
        cwd=ROOT,
        check=False,
    )

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


TOGETHER = """
import asyncio, os, random, sys, threading
from agent_runtime.bridge import Bridge, call_in_caller
from agent_runtime.errors import BridgeClosedError

chance, rounds = random.Random(int(sys.argv[1])), int(sys.argv[2])
intervals = (1e-6, 1e-4, 0.005, 0.1)
errors, values = [], 0

async def work(bridge, number):
    await asyncio.sleep(0)
    nested = bridge.run_sync(echo, number)
    return nested + await call_in_caller(lambda: number)

async def echo(number):
    return number

async def items(number):
    for _ in range(3):
        yield number

def call(bridge):
    assert bridge.run_sync(work, bridge, 7) == 14

def iterate(bridge):
    assert list(bridge.iterate(items(7))) == [7, 7, 7]

def leave_early(bridge):
    for item in bridge.iterate(items(7)):
        assert item == 7
        break

def time_out(bridge):
    try:
        bridge.run_sync(asyncio.sleep, 60, timeout=0)
    except TimeoutError:
        pass

def close(bridge):
    bridge.close()

def begin(barrier, bridge, act):
    global values
    barrier.wait()
    try:
        act(bridge)
        values += 1
    except BridgeClosedError:
        pass
    except BaseException as error:
        errors.append(f"{act.__name__}: {error!r}")

ways = (call, call, iterate, leave_early, time_out, close)
for number in range(rounds):
    bridge = Bridge()
    acts = [chance.choice(ways) for _ in range(chance.randint(2, 12))]
    sys.setswitchinterval(chance.choice(intervals))
    barrier = threading.Barrier(len(acts))
    threads = [threading.Thread(target=begin, args=(barrier, bridge, act)) for act in acts]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    if close not in acts: bridge.close()
    assert not errors, (number, [act.__name__ for act in acts], errors)
print(values > 0, threading.active_count())
"""


def test_whatever_begins_together_on_a_new_bridge_ends_as_if_it_were_alone(long: bool, seed: int) -> None:
    rounds = 50_000 if long else 300

    child = run_child(TOGETHER, limit=3_600 if long else 120, arguments=(str(seed), str(rounds)))

    assert child.check().lines == ["True 1"]


CROWD = """
import asyncio, os, sys, threading
from agent_runtime.bridge import run_sync

async def loop_id():
    await asyncio.sleep(0.05)
    return id(asyncio.get_running_loop())

barrier = threading.Barrier(200)
loops = set()

def call():
    barrier.wait()
    loops.add(run_sync(loop_id))

threads = [threading.Thread(target=call) for _ in range(200)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(loops), threading.active_count())
"""


def test_a_crowd_of_first_callers_starts_one_loop() -> None:
    child = run_child(CROWD)

    assert child.check().lines == ["1 2"]


@pytest.mark.parametrize("switch_interval", ["0.000001", "0.1"])
def test_nothing_depends_on_when_the_interpreter_switches_threads(switch_interval: str, long: bool) -> None:
    rounds = 5_000 if long else 100

    child = run_child(
        """
        import asyncio, sys, threading
        from agent_runtime.bridge import call_in_caller, run_sync

        sys.setswitchinterval(float(sys.argv[1]))

        async def work(number):
            await asyncio.sleep(0)
            nested = run_sync(echo, number)
            return nested + await call_in_caller(lambda: number)

        async def echo(number):
            return number

        def call(number):
            for _ in range(int(sys.argv[2])):
                assert run_sync(work, number) == 2 * number
            done.append(number)

        done = []
        threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(sorted(done))
        """,
        limit=600 if long else 60,
        arguments=(switch_interval, str(rounds)),
    )

    assert child.check().lines == [str(list(range(8)))]

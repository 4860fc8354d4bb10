"""S6 under fire: Ctrl-C once and twice, in steps and in cleanups, in every host, while a timer storms."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from tests.helpers.children import run_child

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and interval timers")

PRESSES = """
import asyncio, contextlib, os, random, signal, sys, threading, time, warnings
from agent_runtime import BlockedLoopWarning, run_workflow
from agent_runtime.bridge import call_in_caller, enter, iterate, run_sync
from tests.helpers.entry_points import one_step

# A round may take longer than a second where others use the processor; the calls warn rightly then.
warnings.simplefilter("ignore", BlockedLoopWarning)
seed, rounds, host, storms = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4] == "storm"
chance = random.Random(seed)
if host == "uvloop":
    import uvloop

class Round:
    '''One call, and the presses that come while its work runs.'''

    def __init__(self, presses):
        self.presses, self.begun, self.cleaned_up = presses, 0, 0
        self.working = threading.Event()
        self.cleaning = threading.Event()
        self.pressed = [threading.Event() for _ in range(presses)]
        self.delays = [chance.choice((0, 0, 1e-5, 1e-4, 1e-3)) for _ in range(presses)]

    def press(self):
        for number, moment in enumerate((self.working, self.cleaning)[:self.presses]):
            assert moment.wait(30), "the work has not come that far"
            time.sleep(self.delays[number])
            os.kill(os.getpid(), signal.SIGINT)
            self.pressed[number].set()

    async def work(self):
        self.begun += 1
        try:
            self.working.set()
            await asyncio.Event().wait()
        finally:
            self.cleaning.set()
            try:
                for pressed in self.pressed:
                    while not pressed.is_set():
                        await asyncio.sleep(0)
            finally:  # who gives up waiting may cancel once more
                self.cleaned_up += 1

    def step(self):
        self.begun += 1
        try:
            self.working.set()
            while True:
                time.sleep(0.01)  # Ctrl-C ends it
        finally:
            self.cleaned_up += 1

    async def on_caller(self):
        await call_in_caller(self.step)

    async def nested(self):
        run_sync(self.work)

    async def items(self):
        yield 1
        await self.work()

    @contextlib.asynccontextmanager
    async def manager(self):
        await self.work()
        yield 1

    def call(self):
        run_sync(self.work)

    def call_on_caller(self):
        run_sync(self.on_caller)

    def call_nested(self):
        run_sync(self.nested)

    def call_directly(self):
        run_sync(self.work, strategy="direct")

    def run_tool(self):
        run_workflow(one_step("tool"), tools={"act": self.work})

    def run_function(self):
        run_workflow(one_step("function"), functions={"act": self.step})

    def iterate(self):
        for _ in iterate(self.items()):
            pass

    def enter(self):
        with enter(self.manager()):
            pass

TWICE = ("call", "call_nested", "run_tool", "iterate", "enter")
ONCE = (*TWICE, "call_on_caller", "run_function") + (("call_directly",) if host == "script" else ())

def carry_out(call):
    if host == "script":
        call()
        return
    async def main():
        call()
    (uvloop.run if host == "uvloop" else asyncio.run)(main())

async def echo(number):
    return number

depth = 0

def on_alarm(signum, frame):
    global depth
    if depth == 3:
        return  # the storm is faster than the calls
    depth += 1
    try:
        assert run_sync(echo, 7, on_running_loop="allow") == 7
    finally:
        depth -= 1

def press_again(dropped):
    '''Python drops what a handler raises inside a finaliser, and any handler can come there.'''
    if dropped.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(dropped)
    elif not this.cleaning.is_set():
        os.kill(os.getpid(), signal.SIGINT)

if storms:
    sys.unraisablehook = press_again
signal.signal(signal.SIGALRM, on_alarm)
handler = signal.getsignal(signal.SIGINT)
for number in range(rounds):
    presses = chance.choice((1, 1, 2))
    name = chance.choice(TWICE if presses == 2 else ONCE)
    this = Round(presses)
    presser = threading.Thread(target=this.press)
    presser.start()
    if storms:
        signal.setitimer(signal.ITIMER_REAL, 0.002, chance.choice((0.002, 0.005)))
    try:
        carry_out(getattr(this, name))
        came = "nothing"
    except KeyboardInterrupt:
        came = "KeyboardInterrupt"
    except BaseException as error:
        came = repr(error)
    signal.setitimer(signal.ITIMER_REAL, 0)
    presser.join()
    until = time.monotonic() + 30
    while this.begun != this.cleaned_up and time.monotonic() < until:
        time.sleep(0.001)  # a second press has given up waiting for the cleanup
    seen = (came, this.begun, this.cleaned_up, signal.getsignal(signal.SIGINT) is handler, run_sync(echo, 5))
    assert seen == ("KeyboardInterrupt", 1, 1, True, 5), (number, name, presses, this.delays, seen)
print(threading.active_count())
"""


@pytest.mark.parametrize("storm", ["calm", "storm"])
@pytest.mark.parametrize("host", ["script", "asyncio", "uvloop"])
def test_every_press_cancels_cleans_up_and_comes_out(host: str, storm: str, long: bool, seed: int) -> None:
    if host == "uvloop" and importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    rounds = 20_000 if long else 150

    child = run_child(PRESSES, limit=3_600 if long else 120, arguments=(str(seed), str(rounds), host, storm))

    assert child.check().lines == ["2"]

"""S6 and S8: a SIGINT handler that code in C has set behind Python's back stays, as the system holds it."""

from __future__ import annotations

import sys

import pytest

from tests.helpers.children import run_child

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="knows Linux's struct sigaction")

COMMON = """
import asyncio, ctypes, os, signal, threading
from agent_runtime.bridge import call_in_caller, iterate, run_sync

system = ctypes.CDLL(None)
harmless = ctypes.cast(system.abs, ctypes.c_void_p).value
pointer = ctypes.sizeof(ctypes.c_void_p)

def look():
    raw = ctypes.create_string_buffer(256)
    system.sigaction(int(signal.SIGINT), None, raw)
    return raw.raw[:pointer], raw.raw[pointer + 128:pointer + 132]

def take_in_c():
    system.sigaction(int(signal.SIGINT), harmless.to_bytes(pointer, "little").ljust(256, b"\\0"), None)

async def echo(value):
    return value

async def wait():
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
    await asyncio.Event().wait()

async def stubborn():
    for _ in range(2):
        asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            pass
    await asyncio.sleep(30)

def interrupted(work):
    try:
        run_sync(work)
    except KeyboardInterrupt:
        return True
"""

PROGRAMS = {
    "first_call": "take_in_c(); before = look(); run_sync(echo, 1)",
    "after_calls": "run_sync(echo, 1); take_in_c(); before = look(); run_sync(echo, 2)",
    "during_the_call": """
take_in_c(); before = look()
async def look_there(): return look()
assert run_sync(look_there) == before
""",
    "directly": "take_in_c(); before = look(); run_sync(echo, 1, strategy='direct')",
    "stream": """
async def items(): yield 1
take_in_c(); before = look(); assert list(iterate(items())) == [1]
""",
    "behind_a_handler_of_the_application": """
signal.signal(signal.SIGINT, lambda *_: None)
take_in_c(); before = look(); run_sync(echo, 1)
""",
    "nested": """
async def outer(): return await call_in_caller(run_sync, echo, 1)
take_in_c(); before = look(); run_sync(outer)
""",
    "set_in_a_step": """
def load_library():
    take_in_c()
    seen.append(look())
seen = []
async def outer(): await call_in_caller(load_library)
run_sync(outer); before = seen[0]
""",
    "press_that_c_takes": """
async def press():
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(0.05)
take_in_c(); before = look(); run_sync(press)
""",
    "interrupted": "before = look(); assert interrupted(wait)",
    "abandoned": "before = look(); assert interrupted(stubborn)",
    "flags_of_siginterrupt": """
signal.siginterrupt(signal.SIGINT, False)
before = look(); run_sync(echo, 1); assert look() == before; assert interrupted(wait)
""",
    "handler_of_a_running_loop": """
async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, bool)
    before = look(); run_sync(echo, 1); assert look() == before
before = look(); asyncio.run(main()); before = look()
""",
}


@pytest.mark.parametrize("program", [pytest.param(text, id=name) for name, text in PROGRAMS.items()])
def test_the_system_holds_the_same_for_sigint_as_before(program: str) -> None:
    child = run_child(
        COMMON + program + "\nassert look() == before, (look(), before)\nprint('same')", limit=60
    )

    assert child.check().lines == ["same"]


def test_nothing_loads_ctypes_for_a_call() -> None:
    program = "import sys\nfrom agent_runtime.bridge import run_sync\n"
    program += "async def work(): return 'ctypes' in sys.modules\nprint(run_sync(work))"

    assert run_child(program).check().lines == ["False"]

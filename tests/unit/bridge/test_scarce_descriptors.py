"""A loop that gets an epoll object and no sockets: what was opened for it is closed at once, in silence."""

from __future__ import annotations

import sys

import pytest

from tests.helpers.children import run_child

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and descriptors of POSIX")

_NEARLY_FULL = """
import asyncio, gc, os, resource
from agent_runtime.bridge import Bridge, run_sync
from agent_runtime.bridge.parking import default_loop_factory, plain_loop
gc.disable()  # what only the collector closes stays
async def leaf(): return 1
async def items(): yield 1
async def nested(): return bridge.run_sync(leaf)
warm = Bridge(); warm.run_sync(leaf); warm.close()
bridge, taken = Bridge(), []
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
def fill():
    try:
        while True: taken.append(os.dup(0))
    except OSError: pass
def is_open(number):
    try: os.fstat(number)
    except OSError: return False
    return True
def count(): return sum(map(is_open, range(64)))
"""


@pytest.mark.parametrize("free", [0, 1, 2])
@pytest.mark.parametrize(
    "start",
    [
        pytest.param("bridge.run_sync(leaf)", id="bridge"),
        pytest.param("run_sync(leaf, strategy='direct')", id="direct"),
        pytest.param("next(bridge.iterate(items()))", id="stream"),
        pytest.param("default_loop_factory()", id="factory"),
        pytest.param("plain_loop()", id="plain_loop"),
    ],
)
def test_loop_that_cannot_be_made_keeps_no_descriptor(start: str, free: int) -> None:
    code = f"""
fill()
for _ in range({free}): os.close(taken.pop())
before = count()
for _ in range(3):
    try: print({start})
    except OSError as error: print(type(error).__name__)
print(count() - before)
gc.collect()
"""

    assert run_child(_NEARLY_FULL + code).check().lines == ["OSError"] * 3 + ["0"]


@pytest.mark.parametrize("free", [1, 2])
def test_loop_of_a_nested_call_that_cannot_be_made_keeps_no_descriptor(free: int) -> None:
    code = f"""
bridge.run_sync(leaf)
fill()
for _ in range({free}): os.close(taken.pop())
before = count()
for _ in range(3):
    try: print(bridge.run_sync(nested))
    except OSError as error: print(type(error).__name__)
print(count() - before)
gc.collect()
"""

    assert run_child(_NEARLY_FULL + code).check().lines == ["OSError"] * 3 + ["0"]

"""S7: after many calls there is no thread, descriptor, task, object or byte more than after a few."""

from __future__ import annotations

import json
import sys

import pytest

from tests.helpers.children import run_child
from tests.helpers.entry_points import ENTRY_POINTS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc/self/fd")

SCRIPT = """
import asyncio, gc, json, os, sys, threading, tracemalloc
from tests.helpers.entry_points import ENTRY_POINTS, one_step
from agent_runtime.bridge import run_sync

name, kind, host, calls = sys.argv[1:4] + [int(sys.argv[4])]
call = ENTRY_POINTS[name]

async def succeed_async(): return "value"
async def fail_async(): raise ValueError("refused")
def succeed(): return "value"
def fail(): raise ValueError("refused")
async def tasks(): return len(asyncio.all_tasks()) - 1

good = {"tools": {"act": succeed_async}} if kind == "async" else {"functions": {"act": succeed}}
bad = {"tools": {"act": fail_async}} if kind == "async" else {"functions": {"act": fail}}
text = one_step("tool" if kind == "async" else "function")

def rounds(count):
    for _ in range(count):
        call(text, good)
        try:
            call(text, bad)
        except ValueError:
            pass

def measure():
    gc.collect()
    return {
        "threads": len(os.listdir("/proc/self/task")),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "tasks": run_sync(tasks),
        "objects": len(gc.get_objects()),
        "bytes": tracemalloc.get_traced_memory()[0],
    }

def experiment():
    rounds(100)  # caches fill: linecache, code, the parser's tables
    tracemalloc.start()
    rounds(20)
    before = measure()
    rounds(calls)
    return before, measure()

async def inside():
    return experiment()

before, after = asyncio.run(inside()) if host == "loop" else experiment()
print(json.dumps([before, after]))
"""

_BYTES_ALLOWED = 60_000
"""What allocators and caches may gain in a whole run; one leaked Call or Task a call is 100 times that."""
_OBJECTS_ALLOWED = 60


@pytest.mark.parametrize("host", ["script", "loop"])
@pytest.mark.parametrize("kind", ["async", "def"])
@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_many_calls_leave_no_more_than_a_few(entry_point: str, kind: str, host: str, long: bool) -> None:
    calls = 50_000 if long else 500  # each round is two calls: one succeeds, one fails

    child = run_child(SCRIPT, limit=3_600 if long else 120, arguments=(entry_point, kind, host, str(calls)))
    before, after = json.loads(child.check().stdout)

    for counted in ("threads", "descriptors", "tasks"):
        assert after[counted] == before[counted], counted
    assert after["objects"] - before["objects"] <= _OBJECTS_ALLOWED
    assert after["bytes"] - before["bytes"] <= _BYTES_ALLOWED

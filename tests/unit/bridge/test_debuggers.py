"""Calls in a debug console: a stop suspends every thread that exists, and the call returns all the same."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from matrix.contexts._debug_client import DebugClient
from tests.helpers.children import ROOT

pytest.importorskip("debugpy")

LIMIT = 20.0

PROGRAM = """
import asyncio, sys, threading, time
sys.path.insert(0, {root!r})
import debugpy
from agent_runtime import run_workflow
from agent_runtime.bridge import iterate, run_sync, submit

async def answer(): return 42
async def thread(): return threading.get_ident()
async def nested(): return run_sync(answer)
async def items():
    yield 1
    yield 2
async def hop(): return await asyncio.to_thread(run_sync, answer)
def workflow(kind, function):
    text = "steps: [{{id: s, %s: f}}]\\n" % kind
    return run_workflow(text, **{{kind + "s": {{"f": function}}}}).outputs["s"]

def plain():
    return loop_thread  # stop: plain
def def_step():
    return 1  # stop: def step
async def async_step():
    return 1  # stop: async step
async def route():
    return 1  # stop: running loop
def others():
    ours = [one for one in threading.enumerate() if one.name.startswith("agent_runtime")]
    return [one for one in ours if one.ident != loop_thread]
def afterwards(is_as_before):
    return 1  # stop: afterwards

print(debugpy.listen(("127.0.0.1", 0), in_process_debug_adapter=True)[1], flush=True)
debugpy.wait_for_client()
loop_thread = run_sync(thread)
plain()
workflow("function", def_step)
workflow("tool", async_step)
asyncio.run(route())
while others():
    time.sleep(0.01)  # the threads of calls during a stop end by themselves
afterwards(run_sync(thread) == loop_thread)
"""

CALLS = {
    "run_sync(answer)": "42",
    "run_sync(nested)": "42",
    "run_sync(hop)": "42",
    "list(iterate(items()))": "[1, 2]",
    "submit(answer).result(10)": "42",
    "workflow('function', lambda: 42)": "42",
    "workflow('tool', answer)": "42",
}
ON_THE_LOOP_THREAD = {
    one: seen for one, seen in CALLS.items() if not one.startswith("submit")
}  # waits for itself


@pytest.mark.parametrize(
    ("stop", "calls"),
    [
        ("plain", CALLS),
        ("def step", CALLS),
        ("async step", ON_THE_LOOP_THREAD),
        ("running loop", CALLS),
    ],
)
def test_a_call_in_the_debug_console_returns(stop: str, calls: dict[str, str], tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(root=str(ROOT)))
    lines = program.read_text().splitlines()
    marks = (f"# stop: {stop}", "# stop: afterwards")
    stops = [number for number, text in enumerate(lines, start=1) if text.endswith(marks)]
    debuggee = subprocess.Popen(
        [sys.executable, "-X", "frozen_modules=off", str(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert debuggee.stdout is not None
        port = int(debuggee.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as connection:
            client = DebugClient(connection)
            client.attach(program, lines=stops)
            thread = client.wait_for_stop()
            seen = {call: client.evaluate(call, thread) for call in calls}
            client.go_on(thread)
            is_as_before = client.evaluate("is_as_before", client.wait_for_stop())
            client.leave()
        _, stderr = debuggee.communicate(timeout=LIMIT)
    finally:
        debuggee.kill()
        debuggee.wait()

    assert (seen, is_as_before) == (calls, "True")
    assert (debuggee.returncode, stderr) == (0, "")  # debugpy warns of whoever takes its trace functions away

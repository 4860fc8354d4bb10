"""An expression that a debugger evaluates in a frame which it has stopped at a breakpoint."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from matrix.contexts._debug_client import DebugClient
from matrix.contexts._join import joining_by_name
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "debugpy_breakpoint",
    summary="in the debug console of debugpy, stopped at a breakpoint after a first call",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        evidence={
            "evaluated by": "debugpy",
            "other threads": "stopped",
            "frame": "the program's",
        },
    ),
    requires=("debugpy",),
    enter_limit=60.0,
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=(
        "allows_reentry",
        "raises_the_steps_own_exception",
        "returns_the_async_value",
        "runs_def_steps_on_calling_thread",
        "times_out",
    ),
)

_END_LIMIT = 10.0
"""Seconds from the last "continue" to the end of the program, which takes a fraction of one."""

_PROGRAM = """
import asyncio, sys, threading, traceback

import debugpy
from agent_runtime.bridge import run_sync

def idle():
    while not over.wait(0.01):  # a debugger stops threads as they run Python
        pass

def perform(text):
    frame = sys._getframe(1)
    files = [below.f_code.co_filename for below, _ in traceback.walk_stack(frame)]
    evidence = {{
        "evaluated by": "debugpy" if any("pydevd_vars" in file for file in files) else "else",
        "other threads": "stopped" if idler.additional_info.pydev_state == 2 else "running",
        "frame": "the program's" if "cell_id" in frame.f_locals else "another",
    }}
    job, cell = part_of(text)
    job.perform(cell, evidence=evidence)

def program():
    for cell_id in {cells!r}:
        pass  # the breakpoint

over = threading.Event()
idler = threading.Thread(target=idle)
idler.start()
host, port = debugpy.listen(("127.0.0.1", 0), in_process_debug_adapter=True)
print(port, flush=True)
debugpy.wait_for_client()
run_sync(asyncio.sleep, 0)
program()
over.set()
"""


def host(job: Job) -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "program.py")
        text = _PROGRAM.format(cells=[cell.id for cell in job.cells])
        program.write_text(joining_by_name() + text)
        debuggee = subprocess.Popen(
            [sys.executable, "-X", "frozen_modules=off", str(program)], stdout=subprocess.PIPE, text=True
        )
        assert debuggee.stdout is not None
        try:
            port = int(debuggee.stdout.readline())
            with socket.create_connection(("127.0.0.1", port)) as connection:
                client = DebugClient(connection)
                client.attach(program, lines=[_line_of(program, "# the breakpoint")])
                for cell in job.cells:
                    thread = client.wait_for_stop()
                    client.evaluate(f"perform({cell.id!r})", thread)
                    client.go_on(thread)
                client.leave()
            debuggee.wait(_END_LIMIT)
        finally:
            debuggee.kill()
            debuggee.wait()


def _line_of(program: Path, mark: str) -> int:
    lines = program.read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if line.endswith(mark))

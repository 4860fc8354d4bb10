"""A coroutine of a loop on a thread that a notebook cell has started, as a server in a notebook has one."""

from __future__ import annotations

from matrix.contexts._join import joining
from matrix.contexts._kernel import execute
from matrix.contexts._observe import ASYNCIO_LOOPS
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "jupyter_thread_loop",
    summary="in a coroutine on a loop of a thread that a notebook cell has started",
    facts=Facts(
        running_loop=ASYNCIO_LOOPS,
        current_task=True,
        main_thread=False,
        kernel=True,
        evidence={"shell": "ZMQInteractiveShell", "thread": "the cell's"},
    ),
    requires=("ipykernel", "nbclient"),
    enter_limit=60.0,
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=("warns_when_it_blocks_a_loop",),
)

_CELL = """
{joining}
import asyncio, threading

async def request():
    evidence = {{
        "shell": type(get_ipython()).__name__,
        "thread": "the cell's" if threading.current_thread() is thread else "another",
    }}
    job.perform(cell, evidence=evidence)

thread = threading.Thread(target=lambda: asyncio.run(request()))
thread.start()
thread.join()
"""


def host(job: Job) -> None:
    execute(_CELL.format(joining=joining(cell)) for cell in job.cells)

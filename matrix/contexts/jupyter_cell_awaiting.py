"""An async function that a notebook cell awaits: the kernel then runs the cell as a coroutine.

Ctrl-C goes another way there: the kernel cancels the cell's task instead of raising in the main thread.
"""

from __future__ import annotations

from matrix.contexts._join import joining
from matrix.contexts._kernel import execute
from matrix.contexts._observe import ASYNCIO_LOOPS
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "jupyter_cell_awaiting",
    summary="in an async function that a cell of a Jupyter notebook awaits",
    facts=Facts(
        running_loop=ASYNCIO_LOOPS,
        current_task=True,
        main_thread=True,
        kernel=True,
        evidence={"shell": "ZMQInteractiveShell", "cell": "a coroutine"},
    ),
    requires=("ipykernel", "nbclient"),
    enter_limit=60.0,
)

_CELL = """
{joining}
import asyncio, inspect, sys

async def main():
    await asyncio.sleep(0)
    code = sys._getframe(1).f_code
    is_coroutine = code.co_name == "<module>" and code.co_flags & inspect.CO_COROUTINE
    evidence = {{
        "shell": type(get_ipython()).__name__,
        "cell": "a coroutine" if is_coroutine else "plain code",
    }}
    job.perform(cell, evidence=evidence)

await main()
"""


def host(job: Job) -> None:
    execute(_CELL.format(joining=joining(cell)) for cell in job.cells)

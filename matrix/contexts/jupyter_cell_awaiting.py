"""An async function that a notebook cell awaits: the kernel then runs the cell as a coroutine.

Ctrl-C goes another way there: the kernel cancels the cell's task instead of raising in the main thread.
"""

from __future__ import annotations

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
import asyncio, inspect, sys
from matrix.child import Job
from matrix.model import Cell

async def main():
    await asyncio.sleep(0)
    cell = sys._getframe(1).f_code
    is_coroutine = cell.co_name == "<module>" and cell.co_flags & inspect.CO_COROUTINE
    evidence = {{
        "shell": type(get_ipython()).__name__,
        "cell": "a coroutine" if is_coroutine else "plain code",
    }}
    Job.resume().perform(Cell.parse({cell_id!r}), evidence=evidence)

await main()
"""


def host(job: Job) -> None:
    execute(_CELL.format(cell_id=cell.id) for cell in job.cells)

"""A code cell of a notebook after an ``await`` at its top level: the cell itself is a coroutine."""

from __future__ import annotations

from matrix.contexts._kernel import execute
from matrix.contexts._observe import ASYNCIO_LOOPS
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "jupyter_cell_after_await",
    summary="in a code cell of a Jupyter notebook, after an await in it",
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
await asyncio.sleep(0)
evidence = {{
    "shell": type(get_ipython()).__name__,
    "cell": "a coroutine" if sys._getframe().f_code.co_flags & inspect.CO_COROUTINE else "plain code",
}}
Job.resume().perform(Cell.parse({cell_id!r}), evidence=evidence)
"""


def host(job: Job) -> None:
    execute(_CELL.format(cell_id=cell.id) for cell in job.cells)

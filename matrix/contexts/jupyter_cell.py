"""A code cell of a notebook, in a real kernel: its loop runs in the main thread, in this very task."""

from __future__ import annotations

from matrix.contexts._join import joining
from matrix.contexts._kernel import execute
from matrix.contexts._observe import ASYNCIO_LOOPS
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "jupyter_cell",
    summary="in a code cell of a Jupyter notebook",
    facts=Facts(
        running_loop=ASYNCIO_LOOPS,
        current_task=True,
        main_thread=True,
        kernel=True,
        evidence={"shell": "ZMQInteractiveShell", "cell": "in the history of inputs"},
    ),
    requires=("ipykernel", "nbclient"),
    enter_limit=60.0,
)

_CELL = """{joining}
evidence = {{
    "shell": type(get_ipython()).__name__,
    "cell": "in the history of inputs" if {cell_id!r} in In[-1] else "nowhere",
}}
job.perform(cell, evidence=evidence)
"""


def host(job: Job) -> None:
    execute(_CELL.format(joining=joining(cell), cell_id=cell.id) for cell in job.cells)

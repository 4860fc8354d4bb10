"""An exit hook that makes the first call of its process, and imports the bridge for it."""

from __future__ import annotations

from matrix.contexts._exits import HOOK, WITHOUT, perform_in_each
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "atexit_cold",
    summary="in an exit hook that makes the first call of its process",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        evidence={"called by": "the interpreter", "main thread": "ended", "before": "nothing"},
    ),
    without=WITHOUT,
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=(
        "raises_the_steps_own_exception",
        "resolves_a_host_name",
        "returns_the_async_value",
        "starts_processes_in_steps",
        "times_out",
    ),
)


def host(job: Job) -> None:
    perform_in_each(job, HOOK)

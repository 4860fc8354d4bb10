"""A task of a real Celery worker: in a child of its pool, which has been forked."""

from __future__ import annotations

from matrix.contexts._celery import work
from matrix.contexts._observe import POSIX
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "celery_prefork",
    summary="in a task of a Celery worker, in a child of its pool",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        evidence={"process": "ForkPoolWorker", "made by": "billiard.context", "task": "requested"},
    ),
    requires=("celery",),
    platforms=POSIX,
    enter_limit=60.0,
    without={
        "*ctrl_c": "the children of Celery's pool ignore SIGINT: Ctrl-C is no interrupt there",
        "works_at_the_end_of_the_process": "the children of Celery's pool end without Python's exit hooks",
    },
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=(
        "allows_reentry",
        "blocks_signals_on_its_threads",
        "raises_the_steps_own_exception",
        "resolves_a_host_name",
        "returns_the_async_value",
        "runs_on_one_loop",
        "times_out",
    ),
)


def host(job: Job) -> None:
    work(job)

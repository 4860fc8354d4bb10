"""A process whose event loop policy is uvloop's, as some servers and ``uvloop.install()`` leave it."""

from __future__ import annotations

import asyncio
import warnings

from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "uvloop_policy",
    summary="in the main thread of a process whose event loop policy is uvloop's",
    facts=Facts(running_loop=None, current_task=False, main_thread=True, evidence={"policy": "uvloop"}),
    requires=("uvloop",),
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=("ignores_*", "leaves_no_footprint", "resolves_a_host_name", "starts_processes_in_steps"),
)


def host(job: Job) -> None:
    import uvloop

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # policies end with CPython 3.16
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        policy = type(asyncio.get_event_loop_policy()).__module__.partition(".")[0]
    for cell in job.cells:
        job.perform(cell, evidence={"policy": policy})

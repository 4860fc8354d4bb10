"""The ``emit`` of a logging handler, which ships what is logged: it holds the lock of that handler."""

from __future__ import annotations

import logging

from matrix.contexts._handler import perform_in
from matrix.contexts._observe import ALL_FACTS
from matrix.model import Context, Facts, Inside, Job

CONTEXT = Context(
    "logging_handler",
    summary="in emit() of a logging handler, which holds its lock",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        evidence={"handler": "on the stack", "its lock": "held", "asyncio's level": "INFO"},
    ),
    gate_entry_points=("bridge_run_sync", "run_workflow", "runtime_stream"),
    inside=Inside(keeps=ALL_FACTS, again=False),  # a handler of the same kind would take the record, too
)


def host(job: Job) -> None:
    perform_in(job, logging.INFO)

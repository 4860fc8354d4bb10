"""The ``emit`` of a logging handler that takes everything, what asyncio logs as it makes a loop too."""

from __future__ import annotations

import logging

from matrix.contexts._handler import perform_in
from matrix.contexts._observe import ALL_FACTS
from matrix.model import Context, Facts, Inside, Job

CONTEXT = Context(
    "logging_handler_debug",
    summary="in emit() of a logging handler at level DEBUG, asyncio's records included",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        evidence={"handler": "on the stack", "its lock": "held", "asyncio's level": "DEBUG"},
    ),
    without={
        "serves_the_callers_own_executor": "asgiref hangs by itself: the loop on its thread logs a line,"
        " and waits for this handler"
    },
    inside=Inside(keeps=ALL_FACTS, again=False),  # a handler of the same kind would take the record, too
    # A control that makes a loop of its own on another thread hangs here, and the gate waits for each.
    gate_entry_points=("bridge_run_sync", "run_workflow", "runtime_stream"),
    gate_probes=(
        "allows_*",
        "cancels_*",
        "closes_*",
        "frees_*",
        "keeps_*",
        "raises_*",
        "returns_*",
        "runs_def_*",
        "starts_nothing_*",
        "streams_*",
        "survives_*",
        "times_out",
        "works_*",
    ),
)


def host(job: Job) -> None:
    perform_in(job, logging.DEBUG)

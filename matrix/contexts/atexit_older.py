"""An exit hook that was there before the first call: it runs after the bridge's own end."""

from __future__ import annotations

from matrix.contexts._exits import FIRST_CALL, GATE_PROBES, HOOK, WITHOUT, perform_in_one
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "atexit_older",
    summary="in an exit hook that is older than the first call, when the bridge has ended",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        evidence={"called by": "the interpreter", "main thread": "ended", "before": "a call"},
    ),
    without={
        **WITHOUT,
        **dict.fromkeys(
            ("closes_clients_in_their_loop", "closing_a_runtime_cancels_what_is_left"),
            "a stream's work is done by the thread that reads it, and that one is in close()",
        ),
    },
    gate_entry_points=("run_workflow", "bridge_run_sync", "runtime_stream"),
    gate_probes=(*GATE_PROBES, "starts_nothing_for_a_call"),
)


def host(job: Job) -> None:
    perform_in_one(job, HOOK, FIRST_CALL)

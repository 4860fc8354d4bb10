"""Sync code that asgiref has sent to the one thread of its request, as Django's ASGI handler sends a view."""

from __future__ import annotations

import asyncio
from typing import Any

from matrix.model import Cell, Context, Facts, Job

CONTEXT = Context(
    "asgiref_sync_to_async",
    summary="in sync code below asgiref's sync_to_async(), with one thread for the request",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=False,
        evidence={"sent by": "the loop of the main thread", "thread": "the only one of its request"},
    ),
    requires=("asgiref",),
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=(
        "allows_reentry*",
        "keeps_*",
        "leaks_*",
        "leaves_*",
        "raises_*",
        "runs_*",
        "serves_*",
        "shows_*",
        "times_out",
        "works_in_a_forked_child",
    ),
)


def host(job: Job) -> None:
    from asgiref.sync import ThreadSensitiveContext, sync_to_async

    async def main() -> None:
        perform: Any = sync_to_async(_perform, thread_sensitive=True)
        for cell in job.cells:
            async with ThreadSensitiveContext():
                await perform(job, cell, asyncio.get_running_loop())

    asyncio.run(main())


def _perform(job: Job, cell: Cell, loop: asyncio.AbstractEventLoop) -> None:
    from asgiref.sync import SyncToAsync

    sensitive: Any = SyncToAsync
    request = sensitive.thread_sensitive_context.get()
    executor = sensitive.context_to_thread_executor[request]
    sent_by = sensitive.threadlocal.main_event_loop
    evidence = {
        "sent by": "the loop of the main thread" if sent_by is loop else repr(sent_by),
        "thread": "the only one of its request" if executor._max_workers == 1 else "one of several",  # noqa: SLF001
    }
    job.perform(cell, evidence=evidence)

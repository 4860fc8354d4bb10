"""A sync view of Django under ASGI, served by hypercorn on a loop of the context's own."""

from __future__ import annotations

import asyncio
import socket

from matrix.contexts._django import ROOT_PATH, application
from matrix.contexts._uvicorn import LOOPBACK, Site
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "django_hypercorn_view",
    summary="in a sync view of Django, served through ASGI by hypercorn",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=False,
        evidence={
            "http": "1.1",
            "query": "42",
            "request": "ASGIRequest",
            "server": "hypercorn-h11",
            "thread": "ThreadPoolExecutor",
        },
    ),
    requires=("django", "hypercorn"),
    gate_entry_points=("run_workflow",),
    gate_probes=("runs_def_steps_on_calling_thread", "serves_the_callers_own_executor", "times_out"),
)


def host(job: Job) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    site = Site(job, first=ROOT_PATH)
    config, app = Config(), application(job, site)
    config.accesslog = config.errorlog = None
    listener = socket.create_server((LOOPBACK, 0))
    port = listener.getsockname()[1]
    config.bind = [f"fd://{listener.detach()}"]

    async def main() -> None:
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        with site.client(port, lambda: loop.call_soon_threadsafe(over.set)):
            await serve(app, config, shutdown_trigger=over.wait)

    asyncio.run(main())

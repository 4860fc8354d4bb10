"""A ``def`` route of FastAPI: it runs in an AnyIO worker thread beside the server's loop."""

from __future__ import annotations

import threading

from matrix.contexts._uvicorn import CELL_PATH, Site
from matrix.model import Context, Facts, Inside, Job

CONTEXT = Context(
    "fastapi_sync_route",
    summary="in a def route of FastAPI, served by uvicorn",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=False,
        evidence={"server": "uvicorn", "http": "1.1", "route": "def", "thread": "AnyIO worker thread"},
    ),
    requires=("fastapi", "uvicorn"),
    inside=Inside(keeps=("kernel",), no_loop=True),
)


def host(job: Job) -> None:
    from fastapi import FastAPI

    app = FastAPI()
    site = Site(job)

    @app.get(CELL_PATH)
    def cell(number: int) -> None:
        thread = threading.current_thread().name
        job.perform(job.cells[number], evidence={**site.evidence, "route": "def", "thread": thread})

    site.serve(app, loop="asyncio")

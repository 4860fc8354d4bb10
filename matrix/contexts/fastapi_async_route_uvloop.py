"""An ``async def`` route of FastAPI under uvicorn, on uvloop: what uvicorn chooses if it is installed."""

from __future__ import annotations

from matrix.contexts._uvicorn import CELL_PATH, Site
from matrix.model import Context, Facts, Inside, Job

CONTEXT = Context(
    "fastapi_async_route_uvloop",
    summary="in an async def route of FastAPI, served by uvicorn on uvloop",
    facts=Facts(
        running_loop="uvloop.Loop",
        current_task=True,
        main_thread=True,
        evidence={"server": "uvicorn", "http": "1.1", "route": "async def"},
    ),
    requires=("fastapi", "uvicorn", "uvloop"),
    platforms=("linux", "darwin"),
    inside=Inside(keeps=("main_thread", "kernel"), no_loop=True),
)


def host(job: Job) -> None:
    from fastapi import FastAPI

    app = FastAPI()
    site = Site(job)

    @app.get(CELL_PATH)
    async def cell(number: int) -> None:
        job.perform(job.cells[number], evidence={**site.evidence, "route": "async def"})

    site.serve(app, loop="uvloop")

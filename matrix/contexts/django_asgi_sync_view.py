"""A sync view of Django under ASGI: its request has one thread, and so have all queries of its work."""

from __future__ import annotations

from matrix.contexts._django import ROOT_PATH, application
from matrix.contexts._uvicorn import Site
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "django_asgi_sync_view",
    summary="in a sync view of Django, served through ASGI by uvicorn",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=False,
        evidence={
            "http": "1.1",
            "query": "42",
            "request": "ASGIRequest",
            "server": "uvicorn",
            "thread": "ThreadPoolExecutor",
        },
    ),
    requires=("django", "uvicorn"),
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=(
        "keeps_context_variables*",
        "raises_the_steps_own_exception",
        "runs_*",
        "serves_*",
        "shows_def_steps_no_loop",
        "times_out",
    ),
)


def host(job: Job) -> None:
    site = Site(job, first=ROOT_PATH)
    site.serve(application(job, site), loop="asyncio")

"""Django with one view, for whichever ASGI server: configured here, without a project of files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from matrix.model import Job

if TYPE_CHECKING:
    from matrix.contexts._uvicorn import Site

__all__ = ("ROOT_PATH", "application")

ROOT_PATH = "/look"


def application(job: Job, site: Site) -> Callable[..., Any]:
    """Return Django's ASGI application, whose sync view performs the cell of its address.

    Args:
        job: whose cells there are.
        site: has seen the server from outside.
    """
    import django
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.db import connection
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    settings.configure(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    )
    django.setup()

    def look(_request: HttpRequest) -> HttpResponse:
        return HttpResponse("")

    def cell(request: HttpRequest, number: int) -> HttpResponse:
        with connection.cursor() as cursor:  # refused where a loop runs in this thread
            cursor.execute("select 42")
            queried = cursor.fetchone()[0]
        evidence = {
            "request": type(request).__name__,
            "query": str(queried),
            "thread": threading.current_thread().name.partition("-")[0],
        }
        job.perform(job.cells[number], evidence={**evidence, **site.evidence})
        return HttpResponse("")

    globals()["urlpatterns"] = [path("look", look), path("cells/<int:number>", cell)]
    served: Callable[..., Any] = get_asgi_application()
    return served

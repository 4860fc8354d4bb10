"""Where it goes wrong: the words of a report that tell a situation, and the context that is that situation.

A context that a row names need not exist yet: reports from there wait for it, by name. What can be shown
without it is shown in the row's stand-ins meanwhile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ("PLACES", "Place")


@dataclass(frozen=True)
class Place:
    """One situation in words.

    Attributes:
        contexts: the names of the contexts that are this situation.
        words: a pattern of what tells it, without regard to case.
        stand_ins: contexts that show the same failure where one of ``contexts`` does not exist.
    """

    contexts: tuple[str, ...]
    words: str
    stand_ins: tuple[str, ...] = ()

    def names_itself_in(self, text: str) -> re.Match[str] | None:
        """Return the words of a passage that tell this situation, or None."""
        return re.search(self.words, text, re.IGNORECASE | re.MULTILINE)


_ASYNC_ROUTE = r"@\w+\.(get|post|put|patch|delete|websocket)\(.*\)\s*\n\s*async def"
_DEF_ROUTE = r"@\w+\.(get|post|put|patch|delete)\(.*\)\s*\n\s*def "

PLACES: tuple[Place, ...] = (
    # hosts
    Place(("jupyter_cell",), r"jupyter|notebook|ipython|ipykernel|colab|kernel cell"),
    Place(
        ("jupyter_cell_awaiting",), r"await in a cell|top-level await|cell that awaits|in a cell with await"
    ),
    Place(("fastapi_sync_route",), rf"def endpoint|sync (route|dependency)|FastAPI thread|{_DEF_ROUTE}"),
    Place(
        ("fastapi_async_route",),
        rf"FastAPI (handler|server|under load|import)|\buvicorn\b(?! \+ uvloop)|agent server|async route"
        rf"|{_ASYNC_ROUTE}",
    ),
    Place(("fastapi_sync_route",), r"FastAPI (in k8s|\+ thread pool)|AnyIO worker thread"),
    Place(
        ("fastapi_async_route", "fastapi_sync_route"),
        r"\b(fastapi|starlette)\b(?! (handler|server|under|import|sync|def|async|thread|in k8s|\+))",
    ),
    Place(("fastapi_async_route_uvloop",), r"uvicorn \+ uvloop|server with uvloop"),
    Place(("uvloop_run",), r"(?<!with )(?<!\+ )\buvloop\b"),
    Place(("trio_run",), r"\btrio\b"),
    # threads
    Place(
        ("executor_thread",),
        r"ThreadPoolExecutor|thread pool\b|in executor|worker thread|task in a thread|nested runnables",
    ),
    Place(("asyncio_run_in_thread",), r"loop in thread\b|loop in (a )?background thread|portal in a thread"),
    Place(("worker_thread_of_loop",), r"to_thread|sync_to_async|asyncify|sync tool in executor|sync view"),
    Place(("nested_threads",), r"thread of a thread"),
    # loops
    Place(
        ("asyncio_run",),
        r"\basync (main|handler|flow|worker|app|engine|node|agent|actor|code|function|program)\b"
        r"|trigger loop|\bachat\b|asyncio\.run -> sync|async tasks|async consumers",
    ),
    Place(("asyncio_callback",), r"call_soon|add_done_callback|done-callback"),
    # moments
    Place(("finaliser",), r"__del__|garbage.collect|object finali[sz]ed"),
    Place(("module_body",), r"module body|while (it is )?import(ed|ing)|at import time"),
    Place(
        ("signal_handler_idle", "signal_handler_in_loop"), r"signal handler that calls|in a signal handler"
    ),
    Place(
        ("plain_script",),
        r"\bscripts?\b(?! ?thread)|\bCLI\b|main ?thread\b(?! of)|^any$"
        r"|\bsync (code|consumer|chat|stream|flow)|long-lived process|background loop"
        r"|atexit|then exit|debugger",
    ),
    # what the probes of a fork bring about themselves
    Place(
        ("plain_script",), r"ProcessPoolExecutor|multiprocessing|data ?loader|serverless|lambda\b|warm start"
    ),
    Place(("celery_prefork",), r"celery"),
    Place(("subinterpreter",), r"sub-?interpreter|mod_wsgi"),
    Place(("gevent_main",), r"gevent"),
    Place(("uwsgi_worker",), r"uwsgi"),
    # situations that no context is yet
    Place(("django_async_view",), r"async (server|middleware|consumers)|django", ("worker_thread_of_loop",)),
    Place(("gradio_callback",), r"gradio", ("executor_thread",)),
    Place(("nest_asyncio_patched",), r"under nest_asyncio|patched loop|nested run_until", ("asyncio_run",)),
    Place(("playwright_sync_script",), r"sync browser|playwright", ("asyncio_callback",)),
    Place(("pyodide",), r"pyodide|emscripten|webassembly", ("plain_script",)),
    Place(("pytest_asyncio_test",), r"pytest-asyncio|pytest module-scoped", ("asyncio_run",)),
    Place(("qt_callback",), r"\bqt\b|qasync|pyside", ("asyncio_callback",)),
    Place(("ray_actor",), r"\bray\b", ("asyncio_run",)),
    Place(("streamlit_script",), r"streamlit", ("executor_thread",)),
    Place(("windows_console",), r"windows"),
    Place(("workflow_with_own_loop",), r"durable-execution|own loop class|temporalio"),
    Place(("wsgi_thread",), r"\bwsgi\b(?!\))|threaded wsgi|\bflask\b", ("executor_thread",)),
)
"""All rows whose words a report has are meant, so they exclude each other where words overlap."""

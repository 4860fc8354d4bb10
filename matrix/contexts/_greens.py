"""What gevent and eventlet do to a process, and how one sees that they have."""

from __future__ import annotations

import _thread
import os
import warnings
from collections.abc import Callable, Mapping

__all__ = ("PROBES", "WITHOUT", "patch_with_eventlet", "patch_with_gevent")

WITHOUT: Mapping[str, str] = {
    "reuses_http_client": "httpx imports trio where that is installed, and on another thread nobody can",
    "serves_a_crowd_on_one_loop": "threads are greenlets of one thread there, and a call blocks them all",
    "starts_children_with_the_programs_mask": "subprocess is the library's there, for the main thread only",
    "works_without_threads": "the bridge starts real threads there, past whatever starts greenlets",
}
"""Claims that cannot be made where threads are greenlets, and why."""

PROBES = (
    "allows_reentry*",
    "keeps_context_variables",
    "leaks_no_threads_or_descriptors",
    "raises_the_steps_own_exception",
    "resolves_a_host_name",
    "returns_the_async_value",
    "runs_def_steps_on_calling_thread",
    "starts_processes_in_steps",
    "times_out",
    "works_at_the_end_of_the_process",
)
"""What the gate judges where a host has a relative that is judged in full."""


def patch_with_gevent() -> Callable[[], Mapping[str, str]]:
    """Do what the first line of such a program does; return who observes the place of a cell."""
    from gevent import monkey

    monkey.patch_all()
    return _observe


def patch_with_eventlet() -> Callable[[], Mapping[str, str]]:
    """Do what the first line of such a program does; return who observes the place of a cell."""
    # With greendns it imports dnspython, that httpx, that trio, and there its sockets lack a method.
    os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing it says that it is deprecated
        import eventlet

        eventlet.monkey_patch()
    return _observe


def _observe() -> Mapping[str, str]:
    import greenlet

    here = greenlet.getcurrent()
    library = _thread.start_new_thread.__module__.partition(".")[0]
    return {
        "threads": f"{library}'s",
        "greenlet": "main" if here.parent is None else type(here).__name__,
    }

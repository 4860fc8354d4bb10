"""A request of a real gunicorn server whose worker is gevent's, and patches its process when it begins."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from matrix.contexts._greens import WITHOUT
from matrix.contexts._join import joining_by_name
from matrix.contexts._observe import POSIX
from matrix.contexts._requests import request
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "gunicorn_gevent",
    summary="in a WSGI request, served by gunicorn's worker of gevent",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=False,
        evidence={"server": "gunicorn", "worker": "gevent's", "threads": "gevent's", "greenlet": "Greenlet"},
    ),
    requires=("gunicorn", "gevent"),
    platforms=POSIX,
    enter_limit=60.0,
    without={
        **WITHOUT,
        "works_at_the_end_of_the_process": "a claim of the end of one process, and the server has two",
    },
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=(
        "allows_reentry",
        "raises_the_steps_own_exception",
        "resolves_a_host_name",
        "returns_the_async_value",
        "runs_def_steps_on_calling_thread",
        "starts_processes_in_steps",
        "times_out",
    ),
)

_END_LIMIT = 20.0
"""Seconds from SIGTERM to the end of the server, which takes about one; a deaf one never ends."""

_APPLICATION = """
import _thread, sys, traceback

def application(environment, start_response):
    import greenlet

    job, cell = part_of(environment["QUERY_STRING"])
    files = [frame.f_code.co_filename for frame, _ in traceback.walk_stack(sys._getframe())]
    here = greenlet.getcurrent()
    evidence = {
        "server": environment["SERVER_SOFTWARE"].partition("/")[0],
        "worker": "gevent's" if any("ggevent" in file for file in files) else "another",
        "threads": _thread.start_new_thread.__module__.partition(".")[0] + "'s",
        "greenlet": "main" if here.parent is None else type(here).__name__,
    }
    job.perform(cell, evidence=evidence)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"performed"]
"""


def host(job: Job) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        Path(folder, "application.py").write_text(joining_by_name() + _APPLICATION)
        server = _start(folder, listener)
        try:
            for cell in job.cells:
                request(listener, f"/?{cell.id}")
            _end(server)
        finally:
            server.kill()
            server.wait()


def _start(folder: str, listener: socket.socket) -> subprocess.Popen[bytes]:
    os.set_inheritable(listener.fileno(), True)
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--worker-class=gevent", "--workers=1", "--timeout=120"),
            *("--no-control-socket", f"--chdir={folder}", f"--bind=fd://{listener.fileno()}"),
            "application:application",
        ],
        pass_fds=(listener.fileno(),),
        stdin=subprocess.DEVNULL,
    )


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(_END_LIMIT)
    except subprocess.TimeoutExpired:
        raise OSError(f"the server goes on {_END_LIMIT:g} s after SIGTERM") from None

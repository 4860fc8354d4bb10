"""A real uWSGI server in a process below, and a client in this one, one request a cell."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from matrix.contexts._join import joining_by_name
from matrix.contexts._requests import request
from matrix.model import Job

__all__ = ("WITHOUT", "serve")

WITHOUT = {
    "*ctrl_c": "uWSGI takes SIGINT for itself and ends the server: Ctrl-C is no interrupt there",
    "works_at_the_end_of_the_process": "uWSGI ends its processes itself, often without Python's exit hooks",
}
"""What a worker rules out, by probe."""

_END_LIMIT = 10.0
"""Seconds from SIGINT to the end of the server, which takes milliseconds; a deaf one never ends."""

_APPLICATION = """
import signal, sys, traceback

def application(environment, start_response):
    job, cell = part_of(environment["QUERY_STRING"])
    codes = [frame.f_code for frame, _ in traceback.walk_stack(sys._getframe())]
    evidence = {
        "server": "uwsgi" if "uwsgi" in sys.modules else "something else",
        "python says": getattr(signal.getsignal(signal.SIGINT), "__name__", "something else"),
        "application": "on the stack" if application.__code__ in codes else "not there",
        "interpreter": "the first application's" if hasattr(sys, "first_application") else "its own",
    }
    job.perform(cell, evidence=evidence)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"performed"]
"""

_FIRST = """
import asyncio, sys, threading

sys.first_application = True
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()

def application(environment, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the first one"]
"""


def serve(job: Job, *, second: bool = False) -> None:
    """Have a worker perform the cells, and end the server with Ctrl-C: it must hear that after calls, too.

    Args:
        job: what to perform.
        second: whether in the second of two applications, which has an interpreter of its own.

    Raises:
        OSError: a request failed, or the server did not end.
    """
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        first, application = Path(folder, "first.py"), Path(folder, "application.py")
        first.write_text(_FIRST)
        application.write_text(joining_by_name() + _APPLICATION)
        mounts = (f"--mount=/first={first}",) if second else ()
        server = _start(listener, *mounts, f"--mount=/cells={application}")
        try:
            if second:
                request(listener, "/first")
            for cell in job.cells:
                request(listener, f"/cells?{cell.id}")
            _end(server)
        finally:
            server.kill()
            server.wait()


def _start(listener: socket.socket, *options: str) -> subprocess.Popen[bytes]:
    os.set_inheritable(listener.fileno(), True)
    return subprocess.Popen(
        [
            *(sys.executable, "-c", "import pyuwsgi; pyuwsgi.run()", "--manage-script-name"),
            *("--http-socket", f"fd://{listener.fileno()}", "--enable-threads", "--need-app", *options),
        ],
        pass_fds=(listener.fileno(),),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _end(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)
    try:
        server.wait(_END_LIMIT)
    except subprocess.TimeoutExpired:
        raise OSError(f"the server goes on {_END_LIMIT:g} s after SIGINT") from None

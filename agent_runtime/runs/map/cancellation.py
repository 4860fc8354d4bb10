"""How workers on this machine learn that a run is not wanted any more: from a file that bears its id.

A file, because it reaches every worker whichever way it was started and whatever it inherits, and cannot come
too early or too late: a worker that begins with the run afterwards sees it as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import multiprocessing
import os
import tempfile
from concurrent import futures

from agent_runtime.errors import RuntimeClosedError
from agent_runtime.runs.active import Run

__all__ = ("Unwanted", "heed")

_LOOK = 0.25
"""Seconds between a worker's looks; a guess. Each costs it some microseconds."""


class Unwanted:
    """The files of one map, in a folder of their own that only this user may read; on one loop."""

    def __init__(self) -> None:
        self._folder = ""
        self._is_over = False

    def file_of(self, run_id: str) -> str:
        """Return the file that a worker is to look for; empty if there is no place for any."""
        if not self._folder:
            with contextlib.suppress(OSError):  # then runs in workers go on to their end
                self._folder = tempfile.mkdtemp(prefix="agent_runtime-")
        return os.path.join(self._folder, run_id) if self._folder else ""

    def tell(self, file: str, future: futures.Future[bytes]) -> None:
        """Tell the worker of a run that it is not wanted, until it has ended."""
        with contextlib.suppress(OSError):  # somebody has tidied up: then it goes on to its end
            os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
        future.add_done_callback(lambda _future: self._forget(file))

    def close(self) -> None:
        """Let the folder go, as soon as all that were told have ended."""
        self._is_over = True
        self._tidy_up()

    def _forget(self, file: str) -> None:
        """Remove a file; on a thread of the executor's."""
        with contextlib.suppress(OSError):
            os.unlink(file)
        if self._is_over:
            self._tidy_up()

    def _tidy_up(self) -> None:
        with contextlib.suppress(OSError):  # others have not ended yet
            os.rmdir(self._folder)


@functools.cache
def _parent_of(process: int) -> int:  # noqa: ARG001 - a forked child asks anew
    """Return the process that had started this one, when it was first asked for."""
    return os.getppid()


def _is_orphan() -> bool:
    """Whether the process that had made this worker has been killed.

    A forked worker has another parent then. One that a server has forked has not; there the end of a pipe
    tells, which among forked ones their younger siblings hold open.
    """
    host = multiprocessing.parent_process()
    return os.getppid() != _parent_of(os.getpid()) or (host is not None and not host.is_alive())


def heed(file: str, workflow: str, run: Run) -> None:
    """Stop a run in this worker when the file is there, or the process that wants it has been killed.

    Called on the loop that it is to run on.

    Raises:
        RuntimeClosedError: it is so already.
    """
    loop = asyncio.get_running_loop()

    def is_unwanted() -> bool:
        return os.path.exists(file) or _is_orphan()

    if is_unwanted():
        raise RuntimeClosedError(workflow, run.id)

    def look() -> None:
        if run.ended:
            return
        if is_unwanted():
            run.close()
        loop.call_later(_LOOK, look)

    loop.call_later(_LOOK, look)

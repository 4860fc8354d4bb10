"""The guardian: a process that ends a run's hosts when the supervisor has died without a chance to.

It lives beside the supervisor, in a session of its own, and waits for the end of a pipe that nobody but the
supervisor holds open: SIGKILL closes that, too. Hosts do not know of it: they gain no descriptor, no thread
and no signal, and so no probe meets it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from matrix.assignment import VARIABLE
from matrix.ending import Family, end_all

__all__ = ("Guardian", "end_run", "family_of_run")

IMPORT_ROOT = str(Path(__file__).parent.parent)
# Waits before it imports anything, and starts without `site`: so a run hardly notices it.
CODE = """\
import sys
told = sys.stdin.buffer.read()
sys.path.insert(0, sys.argv[1])
from matrix.guardian import end_run
end_run(sys.argv[2], told)
"""


class Guardian:
    """The supervisor's end of the pipe."""

    def __init__(self, folder: Path) -> None:
        """Start the process; ``folder`` is the run's own, and goes with its hosts."""
        environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
        # Of its own session, so that what ends the supervisor's (Ctrl-C, a terminal that closes, a kill
        # of its group) does not end both. No stream of the supervisor's: a reader of its output is not
        # to wait for this one.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", CODE, IMPORT_ROOT, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=os.path.abspath(os.sep),
            env=environment,
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    def started(self, host: int) -> None:
        """Take note of a host; without ``/proc`` its processes cannot be found otherwise."""
        self._tell(f"+{host}\n")

    def ended(self, host: int) -> None:
        """Forget a host before its number can be another process's."""
        self._tell(f"-{host}\n")

    def close(self) -> None:
        """Dismiss it: the supervisor has ended all hosts itself."""
        self._process.kill()
        with self._process:
            pass

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        # A guardian that somebody has killed is missed only if the supervisor dies, too.
        with contextlib.suppress(OSError):
            os.write(self._process.stdin.fileno(), line.encode())


def family_of_run(folder: Path, leaders: frozenset[int] = frozenset()) -> Family:
    """Return what tells the processes of all hosts of a run."""
    return Family(leaders, f"{VARIABLE}={folder}{os.sep}")


def end_run(folder: str, told: bytes) -> None:
    """Kill all that is left of a run, and remove its folder; what the guardian does when the pipe ends.

    Args:
        folder: the run's own.
        told: a line for each host that has started, and one for each that has ended.
    """
    leaders: set[int] = set()
    for line in told.decode().split():
        (leaders.add if line[0] == "+" else leaders.discard)(int(line[1:]))
    end_all(family_of_run(Path(folder), frozenset(leaders)))
    shutil.rmtree(folder, ignore_errors=True)

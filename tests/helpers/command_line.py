"""The command line in a process of its own, at a terminal of its own if it is to have one."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ("AtTerminal", "at_terminal", "command")

ROOT = Path(__file__).parents[2]
LIMIT = 60.0


def command(*arguments: str, folder: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``agent-runtime`` with these arguments in a folder, and wait for its end."""
    return subprocess.run(
        [sys.executable, "-m", "agent_runtime", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        input=stdin,
        timeout=LIMIT,
        cwd=folder,
        env=_environment(),
        check=False,
    )


class AtTerminal:
    """A command whose stderr is a terminal; what it has written there is read as it comes."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int) -> None:
        self.process = process
        self._terminal = terminal
        self.seen = ""

    def read_until(self, text: str) -> None:
        """Wait until the terminal has been given this text."""
        until = time.monotonic() + LIMIT
        while text not in self.seen:
            assert time.monotonic() < until, f"{text!r} did not come: {self.seen!r}"
            assert self._read(0.5) or text in self.seen, f"{text!r} never came: {self.seen!r}"

    def press_ctrl_c(self) -> None:
        """Do what a terminal does at Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """Wait for the end of the process; return its exit code and what it has written to stdout."""
        until = time.monotonic() + LIMIT
        while self._read(0.1):
            assert time.monotonic() < until, f"it does not end: {self.seen!r}"
        assert self.process.stdout is not None
        stdout = self.process.stdout.read().decode()
        return self.process.wait(LIMIT), stdout

    def _read(self, seconds: float) -> bool:
        """Read what there is; return whether more can come."""
        ready, _, _ = select.select([self._terminal], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self._terminal, 65_536)
        except OSError:  # Linux says so when the other end is closed
            return False
        self.seen += data.decode("utf-8", "replace")
        return bool(data)


@contextlib.contextmanager
def at_terminal(*arguments: str, folder: Path) -> Iterator[AtTerminal]:
    """Run ``agent-runtime`` with a terminal as its stderr."""
    import pty  # not on Windows

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "agent_runtime", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        cwd=folder,
        env={**_environment(), "TERM": "xterm", "COLUMNS": "80"},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield AtTerminal(process, ours)
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        os.close(ours)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}

"""Watches: all of the above happens in a child process, which may hang or die."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matrix.repro.inside.cell import ENTER, EXIT, LIMIT
from matrix.repro.inside.judge import bring_about
from matrix.repro.inside.telling import CODES, TOLD, VERDICTS

__all__ = ("main",)


def main() -> int:
    """Start this very script again, watch it, say what has become of it; return the exit code."""
    if TOLD in os.environ or "--here" in sys.argv:
        return bring_about()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the child is killed then, too
    with tempfile.TemporaryDirectory() as folder:
        told, output = Path(folder, "told"), Path(folder, "output")
        told.touch()
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, *sys.orig_argv[1:]],
                env={**os.environ, TOLD: str(told)},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                late = watch(process, told)
            finally:
                end(process, told)
        messages, said = heard(told), output.read_text(encoding="utf-8", errors="replace")
    word, why = outcome(messages, late=late, code=process.returncode, said=said)
    print(said, *(message["trace"] for message in messages), sep="", end="")
    print(f"{word}: {why}" if why else word)
    return CODES[word]


def watch(process: subprocess.Popen[bytes], told: Path) -> str:
    """Wait for the end of the child; return the phase whose limit has passed, or nothing."""
    # A second more than the limit of the call: by then the child has shown where its threads are.
    for phase, seconds, ends in (
        ("enter", ENTER, ("begin", *VERDICTS)),
        ("call", LIMIT + 1, VERDICTS),
        ("exit", EXIT, ()),
    ):
        give_up = time.monotonic() + seconds
        while not any(message["word"] in ends for message in heard(told)):
            if process.poll() is not None:
                return ""
            if time.monotonic() > give_up:
                return phase
            time.sleep(0.02)
    return ""


def heard(told: Path) -> list[dict[str, Any]]:
    """Return what the child has told so far."""
    return [json.loads(line) for line in told.read_text(encoding="utf-8").split("\n")[:-1]]


def outcome(messages: Sequence[Mapping[str, Any]], *, late: str, code: int, said: str) -> tuple[str, str]:
    """Return what all that comes to, and why."""
    for message in messages:
        if message["word"] in VERDICTS and message["word"] != "pass":
            return message["word"], message["why"]
    words = [message["word"] for message in messages]
    if late:
        return "hang", f"in {late}: the limit passed, and the process was killed"
    if "begin" not in words and code >= 0:
        return "error", f"the situation did not come about: the process ended with {code}"
    if code or "pass" not in words:
        return "crash", f"{'after' if 'pass' in words else 'during'} the call: the process ended with {code}"
    if words.count("made") < words.count("put off") or ("put off" in words and said):
        return "fail", "the process did not end as it should: quietly, all that was put off being checked"
    return "pass", ""


def end(process: subprocess.Popen[bytes], told: Path) -> None:
    """Kill what is left: the child with its group, and a notebook kernel, which has a group of its own."""
    judged = {message["pid"] for message in heard(told)} if process.poll() is None else set()
    if sys.platform == "win32":
        process.kill()
    else:
        for kill, pid in [(os.killpg, process.pid), *((os.kill, pid) for pid in judged)]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(pid, signal.SIGKILL)
    process.wait()

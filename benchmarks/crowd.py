"""Many callers at once: time, threads, descriptors and memory, watched from outside the process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from benchmarks.candidates import obstacle
from benchmarks.model import Candidate, Crowd

__all__ = ("measure_crowd",)

LIMIT_SECONDS = 60.0
"""Whoever takes longer has failed; a guess, and far more than the slowest took."""
STANDARD_STREAMS = 3
LOOK_SECONDS = 0.004
"""Between two looks at the process."""


def measure_crowd(candidate: Candidate, callers: int, *, work_seconds: float, limit: int = 0) -> Crowd:
    """Have ``callers`` threads make a call at once, in a process of their own.

    Args:
        candidate: how they call.
        callers: how many threads.
        work_seconds: how long each call waits on its loop.
        limit: how many descriptors the process may have, or 0 for what the system allows.
    """
    blank = Crowd(candidate.key, callers, limit, work_seconds)
    if problem := obstacle(candidate):
        return _failed(blank, problem)
    command = [sys.executable, "-m", "benchmarks.crowd_child", candidate.key, str(callers), str(work_seconds)]
    if limit:
        command = ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", *command]
    with (
        tempfile.TemporaryFile("w+") as stderr,  # a pipe fills up: a thousand failures are a long story
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as child,
    ):
        timer = threading.Timer(LIMIT_SECONDS, child.kill)
        timer.start()
        try:
            return _watch(child, blank, stderr)
        finally:
            timer.cancel()
            child.kill()


def _watch(child: subprocess.Popen[str], blank: Crowd, stderr: IO[str]) -> Crowd:
    assert child.stdout is not None
    assert child.stdin is not None
    if child.stdout.readline().strip() != "waiting":
        return _failed(blank, _complaint(child, stderr))
    with _peak(child.pid) as peak:
        child.stdin.write("go\n")
        child.stdin.flush()
        answer = child.stdout.readline()
    if not answer:
        return _failed(blank, _complaint(child, stderr))
    found: dict[str, Any] = json.loads(answer)
    return Crowd(
        blank.key,
        blank.callers,
        blank.limit,
        blank.work_seconds,
        threads=peak.threads - 1 - blank.callers,
        descriptors=peak.descriptors - STANDARD_STREAMS,
        memory_bytes=peak.memory_bytes,
        **found,
    )


@dataclass
class _Peak:
    """The highest of each that was seen: threads in all, the others beyond the first look."""

    threads: int = 0
    descriptors: int = 0
    memory_bytes: int = 0


@contextmanager
def _peak(pid: int) -> Iterator[_Peak]:
    """Look at a process again and again while the block runs."""
    import psutil

    process = psutil.Process(pid)
    over = threading.Event()
    peak = _Peak()
    before = process.memory_info().rss

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            try:
                peak.threads = max(peak.threads, process.num_threads())
                peak.descriptors = max(peak.descriptors, process.num_fds())
                peak.memory_bytes = max(peak.memory_bytes, process.memory_info().rss - before)
            except psutil.Error:  # it has ended
                return

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def _complaint(child: subprocess.Popen[str], stderr: IO[str]) -> str:
    child.wait()
    stderr.seek(0)
    lines = stderr.read().strip().splitlines()
    return lines[-1] if lines else f"no end within {LIMIT_SECONDS:.0f} s"


def _failed(blank: Crowd, problem: str) -> Crowd:
    return Crowd(blank.key, blank.callers, blank.limit, blank.work_seconds, problem=problem)

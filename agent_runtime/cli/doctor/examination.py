"""The examination: facts, known trouble, a call in this very process, and calls in child processes."""

from __future__ import annotations

import enum
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from agent_runtime.bridge import run_sync
from agent_runtime.cli.doctor.facts import extras, facts, troubles
from agent_runtime.cli.doctor.situations import SITUATIONS

__all__ = ("Finding", "Level", "Report", "examine")

LIMIT = 30.0
"""Seconds for each situation; far more than any takes, on a machine that has other things to do."""


class Level(enum.StrEnum):
    """What a finding means."""

    OK = "ok"
    """It works."""
    NOTE = "note"
    """It is good to know, and nothing fails by it."""
    TROUBLE = "trouble"
    """Something does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    Attributes:
        name: what it is about.
        level: what it means.
        text: what was found, in a sentence.
    """

    name: str
    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found.

    Attributes:
        facts: what is so, by name.
        extras: versions of what is needed, and of what extras bring.
        findings: what works, what is good to know, what does not work.
    """

    facts: dict[str, str]
    extras: dict[str, str]
    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether everything works that was tried."""
        return all(finding.level is not Level.TROUBLE for finding in self.findings)


def examine(*, limit: float = LIMIT) -> Report:
    """Examine this process and this machine; blocks the calling thread for a few seconds.

    Makes a call in this process, which may start the bridge's loop thread, and calls in child processes, one
    for each situation, all at the same time. None of them outlives this.

    Args:
        limit: seconds that each situation may take.
    """
    findings = [Finding(name, Level.TROUBLE if bad else Level.NOTE, text) for name, text, bad in troubles()]
    return Report(facts(), extras(), (*_situations(limit), _here(limit), *findings))


def _here(limit: float) -> Finding:
    """Call in this very process: under its patches, its loop, its limits."""

    async def nothing() -> int:
        return threading.get_ident()

    began = time.perf_counter()
    try:
        thread = run_sync(nothing, timeout=limit, on_running_loop="allow")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        return Finding("this process", Level.TROUBLE, f"a call raised {type(error).__name__}: {error}")
    where = "on the calling thread" if thread == threading.get_ident() else "on the loop thread"
    return Finding(
        "this process", Level.OK, f"a call took {(time.perf_counter() - began) * 1e3:.1f} ms, {where}"
    )


def _situations(limit: float) -> Iterator[Finding]:
    if not sys.executable:
        yield Finding("situations", Level.NOTE, "not tried: this Python does not say where its executable is")
        return
    children = {name: _start(name) for name in SITUATIONS}
    until = time.monotonic() + limit
    for name, child in children.items():
        yield child if isinstance(child, Finding) else _judge(name, child, until)


def _start(name: str) -> subprocess.Popen[str] | Finding:
    code = (
        "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
        "from agent_runtime.cli.doctor.situations import main; main(sys.argv[2])"
    )
    try:
        return subprocess.Popen(
            [sys.executable, "-c", code, json.dumps(sys.path), name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=sys.platform != "win32",
        )
    except OSError as error:
        return Finding(name, Level.NOTE, f"not tried: no child process can be started: {error}")


def _judge(name: str, child: subprocess.Popen[str], until: float) -> Finding:
    try:
        stdout, stderr = child.communicate(timeout=max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        _kill(child)
        return Finding(name, Level.TROUBLE, "the call did not end in time, and its process was killed")
    if child.returncode == 0:
        try:
            return Finding(name, Level.OK, str(json.loads(stdout)))
        except ValueError:
            return Finding(name, Level.TROUBLE, f"the call printed what was not expected: {stdout[:200]}")
    last = next((line for line in reversed(stderr.splitlines()) if line.strip()), "it said nothing")
    return Finding(name, Level.TROUBLE, f"the call failed with exit code {child.returncode}: {last[:300]}")


def _kill(child: subprocess.Popen[str]) -> None:
    """End a child, and what it may have forked."""
    if sys.platform == "win32":
        child.kill()
    else:
        os.killpg(child.pid, signal.SIGKILL)
    child.communicate()

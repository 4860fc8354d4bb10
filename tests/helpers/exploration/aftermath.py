"""The very last thing that a child process does: report to its parent.

Imported before anything of ``agent_runtime``: exit hooks run last in, first out, so this one comes after
the bridge's own, and what happens in those is reported, too.
"""

from __future__ import annotations

import atexit
import json
import os
from collections.abc import Callable
from typing import Any

__all__ = ("report_at_the_end", "say")

_reports: list[tuple[int, Callable[[], dict[str, Any]]]] = []


def report_at_the_end(descriptor: int, report: Callable[[], dict[str, Any]]) -> None:
    """Write what ``report()`` returns, when the process has come to its end."""
    _reports.append((descriptor, report))


def say(descriptor: int, what: object) -> None:
    """Write one line of JSON."""
    os.write(descriptor, json.dumps(what).encode() + b"\n")


def _report() -> None:
    while _reports:
        try:
            descriptor, report = _reports[-1]
            say(descriptor, report())
            _reports.pop()
        except BaseException:  # a signal that comes only now is no news
            continue


atexit.register(_report)

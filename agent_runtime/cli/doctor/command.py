"""``agent-runtime doctor``: does it work here, and what of this machine is good to know?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import asdict

from agent_runtime.cli.exit_codes import ExitCode
from agent_runtime.cli.output import one_line, write_json

__all__ = ("add", "perform")

_SIGNS = {"ok": "ok      ", "note": "note    ", "trouble": "TROUBLE "}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "doctor",
        help="try whether everything works here",
        description="Make real calls in the situations that can be set up here, each in a process of its"
        " own, and report on Python, the platform, limits, versions, and what is known to give trouble.",
    )
    parser.add_argument("--json", action="store_true", help="write the report to stdout as JSON")
    parser.add_argument(
        "--limit", type=float, default=30.0, metavar="SECONDS", help="for each situation; by default 30"
    )
    parser.set_defaults(perform=perform)


def perform(chosen: argparse.Namespace) -> int:
    """Examine and report; return the exit code."""
    from agent_runtime.cli.doctor import examine

    report = examine(limit=chosen.limit)
    if chosen.json:
        write_json({"well": report.is_well, **asdict(report)}, sys.stdout)
    else:
        for finding in report.findings:
            print(f"{_SIGNS[finding.level]}{finding.name}: {one_line(finding.text)}")
        _table("this machine", report.facts)
        _table("versions", report.extras)
    return ExitCode.DONE if report.is_well else ExitCode.FAILED


def _table(title: str, rows: Mapping[str, str]) -> None:
    print(f"\n{title}")
    width = max(map(len, rows))
    for name, text in rows.items():
        print(f"  {name:<{width}}  {one_line(text)}")

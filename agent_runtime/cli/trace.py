"""``agent-runtime trace``: the timeline of a run as one HTML page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agent_runtime.cli.exit_codes import ExitCode, UsageError
from agent_runtime.cli.graph import write_output
from agent_runtime.cli.output import one_line

__all__ = ("add", "perform")

_SHOWN = 5
"""Waits that are printed; the page has more."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "trace",
        help="make a page of a trace",
        description="Make one HTML page of what 'agent-runtime run --trace FILE' or a Recorder has written:"
        " lanes for the threads, what waited for whom, how long a host's event loop stood still. The page"
        " needs no network.",
    )
    parser.add_argument("file", metavar="FILE", help="the trace, as JSON")
    parser.add_argument(
        "--output", metavar="FILE", help="where to write; by default beside the trace, as .html"
    )
    parser.set_defaults(perform=perform)


def perform(chosen: argparse.Namespace) -> int:
    """Make the page; return the exit code."""
    from agent_runtime.tracing.page import page_of
    from agent_runtime.tracing.trace_file import TraceError, read_trace
    from agent_runtime.tracing.waits import waits_of

    try:
        trace = read_trace(chosen.file)
    except TraceError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"{chosen.file}: the file cannot be read: {error.strerror or error}") from None
    output = chosen.output or str(Path(chosen.file).with_suffix(".html"))
    write_output(page_of(trace), output, chosen.file)
    for wait in waits_of(trace, _SHOWN)[0]:
        print(one_line(wait.text))
    print(f"wrote {one_line(output)}", file=sys.stderr)
    return ExitCode.DONE

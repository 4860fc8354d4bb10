"""``agent-runtime graph``: a workflow as a picture."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agent_runtime.api.functions import load_workflow
from agent_runtime.cli.exit_codes import ExitCode, UsageError
from agent_runtime.cli.output import visible
from agent_runtime.cli.sources import print_problems, refuse_same, source_named
from agent_runtime.drawing import drawing_of, to_mermaid, to_svg
from agent_runtime.errors import WorkflowError

__all__ = ("add", "perform", "write_output")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    summary = "draw a workflow"
    parser = commands.add_parser(
        "graph", help=summary, description="Draw the steps of a workflow and what each waits for; none runs."
    )
    parser.add_argument("file", metavar="FILE", help="a workflow file; '-' reads stdin")
    parser.add_argument(
        "--format",
        choices=("mermaid", "svg"),
        help="by default svg where --output ends in .svg, else mermaid",
    )
    parser.add_argument("--output", metavar="FILE", help="where to write; by default stdout")
    parser.set_defaults(perform=perform)


def perform(chosen: argparse.Namespace) -> int:
    """Draw the workflow; return the exit code."""
    try:
        workflow = load_workflow(source_named(chosen.file))
    except WorkflowError as error:
        print_problems(error.problems, sys.stderr)
        return ExitCode.WRONG
    form = chosen.format or ("svg" if (chosen.output or "").endswith(".svg") else "mermaid")
    draw = to_svg if form == "svg" else to_mermaid
    write_output(draw(drawing_of(workflow)), chosen.output, chosen.file)
    return ExitCode.DONE


def write_output(text: str, file: str | None, source: str) -> None:
    """Write what a command has made, to a file or to stdout.

    Raises:
        UsageError: the file cannot be written, or is the one that the command has read.
    """
    if file is None:
        sys.stdout.write(visible(text))
        return
    refuse_same(file, source)
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: the file cannot be written: {error.strerror or error}") from None

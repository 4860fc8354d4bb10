"""``agent-runtime validate``: every mistake of workflow files, with its place and what to write instead."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from agent_runtime.cli.exit_codes import ExitCode
from agent_runtime.cli.host_code import Host, add_host
from agent_runtime.cli.output import one_line, write_json
from agent_runtime.cli.sources import print_problems, source_named
from agent_runtime.errors import Problem, WorkflowError
from agent_runtime.loading import Library, parse_workflow, read_source

__all__ = ("add", "perform")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    summary = "check workflow files and list every mistake"
    parser = commands.add_parser(
        "validate",
        help=summary,
        description=f"{summary.capitalize()}, each with file, line and column. No step runs. Names of"
        " functions and tools are checked when --functions or --tools says which there are.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a workflow file; '-' reads stdin")
    parser.add_argument("--json", action="store_true", help="write a JSON array of mistakes to stdout")
    add_host(parser)
    parser.set_defaults(perform=perform)


def perform(chosen: argparse.Namespace) -> int:
    """Check the files; return the exit code."""
    host = Host.of(chosen)
    found = {file: _problems_of(source_named(file), host) for file in chosen.files}
    everything = [problem for problems in found.values() for problem in problems]
    if chosen.json:
        write_json([asdict(problem) for problem in everything], sys.stdout)
    else:
        print_problems(everything, sys.stdout)
        for file, problems in found.items():
            if not problems:
                print(f"{one_line(file)}: no mistakes")
    return ExitCode.WRONG if everything else ExitCode.DONE


def _problems_of(source: Path | str, host: Host) -> Sequence[Problem]:
    try:
        if not host.is_silent:
            host.runtime(source).close()
            return ()
        workflow, notes = parse_workflow(read_source(source))
        if workflow is not None and host.options.workflow_folder is not None:
            Library({}, host.options.workflow_folder).collect(workflow, parse_workflow, notes)
    except WorkflowError as error:
        return error.problems
    return notes.problems()

"""Runs that are kept: ``agent-runtime runs|resume|approve|cancel``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator
from datetime import UTC, datetime

from agent_runtime.api.runtime import Runtime
from agent_runtime.cli.execute import add_run, carry_out
from agent_runtime.cli.exit_codes import ExitCode, UsageError, usage_of
from agent_runtime.cli.host_code import Host, add_host
from agent_runtime.cli.output import complain, one_line, write_json
from agent_runtime.cli.sources import print_problems, source_named
from agent_runtime.cli.storage import MISNAMED, add_run_id, add_storage, in_options, storage_of
from agent_runtime.errors import (
    DecisionError,
    RunNotFoundError,
    WorkflowError,
)
from agent_runtime.results.events import StreamEvent

__all__ = ("add",)

_STATES = ("running", "waiting", "interrupted", "succeeded", "failed", "cancelled")
_FILE = "the workflow file that the run was begun with; '-' reads stdin"
_CHANGES = "go on also if the workflow has changed since; steps are told apart by their ids"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the arguments of the four commands."""
    _add_runs(commands)
    _add_resume(commands)
    _add_approve(commands)
    _add_cancel(commands)


def _add_kept_run(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which run is to go on, and with which workflow."""
    add_run_id(parser)
    parser.add_argument("file", metavar="FILE", help=_FILE)
    add_storage(parser, required=True)
    parser.add_argument("--allow-changes", action="store_true", help=_CHANGES)


def _add_runs(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    summary = "list the runs that are kept"
    parser = commands.add_parser("runs", help=summary, description=f"{summary.capitalize()}, newest first.")
    add_storage(parser, required=True)
    parser.add_argument("--state", choices=_STATES, help="only those that stand so")
    parser.add_argument(
        "--limit", type=_count, default=20, metavar="N", help="how many (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="write a JSON array to stdout")
    parser.set_defaults(perform=_runs)


def _add_resume(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "resume",
        help="go on with a run that is kept",
        description="Go on with a run that was stopped, has failed or has been decided on, and write its"
        " result to stdout as JSON, as 'run' does. No step that has ended is done again.",
    )
    _add_kept_run(parser)
    add_run(parser)
    parser.set_defaults(perform=_resume)


def _add_approve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "approve",
        help="decide on a step that waits for it",
        description="Decide on a step with 'approval' of a run that waits. The first decision stays; 'resume'"
        " goes on with the run.",
    )
    add_run_id(parser)
    parser.add_argument("step", metavar="STEP", help="the step, as the run names it")
    add_storage(parser, required=True)
    parser.add_argument(
        "--decision", default="approve", metavar="OPTION", help="one of the step's (default: %(default)s)"
    )
    parser.add_argument("--by", default="", metavar="NAME", help="who has decided")
    parser.add_argument("--comment", default="", metavar="TEXT", help="what is to be said about it")
    parser.set_defaults(perform=_approve)


def _add_cancel(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "cancel",
        help="end a run that is kept for good",
        description="Cancel a run. What it has done is undone: here, or by the process that has it in hand.",
    )
    _add_kept_run(parser)
    add_host(parser)
    parser.set_defaults(perform=_cancel)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of runs; write 1 or more")
    return int(text)


def _runs(chosen: argparse.Namespace) -> int:
    """List the runs; return the exit code."""
    from agent_runtime.storage.protocol import RunState

    state = None if chosen.state is None else RunState(chosen.state)
    with storage_of(chosen) as storage:
        found = storage.runs(state, limit=chosen.limit)
    rows = [
        {
            "run_id": run.id,
            "workflow": run.workflow,
            "state": run.state.value,
            "key": run.key,
            "created": _moment(run.created),
            "updated": _moment(run.updated),
        }
        for run in found
    ]
    if chosen.json:
        write_json(rows, sys.stdout)
    else:
        for row in rows:
            words = row["run_id"], row["state"], row["updated"], row["workflow"]
            print(one_line("  ".join(map(str, words))))
    return ExitCode.DONE


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _resume(chosen: argparse.Namespace) -> int:
    def begin(runtime: Runtime) -> Generator[StreamEvent, None, None]:
        with usage_of(chosen.run_id):
            return runtime.resume_stream(
                chosen.run_id, allow_changes=chosen.allow_changes, timeout=chosen.timeout
            )

    return carry_out(chosen, begin)


def _approve(chosen: argparse.Namespace) -> int:
    """Leave the decision with the run; return the exit code."""
    from agent_runtime.runs.durable import Decision, decide

    made = Decision(chosen.step, chosen.decision, chosen.by, chosen.comment)
    with storage_of(chosen) as storage:
        try:
            decide(storage, chosen.run_id, made)
        except (DecisionError, RunNotFoundError) as error:
            raise UsageError(str(error)) from None
    complain(f"step '{made.step}': {made.decision}; 'agent-runtime resume' goes on with the run")
    return ExitCode.DONE


def _cancel(chosen: argparse.Namespace) -> int:
    """Cancel the run; return the exit code."""
    host = Host.of(chosen)
    with storage_of(chosen) as storage:
        try:
            with host.runtime(source_named(chosen.file), storage=storage) as runtime, usage_of(chosen.run_id):
                is_cancelled = runtime.cancel(chosen.run_id, allow_changes=chosen.allow_changes)
        except MISNAMED as error:
            raise UsageError(in_options(error)) from None
        except WorkflowError as error:
            print_problems(error.problems, sys.stderr)
            return ExitCode.WRONG
    complain(f"run {chosen.run_id} " + ("is cancelled" if is_cancelled else "had ended before"))
    return ExitCode.DONE if is_cancelled else ExitCode.FAILED

"""``agent-runtime run``: one run of a workflow; its result goes to stdout, everything else to stderr."""

from __future__ import annotations

import argparse
from collections.abc import Generator

from agent_runtime.api.runtime import Runtime
from agent_runtime.cli.execute import add_run, carry_out
from agent_runtime.cli.exit_codes import UsageError, usage_of
from agent_runtime.cli.inputs import add_inputs, inputs_of
from agent_runtime.cli.storage import add_storage
from agent_runtime.results.events import StreamEvent

__all__ = ("add", "perform")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "run",
        help="run a workflow once",
        description="Run a workflow once and write its result to stdout as JSON. What steps print, and the"
        " progress, go to stderr. One Ctrl-C cancels the run and waits for its cleanup; a second one"
        " does not wait. With --storage the run is kept, and 'resume' goes on with one that was stopped.",
    )
    parser.add_argument("file", metavar="FILE", help="a workflow file; '-' reads stdin")
    add_inputs(parser)
    add_run(parser)
    group = parser.add_argument_group("runs that are kept")
    add_storage(group, required=False)
    group.add_argument("--run-id", metavar="ID", help="the run's id; by default a random one")
    group.add_argument(
        "--idempotency-key",
        metavar="KEY",
        help="run this once: with a key that is known, the result of the run that has it, or go on with that",
    )
    parser.set_defaults(perform=perform)


def perform(chosen: argparse.Namespace) -> int:
    """Run the workflow; return the exit code."""
    if chosen.storage is None and chosen.idempotency_key is not None:
        raise UsageError("--idempotency-key needs runs that are kept: add --storage PLACE")

    def begin(runtime: Runtime) -> Generator[StreamEvent, None, None]:
        inputs = inputs_of(chosen.input, chosen.inputs, runtime.workflow.inputs)
        with usage_of("--run-id or --idempotency-key"):
            return runtime.stream(
                inputs, run_id=chosen.run_id, idempotency_key=chosen.idempotency_key, timeout=chosen.timeout
            )

    return carry_out(chosen, begin, made=True)

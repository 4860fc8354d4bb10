"""``agent-runtime run``: one run of a workflow; its result goes to stdout, everything else to stderr."""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from agent_runtime.commands.codes import ExitCode, TerminatedError, UsageError
from agent_runtime.commands.given import add_inputs, inputs_of
from agent_runtime.commands.hosting import Host, add_host
from agent_runtime.commands.printing import complain, visible, write_json
from agent_runtime.commands.progress import Beside, Progress
from agent_runtime.commands.sources import print_problems, refuse_same, source_named
from agent_runtime.errors import LLMClientError, SecretError, WorkflowError
from agent_runtime.events import RunFinished, StepFailed
from agent_runtime.loading import every_step
from agent_runtime.outcomes import texts_of, traceback_of
from agent_runtime.results import RunResult
from agent_runtime.runtime import Runtime
from agent_runtime.secrets import Redactor
from agent_runtime.workflow import AgentCall

if TYPE_CHECKING:
    from agent_runtime.tracing import Recorder

__all__ = ("add", "perform")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "run",
        help="run a workflow once",
        description="Run a workflow once and write its result to stdout as JSON. What steps print, and the"
        " progress, go to stderr. One Ctrl-C cancels the run and waits for its cleanup; a second one"
        " does not wait.",
    )
    parser.add_argument("file", metavar="FILE", help="a workflow file; '-' reads stdin")
    add_inputs(parser)
    add_host(parser)
    parser.add_argument(
        "--timeout", type=_seconds, metavar="SECONDS", help="cancel the run after so many seconds"
    )
    parser.add_argument(
        "--progress",
        choices=("auto", "plain", "none"),
        default="auto",
        help="what stderr gets: 'auto' shows progress on terminals only, 'plain' writes a line for each step",
    )
    parser.add_argument("--trace", metavar="FILE", help="write a trace of the run, for 'agent-runtime trace'")
    parser.add_argument(
        "--trace-errors", action="store_true", help="keep the texts of errors in it; they may repeat inputs"
    )
    parser.add_argument("--traceback", action="store_true", help="show the whole traceback of a failure")
    parser.set_defaults(perform=perform)


def _seconds(text: str) -> float:
    seconds = float(text)
    if math.isnan(seconds):
        raise ValueError
    return seconds


def perform(chosen: argparse.Namespace) -> int:
    """Run the workflow; return the exit code."""
    stdout = sys.stdout
    failed: list[StepFailed] = []
    redactor = Redactor(())
    with contextlib.ExitStack() as stack:
        stack.enter_context(_terminable())
        try:
            host = Host.of(chosen)
            redactor = Redactor(host.secrets.values())
            options = host.options
            if chosen.trace is not None:
                options = replace(options, trace=stack.enter_context(_traced(chosen)))
            runtime = stack.enter_context(
                Runtime(
                    source_named(chosen.file),
                    functions=host.functions,
                    tools=host.tools,
                    llm=host.llm,
                    options=options,
                    secrets=host.secrets,
                )
            )
            _say_who_answers(runtime, host)
            result = _run(runtime, chosen, failed)
        except WorkflowError as error:
            print_problems(error.problems, sys.stderr)
            return ExitCode.WRONG
        except LLMClientError as error:
            if failed:
                return _report(error, failed, chosen, redactor)
            raise UsageError(f"--llm {chosen.llm}: {error}") from None
        except UsageError:
            raise
        except SecretError as error:
            raise UsageError(f"--secret: {error}") from None
        except BaseException as error:  # noqa: BLE001 - whatever a step raised
            return _report(error, failed, chosen, redactor)
        return _write(result, stdout)


def _run(runtime: Runtime, chosen: argparse.Namespace, failed: list[StepFailed]) -> RunResult | None:
    """Run and show what happens; return the result."""
    inputs = inputs_of(chosen.input, chosen.inputs, runtime.workflow.inputs)
    is_live = chosen.progress == "auto" and _is_terminal(sys.stderr)
    progress = Progress(sys.stderr, len(runtime.workflow.steps), is_live=is_live)
    result = None
    beside = Beside(sys.stderr, progress.clear)
    events = runtime.stream(inputs, timeout=chosen.timeout)
    with (
        contextlib.closing(progress),
        contextlib.redirect_stdout(beside),
        contextlib.redirect_stderr(beside),
        _logging_to(beside),
        contextlib.closing(events),  # also for a Ctrl-C that comes between two events
    ):
        for event in events:
            if isinstance(event, StepFailed):
                failed.append(event)
            elif isinstance(event, RunFinished):
                result = event.result
            if is_live or chosen.progress == "plain":
                progress.show(event)
    return result


def _report(
    error: BaseException, failed: list[StepFailed], chosen: argparse.Namespace, redactor: Redactor
) -> int:
    """Say why there is no result; return the exit code."""
    if isinstance(error, KeyboardInterrupt):
        complain("interrupted; the run has been cancelled")
        return ExitCode.INTERRUPTED
    if isinstance(error, TerminatedError):
        complain("terminated; the run has been cancelled")
        return ExitCode.TERMINATED
    if chosen.traceback:
        sys.stderr.write(visible(redactor.text("".join(traceback.format_exception(error)))))
    type_, text = map(redactor.text, texts_of(error))
    where = f"step '{failed[0].step}' failed: " if failed else ""
    complain(f"{where}{type_}: {text}" if text else f"{where}{type_}")
    place = _place_of(error)
    if place and not chosen.traceback:
        print(visible(f"  raised in {place}; --traceback shows the way there"), file=sys.stderr)
    if isinstance(error, TimeoutError) and not failed:
        return ExitCode.TIMED_OUT
    return ExitCode.FAILED


def _place_of(error: BaseException) -> str:
    """Return the last frame of somebody's own code, or an empty string."""
    place = ""
    for frame, line in traceback.walk_tb(traceback_of(error)):
        if frame.f_globals.get("__name__", "").partition(".")[0] not in ("agent_runtime", "asyncio"):
            place = f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}:{line})"
    return place


def _write(result: RunResult | None, stdout: TextIO) -> int:
    if result is None:
        return ExitCode.FAILED
    value = {
        "workflow": result.workflow,
        "run_id": result.run_id,
        "status": result.status.value,
        "outputs": result.outputs,
        "steps": {
            record.id: {
                "state": record.state.value,
                "attempts": record.attempts,
                "started": record.started,
                "ended": record.ended,
                "thread": record.thread,
                "usage": record.usage,
                "faults": [fault._asdict() for fault in record.faults],
            }
            for record in result.steps.values()
        },
    }
    try:
        write_json(value, stdout)
    except RecursionError:
        complain("the run has succeeded, and its result cannot be written: a value leads back to itself")
        return ExitCode.FAILED
    return ExitCode.DONE


def _say_who_answers(runtime: Runtime, host: Host) -> None:
    if host.llm is None and any(
        isinstance(step.action, AgentCall) for step in every_step(runtime.workflow.steps)
    ):
        complain(
            "no --llm is given: a scripted client answers 'agent' steps with the text of their last message"
        )


@contextlib.contextmanager
def _traced(chosen: argparse.Namespace) -> Iterator[Recorder]:
    """Write a trace when the run has ended, however it did."""
    from agent_runtime.tracing import Recorder

    recorder = Recorder(errors=chosen.trace_errors)
    refuse_same(chosen.trace, chosen.file)
    try:
        Path(chosen.trace).touch()  # what cannot be written is said before the run, not after it
    except OSError as error:
        raise UsageError(f"--trace {chosen.trace}: the file cannot be written: {error.strerror}") from None
    try:
        yield recorder
    finally:
        recorder.write(chosen.trace)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does, with its cleanup."""

    def terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise TerminatedError

    try:
        before = signal.signal(signal.SIGTERM, terminate)
    except ValueError:  # not the main thread: then it is not ours
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _logging_to(file: Beside) -> Iterator[None]:
    """Show the runtime's own warnings, with nothing in them that acts on a terminal."""
    logger, handler = logging.getLogger("agent_runtime"), logging.StreamHandler(file)
    handler.setFormatter(_Visible("%(levelname)s: %(message)s"))
    handler.setLevel(logging.WARNING)
    logger.addHandler(handler)
    before, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.propagate = before
        logger.removeHandler(handler)


class _Visible(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


def _is_terminal(file: TextIO) -> bool:
    return file.isatty() and os.environ.get("TERM", "") != "dumb"

"""One run on a command line: begun or gone on with, its progress to stderr, its result to stdout as JSON."""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import os
import signal
import sys
import traceback
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from agent_runtime.api.runtime import Runtime
from agent_runtime.cli.exit_codes import ExitCode, TerminatedError, UsageError
from agent_runtime.cli.host_code import Host, add_host
from agent_runtime.cli.output import complain, visible, write_json
from agent_runtime.cli.progress import Beside, Progress
from agent_runtime.cli.sources import print_problems, refuse_same, source_named
from agent_runtime.cli.storage import MISNAMED, how_it_stands, in_options, storage_of
from agent_runtime.errors import LLMClientError, SecretError, WorkflowError
from agent_runtime.loading import every_step
from agent_runtime.outcomes import texts_of, traceback_of
from agent_runtime.results.events import RunFinished, RunStarted, StepFailed, StreamEvent
from agent_runtime.results.run_result import RunResult, RunStatus
from agent_runtime.secrets import Redactor
from agent_runtime.workflow.model import AgentCall

if TYPE_CHECKING:
    from agent_runtime.tracing import Recorder

__all__ = ("add_run", "carry_out")

Begin = Callable[[Runtime], Generator[StreamEvent, None, None]]
"""From the workflow's runtime to the events of the run."""


class _Told:
    """What the events of a run have said."""

    def __init__(self) -> None:
        self.run_id: str | None = None
        self.failed: StepFailed | None = None
        self.result: RunResult | None = None

    def note(self, event: StreamEvent) -> None:
        if isinstance(event, RunStarted):
            self.run_id = event.run_id
        elif isinstance(event, StepFailed):
            self.failed = self.failed or event
        elif isinstance(event, RunFinished):
            self.result = event.result


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that every command has which runs a workflow."""
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


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if math.isnan(seconds):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds; write 30, or 0.5")
    return seconds


def carry_out(chosen: argparse.Namespace, begin: Begin, *, made: bool = False) -> int:
    """Load the workflow, carry out one run of it and write what it comes to; return the exit code.

    Args:
        chosen: the command line.
        begin: begins the run, or goes on with it.
        made: whether the file of a storage is made if it is not there.
    """
    stdout, told, redactor, storage = sys.stdout, _Told(), Redactor(()), None
    with contextlib.ExitStack() as stack:
        stack.enter_context(_terminable())
        try:
            host = Host.of(chosen)
            redactor = Redactor(host.secrets.values())
            trace = None if chosen.trace is None else stack.enter_context(_traced(chosen))
            if chosen.storage is not None:
                storage = stack.enter_context(storage_of(chosen, made=made))
            runtime = host.runtime(source_named(chosen.file), trace=trace, storage=storage)
            stack.enter_context(runtime)
            _say_who_answers(runtime, host)
            _run(runtime, begin, chosen, told)
        except WorkflowError as error:
            print_problems(error.problems, sys.stderr)
            return ExitCode.WRONG
        except LLMClientError as error:
            if told.failed is not None:
                return _report(error, told, chosen, redactor)
            raise UsageError(f"--llm {chosen.llm}: {error}") from None
        except UsageError:
            raise
        except SecretError as error:
            raise UsageError(f"--secret: {error}") from None
        except BaseException as error:  # noqa: BLE001 - whatever a step raised
            if told.failed is None and isinstance(error, MISNAMED):
                raise UsageError(in_options(error)) from None
            code = _report(error, told, chosen, redactor)
            if storage is not None and told.run_id is not None:
                complain(how_it_stands(storage, told.run_id))
            return code
        return _write(told.result, stdout)


def _run(runtime: Runtime, begin: Begin, chosen: argparse.Namespace, told: _Told) -> None:
    """Run and show what happens."""
    events = begin(runtime)
    is_live = chosen.progress == "auto" and _is_terminal(sys.stderr)
    progress = Progress(sys.stderr, len(runtime.workflow.steps), is_live=is_live)
    beside = Beside(sys.stderr, progress.clear)
    with (
        contextlib.closing(progress),
        contextlib.redirect_stdout(beside),
        contextlib.redirect_stderr(beside),
        _logging_to(beside),
        contextlib.closing(events),  # also for a Ctrl-C that comes between two events
    ):
        for event in events:
            told.note(event)
            if is_live or chosen.progress == "plain":
                progress.show(event)


def _report(error: BaseException, told: _Told, chosen: argparse.Namespace, redactor: Redactor) -> int:
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
    where = "" if told.failed is None else f"step '{told.failed.step}' failed: "
    complain(f"{where}{type_}: {text}" if text else f"{where}{type_}")
    place = _place_of(error)
    if place and not chosen.traceback:
        print(visible(f"  raised in {place}; --traceback shows the way there"), file=sys.stderr)
    if isinstance(error, TimeoutError) and told.failed is None:
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
        "waiting": {step: question._asdict() for step, question in result.waiting.items()},
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
    if result.status is not RunStatus.WAITING:
        return ExitCode.DONE
    for step, (message, options) in result.waiting.items():
        complain(f"step '{step}' asks: {message} ({' or '.join(options)})")
    complain(f"the run is kept as {result.run_id}; 'agent-runtime approve' decides, 'resume' goes on")
    return ExitCode.WAITING


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

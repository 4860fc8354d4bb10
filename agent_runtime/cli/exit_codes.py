"""What the command line's exit codes mean, and the mistakes that end a command with one."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator

from agent_runtime.errors import WorkflowError

__all__ = ("ExitCode", "TerminatedError", "UsageError", "usage_of")


class ExitCode(enum.IntEnum):
    """How a command ended; the same for all of them."""

    DONE = 0
    """All is well."""
    FAILED = 1
    """A step failed, or something on this machine does not work."""
    USAGE = 2
    """The command line is wrong, or it names something that is not there."""
    WRONG = 3
    """A workflow or its inputs are wrong; no step has run."""
    WAITING = 4
    """The run waits for a decision."""
    TIMED_OUT = 124
    """The time limit has passed, and the run was cancelled; as ``timeout`` of coreutils has it."""
    INTERRUPTED = 130
    """Ctrl-C; as shells have it."""
    TERMINATED = 143
    """SIGTERM; as shells have it."""


class UsageError(Exception):
    """The command line names something that is not there, or is not what it should be."""


class TerminatedError(BaseException):
    """SIGTERM has come; like Ctrl-C it cancels what runs, and is no failure of a step."""


@contextlib.contextmanager
def usage_of(what: str) -> Iterator[None]:
    """Take a value that cannot be for a mistake of the command line; one of the workflow stays what it is."""
    try:
        yield
    except WorkflowError:
        raise
    except ValueError as error:
        raise UsageError(f"{what}: {error}") from None
